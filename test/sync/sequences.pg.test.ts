import { afterAll, beforeAll, expect, test } from 'vitest'
import { Subscription } from '../helpers/consumer.ts'
import { untilSequenced } from '../helpers/database.ts'
import { adminKey, createProducts, createView, expectData, startShop } from '../helpers/gateway.ts'
import { numberOf } from '../helpers/ids.ts'

// Orders of events that fault injection has found to matter, each by itself.

let shop: Awaited<ReturnType<typeof startShop>>
beforeAll(async () => {
  shop = await startShop()
})
afterAll(async () => {
  await shop[Symbol.asyncDispose]()
})

const resendAll = 'mutation ($viewId: ID!) { resendAllProducts(syncViewId: $viewId, confirm: true) { __typename } }'
const link = 'mutation ($viewId: ID!, $products: [ProductBy!]!) { linkProducts(syncViewId: $viewId, products: $products) { linksCreated } }'
const setOnHand = (sku: string, onHand: number) =>
  shop.database.database.sql`UPDATE stock_levels SET on_hand = ${onHand} WHERE variant_id = (SELECT id FROM variants WHERE sku = ${sku})`

/** While `work` runs nothing gets a position. */
async function withoutSequencing(work: () => Promise<void>): Promise<void> {
  await shop.database.database.sql.begin(async (tx) => {
    await tx`SELECT * FROM sequencer FOR UPDATE`
    await work()
  })
}

test('a state that is sent before its change has a position is not sent again when it gets one', async () => {
  await createProducts(shop, ['twice-1', 'twice-2'], 1)
  const { viewId, key } = await createView(shop, 'Twice')
  await expectData(shop.call(resendAll, { viewId }))
  const before = new Subscription(shop.connect(key), 'STOCK')
  await before.readUntil((batch) => batch.caughtUp)
  before.close()
  await setOnHand('SKU-twice-1', 2)
  await untilSequenced(shop.database.database)

  let after: Subscription | undefined
  await withoutSequencing(async () => {
    await setOnHand('SKU-twice-1', 3)
    after = new Subscription(shop.connect(key), 'STOCK')
    const first = await after.next()
    expect(first.changes).toMatchObject([{ key: 'SKU-twice-1', entity: { onHand: 3 } }])
    await after.acknowledge(first.cursor).catch(() => {})
  })
  await setOnHand('SKU-twice-2', 9)

  const later = (await after?.readUntil((batch) => batch.changes.some(({ key: sku }) => sku === 'SKU-twice-2'))) ?? []
  expect(later.filter(({ key: sku }) => sku === 'SKU-twice-1')).toEqual([])
})

test('a stream that is first opened while a resend begins is part of it, so the resend ends', async () => {
  await createProducts(shop, ['begun-1'])
  const { viewId, key } = await createView(shop, 'Begun')
  await expectData(shop.call(link, { viewId, products: [{ handle: 'begun-1' }] }))
  const { sql } = shop.database.database
  const number = numberOf(viewId)
  let subscription: Subscription | undefined
  await sql.begin(async (tx) => {
    await tx`SELECT 1 FROM sync_views WHERE id = ${number} FOR UPDATE`
    await tx`
      INSERT INTO resends (account_id, view_id, cause, total, product_resend_to, stock_resend_to, linked_to)
      SELECT account_id, id, 'ADMIN', 1, 0, 0, link_position FROM sync_views WHERE id = ${number}`
    await tx`UPDATE checkpoints SET resend_id = (SELECT max(id) FROM resends) WHERE view_id = ${number}`
    subscription = new Subscription(shop.connect(key), 'PRODUCT')
    // Without the view's lock the stream would be open by now, outside the run.
    await expect
      .poll(
        async () =>
          (
            await sql`
              SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()
              UNION ALL SELECT 1 FROM checkpoints WHERE view_id = ${number}`
          ).length,
      )
      .toBeGreaterThan(0)
  })

  const changes = await subscription?.readUntil((batch) => batch.resendComplete || batch.caughtUp)
  expect(changes).toHaveLength(1)
  await expect
    .poll(
      async () =>
        (await expectData(shop.call('query ($id: ID!) { syncView(id: $id) { resend { state } } }', { id: viewId }))).syncView.resend.state,
    )
    .toBe('COMPLETED')
})

