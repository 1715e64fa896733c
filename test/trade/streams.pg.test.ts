import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Subscription, type ReceivedChange } from '../helpers/consumer.ts'
import { adminKey, createProducts, createView, expectData, startShop } from '../helpers/gateway.ts'

let shop: Awaited<ReturnType<typeof startShop>>
beforeAll(async () => {
  shop = await startShop()
  await createProducts(shop, ['mug'], 1_000)
})
afterAll(async () => {
  await shop[Symbol.asyncDispose]()
})

const lines = [{ sku: 'SKU-mug', quantity: 1, unitPrice: { amount: '10', currency: 'SEK' } }]
const send = async (key: string, orders: readonly Record<string, unknown>[]) =>
  (
    await expectData(
      shop.call('mutation ($input: [OrderInput!]!) { upsertOrders(input: $input) { orders { id revision } } }', { input: orders }, key),
    )
  ).upsertOrders.orders
const ship = (key: string, id: string, state = 'SHIPPED') =>
  expectData(
    shop.call('mutation ($id: ID!, $state: OrderState!) { setOrderState(id: $id, state: $state) { order { id } } }', { id, state }, key),
  )
const states = (changes: readonly ReceivedChange[]) => changes.map(({ key, lane, entity }) => [key, lane, entity?.['state']])

