import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { isDatabaseAway } from '../../src/db/faults.ts'
import { advanceCheckpoint, advanceCheckpoints, readCheckpoint } from '../../src/sync/checkpoint.ts'
import { Subscription } from '../helpers/consumer.ts'
import { untilSequenced } from '../helpers/database.ts'
import { createProducts, createView, expectData, startShop } from '../helpers/gateway.ts'
import { numberOf } from '../helpers/ids.ts'

// Between two ranges of positions the database may have been set back. The gateways are kept from finding out, so that everything else happens first.

let shop: Awaited<ReturnType<typeof startShop>>
let ranges: ReturnType<typeof shop.database.database.direct>
beforeAll(async () => {
  shop = await startShop()
  ranges = shop.database.database.direct('test', () => {})
})
afterAll(async () => {
  await ranges.end()
  await shop[Symbol.asyncDispose]()
})

const sql = () => shop.database.database.sql
const link = 'mutation ($viewId: ID!, $products: [ProductBy!]!) { linkProducts(syncViewId: $viewId, products: $products) { linksCreated } }'

/** A view that is linked to one product, `handle`. */
async function createViewOf(handle: string, name: string) {
  await createProducts(shop, [handle], 1)
  const view = await createView(shop, name)
  await expectData(shop.call(link, { viewId: view.viewId, products: [{ handle }] }))
  await untilSequenced(shop.database.database)
  return view
}

/** What a test holds up, and how it begins: a gateway has other statements that look at the same tables. */
const held = {
  checkpoint: { table: 'checkpoints', beginning: 'SELECT * FROM checkpoints' },
  page: { table: 'links', beginning: 'SELECT q.epoch, (SELECT sighting()) AS sighting, e.*' },
  ranges: { table: 'position_ranges', beginning: 'SELECT (SELECT sighting()) AS sighting, s.epoch' },
} as const

const isHeldUp = async (what: keyof typeof held): Promise<boolean> => {
  const { table, beginning } = held[what]
  const waiting = await sql()`
    SELECT 1 FROM pg_locks l JOIN pg_stat_activity a USING (pid)
    WHERE a.datname = current_database() AND l.relation = ${table}::regclass AND NOT l.granted AND starts_with(ltrim(a.query, E' \\n'), ${beginning})`
  return waiting.length > 0
}

const standing = async () => sql()`SELECT epoch, (SELECT count(*)::int FROM resends WHERE cause = 'FAILOVER') AS resends FROM sequencer`

/** Nobody can ask what is known of ranges, until `ranges` commits. */
async function keepRanges(): Promise<void> {
  await ranges`BEGIN`
  await ranges`LOCK TABLE position_ranges IN ACCESS EXCLUSIVE MODE`
}

/** A stream that has opened, and whose first page is read after `change`. */
async function openBefore(key: string, change: () => Promise<void>): Promise<Subscription> {
  return sql().begin(async (links) => {
    await links`LOCK TABLE links IN ACCESS EXCLUSIVE MODE`
    const stream = new Subscription(shop.connect(key), 'STOCK')
    await expect.poll(() => isHeldUp('page')).toBe(true)
    await change()
    return stream
  })
}

test('a stream whose page is of a new term waits until it was held against the database, and has lost nothing', async () => {
  const { key } = await createViewOf('term-1', 'Term')
  const before = await standing()
  const termOf = async (): Promise<number> => Number((await sql()<{ term: number }[]>`SELECT term FROM sequencer`)[0]?.term)
  /** Whether a new term has begun and the hub waits to be told what is known. It may have asked before it could be kept from it. */
  const isTakingUp = async (): Promise<boolean> => {
    const term = await termOf()
    await sql()`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'synkvy sequencer' AND datname = current_database()`
    await expect.poll(termOf, { interval: 1 }).toBeGreaterThan(term)
    await keepRanges()
    await sql()`UPDATE sync_views SET name = name || ' anew' WHERE name LIKE 'Term%'`
    for (let look = 0; look < 50; look += 1) {
      if (await isHeldUp('ranges')) return true
      await sleep(20)
    }
    await ranges`ROLLBACK`
    return false
  }

  const stream = await openBefore(key, async () => {
    await expect.poll(isTakingUp).toBe(true)
  })
  await sleep(300)
  expect(stream.waiting).toBe(0)
  await ranges`COMMIT`

  await stream.readUntil((batch) => batch.caughtUp)
  await sql()`UPDATE stock_levels SET on_hand = 4 WHERE variant_id = (SELECT id FROM variants WHERE sku = 'SKU-term-1')`
  await stream.readUntil((batch) => batch.changes.some(({ entity }) => entity?.['onHand'] === 4))
  expect(await standing()).toEqual(before)
})