test('a late acknowledge of what was sent before a resend does not let the resend pass over it', async () => {
  const handles = ['late-1', 'late-2', 'late-3', 'late-4']
  await createProducts(shop, handles)
  const { viewId, key } = await createView(shop, 'Late')
  await expectData(shop.call(link, { viewId, products: handles.map((handle) => ({ handle })) }))
  const products = new Subscription(shop.connect(key), 'PRODUCT', { batchSize: 2, maxInFlight: 1 })
  const unacknowledged = await products.next()
  expect(unacknowledged).toMatchObject({ resendId: null, changes: [{ key: 'late-1' }, { key: 'late-2' }] })

  await expectData(shop.call(resendAll, { viewId }))
  await products.acknowledge(unacknowledged.cursor)
  products.close()

  const within = new Set<string>()
  await new Subscription(shop.connect(key), 'PRODUCT').readUntil((batch) => {
    if (batch.resendId !== null) batch.changes.forEach((change) => within.add(change.key))
    return batch.resendComplete
  })
  expect([...within]).toEqual(expect.arrayContaining(handles))
})

test('an SSE client that leaves while its stream is being opened leaves no stream behind', async () => {
  const { viewId, key } = await createView(shop, 'Gone')
  const streams = async (): Promise<string> => /^synkvy_streams (\d+)$/m.exec(await (await fetch(`${shop.url}/metrics`)).text())?.[1] ?? ''
  const before = await streams()
  await fetch(`${shop.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body: JSON.stringify({ query: '{ stockChanges { cursor } }' }),
  })

  // Whoever opens the stream waits for this row.
  await shop.database.database.sql.begin(async (tx) => {
    await tx`SELECT * FROM checkpoints WHERE view_id = (SELECT max(id) FROM sync_views) FOR UPDATE`
    const gone = new AbortController()
    const opening = fetch(`${shop.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'text/event-stream', authorization: `Bearer ${key}` },
      body: JSON.stringify({ query: 'subscription { stockChanges { cursor } }' }),
      signal: gone.signal,
    })
    await new Promise((resolve) => setTimeout(resolve, 300))
    gone.abort()
    await opening.catch(() => {})
  })

  expect(viewId).not.toBe('')
  await new Promise((resolve) => setTimeout(resolve, 500))
  await expect.poll(streams, { timeout: 10_000 }).toBe(before)
})

test('on a server on which nobody sequences yet nothing is sent and nothing acknowledged, and callers are told to come again', async () => {
  const { sql } = shop.database.database
  const { viewId, key } = await createView(shop, 'Early')
  await createProducts(shop, ['early-1'])
  await expectData(shop.call(resendAll, { viewId }))
  const pulled = await expectData(shop.call('{ productChanges(first: 10) { cursor changes { productId } } }', {}, key))

  await sql`UPDATE sequencer SET server_started = server_started - interval '1 day'`
  const acknowledged = await shop.call(
    'mutation ($cursor: Cursor!) { acknowledge(cursor: $cursor) { __typename } }',
    { cursor: pulled.productChanges.cursor },
    key,
  )
  const pulledAgain = await shop.call('{ productChanges(first: 10) { cursor } }', {}, key)
  await sql`UPDATE sequencer SET server_started = pg_postmaster_start_time()`

  expect(acknowledged.errors?.[0]?.extensions).toMatchObject({ code: 'SERVICE_UNAVAILABLE', retryable: true })
  expect(pulledAgain.errors?.[0]?.extensions).toMatchObject({ code: 'SERVICE_UNAVAILABLE', retryable: true })
  expect((await shop.call('{ productChanges(first: 10) { changes { productId } } }', {}, key)).data.productChanges.changes).toHaveLength(1)
})

test('a call that Postgres cancels because it takes too long may be made again', async () => {
  await createProducts(shop, ['slow-1'], 1)
  const { sql } = shop.database.database
  const setStock = 'mutation { setStock(input: [{ sku: "SKU-slow-1", onHand: 5 }]) { stockLevels { onHand } } }'

  await sql`UPDATE stock_levels SET on_hand = 2 WHERE variant_id = (SELECT id FROM variants WHERE sku = 'SKU-slow-1')`
  const refused = await sql.begin(async (tx) => {
    await tx`SELECT * FROM stock_levels FOR UPDATE`
    const calling = shop.call(setStock, {}, adminKey)
    await expect
      .poll(
        async () =>
          (await sql`SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`)
            .length,
      )
      .toBe(1)
    return calling
  })

  expect(refused.errors?.[0]?.extensions).toMatchObject({ code: 'SERVICE_UNAVAILABLE', retryable: true })
  expect((await shop.call(setStock)).data.setStock.stockLevels).toEqual([{ onHand: 5 }])
})