describe('orders', () => {
  it('go to the warehouse at once, and come back to whoever sent them when they are shipped; nobody is sent its own', async () => {
    const marketplace = await createView(shop, 'Marketplace')
    const warehouse = await createView(shop, 'Warehouse', { orderScope: 'ALL' })
    const [atMarketplace, atWarehouse] = [
      new Subscription(shop.connect(marketplace.key), 'ORDER'),
      new Subscription(shop.connect(warehouse.key), 'ORDER'),
    ]
    expect(await atMarketplace.next()).toMatchObject({ caughtUp: true, changes: [] })
    await atWarehouse.readUntil((batch) => batch.caughtUp)

    const [order] = await send(marketplace.key, [{ externalId: 'M-1', lines }])
    const arrived = await atWarehouse.readUntil((batch) => batch.changes.length > 0)
    await ship(warehouse.key, order.id)
    const back = await atMarketplace.readUntil((batch) => batch.changes.length > 0)
    // Its own next change is not sent back, and so the one after it is the next to come.
    await send(marketplace.key, [{ externalId: 'M-1', number: 'changed by its owner' }])
    await ship(adminKey, order.id, 'CANCELLED')
    const [next] = await atMarketplace.readUntil((batch) => batch.changes.length > 0)
    const atWarehouseNext = await atWarehouse.readUntil((batch) => batch.changes.some(({ entity }) => entity?.['state'] === 'CANCELLED'))

    expect(states(arrived)).toEqual([['M-1', 'LIVE', 'PLACED']])
    expect(arrived[0]).toMatchObject({
      kind: 'UPSERT',
      id: order.id,
      revision: BigInt(order.revision),
      entity: { lines: [{ sku: 'SKU-mug' }] },
    })
    expect(states(back)).toEqual([['M-1', 'LIVE', 'SHIPPED']])
    expect(next).toMatchObject({ entity: { state: 'CANCELLED', number: 'changed by its owner' } })
    expect(atWarehouseNext.some(({ entity }) => entity?.['state'] === 'SHIPPED' && entity['number'] === 'M-1')).toBe(false)
  })

  it('that came before a view first looked are all there, for LIVE begins at 0', async () => {
    const marketplace = await createView(shop, 'Before')
    await send(marketplace.key, [
      { externalId: 'B-1', lines },
      { externalId: 'B-2', lines },
    ])
    const late = await createView(shop, 'Looks later', { orderScope: 'ALL' })

    const seen = await new Subscription(shop.connect(late.key), 'ORDER', { batchSize: 1 }).readUntil((batch) => batch.caughtUp)

    expect(seen.map(({ key }) => key)).toEqual(expect.arrayContaining(['B-1', 'B-2']))
    expect(new Set(seen.map(({ id }) => id)).size).toBe(seen.length)
  })

  it('are sent to their own sender as well where somebody else has changed them before, unseen', async () => {
    const marketplace = await createView(shop, 'Away')
    const [order] = await send(marketplace.key, [{ externalId: 'A-1', lines }])
    await ship(adminKey, order.id)
    await send(marketplace.key, [{ externalId: 'A-1', number: 'its own change' }])

    const [change] = await new Subscription(shop.connect(marketplace.key), 'ORDER').readUntil((batch) => batch.caughtUp)

    expect(change).toMatchObject({ key: 'A-1', entity: { state: 'SHIPPED', number: 'its own change' } })
  })

  it('of others are not sent to a view that receives its own', async () => {
    const [one, other] = [await createView(shop, 'One'), await createView(shop, 'Other')]
    const [order] = await send(one.key, [{ externalId: 'O-1', lines }])
    const atOther = new Subscription(shop.connect(other.key), 'ORDER')
    await atOther.readUntil((batch) => batch.caughtUp)
    const [own] = await send(other.key, [{ externalId: 'O-2', lines }])
    await ship(adminKey, order.id)
    await ship(adminKey, own.id)

    expect(states(await atOther.readUntil((batch) => batch.changes.length > 0))).toEqual([['O-2', 'LIVE', 'SHIPPED']])
  })

  it('of the whole shop reach a view whose scope is widened, also those that it has passed; an acknowledge from before passes over none', async () => {
    const [one, widened] = [await createView(shop, 'Sells'), await createView(shop, 'Widened')]
    await send(one.key, [{ externalId: 'W-1', lines }])
    const [own] = await send(widened.key, [{ externalId: 'W-own', lines }])
    await ship(adminKey, own.id)
    const before = new Subscription(shop.connect(widened.key), 'ORDER')
    const batch = await before.next()
    expect(batch.changes.map(({ key }) => key)).toEqual(['W-own'])

    await expectData(
      shop.call('mutation ($id: ID!) { updateSyncView(id: $id, input: { orderScope: ALL }) { syncView { orderScope } } }', {
        id: widened.viewId,
      }),
    )
    await before.acknowledge(batch.cursor)
    const after = await before.readUntil((one) => one.changes.some(({ key }) => key === 'W-1') || one.caughtUp)

    expect(after.map(({ key }) => key)).toContain('W-1')
    const again = new Subscription(shop.connect(widened.key), 'ORDER', { afterCursor: batch.cursor })
    await again.readUntil((one) => one.caughtUp)
  })

  it('that are deleted come as a REMOVE that says what they were called', async () => {
    const marketplace = await createView(shop, 'Forgets')
    const [order] = await send(marketplace.key, [{ externalId: 'D-1', lines }])
    const subscription = new Subscription(shop.connect(marketplace.key), 'ORDER')
    await subscription.readUntil((batch) => batch.caughtUp)

    await shop.database.database.sql`DELETE FROM orders WHERE external_id = 'D-1'`

    const [gone] = await subscription.readUntil((batch) => batch.changes.length > 0)
    expect(gone).toMatchObject({ kind: 'REMOVE', reason: 'DELETED', id: order.id, key: 'D-1', entity: null })
    expect(gone?.revision).toBeGreaterThan(BigInt(order.revision))
  })

  it('can be pulled, with the same cursors and acknowledges', async () => {
    const marketplace = await createView(shop, 'Pulls')
    const [order] = await send(marketplace.key, [{ externalId: 'P-1', lines }])
    await ship(adminKey, order.id)
    const pull = async () =>
      (
        await expectData(
          shop.call(
            '{ orderChanges { cursor caughtUp changes { externalId order { state } } } customerChanges { caughtUp } }',
            {},
            marketplace.key,
          ),
        )
      ).orderChanges
    const first = await pull()
    expect(first).toMatchObject({ caughtUp: true, changes: [{ externalId: 'P-1', order: { state: 'SHIPPED' } }] })
    const { acknowledge } = await expectData(
      shop.call(
        'mutation ($cursor: Cursor!) { acknowledge(cursor: $cursor) { stream { stream pending } } }',
        { cursor: first.cursor },
        marketplace.key,
      ),
    )
    expect(acknowledge.stream).toEqual({ stream: 'ORDER', pending: 0 })
    expect((await pull()).changes).toEqual([])
    const refused = await shop.call(
      'query ($cursor: Cursor) { customerChanges(afterCursor: $cursor) { cursor } }',
      { cursor: first.cursor },
      marketplace.key,
    )
    expect(refused.errors?.[0]?.extensions['code']).toBe('INVALID_CURSOR')
  })

  it('wait to be counted until they are acknowledged', async () => {
    const marketplace = await createView(shop, 'Counted')
    const warehouse = await createView(shop, 'Counts', { orderScope: 'ALL' })
    await send(marketplace.key, [{ externalId: 'C-1', lines }])
    const pendingOf = async (viewId: string) => {
      const { syncView } = await expectData(
        shop.call('query ($id: ID!) { syncView(id: $id) { streams { stream pending oldestPendingAt } } }', { id: viewId }),
      )
      return syncView.streams.find(({ stream }: { stream: string }) => stream === 'ORDER')
    }
    await new Subscription(shop.connect(warehouse.key), 'ORDER').readUntil((batch) => batch.changes.some(({ key }) => key === 'C-1'), {
      acknowledge: false,
    })

    const waiting = await pendingOf(warehouse.viewId)
    expect(waiting.pending).toBeGreaterThan(0)
    expect(waiting.oldestPendingAt).not.toBeNull()
    expect(await pendingOf(marketplace.viewId)).toMatchObject({ pending: 0, oldestPendingAt: null })
  })
})

