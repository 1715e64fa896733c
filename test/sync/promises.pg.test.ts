import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Subscription } from '../helpers/consumer.ts'
import { untilSequenced } from '../helpers/database.ts'
import { adminKey, createIntegration, createProducts, createView, expectData, startGateway, startShop } from '../helpers/gateway.ts'

let shop: Awaited<ReturnType<typeof startShop>>
beforeAll(async () => {
  shop = await startShop()
})
afterAll(async () => {
  await shop[Symbol.asyncDispose]()
})

const resend = (viewId: string, confirm = false) =>
  expectData(
    shop.call(
      `mutation ($viewId: ID!, $confirm: Boolean) { resendAllProducts(syncViewId: $viewId, confirm: $confirm) { __typename
        ... on ResendStarted { linksCreated resend { id state total } } ... on ResendAlreadyRunning { resend { id state } } ... on ResendNeedsConfirmation { plan { productCount last { id } } } } }`,
      { viewId, confirm },
    ),
  ).then((data) => data.resendAllProducts)

const link = (viewId: string, handles: readonly string[]) =>
  expectData(
    shop.call(
      `mutation ($viewId: ID!, $products: [ProductBy!]!) { linkProducts(syncViewId: $viewId, products: $products) { linksCreated } }`,
      {
        viewId,
        products: handles.map((handle) => ({ handle })),
      },
    ),
  )

const unlink = (viewId: string, handles: readonly string[]) =>
  expectData(
    shop.call(
      `mutation ($viewId: ID!, $products: [ProductBy!]!) { unlinkProducts(syncViewId: $viewId, products: $products) { linksRemoved } }`,
      {
        viewId,
        products: handles.map((handle) => ({ handle })),
      },
    ),
  )

const setStock = (sku: string, onHand: number, key = adminKey) =>
  expectData(
    shop.call(
      `mutation ($sku: String!, $onHand: Int!) { setStock(input: [{ sku: $sku, onHand: $onHand }]) { stockLevels { id } } }`,
      { sku, onHand },
      key,
    ),
  )

const handles = (prefix: string, count: number) => Array.from({ length: count }, (_, index) => `${prefix}-${index + 1}`)

describe('the first batch', () => {
  test('comes at once, empty and caught up, when nothing waits', async () => {
    const { key } = await createView(shop, 'Empty')

    const batch = await new Subscription(shop.connect(key), 'PRODUCT').next()

    expect(batch).toMatchObject({ caughtUp: true, changes: [], resendComplete: false, resendId: null })
  })
})