test('a product whose transaction began before others were linked by themselves, and commits after, is linked too', async () => {
  const { key } = await createView(shop, 'Auto', { autoLink: true })
  const products = new Subscription(shop.connect(key), 'PRODUCT')
  await products.next()

  await shop.database.database.sql.begin(async (tx) => {
    await tx`INSERT INTO products (account_id, handle, title, status) SELECT id, 'auto-slow', 'Slow', 'ACTIVE' FROM accounts WHERE slug = 'shop'`
    await createProducts(shop, ['auto-quick'])
    await products.readUntil((batch) => batch.changes.some((change) => change.key === 'auto-quick'))
  })

  await products.readUntil((batch) => batch.changes.some((change) => change.key === 'auto-slow'))
})

test('a variant that is deleted takes its stock along: a REMOVE for STOCK, an UPSERT without it for PRODUCT', async () => {
  await createProducts(shop, ['variant-1'], 4)
  const { viewId, key } = await createView(shop, 'Variant')
  await expectData(shop.call(link, { viewId, products: [{ handle: 'variant-1' }] }))
  const [products, stock] = [new Subscription(shop.connect(key), 'PRODUCT'), new Subscription(shop.connect(key), 'STOCK')]
  await products.readUntil((batch) => batch.caughtUp)
  await stock.readUntil((batch) => batch.caughtUp)

  await shop.database.database.sql`DELETE FROM variants WHERE sku = 'SKU-variant-1'`

  expect((await stock.readUntil((batch) => batch.changes.length > 0)).at(-1)).toMatchObject({
    kind: 'REMOVE',
    reason: 'DELETED',
    key: 'SKU-variant-1',
  })
  expect((await products.readUntil((batch) => batch.changes.length > 0)).at(-1)).toMatchObject({ kind: 'UPSERT', entity: { variants: [] } })
})

test('a resend that is cancelled before any of it was delivered leaves everything that was linked to be sent', async () => {
  const handles = ['cancelled-1', 'cancelled-2']
  await createProducts(shop, handles)
  const { viewId, key } = await createView(shop, 'Cancelled')
  await expectData(shop.call(resendAll, { viewId }))
  await expectData(shop.call('mutation ($viewId: ID!) { cancelResend(syncViewId: $viewId) { __typename } }', { viewId }))

  const sent = await new Subscription(shop.connect(key), 'PRODUCT').readUntil((batch) => batch.caughtUp)

  expect(sent.map((change) => change.key)).toEqual(expect.arrayContaining(handles))
})

test('products that are linked together with some that are linked already are sent, whatever their place among them', async () => {
  const handles = ['among-1', 'among-2', 'among-3', 'among-4']
  await createProducts(shop, handles)
  const { viewId, key } = await createView(shop, 'Among')
  await expectData(shop.call(link, { viewId, products: [{ handle: 'among-1' }, { handle: 'among-3' }] }))
  await expectData(shop.call(link, { viewId, products: handles.map((handle) => ({ handle })) }))

  const received = await new Subscription(shop.connect(key), 'PRODUCT').readUntil((batch) => batch.caughtUp)

  expect(received.map((change) => change.key).toSorted()).toEqual(handles)
})

test('a change that was sent ahead of its position, acknowledged, and then passed over keeps nothing waiting', async () => {
  await createProducts(shop, ['ahead-1'], 1)
  const { viewId, key } = await createView(shop, 'Ahead')
  const before = new Subscription(shop.connect(key), 'STOCK')
  await before.readUntil((batch) => batch.caughtUp)
  before.close()
  await untilSequenced(shop.database.database)

  await withoutSequencing(async () => {
    await setOnHand('SKU-ahead-1', 2)
    await expectData(shop.call(link, { viewId, products: [{ handle: 'ahead-1' }] }))
    const stock = new Subscription(shop.connect(key), 'STOCK')
    expect(await stock.readUntil((batch) => batch.changes.length > 0)).toMatchObject([{ lane: 'RESEND', entity: { onHand: 2 } }])
  })

  const standing = async () =>
    expectData(
      shop.call(
        'query ($viewId: ID!) { links(syncViewId: $viewId) { nodes { state } } syncView(id: $viewId) { streams { stream pending } } }',
        { viewId },
      ),
    )
  await expect.poll(async () => (await standing()).links.nodes).toEqual([{ state: 'IN_SYNC' }])
  expect((await standing()).syncView.streams).toContainEqual({ stream: 'STOCK', pending: 0 })
})
