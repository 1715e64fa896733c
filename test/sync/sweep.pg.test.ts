import { afterAll, beforeAll, expect, test } from 'vitest'
import { advisoryLocks } from '../../src/db/locks.ts'
import { sweepAll } from '../../src/housekeeping.ts'
import { Subscription } from '../helpers/consumer.ts'
import { untilSequenced } from '../helpers/database.ts'
import { createProducts, createView, expectData, startShop } from '../helpers/gateway.ts'

let shop: Awaited<ReturnType<typeof startShop>>
beforeAll(async () => {
  shop = await startShop()
})
afterAll(async () => {
  await shop[Symbol.asyncDispose]()
})

const kept = { keptDays: 30, ledgerDays: 400, auditDays: 400 }
const sweep = () => sweepAll(shop.database.database, kept)

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
  expect(await sweep(), 'young').toEqual({})

  await sql`UPDATE links SET position = position - 40 * 86400000000::bigint`
  await sql`UPDATE checkpoints SET linked = linked - 40 * 86400000000::bigint`
  await sql`UPDATE feed SET at = at - interval '40 days' WHERE subject IN ('PRODUCT', 'STOCK')`
  expect(await sweep(), 'not acknowledged').toEqual({})

  for (const { cursor } of removes) await stream.acknowledge(cursor)
  expect(await sweep()).toEqual({ markers: 1, 'links of deleted products': 1, tombstones: 2 })
  expect(await linkCount()).toBe(1)
  const plan = await expectData(
    shop.call('query ($id: ID!) { resendPlan(syncViewId: $id) { productCount linksToCreate } }', { id: viewId }),
  )
  expect(plan.resendPlan).toEqual({ productCount: 2, linksToCreate: 1 })
})

test('news of views and keys goes when it is old, and what changes afterwards is told all the same', async () => {
  const { sql } = shop.database.database
  const { viewId, key } = await createView(shop, 'News')
  const stream = new Subscription(shop.connect(key), 'PRODUCT')
  await stream.readUntil((batch) => batch.caughtUp)
  await untilSequenced(shop.database.database)
  const [{ count } = { count: 0 }] = await sql<{ count: number }[]>`SELECT count(*) FROM feed WHERE subject IN ('VIEW', 'KEY')`
  await sql`UPDATE feed SET at = at - interval '40 days' WHERE subject IN ('VIEW', 'KEY')`

  expect(await sweep()).toEqual({ 'news of views and keys': count })
  await expectData(
    shop.call('mutation ($id: ID!) { updateSyncView(id: $id, input: { paused: true }) { syncView { id } } }', { id: viewId }),
  )

  expect(await stream.ended()).toBe('SYNC_VIEW_PAUSED')
})

test('runs that have ended go when they are old, but for the latest of each kind', async () => {
  const { sql } = shop.database.database
  const { viewId } = await createView(shop, 'Runs')
  const resend = () =>
    expectData(shop.call('mutation ($id: ID!) { resendAllProducts(syncViewId: $id, confirm: true) { __typename } }', { id: viewId }))
  const cancel = () => expectData(shop.call('mutation ($id: ID!) { cancelResend(syncViewId: $id) { resend { id } } }', { id: viewId }))
  for (let run = 0; run < 3; run += 1) {
    await resend()
    await cancel()
  }
  await resend()
  expect(await sweep()).toEqual({})

  await sql`UPDATE resends SET started_at = started_at - interval '40 days', finished_at = finished_at - interval '40 days'`

  expect(await sweep()).toEqual({ resends: 2 })
  expect(await sql`SELECT state FROM resends ORDER BY id`).toEqual([{ state: 'CANCELLED' }, { state: 'RUNNING' }])
  expect(await sweep()).toEqual({})
})

test('ranges of positions go after more than a year; a cursor of one that is kept is good, one of one that is gone is resent to', async () => {
  const { sql } = shop.database.database
  const { key } = await createView(shop, 'Ranges')
  const cursorNow = async () => (await expectData(shop.call('{ productChanges { cursor } }', {}, key))).productChanges.cursor
  const old = await cursorNow()
  const [{ term } = { term: 0 }] = await sql<{ term: number }[]>`SELECT term FROM sequencer`
  const reserve = () => sql`SELECT reserve_positions(${term}, 1000000)`
  const epoch = async () => (await sql<{ epoch: number }[]>`SELECT epoch FROM sequencer`)[0]?.epoch
  const before = await epoch()
  await reserve()
  const kept = await cursorNow()
  await reserve()
  await sql`UPDATE position_ranges SET at = now() - interval '401 days' WHERE begins = (SELECT min(begins) FROM position_ranges)`

  expect(await sweep()).toEqual({ 'ranges of positions': 1 })
  const pull = (afterCursor: string) =>
    shop.call('query ($afterCursor: Cursor) { productChanges(afterCursor: $afterCursor) { cursor } }', { afterCursor }, key)
  await expectData(pull(kept))
  expect(await epoch()).toBe(before)
  await expectData(pull(old))
  expect(await epoch()).toBe((before ?? 0) + 1)
})

test('the ledger is kept for as long as it is configured', async () => {
  const { sql } = shop.database.database
  await expectData(shop.call('mutation { adjustStock(input: [{ sku: "SKU-sweep-3", delta: 1 }]) { stockLevels { id } } }'))
  await sql`UPDATE stock_movements SET at = now() - interval '399 days'`
  expect(await sweep()).toEqual({})

  await sql`UPDATE stock_movements SET at = now() - interval '401 days'`
  const [{ count } = { count: 0 }] = await sql<{ count: number }[]>`SELECT count(*) FROM stock_movements`

  expect(await sweep()).toEqual({ 'stock movements': count })
})

test('one gateway at a time sweeps: another leaves it to that one', async () => {
  const { sql } = shop.database.database
  await untilSequenced(shop.database.database)
  await sql`UPDATE feed SET at = at - interval '40 days' WHERE subject IN ('VIEW', 'KEY')`

  await sql.begin(async (tx) => {
    await tx`SELECT pg_advisory_xact_lock(${advisoryLocks.housekeeping}, 0)`
    expect(await sweep()).toEqual({})
  })

  expect(await sweep()).toEqual({ 'news of views and keys': expect.any(Number) })
})
