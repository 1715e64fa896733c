import { isInterfaceType, isObjectType, isUnionType, type GraphQLField, type GraphQLObjectType } from 'graphql'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { schema } from '../../schema/schema.ts'
import { createAccount } from '../../src/access/accounts.ts'
import { identifier } from '../../src/db/sql.ts'
import { createIntegration, createProducts, createView, expectData, startShop, type GraphQLAnswer } from '../helpers/gateway.ts'
import { operationOf, selectionOf } from '../helpers/selection.ts'

/**
 * Promise 6, in every field of the schema: each is called with the names of everything that a shop has, by whoever must not have it. A field that comes to the schema needs a rule
 * here.
 */

/** In every text of the shop: what all of its systems may know of, and what only its admins and one of its systems may. */
const open = 'OPENMARK'
const shut = 'SHUTMARK'
/** Figures that nothing else has. */
const figures = { onHand: 481_516, price: '31337.42', weight: 815_162 }

/** What everybody but a shop's own admin and the system itself is told. */
type Told =
  /** Refused with a code. */
  | 'NOT_FOUND'
  | 'FORBIDDEN'
  | 'NO_SYNC_VIEW'
  | 'INVALID_CURSOR'
  | 'USER_NOT_INTEGRATION'
  | 'USER_HAS_SYNC_VIEW'
  /** There is none. */
  | 'NULL'
  /** A list or a connection of nothing. */
  | 'EMPTY'
  /** What is its own, or what is everybody's in the shop, or it does something of its own. */
  | 'OWN'

interface Rule {
  readonly args: (ours: Ours, caller: Caller) => Readonly<Record<string, unknown>>
  /** Another system of the same shop. */
  readonly system: Told
  readonly otherAdmin: Told
  readonly otherSystem: Told
}

interface Caller {
  readonly key: string
  /** Of a view of its own account. */
  readonly viewId: string
}

/** What the shop has: the names of everything. */
interface Ours {
  readonly product: string
  readonly handle: string
  readonly sku: string
  readonly order: string
  readonly orderName: string
  readonly customerName: string
  readonly view: string
  readonly user: string
  readonly key: string
  readonly revision: string
  readonly location: string
  /** The hash of a trusted document. */
  readonly document: string
  readonly page: string
  readonly cursors: Readonly<Record<(typeof streams)[number], string>>
  /** An id of each type. */
  readonly ids: Readonly<Record<string, string>>
}

const money = { amount: '1.00', currency: 'SEK' }
const none = (_ours: Ours): Record<string, unknown> => ({})
const told = (system: Told, otherAdmin: Told, otherSystem: Told, args: Rule['args']): Rule => ({ args, system, otherAdmin, otherSystem })
const everybody = (what: Told, args: Rule['args']): Rule => told(what, what, what, args)
/** For admins of the shop alone. */
const forAdmins = (otherAdmin: Told, args: Rule['args']): Rule => told('FORBIDDEN', otherAdmin, 'FORBIDDEN', args)
const view = (ours: Ours) => ({ syncViewId: ours.view })
const products = (ours: Ours) => [[{ id: ours.product }], [{ handle: ours.handle }], [{ sku: ours.sku }]]
const streams = ['productChanges', 'stockChanges', 'orderChanges', 'customerChanges'] as const
/** With each of the cursors that the shop's own system was given. */
const cursors = (name: 'cursor' | 'afterCursor') =>
  streams.map((of) => told('INVALID_CURSOR', 'NO_SYNC_VIEW', 'INVALID_CURSOR', (ours) => ({ [name]: ours.cursors[of] })))
const stream = [told('OWN', 'NO_SYNC_VIEW', 'OWN', none), ...cursors('afterCursor')]
const links = [0, 1, 2].flatMap((index) => [
  forAdmins('NOT_FOUND', (ours) => ({ ...view(ours), products: products(ours)[index] })),
  forAdmins('NOT_FOUND', (ours, { viewId }) => ({ syncViewId: viewId, products: products(ours)[index] })),
])