describe('a resend', () => {
  test('of a view links all products and sends each once, with its stock, to the end', async () => {
    await createProducts(shop, handles('all', 450), 7)
    const { viewId, key } = await createView(shop, 'All')
    const started = await resend(viewId)
    const products = new Subscription(shop.connect(key), 'PRODUCT')

    const received = await products.readUntil((batch) => batch.resendComplete)

    expect(started.__typename).toBe('ResendStarted')
    expect(new Set(received.map((change) => change.id)).size).toBe(received.length)
    expect(received.filter((change) => change.key.startsWith('all-'))).toHaveLength(450)
    expect(received.every((change) => change.lane === 'RESEND' && change.kind === 'UPSERT')).toBe(true)
    const stock = await new Subscription(shop.connect(key), 'STOCK').readUntil((batch) => batch.caughtUp)
    expect(stock.filter((change) => change.key.startsWith('SKU-all-')).every((change) => change.entity?.['onHand'] === 7)).toBe(true)
    const view = await expectData(
      shop.call(`query ($id: ID!) { syncView(id: $id) { resend { state acknowledged total } } }`, { id: viewId }),
    )
    expect(view.syncView.resend.state).toBe('COMPLETED')
    expect(view.syncView.resend.acknowledged).toBe(view.syncView.resend.total)
  })

  test('is started by one of ten simultaneous calls over two gateways; the others join it', async () => {
    await using other = await startGateway(shop.database)
    const { viewId } = await createView(shop, 'Ten')
    const press = (gateway: { call: typeof shop.call }) =>
      expectData(
        gateway.call(
          `mutation ($viewId: ID!) { resendAllProducts(syncViewId: $viewId) { __typename ... on ResendStarted { resend { id } } ... on ResendAlreadyRunning { resend { id } } } }`,
          { viewId },
        ),
      )

    const answers = await Promise.all(Array.from({ length: 10 }, (_, index) => press(index % 2 === 0 ? shop : other)))

    const outcomes = answers.map((answer) => answer.resendAllProducts)
    expect(outcomes.filter((outcome) => outcome.__typename === 'ResendStarted')).toHaveLength(1)
    expect(outcomes.filter((outcome) => outcome.__typename === 'ResendAlreadyRunning')).toHaveLength(9)
    expect(new Set(outcomes.map((outcome) => outcome.resend.id)).size).toBe(1)
  })

  test('that is not the first asks with numbers, and starts when confirmed', async () => {
    await createProducts(shop, ['again-1'], 1)
    const { viewId, key } = await createView(shop, 'Again')
    await resend(viewId)
    const products = new Subscription(shop.connect(key), 'PRODUCT')
    await products.readUntil((batch) => batch.resendComplete)

    const asked = await resend(viewId)
    const confirmed = await resend(viewId, true)
    const again = await products.readUntil((batch) => batch.resendComplete)

    expect(asked).toMatchObject({
      __typename: 'ResendNeedsConfirmation',
      plan: { productCount: expect.any(Number), last: { id: expect.any(String) } },
    })
    expect(confirmed).toMatchObject({ __typename: 'ResendStarted', linksCreated: 0 })
    expect(again.some((change) => change.key === 'again-1')).toBe(true)
  })

  test('that is cancelled ends alone: what was linked is still sent', async () => {
    await createProducts(shop, ['cancel-1'])
    const { viewId, key } = await createView(shop, 'Cancel')
    await resend(viewId)
    const cancelled = await expectData(
      shop.call(`mutation ($viewId: ID!) { cancelResend(syncViewId: $viewId) { resend { state } } }`, { viewId }),
    )
    const again = await shop.call(`mutation ($viewId: ID!) { cancelResend(syncViewId: $viewId) { resend { state } } }`, { viewId })

    const received = await new Subscription(shop.connect(key), 'PRODUCT').readUntil((batch) => batch.caughtUp)

    expect(cancelled.cancelResend.resend.state).toBe('CANCELLED')
    expect(again.errors?.[0]?.extensions['code']).toBe('RESEND_NOT_RUNNING')
    expect(received.some((change) => change.key === 'cancel-1')).toBe(true)
  })

  test('is overtaken by a stock change that commits meanwhile', async () => {
    await createProducts(shop, handles('overtake', 300), 1)
    await untilSequenced(shop.database.database)
    const { viewId, key } = await createView(shop, 'Overtake')
    await resend(viewId)
    const stock = new Subscription(shop.connect(key), 'STOCK', { batchSize: 10, maxInFlight: 1 })
    const first = await stock.next()

    await setStock('SKU-overtake-300', 99)
    await stock.acknowledge(first.cursor)
    const soon = await stock.readUntil((batch) => batch.changes.some((change) => change.entity?.['onHand'] === 99))

    expect(soon.find((change) => change.entity?.['onHand'] === 99)).toMatchObject({ key: 'SKU-overtake-300', lane: 'LIVE' })
    expect(soon.length).toBeLessThan(40)
  })
})