test('a page of a database that was set back is not sent to who has seen more: the stream ends, and all is sent anew', async () => {
  const { key } = await createViewOf('back-1', 'Back')

  const stream = await openBefore(key, async () => {
    await keepRanges()
    // As after a backup was put back: the range that was in use is not known, and the one that is now holds the same numbers.
    await ranges`UPDATE position_ranges SET nonce = nonce + 1 WHERE used_to IS NULL`
    await sql()`UPDATE sequencer SET nonce = nonce + 1`
  })
  await expect.poll(() => isHeldUp('ranges')).toBe(true)
  await sleep(300)
  expect(stream.waiting).toBe(0)
  await ranges`COMMIT`

  expect(await stream.ended()).toBe('SERVICE_UNAVAILABLE')
  expect(await standing()).toEqual([{ epoch: 1, resends: 1 }])
  const [run] = await sql()<{ id: number }[]>`SELECT id FROM resends`
  expect(run?.id, 'no number that a run had which is lost').toBeGreaterThan(1_000_000)
  const again = await new Subscription(shop.connect(key), 'STOCK').readUntil((batch) => batch.resendComplete)
  expect(again).toMatchObject([{ key: 'SKU-back-1', lane: 'RESEND' }])
  expect(again[0]?.revision).toBeGreaterThan(2n ** 53n)
})

test('a stream that was being opened when the database was set back is ended as well', async () => {
  const { key } = await createViewOf('opened-1', 'Opened')

  const stream = await sql().begin(async (checkpoints) => {
    await checkpoints`LOCK TABLE checkpoints IN ACCESS EXCLUSIVE MODE`
    const opening = new Subscription(shop.connect(key), 'STOCK')
    await expect.poll(() => isHeldUp('checkpoint')).toBe(true)
    await sql()`UPDATE position_ranges SET nonce = nonce + 1 WHERE used_to IS NULL`
    await sql()`UPDATE sequencer SET nonce = nonce + 1`
    // The gateway looks every second: it takes the other range up, and has no reason to do so again.
    await sleep(2_500)
    return opening
  })

  expect(await stream.ended()).toBe('SERVICE_UNAVAILABLE')
})

test('how far a stream had come in another range of positions is not written down', async () => {
  const { key, viewId } = await createViewOf('far-1', 'Far')
  const [account] = await sql()<{ id: number }[]>`SELECT account_id AS id FROM sync_views WHERE id = ${numberOf(viewId)}`
  const at = { accountId: account?.id ?? 0, viewId: numberOf(viewId), stream: 'STOCK' } as const
  const stream = new Subscription(shop.connect(key), 'STOCK')
  await stream.readUntil((batch) => batch.caughtUp)
  const before = await readCheckpoint(sql(), at)
  if (before === undefined) throw new Error('the stream has a checkpoint')
  const [range] = await sql()<{ epoch: number; nonce: number }[]>`SELECT epoch, nonce FROM sequencer`
  if (range === undefined) throw new Error('there is a sequencer')
  const progress = { ...before, live: before.live + 1_000 }
  /** As a gateway does for all of its streams at once. */
  const keep = (nonce: number) => {
    const cursor = { ...at, epoch: range.epoch, sighting: { nonce, head: 0, durableTo: 0 }, progress }
    return advanceCheckpoints(sql(), [{ accountId: at.accountId, cursor }], false)
  }

  const refusal = await advanceCheckpoint(sql(), at, { progress, nonce: 1 }, false).catch((error: unknown) => error)

  expect(isDatabaseAway(refusal)).toBe(true)
  expect((await keep(1)).size).toBe(0)
  expect(await readCheckpoint(sql(), at)).toMatchObject({ live: before.live })
  expect([...(await keep(range.nonce)).keys()]).toEqual([0])
  expect(await readCheckpoint(sql(), at)).toMatchObject({ live: before.live + 1_000, acknowledgedAt: before.acknowledgedAt })
})