const rules: Readonly<Record<string, readonly Rule[]>> = {
  'Query.account': [everybody('OWN', none)],
  'Query.viewer': [everybody('OWN', none)],
  // By each type: below.
  'Query.node': [],
  'Query.productChanges': stream,
  'Query.stockChanges': stream,
  'Query.orderChanges': stream,
  'Query.customerChanges': stream,
  'Query.customers': [none, (ours: Ours) => ({ search: ours.customerName })].map((args) => everybody('EMPTY', args)),
  'Query.orders': [none, () => ({ state: 'PLACED' }), () => ({ updatedAfter: '2020-01-01T00:00:00Z' })].map((args) =>
    everybody('EMPTY', args),
  ),
  'Query.order': [(ours: Ours) => ({ id: ours.order }), (ours: Ours) => ({ externalId: ours.orderName })].map((args) =>
    everybody('NULL', args),
  ),
  'Query.links': [
    none,
    (ours: Ours) => ({ search: ours.handle }),
    () => ({ state: 'REJECTED' }),
    () => ({ rejectionReason: `${shut} reason` }),
    (ours: Ours) => ({ after: ours.page }),
  ].map((args) => everybody('NOT_FOUND', (ours) => ({ ...view(ours), ...args(ours) }))),
  'Query.product': [0, 1, 2].map((index) => told('OWN', 'NULL', 'NULL', (ours) => ({ by: products(ours)[index]?.[0] }))),
  'Query.products': [none, (ours: Ours) => ({ search: ours.handle }), (ours: Ours) => ({ search: ours.sku })].map((args) =>
    told('OWN', 'EMPTY', 'EMPTY', args),
  ),
  'Query.resendPlan': [forAdmins('NOT_FOUND', view)],
  'Query.syncExplanation': [
    everybody('NOT_FOUND', (ours) => ({ ...view(ours), sku: ours.sku })),
    everybody('OWN', (ours, { viewId }) => ({ syncViewId: viewId, sku: ours.sku })),
  ],
  'Query.syncView': [forAdmins('NULL', (ours) => ({ id: ours.view }))],
  'Query.syncViews': [forAdmins('OWN', none)],
  'Query.users': [forAdmins('OWN', none)],
  'Query.auditLog': [
    forAdmins('OWN', none),
    forAdmins('EMPTY', (ours) => ({ userId: ours.user })),
    forAdmins('EMPTY', () => ({ action: 'resendAllProducts' })),
  ],
  'Query.trustedDocuments': [forAdmins('EMPTY', none)],
  'Mutation.acknowledge': cursors('cursor'),
  'Mutation.rewind': cursors('cursor'),
  'Mutation.adjustStock': [none, () => ({ idempotencyKey: `${shut} idempotency` })].map((args) =>
    told('OWN', 'NOT_FOUND', 'NOT_FOUND', (ours) => ({ input: [{ sku: ours.sku, delta: 1, location: ours.location }], ...args(ours) })),
  ),
  'Mutation.setStock': [
    told('OWN', 'NOT_FOUND', 'NOT_FOUND', (ours) => ({ input: [{ sku: ours.sku, onHand: 1, location: ours.location }] })),
  ],
  'Mutation.cancelResend': [forAdmins('NOT_FOUND', view)],
  'Mutation.createApiKey': [forAdmins('NOT_FOUND', (ours) => ({ userId: ours.user }))],
  'Mutation.createSyncView': [
    told('USER_HAS_SYNC_VIEW', 'USER_NOT_INTEGRATION', 'USER_HAS_SYNC_VIEW', () => ({ input: { name: `${shut} view` } })),
  ],
  'Mutation.createUser': [forAdmins('OWN', () => ({ input: { name: 'Made by the walk', kind: 'INTEGRATION' } }))],
  'Mutation.deleteProducts': [0, 1, 2].map((index) =>
    told('OWN', 'NOT_FOUND', 'NOT_FOUND', (ours) => ({ products: products(ours)[index] })),
  ),
  'Mutation.deleteSyncView': [forAdmins('NOT_FOUND', (ours) => ({ id: ours.view }))],
  'Mutation.deleteUser': [forAdmins('NOT_FOUND', (ours) => ({ id: ours.user }))],
  'Mutation.linkProducts': links,
  'Mutation.unlinkProducts': links,
  'Mutation.reject': ['Product', 'Variant'].map((type) =>
    told('NOT_FOUND', 'NO_SYNC_VIEW', 'NOT_FOUND', (ours) => ({ input: [{ id: ours.ids[type], revision: ours.revision, reason: 'No' }] })),
  ),
  'Mutation.setExternalIds': [
    told('NOT_FOUND', 'NO_SYNC_VIEW', 'NOT_FOUND', (ours) => ({ input: [{ id: ours.product, externalId: `${shut} external` }] })),
  ],
  'Mutation.resendAllProducts': [false, true].map((confirm) => forAdmins('NOT_FOUND', (ours) => ({ ...view(ours), confirm }))),
  'Mutation.resendProducts': [forAdmins('NOT_FOUND', (ours) => ({ ...view(ours), state: 'REJECTED' })), ...links],
  'Mutation.rotateApiKey': [forAdmins('NOT_FOUND', (ours) => ({ id: ours.key }))],
  'Mutation.registerDocument': [forAdmins('OWN', () => ({ document: 'query MadeByTheWalk { account { name } }' }))],
  'Mutation.deleteDocument': [forAdmins('NOT_FOUND', (ours) => ({ hash: ours.document }))],
  'Mutation.revokeApiKey': [forAdmins('NOT_FOUND', (ours) => ({ id: ours.key }))],
  'Mutation.setOrderState': [everybody('NOT_FOUND', (ours) => ({ id: ours.order, state: 'CANCELLED' }))],
  'Mutation.updateSyncView': [forAdmins('NOT_FOUND', (ours) => ({ id: ours.view, input: { paused: true, name: 'Taken' } }))],
  'Mutation.upsertProducts': [
    everybody('OWN', (ours) => ({ input: [{ handle: ours.handle, title: 'Own', variants: [{ sku: ours.sku, price: money }] }] })),
  ],
  'Mutation.upsertCustomers': [everybody('OWN', (ours) => ({ input: [{ externalId: ours.customerName, name: 'Own' }] }))],
  'Mutation.upsertOrders': [
    everybody('NOT_FOUND', (ours) => ({ input: [{ externalId: 'own', customerExternalId: ours.customerName }] })),
    told('OWN', 'NOT_FOUND', 'NOT_FOUND', (ours) => ({
      input: [{ externalId: 'own', lines: [{ sku: ours.sku, quantity: 1, unitPrice: money }] }],
    })),
    everybody('OWN', (ours) => ({ input: [{ externalId: ours.orderName }] })),
  ],
  'Subscription.productChanges': stream,
  'Subscription.stockChanges': stream,
  'Subscription.orderChanges': stream,
  'Subscription.customerChanges': stream,
  'Subscription.resendProgress': [everybody('NOT_FOUND', view)],
  'Subscription.syncViewStatus': [everybody('NOT_FOUND', view)],
  'Subscription.syncViewStatuses': [forAdmins('OWN', none)],
}

