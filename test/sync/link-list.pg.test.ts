import { afterAll, beforeAll, expect, test } from 'vitest'
import { Subscription } from '../helpers/consumer.ts'
import { createProducts, createView, expectData, startShop } from '../helpers/gateway.ts'

let shop: Awaited<ReturnType<typeof startShop>>
beforeAll(async () => {
  shop = await startShop()
})
afterAll(async () => {
  await shop[Symbol.asyncDispose]()
})

const link = (viewId: string, handles: readonly string[]) =>
  expectData(
    shop.call(
      'mutation ($viewId: ID!, $products: [ProductBy!]!) { linkProducts(syncViewId: $viewId, products: $products) { linksCreated } }',
      {
        viewId,
        products: handles.map((handle) => ({ handle })),
      },
    ),
  )

interface Links {
  readonly totalCount: number
  readonly nodes: readonly { readonly state: string; readonly product: { readonly handle: string } }[]
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null }
}
const linksOf = async (viewId: string, args: Record<string, unknown> = {}): Promise<Links> =>
  (
    await expectData(
      shop.call(
        `query ($viewId: ID!, $state: LinkState, $search: String, $first: Int, $after: String) {
          links(syncViewId: $viewId, state: $state, search: $search, first: $first, after: $after) {
            totalCount nodes { state product { handle } } pageInfo { hasNextPage endCursor } } }`,
        { viewId, ...args },
      ),
    )
  ).links
const handlesOf = (links: Links) => links.nodes.map(({ product }) => product.handle)

test('links are paged, filtered and counted by state and by search, each page and count agreeing with the states themselves', async () => {
  const handles = Array.from({ length: 12 }, (_, index) => `list-${String(index + 1).padStart(2, '0')}`)
  await createProducts(shop, handles, 1)
  const { viewId, key } = await createView(shop, 'List')
  await link(viewId, handles)
  expect(await linksOf(viewId, { state: 'PENDING' }), 'before it ever connected').toMatchObject({ totalCount: 12 })
  for (const stream of ['PRODUCT', 'STOCK'] as const) await new Subscription(shop.connect(key), stream).readUntil((batch) => batch.caughtUp)
  await expect.poll(async () => (await linksOf(viewId, { state: 'IN_SYNC' })).totalCount).toBe(12)

  await shop.database.database
    .sql`UPDATE stock_levels SET on_hand = 9 WHERE variant_id = (SELECT id FROM variants WHERE sku = 'SKU-list-03')`
  await shop.database.database.sql`UPDATE products SET title = 'Käffe 100%_\\' WHERE handle = 'list-05'`
  await link((await createView(shop, 'Other')).viewId, handles)
  await expectData(
    shop.call('mutation ($v: ID!) { unlinkProducts(syncViewId: $v, products: [{ handle: "list-07" }]) { linksRemoved } }', { v: viewId }),
  )
  await expectData(shop.call('mutation { deleteProducts(products: [{ handle: "list-08" }]) { deletedCount } }'))
  await expect.poll(async () => (await linksOf(viewId)).totalCount).toBe(10)
  const { node } = await expectData(shop.call('query { node: product(by: { handle: "list-10" }) { id revision } }'))
  await expectData(
    shop.call(
      'mutation ($i: [RejectInput!]!) { reject(input: $i) { __typename } }',
      { i: [{ id: node.id, revision: node.revision, reason: 'No' }] },
      key,
    ),
  )
  const kept = handles.filter((handle) => !['list-07', 'list-08'].includes(handle))

  const all = await linksOf(viewId)
  expect(handlesOf(all)).toEqual(kept)
  expect(Object.fromEntries(all.nodes.map(({ state, product }) => [product.handle, state]))).toMatchObject({
    'list-01': 'IN_SYNC',
    'list-03': 'PENDING',
    'list-05': 'PENDING',
    'list-10': 'REJECTED',
  })
  for (const state of ['PENDING', 'IN_SYNC', 'REJECTED']) {
    const wanted = all.nodes.filter((one) => one.state === state).map(({ product }) => product.handle)
    expect(handlesOf(await linksOf(viewId, { state })), state).toEqual(wanted)
    expect((await linksOf(viewId, { state, first: 1 })).totalCount, state).toBe(wanted.length)
    expect(handlesOf(await linksOf(viewId, { state, search: 'LIST-0' })), state).toEqual(
      wanted.filter((handle) => handle.includes('list-0')),
    )
    expect((await linksOf(viewId, { state, search: 'LIST-0' })).totalCount, state).toBe(
      wanted.filter((handle) => handle.includes('list-0')).length,
    )
  }
  expect(handlesOf(await linksOf(viewId, { search: 'sku-list-1' }))).toEqual(['list-10', 'list-11', 'list-12'])
  expect(handlesOf(await linksOf(viewId, { search: 'KÄFFE 100%_\\' }))).toEqual(['list-05'])
  expect(await linksOf(viewId, { search: 'list-02\nTitle' }), 'not across two fields').toMatchObject({ totalCount: 1 })
  expect(await linksOf(viewId, { search: 'no such thing' })).toMatchObject({ totalCount: 0, nodes: [] })
  expect(
    (await shop.call('query ($v: ID!) { links(syncViewId: $v, search: "a\\u0000") { totalCount } }', { v: viewId })).errors?.[0]
      ?.extensions,
  ).toMatchObject({
    code: 'BAD_USER_INPUT',
    inputPath: ['search'],
  })

  const paged: string[] = []
  for (let after: string | null = null, hasNext = true; hasNext;) {
    const page: Links = await linksOf(viewId, { first: 3, after })
    paged.push(...handlesOf(page))
    after = page.pageInfo.endCursor
    hasNext = page.pageInfo.hasNextPage
  }
  expect(paged).toEqual(kept)
})