it('the stock that an order moves reaches whoever sent the order too, for it has not written the stock', async () => {
  const marketplace = await createView(shop, 'Sells mugs')
  await expectData(shop.call('mutation ($id: ID!) { resendAllProducts(syncViewId: $id) { __typename } }', { id: marketplace.viewId }))
  const stock = new Subscription(shop.connect(marketplace.key), 'STOCK')
  await stock.readUntil((batch) => batch.resendComplete)
  const before = (await expectData(shop.call('{ product(by: { sku: "SKU-mug" }) { variants { available } } }'))).product.variants[0]
    .available

  await send(marketplace.key, [{ externalId: 'S-1', lines }])

  const [change] = await stock.readUntil((batch) => batch.changes.length > 0)
  expect(change).toMatchObject({ key: 'SKU-mug', lane: 'LIVE', entity: { available: before - 1 } })
})

describe('customers', () => {
  it('go to who receives the whole shop, and what somebody else changes comes back to who sent them', async () => {
    const marketplace = await createView(shop, 'Knows customers')
    const erp = await createView(shop, 'ERP', { orderScope: 'ALL' })
    const [atMarketplace, atErp] = [
      new Subscription(shop.connect(marketplace.key), 'CUSTOMER'),
      new Subscription(shop.connect(erp.key), 'CUSTOMER'),
    ]
    await Promise.all([atMarketplace.next(), atErp.readUntil((batch) => batch.caughtUp)])
    const upsert = (input: readonly Record<string, unknown>[]) =>
      expectData(
        shop.call(
          'mutation ($input: [CustomerInput!]!) { upsertCustomers(input: $input) { customers { id externalId name email revision } } }',
          { input },
          marketplace.key,
        ),
      )

    const { upsertCustomers } = await upsert([{ externalId: 'K-1', name: 'Åsa', email: 'asa@example.com' }])
    const arrived = await atErp.readUntil((batch) => batch.changes.length > 0)
    const again = await upsert([{ externalId: 'K-1', name: 'Åsa' }])
    await shop.database.database.sql`UPDATE customers SET name = 'Åsa Öberg' WHERE external_id = 'K-1'`
    const [back] = await atMarketplace.readUntil((batch) => batch.changes.length > 0)

    expect(arrived).toMatchObject([{ kind: 'UPSERT', lane: 'LIVE', key: 'K-1', entity: { name: 'Åsa', email: 'asa@example.com' } }])
    expect(again.upsertCustomers.customers).toEqual(upsertCustomers.customers)
    expect(back).toMatchObject({ key: 'K-1', entity: { name: 'Åsa Öberg' } })
  })

  it('are told what is wrong with them, item by item', async () => {
    const marketplace = await createView(shop, 'Sends nonsense')
    const { errors } = await shop.call(
      'mutation ($input: [CustomerInput!]!) { upsertCustomers(input: $input) { customers { id } } }',
      {
        input: [
          { externalId: '', name: 'x' },
          { externalId: 'a', name: ' ', address: { line1: 'x', city: 'y', countryCode: 'Sweden' } },
          { externalId: 'a', name: 'b' },
        ],
      },
      marketplace.key,
    )
    expect(errors?.map(({ extensions }) => extensions['inputPath'])).toEqual([
      ['input', 0, 'externalId'],
      ['input', 1, 'name'],
      ['input', 1, 'address', 'countryCode'],
      ['input', 2, 'externalId'],
    ])
  })
})