/** By type: what another system of the shop gets of `node`; nobody else gets anything. */
const nodeRules: Readonly<Record<string, 'OWN' | 'NULL'>> = {
  Account: 'OWN',
  ApiKey: 'NULL',
  AuditEntry: 'NULL',
  Customer: 'NULL',
  Link: 'NULL',
  Location: 'OWN',
  Order: 'NULL',
  Product: 'OWN',
  Resend: 'NULL',
  StockLevel: 'OWN',
  SyncView: 'NULL',
  User: 'NULL',
  Variant: 'OWN',
}

// ---- the shop

let shop: Awaited<ReturnType<typeof startShop>>
let ours: Ours
let accountId: number
/** Who looks, and what each is told. */
let callers: Readonly<Record<'none' | 'unknown' | 'expired' | 'revoked' | 'system' | 'otherAdmin' | 'otherSystem', Caller>>
let own: { readonly admin: string; readonly system: string }

beforeAll(async () => {
  shop = await startShop({ SYNKVY_DOORBELL_NETWORKS: '127.0.0.1/32' })
  const { database } = shop.app
  const [made, other] = [
    await createAccount(database, { slug: `${open}-slug`.toLowerCase(), name: `${open} account`, currency: 'SEK', pricesIncludeTax: true }),
    await createAccount(database, { slug: 'other', name: 'Other', currency: 'SEK', pricesIncludeTax: true }),
  ]
  accountId = made.account.id
  const first = made.adminKey ?? ''
  const admin = await createAdmin(`${shut} admin`, first)
  const system = await createIntegration(shop, `${shut} user`, admin.key)
  own = { admin: admin.key, system: system.key }
  ours = await fill(system.userId)
  const [expired, revoked] = [await createAdmin(`${shut} expired`, admin.key), await createAdmin(`${shut} revoked`, admin.key)]
  await expectData(shop.call('mutation ($id: ID!) { revokeApiKey(id: $id) { apiKey { id } } }', { id: revoked.keyId }, admin.key))
  await shop.database.database.sql`UPDATE api_keys SET expires_at = now() - interval '1 minute' WHERE prefix = ${expired.key.slice(0, 14)}`
  const others = await createView(shop, 'Other system', { key: other.adminKey ?? '' })
  callers = {
    none: { key: '', viewId: ours.view },
    unknown: { key: 'synkvy_unknown', viewId: ours.view },
    expired: { key: expired.key, viewId: ours.view },
    revoked: { key: revoked.key, viewId: ours.view },
    system: await createView(shop, 'Another system', { key: admin.key }),
    otherAdmin: { key: other.adminKey ?? '', viewId: others.viewId },
    otherSystem: others,
  }
})
afterAll(async () => {
  await shop[Symbol.asyncDispose]()
})