describe('a change', () => {
  test('of a linked product and of its stock arrives live, whoever wrote it', async () => {
    await createProducts(shop, ['live-1'], 5)
    const { viewId, key } = await createView(shop, 'Live')
    await link(viewId, ['live-1'])
    const client = shop.connect(key)
    const products = new Subscription(client, 'PRODUCT')
    const stock = new Subscription(client, 'STOCK')
    await products.readUntil((batch) => batch.caughtUp)
    await stock.readUntil((batch) => batch.caughtUp)

    await shop.database.database
      .sql`UPDATE stock_levels SET on_hand = 4 WHERE variant_id = (SELECT id FROM variants WHERE sku = 'SKU-live-1')`
    await shop.database.database.sql`UPDATE variants SET price = 12 WHERE sku = 'SKU-live-1'`

    const [stockChange] = (await stock.next()).changes
    const [productChange] = (await products.next()).changes
    expect(stockChange).toMatchObject({
      kind: 'UPSERT',
      lane: 'LIVE',
      key: 'SKU-live-1',
      entity: { onHand: 4, available: 4, location: { code: 'default' } },
    })
    expect(productChange).toMatchObject({
      kind: 'UPSERT',
      lane: 'LIVE',
      key: 'live-1',
      entity: { variants: [{ price: { amount: '12' } }] },
    })
  })

  test('that changes nothing raises no revision and reaches nobody', async () => {
    await createProducts(shop, ['same-1'], 5)
    const { viewId, key } = await createView(shop, 'Same')
    await link(viewId, ['same-1'])
    const products = new Subscription(shop.connect(key), 'PRODUCT')
    const [before] = await products.readUntil((batch) => batch.caughtUp)

    await createProducts(shop, ['same-1'], 5)
    await shop.database.database.sql`UPDATE products SET title = title WHERE handle = 'same-1'`
    await expectData(shop.call(`mutation { upsertProducts(input: [{ handle: "same-1", title: "Other" }]) { products { id } } }`))
    const next = await products.next()

    expect(next.changes).toHaveLength(1)
    expect(next.changes[0]?.entity?.['title']).toBe('Other')
    expect(next.changes[0]?.revision).toBeGreaterThan(before?.revision ?? 0n)
  })

  test('of stock is no change of the product', async () => {
    await createProducts(shop, ['stock-only'], 5)
    const { viewId, key } = await createView(shop, 'Stock only')
    await link(viewId, ['stock-only'])
    const products = new Subscription(shop.connect(key), 'PRODUCT')
    await products.readUntil((batch) => batch.caughtUp)

    await setStock('SKU-stock-only', 6)
    await expectData(shop.call(`mutation { upsertProducts(input: [{ handle: "stock-only", title: "Touched" }]) { products { id } } }`))

    expect((await products.next()).changes).toMatchObject([{ key: 'stock-only', entity: { title: 'Touched' } }])
  })

  test('of a product that is deleted is a REMOVE, of its stock too, with what they were called', async () => {
    await createProducts(shop, ['gone-1'], 5)
    const { viewId, key } = await createView(shop, 'Gone')
    await link(viewId, ['gone-1'])
    const client = shop.connect(key)
    const products = new Subscription(client, 'PRODUCT')
    const stock = new Subscription(client, 'STOCK')
    await products.readUntil((batch) => batch.caughtUp)
    await stock.readUntil((batch) => batch.caughtUp)

    await expectData(shop.call(`mutation { deleteProducts(products: [{ handle: "gone-1" }]) { deletedCount } }`))

    expect((await products.next()).changes).toMatchObject([{ kind: 'REMOVE', reason: 'DELETED', key: 'gone-1', entity: null }])
    expect((await stock.next()).changes).toMatchObject([
      { kind: 'REMOVE', reason: 'DELETED', key: 'SKU-gone-1', locationCode: 'default', entity: null },
    ])
  })

  test('of a product that is unlinked and linked again is a REMOVE and an UPSERT, each above what was before', async () => {
    await createProducts(shop, ['un-1'], 5)
    const { viewId, key } = await createView(shop, 'Unlink')
    await link(viewId, ['un-1'])
    const products = new Subscription(shop.connect(key), 'PRODUCT')
    const [first] = await products.readUntil((batch) => batch.caughtUp)

    await unlink(viewId, ['un-1'])
    const [removed] = (await products.next()).changes
    await expectData(shop.call(`mutation { upsertProducts(input: [{ handle: "un-1", title: "Unseen" }]) { products { id } } }`))
    await link(viewId, ['un-1'])
    const [again] = (await products.next()).changes

    expect(removed).toMatchObject({ kind: 'REMOVE', reason: 'UNLINKED', key: 'un-1' })
    expect(again).toMatchObject({ kind: 'UPSERT', lane: 'RESEND', entity: { title: 'Unseen' } })
    expect(removed?.revision).toBeGreaterThan(first?.revision ?? 0n)
    expect(again?.revision).toBeGreaterThan(removed?.revision ?? 0n)
  })

  test('is one delivery, as it is at the end, where ten were made before it was sent', async () => {
    await createProducts(shop, ['ten-1'], 0)
    const { viewId, key } = await createView(shop, 'Ten changes')
    await link(viewId, ['ten-1'])
    const first = new Subscription(shop.connect(key), 'STOCK')
    await first.readUntil((batch) => batch.caughtUp)
    first.close()

    for (let onHand = 1; onHand <= 10; onHand += 1) await setStock('SKU-ten-1', onHand)
    const received = await new Subscription(shop.connect(key), 'STOCK').readUntil((batch) => batch.caughtUp)

    expect(received).toMatchObject([{ key: 'SKU-ten-1', entity: { onHand: 10 } }])
  })
})

