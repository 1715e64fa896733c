import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parse } from 'csv-parse/sync'
import { expect, test } from 'vitest'
import { importCatalog } from '../../src/catalog/import/import.ts'
import { Subscription, type ReceivedChange, type StreamName } from '../helpers/consumer.ts'
import { createTestDatabase } from '../helpers/database.ts'
import { createView, expectData, startGateway, type TestGateway } from '../helpers/gateway.ts'

const data = process.env['SYNKVY_TEST_DATA']
if (data === undefined) console.warn('skipped: the catalogues and the day of sales; SYNKVY_TEST_DATA names no folder with them')

/** A line of an invoice: what was sold, and how many (below zero: taken back). */
interface Line {
  readonly code: string
  readonly quantity: number
}

function readDay(folder: string): readonly Line[] {
  const rows: unknown = parse(readFileSync(join(folder, 'online-retail', '2010-12-01.csv')), { columns: true })
  if (!Array.isArray(rows)) throw new Error('no rows')
  return rows
    .map((row: Record<string, string>) => ({ code: row['StockCode'] ?? '', quantity: Number(row['Quantity']) }))
    .filter((line) => line.code !== '')
}

/** A repeatable source of chance. */
function createChance(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

/** An external system: a copy of a stream, kept by the rule of the protocol, that stops and comes back at random. */
class Copy {
  readonly entities = new Map<string, ReceivedChange>()
  readonly faults: string[] = []
  readonly #acknowledged = new Map<string, bigint>()
  readonly #stream: StreamName
  readonly #key: string
  readonly #gateways: readonly TestGateway[]
  readonly #chance: () => number
  received = 0
  sentAgain = 0

  constructor(stream: StreamName, key: string, gateways: readonly TestGateway[], seed: number) {
    this.#stream = stream
    this.#key = key
    this.#gateways = gateways
    this.#chance = createChance(seed)
  }

  /** Stops and comes back until the signal fires; then reads on until it is level. */
  async follow(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#visit(1 + Math.floor(this.#chance() * 6), signal)
      await sleep(this.#chance() * 60)
    }
    await this.#visit(Number.POSITIVE_INFINITY, undefined)
  }

  async #visit(batches: number, signal: AbortSignal | undefined): Promise<void> {
    const gateway = this.#gateways[Math.floor(this.#chance() * this.#gateways.length)]
    if (gateway === undefined) throw new Error('no gateway')
    const client = gateway.connect(this.#key)
    const subscription = new Subscription(client, this.#stream, { batchSize: 20 + Math.floor(this.#chance() * 180) })
    for (let count = 0; count < batches; count += 1) {
      const batch = await subscription.next(signal === undefined ? 30_000 : 1_000).catch(() => undefined)
      if (batch === undefined) break
      batch.changes.forEach((change) => this.#take(change))
      const forgets = signal !== undefined && this.#chance() < 0.2
      if (batch.changes.length > 0 && !forgets) await this.#acknowledge(subscription, batch.cursor, batch.changes)
      if (signal === undefined && batch.caughtUp) break
    }
    await client.dispose()
  }

  #take(change: ReceivedChange): void {
    this.received += 1
    const before = this.entities.get(change.id)
    if (change.lane === 'LIVE' && this.#acknowledged.get(change.id) === change.revision) this.sentAgain += 1
    // Within a stream an entity never goes back: nothing that arrives is older than what is here, but for what was sent again after a stop.
    if (before !== undefined && change.revision < before.revision)
      this.faults.push(`${change.key} went back from ${before.revision} to ${change.revision}`)
    else this.entities.set(change.id, change)
  }

  async #acknowledge(subscription: Subscription, cursor: string, changes: readonly ReceivedChange[]): Promise<void> {
    await subscription.acknowledge(cursor)
    for (const change of changes) this.#acknowledged.set(change.id, change.revision)
  }
}

test.skipIf(data === undefined)(
  "two systems that stop and come back equal the shop after a day's sales during their resends",
  async () => {
    const lines = readDay(data ?? '')
    await using database = await createTestDatabase()
    await using first = await startGateway(database)
    await using second = await startGateway(database)
    const gateways = [first, second]
    const refused: unknown[] = []
    const accountId = first.app.first.account.id
    await importCatalog(
      first.app.database,
      { accountId },
      { file: join(data ?? '', 'magento-products.csv'), currency: 'USD', onRefused: (refusal) => refused.push(refusal) },
    )
    await makeRetailProducts(first, lines)
    const views = [await createView(first, 'ERP'), await createView(first, 'POS')]

    const outcomes = await Promise.all(
      views.flatMap((view) => Array.from({ length: 10 }, (_, index) => press(index % 2 === 0 ? first : second, view.viewId))),
    )
    const over = new AbortController()
    const copies = views.flatMap((view, index) => [
      new Copy('PRODUCT', view.key, gateways, 11 + index),
      new Copy('STOCK', view.key, gateways, 23 + index),
    ])
    const following = copies.map((copy) => copy.follow(over.signal))
    await sellDay(lines, gateways)
    over.abort()
    await Promise.all(following)

    expect(refused).toEqual([])
    expect(outcomes.filter((outcome) => outcome === 'ResendStarted')).toHaveLength(2)
    const shop = await readShop(database.database.sql)
    for (const [index, copy] of copies.entries()) {
      expect(copy.faults).toEqual([])
      expect(stateOf(copy)).toEqual(index % 2 === 0 ? shop.products : shop.stock)
      // At least once: what LINKED has sent just before a stop may come once more by LIVE, whose number was not that far yet.
      expect(copy.sentAgain).toBeLessThan(copy.received * 0.02)
    }
    for (const view of views) expect(await stateOfResend(first, view.viewId)).toBe('COMPLETED')
    const [expected] = await database.database.sql<{ wrong: number }[]>`SELECT count(*) AS wrong FROM inbox`
    expect(expected?.wrong).toBe(0)
  },
  240_000,
)

async function makeRetailProducts(gateway: TestGateway, lines: readonly Line[]): Promise<void> {
  const codes = [...new Set(lines.map((line) => line.code))]
  for (let at = 0; at < codes.length; at += 500) {
    const some = codes.slice(at, at + 500)
    const input = some.map((code) => ({
      handle: `or-${code}`,
      title: code,
      allowBackorder: true,
      variants: [{ sku: `OR-${code}`, price: { amount: '1.00', currency: 'GBP' } }],
    }))
    await expectData(gateway.call('mutation ($input: [ProductInput!]!) { upsertProducts(input: $input) { __typename } }', { input }))
    const stock = some.map((code) => ({ sku: `OR-${code}`, onHand: 100 }))
    await expectData(gateway.call('mutation ($input: [SetStockInput!]!) { setStock(input: $input) { __typename } }', { input: stock }))
  }
}

async function press(gateway: TestGateway, viewId: string): Promise<string> {
  return (await expectData(gateway.call('mutation ($viewId: ID!) { resendAllProducts(syncViewId: $viewId) { __typename } }', { viewId })))
    .resendAllProducts.__typename
}

/** Four writers at once share the lines; half of them write through GraphQL, half in plain SQL. */
async function sellDay(lines: readonly Line[], gateways: readonly TestGateway[]): Promise<void> {
  const writers = 4
  await Promise.all(
    Array.from({ length: writers }, async (_, writer) => {
      const gateway = gateways[writer % gateways.length]
      for (let at = writer; at < lines.length; at += writers) {
        const line = lines[at]
        if (line === undefined || gateway === undefined || line.quantity === 0) continue
        await (writer < 2 ? sellByGraphQL(gateway, line) : sellBySql(gateway, line))
      }
    }),
  )
}

async function sellByGraphQL(gateway: TestGateway, { code, quantity }: Line): Promise<void> {
  const input = [{ sku: `OR-${code}`, delta: -quantity }]
  await expectData(gateway.call('mutation ($input: [AdjustStockInput!]!) { adjustStock(input: $input) { __typename } }', { input }))
}

async function sellBySql(gateway: TestGateway, { code, quantity }: Line): Promise<void> {
  await gateway.app.database
    .sql`UPDATE stock_levels SET on_hand = on_hand - ${quantity} WHERE variant_id = (SELECT id FROM variants WHERE sku = ${`OR-${code}`})`
}

async function readShop(sql: TestGateway['app']['database']['sql']): Promise<{ products: readonly string[]; stock: readonly string[] }> {
  const products = await sql<{ handle: string; title: string; variants: number }[]>`
    SELECT p.handle, p.title, (SELECT count(*) FROM variants v WHERE v.product_id = p.id) AS variants FROM products p`
  const stock = await sql<
    { sku: string; on_hand: number }[]
  >`SELECT v.sku, s.on_hand FROM stock_levels s JOIN variants v ON v.id = s.variant_id`
  return {
    products: products.map((row) => `${row.handle} ${row.title} ${row.variants}`).toSorted(),
    stock: stock.map((row) => `${row.sku} ${row.on_hand}`).toSorted(),
  }
}

function stateOf(copy: Copy): readonly string[] {
  return [...copy.entities.values()]
    .filter((change) => change.kind === 'UPSERT')
    .map(({ key, entity }) => {
      const variants = entity?.['variants']
      return Array.isArray(variants) ? `${key} ${String(entity?.['title'])} ${variants.length}` : `${key} ${String(entity?.['onHand'])}`
    })
    .toSorted()
}

async function stateOfResend(gateway: TestGateway, viewId: string): Promise<string> {
  return (await expectData(gateway.call('query ($id: ID!) { syncView(id: $id) { resend { state } } }', { id: viewId }))).syncView.resend
    .state
}