async function createAdmin(name: string, by: string) {
  const made = await expectData(
    shop.call('mutation ($name: String!) { createUser(input: { name: $name, kind: ADMIN }) { user { id } } }', { name }, by),
  )
  const { createApiKey } = await expectData(
    shop.call('mutation ($id: ID!) { createApiKey(userId: $id) { apiKey { id } secret } }', { id: made.createUser.user.id }, by),
  )
  const key: string = createApiKey.secret
  const keyId: string = createApiKey.apiKey.id
  return { key, keyId }
}

const [handle, sku, location] = [`${open}-handle`, `${open}-sku`, `${open}-location`]
const price = { amount: figures.price, currency: 'SEK' }
const product = {
  handle,
  title: `${open} title`,
  allowBackorder: true,
  description: `${open} description`,
  vendor: `${open} vendor`,
  productType: `${open} type`,
  tags: [`${open} tag`],
  imageUrls: [`https://example.test/${open}.png`],
  variants: [
    {
      sku,
      title: `${open} variant`,
      barcode: `${open} barcode`,
      price,
      compareAtPrice: price,
      weightGrams: figures.weight,
      options: [{ name: `${open} option`, value: `${open} value` }],
    },
  ],
}

async function makeProduct(): Promise<void> {
  const query = 'mutation ($input: [ProductInput!]!) { upsertProducts(input: $input) { __typename } }'
  await expectData(shop.call(query, { input: [product] }, own.admin))
}

/** Makes one of everything. */
async function fill(userId: string): Promise<Ours> {
  const asAdmin = (query: string, variables: Record<string, unknown> = {}) => expectData(shop.call(query, variables, own.admin))
  const asSystem = (query: string, variables: Record<string, unknown> = {}) => expectData(shop.call(query, variables, own.system))
  const address = (of: string) => ({
    name: `${shut} ${of} name`,
    line1: `${shut} ${of} line1`,
    line2: `${shut} ${of} line2`,
    postalCode: `${shut} ${of} code`,
    city: `${shut} ${of} city`,
    countryCode: 'SE',
  })
  const { createSyncView } = await asSystem(
    'mutation ($input: CreateSyncViewInput!) { createSyncView(input: $input) { syncView { id } } }',
    {
      input: { name: `${shut} view`, system: `${shut} other end`, doorbellUrl: `http://127.0.0.1:9/${shut}` },
    },
  )
  const syncViewId: string = createSyncView.syncView.id
  await makeProduct()
  await asAdmin('mutation ($input: [SetStockInput!]!) { setStock(input: $input) { __typename } }', {
    input: [{ sku, location, onHand: figures.onHand }],
  })
  await asSystem(
    'mutation ($input: [AdjustStockInput!]!, $key: String) { adjustStock(input: $input, idempotencyKey: $key) { __typename } }',
    {
      input: [{ sku, location, delta: 1 }],
      key: `${shut} idempotency`,
    },
  )
  const trade = async (as: typeof asAdmin, of: string) => {
    await as('mutation ($input: [CustomerInput!]!) { upsertCustomers(input: $input) { __typename } }', {
      input: [
        {
          externalId: `${shut} ${of} customer`,
          name: `${shut} ${of} person`,
          email: `${shut}@${of}.example`,
          phone: `${shut} ${of} phone`,
          address: address(`${of} home`),
        },
      ],
    })
    await as('mutation ($input: [OrderInput!]!) { upsertOrders(input: $input) { __typename } }', {
      input: [
        {
          externalId: `${shut} ${of} order`,
          number: `${shut} ${of} number`,
          customerExternalId: `${shut} ${of} customer`,
          shippingAddress: address(`${of} parcel`),
          billingAddress: address(`${of} bill`),
          lines: [{ sku, location, quantity: 3, unitPrice: price, taxRate: '0.25' }],
        },
      ],
    })
  }
  await trade(asAdmin, 'shop')
  await trade(asSystem, 'system')
  await asAdmin('mutation ($id: ID!) { resendAllProducts(syncViewId: $id) { __typename } }', { id: syncViewId })
  const { registerDocument } = await asAdmin('mutation ($document: String!) { registerDocument(document: $document) { hash } }', {
    document: `query ${shut}_document { account { name } }`,
  })
  const seen = await asAdmin(
    `query ($by: ProductBy!, $view: ID!) {
      account { id } products(first: 1) { pageInfo { endCursor } } orders { nodes { id owner { id } } } customers { nodes { id } }
      product(by: $by) { id revision links { nodes { id } } variants { id stockLevels { id location { id } } } }
      auditLog(first: 1) { nodes { id } } syncView(id: $view) { resend { id } user { apiKeys { id } } } }`,
    { by: { handle }, view: syncViewId },
  )
  const [variant] = seen.product.variants
  const [level] = variant.stockLevels
  await asSystem('mutation ($input: [ExternalIdInput!]!) { setExternalIds(input: $input) { __typename } }', {
    input: [{ id: seen.product.id, externalId: `${shut} external` }],
  })
  const streamed = await asSystem(`{ ${streams.map((name) => `${name} { cursor changes { __typename } }`).join(' ')} }`)
  const cursorOf = (name: (typeof streams)[number]): string => streamed[name].cursor
  await asSystem('mutation ($input: [RejectInput!]!) { reject(input: $input) { __typename } }', {
    input: [{ id: variant.id, revision: seen.product.revision, reason: `${shut} reason` }],
  })
  return {
    product: seen.product.id,
    handle,
    sku,
    order: seen.orders.nodes.find((order: { owner: unknown }) => order.owner !== null).id,
    orderName: `${shut} system order`,
    customerName: `${shut} system customer`,
    view: syncViewId,
    user: userId,
    key: seen.syncView.user.apiKeys[0].id,
    revision: seen.product.revision,
    location,
    document: registerDocument.hash,
    page: seen.products.pageInfo.endCursor,
    cursors: {
      productChanges: cursorOf('productChanges'),
      stockChanges: cursorOf('stockChanges'),
      orderChanges: cursorOf('orderChanges'),
      customerChanges: cursorOf('customerChanges'),
    },
    ids: {
      Account: seen.account.id,
      ApiKey: seen.syncView.user.apiKeys[0].id,
      AuditEntry: seen.auditLog.nodes[0].id,
      Customer: seen.customers.nodes[0].id,
      Link: seen.product.links.nodes[0].id,
      Location: level.location.id,
      Order: seen.orders.nodes[0].id,
      Product: seen.product.id,
      Resend: seen.syncView.resend.id,
      StockLevel: level.id,
      SyncView: syncViewId,
      User: userId,
      Variant: variant.id,
    },
  }
}

