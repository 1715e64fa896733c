import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createAccount } from '../../src/access/accounts.ts'
import { roots } from '../helpers/calls.ts'
import { createProducts, createView, expectData, startShop } from '../helpers/gateway.ts'

let shop: Awaited<ReturnType<typeof startShop>>
let otherAdmin: string
beforeAll(async () => {
  shop = await startShop()
  const other = await createAccount(shop.app.database, { slug: 'other', name: 'Other', currency: 'SEK', pricesIncludeTax: true })
  otherAdmin = other.adminKey ?? ''
})
afterAll(async () => {
  await shop[Symbol.asyncDispose]()
})

describe('without a key', () => {
  test.each(roots)('%s is refused', async (_name, query) => {
    for (const key of ['', 'synkvy_unknown']) {
      const answer = await shop.call(query, {}, key)
      expect(answer.errors?.[0]?.extensions['code'], JSON.stringify(answer)).toBe('UNAUTHENTICATED')
    }
  })
})

const forAdmins = [
  'createUser',
  'deleteUser',
  'users',
  'syncViewStatuses',
  'createApiKey',
  'rotateApiKey',
  'auditLog',
  'revokeApiKey',
  'updateSyncView',
  'deleteSyncView',
  'linkProducts',
  'unlinkProducts',
  'resendAllProducts',
  'resendProducts',
  'cancelResend',
  'syncView',
  'syncViews',
  'resendPlan',
]

