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

const handles = Array.from({ length: 300 }, (_, index) => `bounded-${index}`)

test('a consumer that acknowledges nothing gets a window and no more, and delays no other', async () => {
  await createProducts(shop, handles, 1)
  const [stuck, live] = [await createView(shop, 'Stuck'), await createView(shop, 'Live')]
  for (const { viewId } of [stuck, live]) {
    await expectData(shop.call('mutation ($viewId: ID!) { resendAllProducts(syncViewId: $viewId) { __typename } }', { viewId }))
  }
  const stuckStock = new Subscription(shop.connect(stuck.key), 'STOCK', { batchSize: 10, maxInFlight: 3 })
  const liveStock = new Subscription(shop.connect(live.key), 'STOCK')
  await liveStock.readUntil((batch) => batch.caughtUp)

  for (let round = 2; round < 8; round += 1) {
    await shop.database.database.sql`UPDATE stock_levels SET on_hand = ${round}`
    await liveStock.readUntil((batch) => batch.changes.some((change) => change.entity?.['onHand'] === round))
  }

  expect(stuckStock.waiting).toBe(3)
  const all = await catchUp(stuckStock)
  expect(new Set(all)).toEqual(new Set(handles.map((handle) => `SKU-${handle} 7`)))
})

/** Acknowledges at last, and reads all: each level once more, as it is now. */
async function catchUp(stock: Subscription): Promise<readonly string[]> {
  const last = new Map<string, unknown>()
  for (const change of await stock.readUntil((batch) => batch.caughtUp)) last.set(change.key, change.entity?.['onHand'])
  return [...last].map(([key, onHand]) => `${key} ${String(onHand)}`)
}

test('with nothing to send a gateway makes about a statement a second, with 1 view or 60, and doorbells at those that are away', async () => {
  const views = []
  for (let index = 0; index < 60; index += 1) views.push(await createView(shop, `Idle ${index}`))
  const subscriptions = views.map((view) => new Subscription(shop.connect(view.key), 'PRODUCT'))
  for (const subscription of subscriptions) await subscription.next()
  await shop.database.database.sql`UPDATE sync_views SET doorbell_url = 'http://127.0.0.1:9/', doorbell_secret = 'whsec_AAAA'`
  for (const subscription of subscriptions.slice(0, 20)) subscription.close()
  // A backend publishes what it has counted at the latest after ten seconds.
  await new Promise((resolve) => setTimeout(resolve, 12_000))

  // Transactions of other databases on the same server keep a sequencer from falling asleep: a quiet window comes when they have ended.
  let made = Number.POSITIVE_INFINITY
  for (let window = 0; window < 4 && made >= 40; window += 1) {
    const before = await transactions()
    await new Promise((resolve) => setTimeout(resolve, 12_000))
    made = (await transactions()) - before
  }

  // The count itself, and Postgres' own background work, are among them.
  expect(made).toBeLessThan(40)
}, 120_000)

/** Transactions of this database so far. */
async function transactions(): Promise<number> {
  const { sql } = shop.database.database
  const [row] = await sql<{ count: number }[]>`SELECT xact_commit AS count FROM pg_stat_database WHERE datname = current_database()`
  return row?.count ?? 0
}