// ---- what it has stored

type Row = Readonly<Record<string, unknown>>

/** All that is stored of the shop, by table. Not what passes by itself: doorbells that are rung, keys' last use, and what another system's own streams came to. */
async function dump(): Promise<Readonly<Record<string, readonly Row[]>>> {
  const { sql } = shop.database.database
  const [strange] = await sql<{ id: number }[]>`SELECT id FROM sync_views WHERE account_id = ${accountId} AND name = 'Another system'`
  const tables = await sql<{ name: string }[]>`
    SELECT table_name AS name FROM information_schema.columns WHERE table_schema = 'public' AND column_name = 'account_id' AND table_name NOT IN ('doorbells', 'inbox')
    ORDER BY 1`
  const rows: [string, readonly Row[]][] = []
  for (const name of ['accounts', ...tables.map((table) => table.name)]) {
    const column = identifier(name === 'accounts' ? 'id' : 'account_id')
    const found = await sql<{ row: Row }[]>`
      SELECT to_jsonb(t) - 'last_used_at' AS row FROM ${identifier(name)} t WHERE ${column} = ${accountId} ORDER BY t::text`
    const isStored = ({ row }: { row: Row }) =>
      // What another system was refused is told to the shop.
      row['outcome'] !== 'FORBIDDEN' && row['subject'] !== 'VIEW' && row['subject'] !== 'KEY' && row['view_id'] !== (strange?.id ?? 0)
    rows.push([name, found.filter(isStored).map(({ row }) => row)])
  }
  return Object.fromEntries(rows)
}

/** When all that was changed has its number. */
async function settled(): Promise<void> {
  await expect.poll(async () => (await shop.database.database.sql`SELECT 1 FROM inbox WHERE subject NOT IN ('VIEW', 'KEY')`).length).toBe(0)
}

function stringsOf(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(stringsOf) : []
}

const typesOfTables: Readonly<Record<string, string>> = {
  accounts: 'Account',
  users: 'User',
  api_keys: 'ApiKey',
  audit_log: 'AuditEntry',
  products: 'Product',
  variants: 'Variant',
  locations: 'Location',
  stock_levels: 'StockLevel',
  stock_movements: 'StockMovement',
  sync_views: 'SyncView',
  links: 'Link',
  resends: 'Resend',
  customers: 'Customer',
  orders: 'Order',
  order_lines: 'OrderLine',
}
const openTables = ['accounts', 'products', 'variants', 'locations', 'stock_levels', 'stock_movements']