describe('an integration', () => {
  test('is not sent its own change back, but others are', async () => {
    await createProducts(shop, ['echo-1'], 5)
    const [writer, other] = [await createView(shop, 'Writer'), await createView(shop, 'Other')]
    await link(writer.viewId, ['echo-1'])
    await link(other.viewId, ['echo-1'])
    const own = new Subscription(shop.connect(writer.key), 'STOCK')
    const others = new Subscription(shop.connect(other.key), 'STOCK')
    await own.readUntil((batch) => batch.caughtUp)
    await others.readUntil((batch) => batch.caughtUp)

    await setStock('SKU-echo-1', 4, writer.key)
    expect((await others.next()).changes).toMatchObject([{ entity: { onHand: 4 } }])
    await setStock('SKU-echo-1', 3)

    expect((await own.next()).changes).toMatchObject([{ entity: { onHand: 3 } }])
  })

  test('is sent a product that it wrote over a change which it has not acknowledged', async () => {
    await createProducts(shop, ['echo-2'], 5)
    const writer = await createView(shop, 'Late writer')
    await link(writer.viewId, ['echo-2'])
    const own = new Subscription(shop.connect(writer.key), 'STOCK')
    await own.readUntil((batch) => batch.caughtUp)
    await setStock('SKU-echo-2', 4)
    await own.next()

    await setStock('SKU-echo-2', 3, writer.key)

    expect((await own.next()).changes).toMatchObject([{ entity: { onHand: 3 } }])
  })

  test('with autoLink gets what is new, and not what was there', async () => {
    await createProducts(shop, ['before-auto'])
    const { key } = await createView(shop, 'Auto', { autoLink: true })
    const products = new Subscription(shop.connect(key), 'PRODUCT')
    await products.readUntil((batch) => batch.caughtUp)

    await createProducts(shop, ['after-auto'])

    expect((await products.next()).changes).toMatchObject([{ key: 'after-auto', kind: 'UPSERT' }])
  })
})