test('a search that half the shop answers to is paged and counted as one that few do', async () => {
  const { sql } = shop.database.database
  await sql`INSERT INTO products (account_id, handle, title) SELECT a.id, 'many-' || n, 'Kettle ' || n FROM accounts a, generate_series(1, 2500) n WHERE a.slug = 'shop'`
  const { viewId, key } = await createView(shop, 'Many')
  await sql`
    INSERT INTO links (account_id, view_id, product_id, position, revision)
    SELECT v.account_id, v.id, p.id, p.id, p.revision + 1 FROM sync_views v JOIN products p ON p.account_id = v.account_id AND p.title LIKE 'Kettle%' WHERE v.name = 'Many'`
  await sql`UPDATE sync_views SET link_position = 1000000, link_count = 2500 WHERE name = 'Many'`

  expect(await linksOf(viewId, { search: 'kettle', first: 2 })).toMatchObject({
    totalCount: 2500,
    nodes: [{ product: { handle: 'many-1' } }, {}],
  })
  expect((await linksOf(viewId, { search: 'kettle 1' })).totalCount).toBe(1111)
  expect((await linksOf(viewId, { search: 'kettle', state: 'PENDING', first: 1 })).totalCount).toBe(2500)
  const found = await expectData(
    shop.call(
      '{ products(search: "KETTLE", first: 3) { totalCount nodes { handle } } one: products(search: "many-2499") { totalCount } }',
      {},
      key,
    ),
  )
  expect(found).toEqual({
    products: { totalCount: 2500, nodes: [{ handle: 'many-1' }, { handle: 'many-2' }, { handle: 'many-3' }] },
    one: { totalCount: 1 },
  })
})

test('of a view that is far behind the states are as true as of one that is near', async () => {
  const { sql } = shop.database.database
  await sql`INSERT INTO products (account_id, handle, title) SELECT a.id, 'far-' || n, 'Far ' || n FROM accounts a, generate_series(1, 10100) n WHERE a.slug = 'shop'`
  const { viewId, key } = await createView(shop, 'Far')
  const sequenced = async (): Promise<void> => {
    await expect.poll(async () => (await sql`SELECT 1 FROM inbox LIMIT 1`).length, { timeout: 30_000 }).toBe(0)
  }
  await sequenced()
  await link(viewId, ['far-1', 'far-2', 'far-3', 'far-4'])
  for (const stream of ['PRODUCT', 'STOCK'] as const) {
    const level = new Subscription(shop.connect(key), stream)
    await level.readUntil((batch) => batch.caughtUp)
    level.close()
  }
  await sql`UPDATE checkpoints SET live = (SELECT head FROM sequencer)`
  expect((await linksOf(viewId, { state: 'IN_SYNC' })).totalCount).toBe(4)

  await sql`UPDATE products SET title = title || '!' WHERE handle LIKE 'far-%' AND handle <> 'far-2'`
  await sequenced()

  const all = await linksOf(viewId)
  expect(all.nodes.map(({ state }) => state)).toEqual(['PENDING', 'IN_SYNC', 'PENDING', 'PENDING'])
  expect(await linksOf(viewId, { state: 'IN_SYNC' })).toMatchObject({ totalCount: 1, nodes: [{ product: { handle: 'far-2' } }] })
  const pending = await linksOf(viewId, { state: 'PENDING', first: 2 })
  expect(pending).toMatchObject({ totalCount: 3, nodes: [{ product: { handle: 'far-1' } }, { product: { handle: 'far-3' } }] })
  const { syncView } = await expectData(shop.call('query ($v: ID!) { syncView(id: $v) { streams { stream pending } } }', { v: viewId }))
  expect(syncView.streams.slice(0, 2)).toEqual([
    { stream: 'PRODUCT', pending: 3 },
    { stream: 'STOCK', pending: 0 },
  ])
})