/** What nobody of another account is shown, and what no other system of the shop is: marked texts, figures, ids, revisions, secrets. */
async function secrets(): Promise<{ readonly ofOthers: readonly string[]; readonly ofSystems: readonly string[] }> {
  const stored = Object.entries(await dump()).filter(([table]) => table in typesOfTables)
  const idsOf = ([table, rows]: readonly [string, readonly Row[]]) =>
    rows
      .filter(({ name, prefix }) => name !== 'Another system' && prefix !== callers.system.key.slice(0, 14))
      .map(({ id }) => Buffer.from(`${typesOfTables[table]}:${String(id)}`).toString('base64'))
  const revisions = stored.flatMap(([, rows]) => rows.flatMap(({ revision }) => (Number(revision) > 0 ? [String(revision)] : [])))
  const kept = [shut, shut.toLowerCase(), own.admin, own.system, ...Object.values(ours.cursors)]
  const keys = stored.flatMap(([, rows]) =>
    rows.flatMap(({ prefix, user_id: user }) => (typeof prefix === 'string' && user !== undefined ? [prefix] : [])),
  )
  const isShut = ([table]: readonly [string, unknown]) => !openTables.includes(table)
  return {
    ofOthers: [
      ...kept,
      open,
      open.toLowerCase(),
      String(figures.onHand),
      figures.price,
      String(figures.weight),
      ...keys,
      ...revisions,
      ...stored.flatMap(idsOf),
    ],
    ofSystems: [...kept, ...stored.filter(isShut).flatMap(idsOf)],
  }
}

// ---- the walk

interface Root {
  readonly name: string
  readonly kind: 'query' | 'mutation' | 'subscription'
  readonly field: GraphQLField<unknown, unknown>
}

const roots: readonly Root[] = (['Query', 'Mutation', 'Subscription'] as const).flatMap((name) => {
  const type = schema.getType(name)
  if (!isObjectType(type)) return []
  const kind = name === 'Query' ? 'query' : name === 'Mutation' ? 'mutation' : 'subscription'
  return Object.values(type.getFields()).map((field) => ({ name: `${name}.${field.name}`, kind, field }) as const)
})
const nodeTypes = Object.values(schema.getTypeMap()).filter(
  (type): type is GraphQLObjectType => isObjectType(type) && type.getInterfaces().some(({ name }) => name === 'Node'),
)
const deep = 5

/** A call of a field with one of its rules. */
interface Trial {
  readonly root: Root
  readonly rule: Rule
}

const trials: readonly Trial[] = roots.flatMap((root) => {
  const nodes = nodeTypes.map(({ name }) => told(nodeRules[name] ?? 'NULL', 'NULL', 'NULL', (of) => ({ id: of.ids[name] })))
  return (root.name === 'Query.node' ? nodes : (rules[root.name] ?? [])).map((rule) => ({ root, rule }))
})
const selected = new Set<string>()
const selections = new Map(roots.map(({ name, field }) => [name, selectionOf(schema, field.type, deep, selected)]))

async function answer({ root, rule }: Trial, caller: Caller): Promise<GraphQLAnswer> {
  const variables = rule.args(ours, caller)
  const query = operationOf(root.kind, root.field, Object.keys(variables), selections.get(root.name) ?? '')
  return root.kind === 'subscription' ? firstOfStream(query, variables, caller.key) : shop.call(query, variables, caller.key)
}

/** What a subscription answers first, over Server-Sent Events. */
async function firstOfStream(query: string, variables: unknown, key: string): Promise<GraphQLAnswer> {
  const response = await fetch(`${shop.url}/graphql`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'text/event-stream',
      ...(key === '' ? {} : { authorization: `Bearer ${key}` }),
    },
    body: JSON.stringify({ query, variables }),
  })
  let text = ''
  const decoder = new TextDecoder()
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk, { stream: true })
    const data = /^data: (\{.*\})$/m.exec(text)?.[1]
    // To leave is to cancel the stream.
    if (data !== undefined) return { data: undefined, ...JSON.parse(data) }
  }
  throw new Error(`no event came: ${text}`)
}

/** What came of it, in the words of the rules. */
function outcome({ field }: Root, { data, errors }: GraphQLAnswer): string {
  if (errors !== undefined) return String(errors[0]?.extensions['code'])
  const value = data[field.name]
  if (value === null) return 'NULL'
  const items = Array.isArray(value) ? value : value.nodes
  return Array.isArray(items) && items.length === 0 && (value.totalCount ?? 0) === 0 ? 'EMPTY' : 'OWN'
}