describe('acknowledging', () => {
  test('keeps what was acknowledged from being sent again, and what was not is sent again', async () => {
    await createProducts(shop, handles('ack', 30))
    const { viewId, key } = await createView(shop, 'Acknowledge')
    await link(viewId, handles('ack', 30))
    const first = new Subscription(shop.connect(key), 'PRODUCT', { batchSize: 10 })
    const [one, two] = [await first.next(), await first.next()]
    await first.acknowledge(one.cursor)
    first.close()

    const again = await new Subscription(shop.connect(key), 'PRODUCT').readUntil((batch) => batch.caughtUp)

    const sentAgain = new Set(again.map((change) => change.key))
    expect(one.changes.filter((change) => sentAgain.has(change.key))).toEqual([])
    expect(two.changes.every((change) => sentAgain.has(change.key))).toBe(true)
    expect(again).toHaveLength(20)
  })

  test('opens the window: at most maxInFlight batches are out', async () => {
    await createProducts(shop, handles('window', 50))
    const { viewId, key } = await createView(shop, 'Window')
    await link(viewId, handles('window', 50))
    const products = new Subscription(shop.connect(key), 'PRODUCT', { batchSize: 10, maxInFlight: 2 })
    const first = await products.next()
    await products.next()
    await expect(products.next(500)).rejects.toThrow('no batch came')

    await products.acknowledge(first.cursor)

    expect((await products.next()).changes).toHaveLength(10)
  })

  test('of many views at once moves each its own, and one whose view is gone is told so alone', async () => {
    await createProducts(shop, handles('crowd', 3))
    const views = await Promise.all(Array.from({ length: 12 }, (_, index) => createView(shop, `Crowd ${index}`)))
    const cursors = await Promise.all(
      views.map(async ({ viewId, key }, index) => {
        await link(viewId, handles('crowd', 1 + (index % 3)))
        const products = new Subscription(shop.connect(key), 'PRODUCT', { batchSize: 3 })
        const { cursor } = await products.next()
        products.close()
        return cursor
      }),
    )
    await expectData(shop.call('mutation ($id: ID!) { deleteSyncView(id: $id) { deletedId } }', { id: views[5]?.viewId }))

    const query = 'mutation ($cursor: Cursor!) { acknowledge(cursor: $cursor) { stream { pending } } }'
    const answers = await Promise.all(
      // Each of them twice, as a system does that has not heard the answer.
      [...views, ...views].map(({ key }, index) => shop.call(query, { cursor: cursors[index % views.length] }, key)),
    )

    answers.forEach(({ data, errors }, index) => {
      if (index % views.length === 5) expect(errors?.[0]?.extensions['code']).toBe('NO_SYNC_VIEW')
      else expect(data).toEqual({ acknowledge: { stream: { pending: 0 } } })
    })
  })

  test('over another gateway opens the window too', async () => {
    await using other = await startGateway(shop.database)
    await createProducts(shop, handles('elsewhere', 30))
    const { viewId, key } = await createView(shop, 'Elsewhere')
    await link(viewId, handles('elsewhere', 30))
    const products = new Subscription(shop.connect(key), 'PRODUCT', { batchSize: 10, maxInFlight: 1 })
    const first = await products.next()

    await expectData(
      other.call('mutation ($cursor: Cursor!) { acknowledge(cursor: $cursor) { stream { pending } } }', { cursor: first.cursor }, key),
    )

    expect((await products.next()).changes).toHaveLength(10)
  })

  test('is undone by rewind: a subscription that is open reads on from there', async () => {
    await createProducts(shop, handles('rewind', 20))
    const { viewId, key } = await createView(shop, 'Rewind')
    await link(viewId, handles('rewind', 20))
    const products = new Subscription(shop.connect(key), 'PRODUCT', { batchSize: 10 })
    const [one, two] = [await products.next(), await products.next()]
    await products.acknowledge(two.cursor)

    await expectData(
      shop.call('mutation ($cursor: Cursor!) { rewind(cursor: $cursor) { stream { stream pending } } }', { cursor: one.cursor }, key),
    )
    const again = await products.readUntil((batch) => batch.changes.length > 0)

    expect(again.map((change) => change.key).toSorted()).toEqual(two.changes.map((change) => change.key).toSorted())
  })

  test("refuses a cursor that was bent, another stream's and another view's", async () => {
    const [mine, other] = [await createView(shop, 'Cursor mine'), await createView(shop, 'Cursor other')]
    const product = await new Subscription(shop.connect(mine.key), 'PRODUCT').next()
    const bent = `${product.cursor.slice(0, 20)}${product.cursor[20] === 'A' ? 'B' : 'A'}${product.cursor.slice(21)}`
    const acknowledge = async (cursor: string, key: string) =>
      (await shop.call('mutation ($cursor: Cursor!) { acknowledge(cursor: $cursor) { __typename } }', { cursor }, key)).errors?.[0]
        ?.extensions['code']

    expect(await acknowledge(product.cursor, mine.key)).toBeUndefined()
    expect(await acknowledge(bent, mine.key)).toBe('INVALID_CURSOR')
    expect(await acknowledge('nonsense', mine.key)).toBe('INVALID_CURSOR')
    expect(await acknowledge(product.cursor, other.key)).toBe('INVALID_CURSOR')
    expect(await new Subscription(shop.connect(mine.key), 'STOCK', { afterCursor: product.cursor }).ended()).toBe('INVALID_CURSOR')
  })
})

