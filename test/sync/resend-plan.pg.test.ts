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

const planOf = async (viewId: string) =>
  (
    await expectData(
      shop.call(
        'query ($id: ID!) { resendPlan(syncViewId: $id) { productCount linksToCreate estimatedSeconds running { state acknowledged } last { state } } }',
        { id: viewId },
      ),
    )
  ).resendPlan
const resendAll = (id: string) =>
  expectData(shop.call('mutation ($id: ID!) { resendAllProducts(syncViewId: $id, confirm: true) { __typename } }', { id }))
const cancel = (id: string) => expectData(shop.call('mutation ($id: ID!) { cancelResend(syncViewId: $id) { __typename } }', { id }))

test('a plan tells what a resend would do and how long, by what was measured of the view, and changes nothing', async () => {
  await createProducts(
    shop,
    Array.from({ length: 20 }, (_, index) => `plan-${index + 1}`),
  )
  const { viewId, key } = await createView(shop, 'Plan')
  await expectData(
    shop.call(
      'mutation ($id: ID!) { linkProducts(syncViewId: $id, products: [{ handle: "plan-1" }, { handle: "plan-2" }]) { linksCreated } }',
      {
        id: viewId,
      },
    ),
  )
  const unknown = { productCount: 20, linksToCreate: 18, estimatedSeconds: null, running: null, last: null }
  expect(await planOf(viewId)).toEqual(unknown)
  expect(await planOf(viewId)).toEqual(unknown)

  await resendAll(viewId)
  expect(await planOf(viewId)).toEqual({ ...unknown, linksToCreate: 0, running: { state: 'RUNNING', acknowledged: 0 } })
  const products = new Subscription(shop.connect(key), 'PRODUCT', { batchSize: 5, maxInFlight: 1 })
  await products.acknowledge((await products.next()).cursor)
  await products.acknowledge((await products.next()).cursor)
  expect(await planOf(viewId), 'by what was acknowledged of it so far').toMatchObject({
    running: { state: 'RUNNING', acknowledged: 10 },
    estimatedSeconds: expect.any(Number),
  })

  await cancel(viewId)
  expect(await planOf(viewId)).toMatchObject({ running: null, last: { state: 'CANCELLED' }, estimatedSeconds: expect.any(Number) })
  products.close()

  await resendAll(viewId)
  await new Subscription(shop.connect(key), 'PRODUCT', { batchSize: 1_000 }).readUntil((batch) => batch.resendComplete)
  await expect.poll(async () => (await planOf(viewId)).last).toEqual({ state: 'COMPLETED' })
  await shop.database.database.sql`
    UPDATE resends SET started_at = now() - interval '60 s', first_acknowledged_at = now() - interval '50 s', finished_at = now() - interval '10 s' WHERE state = 'COMPLETED'`
  expect(await planOf(viewId), '20 in 40 s').toMatchObject({ estimatedSeconds: 40 })
  await shop.database.database.sql`UPDATE resends SET first_acknowledged_at = finished_at WHERE state = 'COMPLETED'`
  expect(await planOf(viewId), 'all at once, 50 s after it began').toMatchObject({ estimatedSeconds: 50 })
})

test('a plan waits for nobody who changes the links', async () => {
  const { viewId } = await createView(shop, 'Locked')

  await shop.database.database.sql.begin(async (tx) => {
    await tx`SELECT * FROM sync_views WHERE name = 'Locked' FOR UPDATE`
    expect(await planOf(viewId)).toMatchObject({ productCount: 20, linksToCreate: 20 })
  })
})