/** An answer without what its caller has sent, which it may say again. */
function without(said: string, sent: readonly string[]): string {
  return [...sent]
    .toSorted((a, b) => b.length - a.length)
    .reduce((text, one) => text.replaceAll(JSON.stringify(one).slice(1, -1), ''), said)
}

const isNodeId = (text: string): boolean => /^[A-Za-z]+:\d+$/.test(Buffer.from(text, 'base64').toString())

/** Whether it says that, an id as a whole: the one of 12 may begin as the one of 1. */
function says(said: string, secret: string): boolean {
  return said.includes(isNodeId(secret) ? JSON.stringify(secret) : secret)
}

describe('the whole schema', () => {
  test('has a rule for each of its fields, and none for what there is not', () => {
    expect(Object.keys(rules).toSorted()).toEqual(roots.map(({ name }) => name).toSorted())
    expect(Object.keys(nodeRules).toSorted()).toEqual(nodeTypes.map(({ name }) => name).toSorted())
    expect(Object.keys(ours.ids).toSorted()).toEqual(nodeTypes.map(({ name }) => name).toSorted())
  })

  test('is asked for in full', () => {
    const fields = Object.values(schema.getTypeMap())
      .filter(
        (type): type is GraphQLObjectType =>
          isObjectType(type) && !type.name.startsWith('__') && !['Query', 'Mutation', 'Subscription'].includes(type.name),
      )
      .flatMap((type) => Object.keys(type.getFields()).map((field) => `${type.name}.${field}`))
    const abstract = Object.values(schema.getTypeMap()).filter((type) => isInterfaceType(type) || isUnionType(type))

    expect(fields.filter((field) => !selected.has(field))).toEqual([])
    expect(abstract.length).toBeGreaterThan(0)
  })

  test('shows the shop itself what it has, so that what others are shown means something', async () => {
    const said: string[] = []
    for (const key of [own.admin, own.system])
      for (const trial of trials.filter(({ root }) => root.kind !== 'mutation')) {
        const { data } = await answer(trial, { key, viewId: ours.view })
        said.push(JSON.stringify(data ?? null))
      }
    const marked = Object.entries(await dump())
      .filter(([table]) => table in typesOfTables)
      .flatMap(([, rows]) => rows.flatMap(stringsOf))
      .filter((text) => text.includes(open) || text.includes(shut))
    const all = said.join('\n')

    expect(marked.length).toBeGreaterThan(50)
    expect(marked.filter((text) => !all.includes(JSON.stringify(text).slice(1, -1)))).toEqual([])
    const ids = (await secrets()).ofOthers.filter(isNodeId)
    expect(ids.length).toBeGreaterThan(nodeTypes.length)
    expect(ids.filter((id) => !all.includes(id)).map((id) => Buffer.from(id, 'base64').toString())).toEqual([])
  })

  test('tells nobody else anything of the shop, and lets nobody else change it', async () => {
    await settled()
    const [before, { ofOthers, ofSystems }] = [await dump(), await secrets()]
    const faults: string[] = []
    let count = 0
    const made: string[] = []
    const toldOf = (name: keyof typeof callers, { rule }: Trial): string =>
      name === 'system' || name === 'otherAdmin' || name === 'otherSystem' ? rule[name] : 'UNAUTHENTICATED'
    const isOwnWrite = (name: keyof typeof callers, trial: Trial) => trial.root.kind === 'mutation' && toldOf(name, trial) === 'OWN'
    const walk = async (name: keyof typeof callers, ownWrites: boolean): Promise<void> => {
      for (const trial of trials.filter((one) => isOwnWrite(name, one) === ownWrites)) {
        const sent = stringsOf(trial.rule.args(ours, callers[name]))
        if (ownWrites) made.push(...sent)
        // What has been deleted by one name is there to be deleted by the next.
        if (ownWrites && name === 'system') await makeProduct()
        const answered = await answer(trial, callers[name])
        count += 1
        const came = outcome(trial.root, answered)
        const where = `${trial.root.name}(${sent.join(', ')}) ${name}`
        if (came !== toldOf(name, trial))
          faults.push(`${where}: ${came} instead of ${toldOf(name, trial)}: ${JSON.stringify(answered).slice(0, 300)}`)
        const said = without(JSON.stringify(answered), [...sent, ...made])
        const found = (name === 'system' ? ofSystems : ofOthers).filter((secret) => says(said, secret))
        if (found.length > 0) faults.push(`${where} says ${found.join(', ')}`)
      }
    }
    const outsiders = ['none', 'unknown', 'expired', 'revoked', 'otherAdmin', 'otherSystem'] as const

    // What makes something of its own under the shop's names comes last.
    for (const ownWrites of [false, true]) for (const name of outsiders) await walk(name, ownWrites)
    await settled()
    expect(await dump()).toEqual(before)
    await walk('system', false)
    await settled()
    expect(await dump()).toEqual(before)
    await walk('system', true)

    expect(faults).toEqual([])
    expect(count).toBe(trials.length * Object.keys(callers).length)
    console.log(
      `${roots.length} root fields and ${nodeTypes.length} node types, in ${trials.length} calls by ${Object.keys(callers).length} callers: ${count} answers; ${selected.size} fields`,
    )
  })
})

