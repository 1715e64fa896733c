import { z } from 'zod'
import { createAccount } from '../../src/access/accounts.ts'
import { openDatabase, type Sql } from '../../src/db/client.ts'
import { call, Ended, type Door, type StreamName } from './transport.ts'
import type { World } from './world.ts'
import { numberOf } from '../helpers/ids.ts'

/** A sync view of the trial: its key may change. */
export interface TrialView {
  readonly id: string
  readonly userId: string
  readonly name: string
  key: string
  keyId: string
  /** It receives more than before, so its orders and customers come anew. */
  isWidened: boolean
}

/** An account of the trial's own. */
export interface Shop {
  readonly accountId: number
  readonly adminKey: string
  readonly views: readonly TrialView[]
}

/** Makes an account with views, and products h0…h(n-1) with a variant or two and their stock. */
export async function openShop(world: World, name: string, viewCount: number, productCount: number): Promise<Shop> {
  const url = world.postgres.url.replace(/postgres$/, 'shop')
  await using database = openDatabase({ url, directUrl: url, poolSize: 2, timeoutMs: 60_000 })
  const { account, adminKey } = await createAccount(database, { slug: name, name, currency: 'SEK', pricesIncludeTax: true })
  const accountId = account.id
  const { sql } = database
  await sql`INSERT INTO products (account_id, handle, title, status) SELECT ${accountId}, 'h' || n, 'Product ' || n, 'ACTIVE' FROM generate_series(0, ${productCount - 1}) n`
  await sql`
    INSERT INTO variants (account_id, product_id, ordinal, sku, title, price, price_currency)
    SELECT account_id, id, v, handle || '-' || v, 'Variant ' || v, 10 + v, 'SEK' FROM products, generate_series(0, id::int % 2) v WHERE account_id = ${accountId}`
  await sql`INSERT INTO locations (account_id, code, name) VALUES (${accountId}, 'default', 'Default') ON CONFLICT DO NOTHING`
  await sql`INSERT INTO stock_levels (account_id, variant_id, location_id, on_hand)
    SELECT v.account_id, v.id, l.id, 100 FROM variants v JOIN locations l ON l.account_id = v.account_id WHERE v.account_id = ${accountId}`
  const door = { port: world.nodes[0]?.gateway.port ?? 0, key: adminKey ?? '' }
  const views: TrialView[] = []
  for (let index = 0; index < viewCount; index += 1) views.push(await createView(door, `View ${index}`, index % 2 === 0 ? 'ALL' : 'OWN'))
  return { accountId, adminKey: door.key, views }
}

const madeUser = z.object({ createUser: z.object({ user: z.object({ id: z.string() }) }) })
const madeKey = z.object({ createApiKey: z.object({ secret: z.string(), apiKey: z.object({ id: z.string() }) }) })
const madeView = z.object({ createSyncView: z.object({ syncView: z.object({ id: z.string() }) }) })

/** An integration with its sync view. */
export async function createView(door: Door, name: string, orderScope: 'OWN' | 'ALL'): Promise<TrialView> {
  const user = madeUser.parse(
    await call(door, 'mutation ($name: String!) { createUser(input: { name: $name, kind: INTEGRATION }) { user { id } } }', { name }),
  )
  const userId = user.createUser.user.id
  const { key, keyId } = await createKey(door, userId)
  const view = madeView.parse(
    await call(
      { ...door, key },
      'mutation ($name: String!, $orderScope: OrderScope!) { createSyncView(input: { name: $name, orderScope: $orderScope }) { syncView { id } } }',
      { name, orderScope },
    ),
  )
  return { id: view.createSyncView.syncView.id, userId, name, key, keyId, isWidened: false }
}

export async function createKey(door: Door, userId: string): Promise<{ readonly key: string; readonly keyId: string }> {
  const made = madeKey.parse(
    await call(door, 'mutation ($userId: ID!) { createApiKey(userId: $userId) { secret apiKey { id } } }', { userId }),
  )
  return { key: made.createApiKey.secret, keyId: made.createApiKey.apiKey.id }
}

