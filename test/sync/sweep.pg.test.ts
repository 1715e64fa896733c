import { afterAll, beforeAll, expect, test } from 'vitest'
import { sweep } from '../../src/sync/sweep.ts'
import { Subscription } from '../helpers/consumer.ts'
import { createProducts, createView, expectData, startShop } from '../helpers/gateway.ts'

let shop: Awaited<ReturnType<typeof startShop>>
beforeAll(async () => {
  shop = await startShop()
})
afterAll(async () => {
  await shop[Symbol.asyncDispose]()
})

test('markers and tombstones stay until they are acknowledged and a month old, and then go; linkCount is right all the while', async () => {
  const { sql } = shop.database.database
  await createProducts(shop, ['sweep-1', 'sweep-2', 'sweep-3'], 1)
  const { viewId, key } = await createView(shop, 'Sweep')
  const linkCount = async () =>
    (await expectData(shop.call('query ($id: ID!) { syncView(id: $id) { linkCount } }', { id: viewId }))).syncView.linkCount
  const products = ['sweep-1', 'sweep-2', 'sweep-3'].map((handle) => ({ handle }))
  await expectData(
    shop.call('mutation ($id: ID!, $products: [ProductBy!]!) { linkProducts(syncViewId: $id, products: $products) { linksCreated } }', {
      id: viewId,
      products,
    }),
  )
  const stream = new Subscription(shop.connect(key), 'PRODUCT')
  await stream.readUntil((batch) => batch.caughtUp)

  await expectData(
    shop.call('mutation ($id: ID!) { unlinkProducts(syncViewId: $id, products: [{ handle: "sweep-1" }]) { linksRemoved } }', {
      id: viewId,
    }),
  )
  await expectData(shop.call('mutation { deleteProducts(products: [{ handle: "sweep-2" }]) { deletedCount } }'))
  const removes = [await stream.next(), await stream.next()]
  await expect.poll(linkCount).toBe(1)
  expect(await sweep(sql), 'young').toBe(0)

  await sql`UPDATE links SET position = position - 40 * 86400000000::bigint`
  await sql`UPDATE checkpoints SET linked = linked - 40 * 86400000000::bigint`
  await sql`UPDATE feed SET at = at - interval '40 days'`
  expect(await sweep(sql), 'not acknowledged').toBe(0)

  for (const { cursor } of removes) await stream.acknowledge(cursor)
  expect(await sweep(sql), 'a marker, a link of a deleted product, the tombstones of the product and of its stock').toBe(4)
  expect(await linkCount()).toBe(1)
  const plan = await expectData(
    shop.call('query ($id: ID!) { resendPlan(syncViewId: $id) { productCount linksToCreate } }', { id: viewId }),
  )
  expect(plan.resendPlan).toEqual({ productCount: 2, linksToCreate: 1 })
})