describe("with a system's key", () => {
  test("another integration's view, links, resend and user are not there", async () => {
    await createProducts(shop, ['sealed-1'], 1)
    const [mine, other] = [await createView(shop, 'Mine'), await createView(shop, 'Theirs')]
    for (const { viewId } of [mine, other])
      await expectData(shop.call('mutation ($viewId: ID!) { resendAllProducts(syncViewId: $viewId) { __typename } }', { viewId }))
    const node = async (id: string) => (await expectData(shop.call('query ($id: ID!) { node(id: $id) { id } }', { id }, mine.key))).node
    const links = await expectData(
      shop.call('query ($id: ID!) { syncView(id: $id) { resend { id } } links(syncViewId: $id) { nodes { id } } }', { id: other.viewId }),
    )

    expect(await node(mine.viewId)).toEqual({ id: mine.viewId })
    for (const id of [other.viewId, other.userId, links.syncView.resend.id, links.links.nodes[0].id]) expect(await node(id)).toBeNull()
    expect(
      (await shop.call('query ($id: ID!) { links(syncViewId: $id) { totalCount } }', { id: other.viewId }, mine.key)).errors?.[0]
        ?.extensions['code'],
    ).toBe('NOT_FOUND')
    const seen = await expectData(
      shop.call('{ product(by: { handle: "sealed-1" }) { links { totalCount nodes { syncView { id } } } } }', {}, mine.key),
    )
    expect(seen.product.links).toEqual({ totalCount: 1, nodes: [{ syncView: { id: mine.viewId } }] })

    const why = 'query ($id: ID!) { syncExplanation(syncViewId: $id, sku: "SKU-sealed-1") { inSync } }'
    expect((await shop.call(why, { id: other.viewId }, mine.key)).errors?.[0]?.extensions['code']).toBe('NOT_FOUND')
    expect((await shop.call(why, { id: mine.viewId }, mine.key)).data.syncExplanation).toEqual({ inSync: false })
  })

  test("what it rejects and names is its own view's, not another's of the same product", async () => {
    await createProducts(shop, ['sealed-3'], 1)
    const [mine, other, unlinked] = [await createView(shop, 'Rejects'), await createView(shop, 'Takes'), await createView(shop, 'Has none')]
    for (const { viewId } of [mine, other])
      await expectData(
        shop.call('mutation ($id: ID!) { linkProducts(syncViewId: $id, products: [{ handle: "sealed-3" }]) { linksCreated } }', {
          id: viewId,
        }),
      )
    const { product } = await expectData(shop.call('{ product(by: { handle: "sealed-3" }) { id revision } }'))
    const input = [{ id: product.id, revision: product.revision, reason: 'No' }]
    const reject = 'mutation ($input: [RejectInput!]!) { reject(input: $input) { links { syncView { id } state } } }'
    const named = [{ id: product.id, externalId: 'MINE' }]
    const setIds = 'mutation ($input: [ExternalIdInput!]!) { setExternalIds(input: $input) { links { syncView { id } externalId } } }'

    expect((await expectData(shop.call(reject, { input }, mine.key))).reject.links).toEqual([
      { syncView: { id: mine.viewId }, state: 'REJECTED' },
    ])
    expect((await expectData(shop.call(setIds, { input: named }, mine.key))).setExternalIds.links).toEqual([
      { syncView: { id: mine.viewId }, externalId: 'MINE' },
    ])
    const links = 'query ($id: ID!) { links(syncViewId: $id) { nodes { state externalId rejections { reason } } } }'
    expect((await expectData(shop.call(links, { id: other.viewId }, other.key))).links.nodes).toEqual([
      { state: 'PENDING', externalId: null, rejections: [] },
    ])
    for (const [query, variables] of [
      [reject, { input }],
      [setIds, { input: named }],
    ] as const)
      expect((await shop.call(query, variables, unlinked.key)).errors?.[0]?.extensions['code']).toBe('NOT_FOUND')
  })
})