describe("with an integration's key", () => {
  test.each(roots.filter(([name]) => forAdmins.includes(name.split('.')[1] ?? '')))('%s is refused', async (_name, query) => {
    const { key } = await createView(shop, 'Not an admin')
    expect((await shop.call(query, {}, key)).errors?.[0]?.extensions['code']).toBe('FORBIDDEN')
  })

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

test("another account's things are not found, by id or by name, and cannot be changed", async () => {
  await createProducts(shop, ['sealed-2'], 1)
  const { viewId, userId, key } = await createView(shop, 'Sealed')
  const traded = await expectData(
    shop.call(
      `mutation {
        upsertCustomers(input: [{ externalId: "sealed", name: "Sealed" }]) { customers { id } }
        upsertOrders(input: [{ externalId: "sealed", customerExternalId: "sealed", lines: [{ sku: "SKU-sealed-2", quantity: 1, unitPrice: { amount: "1", currency: "SEK" } }] }]) { orders { id } }
      }`,
      {},
      key,
    ),
  )
  const orderId = traded.upsertOrders.orders[0].id
  const mine = await expectData(
    shop.call(
      '{ product(by: { handle: "sealed-2" }) { id variants { id stockLevels { id location { id } } } } viewer { id account { id } apiKeys { id } } }',
    ),
  )
  const [variant] = mine.product.variants
  const ids = [
    mine.product.id,
    variant.id,
    variant.stockLevels[0].id,
    variant.stockLevels[0].location.id,
    mine.viewer.id,
    mine.viewer.account.id,
    mine.viewer.apiKeys[0].id,
    viewId,
    userId,
    orderId,
    traded.upsertCustomers.customers[0].id,
  ]
  for (const id of ids)
    expect((await expectData(shop.call('query ($id: ID!) { node(id: $id) { id } }', { id }, otherAdmin))).node).toBeNull()

  expect(
    await expectData(
      shop.call(
        `query ($orderId: ID!) { product(by: { handle: "sealed-2" }) { id } products { totalCount } syncViews { totalCount } order(externalId: "sealed") { id }
          byId: order(id: $orderId) { id } orders { totalCount nodes { id } } customers { totalCount nodes { id } } }`,
        { orderId },
        otherAdmin,
      ),
    ),
  ).toEqual({
    product: null,
    products: { totalCount: 0 },
    syncViews: { totalCount: 0 },
    order: null,
    byId: null,
    orders: { totalCount: 0, nodes: [] },
    customers: { totalCount: 0, nodes: [] },
  })
  const refused = async (query: string, variables: Record<string, unknown>) =>
    (await shop.call(query, variables, otherAdmin)).errors?.[0]?.extensions['code']
  expect(await refused('mutation ($id: ID!) { resendAllProducts(syncViewId: $id) { __typename } }', { id: viewId })).toBe('NOT_FOUND')
  expect(await refused('mutation ($id: ID!) { deleteSyncView(id: $id) { deletedId } }', { id: viewId })).toBe('NOT_FOUND')
  expect(
    await refused('mutation ($id: ID!) { updateSyncView(id: $id, input: { paused: true }) { syncView { id } } }', { id: viewId }),
  ).toBe('NOT_FOUND')
  expect(await refused('mutation ($id: ID!) { cancelResend(syncViewId: $id) { resend { id } } }', { id: viewId })).toBe('NOT_FOUND')
  expect(await refused('query ($id: ID!) { resendPlan(syncViewId: $id) { productCount } }', { id: viewId })).toBe('NOT_FOUND')
  expect(await refused('mutation ($id: ID!) { createApiKey(userId: $id) { secret } }', { id: userId })).toBe('NOT_FOUND')
  expect(await refused('mutation ($id: ID!) { revokeApiKey(id: $id) { apiKey { id } } }', { id: mine.viewer.apiKeys[0].id })).toBe(
    'NOT_FOUND',
  )
  expect(await refused('mutation ($id: ID!) { deleteUser(id: $id) { deletedId } }', { id: userId })).toBe('NOT_FOUND')
  const users = await expectData(shop.call('{ users { totalCount nodes { name kind } } }', {}, otherAdmin))
  expect(users.users).toEqual({ totalCount: 1, nodes: [{ name: 'Admin', kind: 'ADMIN' }] })
  const watched = shop.connect(otherAdmin).iterate({ query: 'subscription { syncViewStatuses { id } }' })
  expect((await watched.next()).value).toEqual({ data: { syncViewStatuses: [] } })
  await watched.return?.()
  expect(await refused('mutation ($id: ID!) { deleteProducts(products: [{ id: $id }]) { deletedCount } }', { id: mine.product.id })).toBe(
    'NOT_FOUND',
  )
  expect(await refused('mutation ($id: ID!) { setOrderState(id: $id, state: SHIPPED) { __typename } }', { id: orderId })).toBe('NOT_FOUND')
  expect(await refused('mutation ($id: ID!) { resendProducts(syncViewId: $id, state: REJECTED) { linksQueued } }', { id: viewId })).toBe(
    'NOT_FOUND',
  )
  expect(await refused('query ($id: ID!) { syncExplanation(syncViewId: $id, sku: "SKU-sealed-2") { inSync } }', { id: viewId })).toBe(
    'NOT_FOUND',
  )
  expect(await refused('query ($id: ID!) { links(syncViewId: $id, search: "sealed") { totalCount } }', { id: viewId })).toBe('NOT_FOUND')
  expect(await refused('mutation { setStock(input: [{ sku: "SKU-sealed-2", onHand: 1 }]) { __typename } }', {})).toBe('NOT_FOUND')
})

test("another account's system finds nothing of this one: not its products to reject or to name, and not its articles", async () => {
  await createProducts(shop, ['sealed-4'], 1)
  const { product } = await expectData(shop.call('{ product(by: { handle: "sealed-4" }) { id revision variants { id } } }'))
  const other = await createView(shop, 'Of another account', { key: otherAdmin })
  const refused = async (query: string, variables: Record<string, unknown>) =>
    (await shop.call(query, variables, other.key)).errors?.[0]?.extensions['code']

  for (const id of [product.id, product.variants[0].id]) {
    const input = [{ id, revision: product.revision, reason: 'No' }]
    expect(await refused('mutation ($input: [RejectInput!]!) { reject(input: $input) { __typename } }', { input })).toBe('NOT_FOUND')
  }
  const named = [{ id: product.id, externalId: 'X' }]
  expect(await refused('mutation ($input: [ExternalIdInput!]!) { setExternalIds(input: $input) { __typename } }', { input: named })).toBe(
    'NOT_FOUND',
  )
  const { syncExplanation, products } = await expectData(
    shop.call(
      'query ($id: ID!) { syncExplanation(syncViewId: $id, sku: "SKU-sealed-4") { steps { code } } products(search: "sealed-4") { totalCount nodes { id } } }',
      { id: other.viewId },
      other.key,
    ),
  )
  expect(syncExplanation.steps).toEqual([{ code: 'ARTICLE_UNKNOWN' }])
  expect(products).toEqual({ totalCount: 0, nodes: [] })
})