/** Calls until it is answered: what is called must be repeatable. A refusal that says more than "later" is thrown. */
export async function callUntilAnswered(
  door: () => Door,
  query: string,
  variables: Record<string, unknown>,
  signal: AbortSignal,
): Promise<Record<string, unknown>> {
  for (;;) {
    try {
      return await call(door(), query, variables)
    } catch (error) {
      if (!(error instanceof Ended) || signal.aborted) throw error
      // INTERNAL is a fault of the gateway's, which its log tells; what is called here is to be carried out all the same.
      if (error.code !== undefined && !['SERVICE_UNAVAILABLE', 'INTERNAL'].includes(error.code)) throw error
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
  }
}

/** What a view must hold, as one line an entity. */
export async function expectedCopies(
  sql: Sql,
  accountId: number,
  viewId: number,
): Promise<{ readonly [S in StreamName]: ReadonlySet<string> }> {
  const products = await sql<{ line: string }[]>`
    SELECT p.handle || '|' || p.title || '|' || p.status || '|' || (
      SELECT coalesce(string_agg(v.sku || '=' || trim_scale(v.price), ',' ORDER BY v.sku COLLATE "C"), '') FROM variants v WHERE v.account_id = p.account_id AND v.product_id = p.id) AS line
    FROM links l JOIN products p ON p.account_id = l.account_id AND p.id = l.product_id
    WHERE l.account_id = ${accountId} AND l.view_id = ${viewId} AND NOT l.unlinked`
  const stock = await sql<{ line: string }[]>`
    SELECT v.sku || '@' || o.code || '=' || s.on_hand AS line
    FROM links l JOIN stock_levels s ON s.account_id = l.account_id AND s.product_id = l.product_id
    JOIN variants v ON v.account_id = s.account_id AND v.id = s.variant_id JOIN locations o ON o.account_id = s.account_id AND o.id = s.location_id
    WHERE l.account_id = ${accountId} AND l.view_id = ${viewId} AND NOT l.unlinked`
  const orders = await sql<{ line: string }[]>`
    SELECT o.id || '|' || o.external_id || '|' || o.number || '|' || o.state || '|' || coalesce(c.external_id, '') || '|' || (
      SELECT coalesce(string_agg(l.sku || '*' || l.quantity, ',' ORDER BY l.ordinal), '') FROM order_lines l WHERE l.account_id = o.account_id AND l.order_id = o.id) AS line
    FROM sync_views v JOIN orders o ON o.account_id = v.account_id AND (v.order_scope = 'ALL' OR o.owner_user_id = v.user_id)
    LEFT JOIN customers c ON c.account_id = o.account_id AND c.id = o.customer_id
    WHERE v.account_id = ${accountId} AND v.id = ${viewId}`
  const customers = await sql<{ line: string }[]>`
    SELECT c.id || '|' || c.external_id || '|' || c.name || '|' || coalesce(c.email, '') AS line
    FROM sync_views v JOIN customers c ON c.account_id = v.account_id AND (v.order_scope = 'ALL' OR c.owner_user_id = v.user_id)
    WHERE v.account_id = ${accountId} AND v.id = ${viewId}`
  const linesOf = (rows: readonly { readonly line: string }[]) => new Set(rows.map(({ line }) => line))
  return { PRODUCT: linesOf(products), STOCK: linesOf(stock), ORDER: linesOf(orders), CUSTOMER: linesOf(customers) }
}

const heldProduct = z.object({
  handle: z.string(),
  title: z.string(),
  status: z.string(),
  variants: z.array(z.object({ sku: z.string(), price: z.object({ amount: z.string() }) })),
})
const heldStock = z.object({ onHand: z.number(), variant: z.object({ sku: z.string() }), location: z.object({ code: z.string() }) })

const heldOrder = z.object({
  externalId: z.string(),
  number: z.string(),
  state: z.string(),
  customer: z.object({ externalId: z.string() }).nullable(),
  lines: z.array(z.object({ sku: z.string(), quantity: z.number() })),
})
const heldCustomer = z.object({ externalId: z.string(), name: z.string(), email: z.string().nullable() })

/** The same of what a consumer holds. */
export function heldLine(stream: StreamName, globalId: string, entity: unknown): string {
  if (stream === 'ORDER') {
    const { externalId, number, state, customer, lines } = heldOrder.parse(entity)
    return `${numberOf(globalId)}|${externalId}|${number}|${state}|${customer?.externalId ?? ''}|${lines.map(({ sku, quantity }) => `${sku}*${quantity}`).join(',')}`
  }
  if (stream === 'CUSTOMER') {
    const { externalId, name, email } = heldCustomer.parse(entity)
    return `${numberOf(globalId)}|${externalId}|${name}|${email ?? ''}`
  }
  if (stream === 'STOCK') {
    const { onHand, variant, location } = heldStock.parse(entity)
    return `${variant.sku}@${location.code}=${onHand}`
  }
  const { handle, title, status, variants } = heldProduct.parse(entity)
  const prices = variants.map(({ sku, price }) => `${sku}=${Number(price.amount)}`).toSorted((a, b) => (a < b ? -1 : 1))
  return `${handle}|${title}|${status}|${prices.join(',')}`
}