describe('a stream', () => {
  test('is taken over by a newer subscription, here and on another gateway', async () => {
    await using other = await startGateway(shop.database)
    const { key } = await createView(shop, 'Take over')
    const first = new Subscription(shop.connect(key), 'PRODUCT')
    await first.next()

    const second = new Subscription(shop.connect(key), 'PRODUCT')
    await second.next()
    expect(await first.ended()).toBe('STREAM_TAKEN_OVER')
    const third = new Subscription(other.connect(key), 'PRODUCT')
    await third.next()

    expect(await second.ended()).toBe('STREAM_TAKEN_OVER')
  })

  test('of a view that is paused ends, and goes on where it was', async () => {
    await createProducts(shop, ['pause-1'], 1)
    const { viewId, key } = await createView(shop, 'Pause')
    await link(viewId, ['pause-1'])
    const stock = new Subscription(shop.connect(key), 'STOCK')
    await stock.readUntil((batch) => batch.caughtUp)
    const pause = (paused: boolean) =>
      expectData(
        shop.call('mutation ($id: ID!, $paused: Boolean) { updateSyncView(id: $id, input: { paused: $paused }) { syncView { state } } }', {
          id: viewId,
          paused,
        }),
      )

    expect((await pause(true)).updateSyncView.syncView.state).toBe('PAUSED')
    expect(await stock.ended()).toBe('SYNC_VIEW_PAUSED')
    await setStock('SKU-pause-1', 2)
    expect(await new Subscription(shop.connect(key), 'STOCK').ended()).toBe('SYNC_VIEW_PAUSED')
    await pause(false)

    expect(await new Subscription(shop.connect(key), 'STOCK').readUntil((batch) => batch.caughtUp)).toMatchObject([
      { entity: { onHand: 2 } },
    ])
  })

  test('can be pulled, with the same cursors', async () => {
    await createProducts(shop, handles('pull', 5))
    const { viewId, key } = await createView(shop, 'Pull')
    await link(viewId, handles('pull', 5))
    const pull = async (variables: Record<string, unknown>) =>
      (
        await expectData(
          shop.call(
            'query ($after: Cursor, $first: Int, $wait: Int) { productChanges(afterCursor: $after, first: $first, waitSeconds: $wait) { cursor caughtUp changes { handle } } }',
            variables,
            key,
          ),
        )
      ).productChanges

    const one = await pull({ first: 3 })
    const two = await pull({ first: 3, after: one.cursor })
    await expectData(shop.call('mutation ($cursor: Cursor!) { acknowledge(cursor: $cursor) { __typename } }', { cursor: two.cursor }, key))
    const waiting = pull({ wait: 10 })
    await expectData(shop.call('mutation { upsertProducts(input: [{ handle: "pull-1", title: "Later" }]) { products { id } } }'))

    expect(one.changes).toHaveLength(3)
    expect(two).toMatchObject({ caughtUp: true, changes: [expect.anything(), expect.anything()] })
    expect((await waiting).changes).toEqual([{ handle: 'pull-1' }])
    expect(await pull({})).toMatchObject({ changes: [{ handle: 'pull-1' }] })
  })

  test('is refused to a user without a sync view, and to a key that is none', async () => {
    const { key } = await createIntegration(shop, 'No view')
    expect(await new Subscription(shop.connect(key), 'PRODUCT').ended()).toBe('NO_SYNC_VIEW')
    expect(await new Subscription(shop.connect(adminKey), 'PRODUCT').ended()).toBe('NO_SYNC_VIEW')
  })
})
