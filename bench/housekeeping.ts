import { setTimeout as sleep } from 'node:timers/promises'
import type { Rounds } from './figures.ts'
import type { Stage } from './stage.ts'
import { sweepMovements } from '../src/catalog/stock-ledger.ts'
import { sweepIdempotencyKeys } from '../src/catalog/stock.ts'
import type { TransactionSql } from '../src/db/client.ts'
import { rowsAtOnce } from '../src/housekeeping.ts'
import { readLags } from '../src/sync/lag.ts'
import { feedSweeps } from '../src/sync/sweep.ts'

const keptDays = 30

type Batch = (tx: TransactionSql) => Promise<number>

/** Of the feed's sweeps the one of this name. */
function feedSweep(name: string): Batch {
  const found = feedSweeps.find(({ what }) => what === name)
  if (found === undefined) throw new Error(`there is no sweep of ${name}`)
  return (tx) => found.sweep(tx, { keptDays }, rowsAtOnce)
}

/**
 * What housekeeping costs where `count` rows of a kind are there: a look that finds nothing over, as each hour brings; and taking all of them, in batches: the longest
 * of them, and rows a second.
 */
export async function housekeeping(stage: Stage, count: number): Promise<ReadonlyMap<string, Rounds>> {
  const { sql } = stage.database
  const { accountId } = stage
  const viewId = await stage.addUnlinkedView()
  const figures = new Map<string, Rounds>()
  const measure = async (what: string, batch: Batch, age: () => PromiseLike<unknown>): Promise<void> => {
    await sql`ANALYZE`
    const nothingMs = await timed(() => sql.begin(batch))
    await age()
    await sql`CHECKPOINT`
    await sleep(1_000)
    const taken: number[] = []
    const began = Date.now()
    let gone: number
    do {
      const startedAt = performance.now()
      gone = await sql.begin(batch)
      taken.push(performance.now() - startedAt)
    } while (gone >= rowsAtOnce)
    figures.set(what, {
      'nothing over, ms': [nothingMs],
      'longest batch, ms': [Math.max(...taken)],
      'rows a second': [count / ((Date.now() - began) / 1_000)],
    })
  }

  await sql`INSERT INTO links (account_id, view_id, product_id, position, revision, unlinked)
    SELECT ${accountId}, ${viewId}, 1e9::bigint + n, clock_microseconds() - 40 * 86400000000 + n, n, true FROM generate_series(1, ${count}::int) n`
  await sql`INSERT INTO checkpoints (account_id, view_id, subject, live, linked) VALUES (${accountId}, ${viewId}, 'PRODUCT', 0, 0)`
  await measure(
    'markers',
    feedSweep('markers'),
    () => sql`UPDATE checkpoints SET linked = ${Number.MAX_SAFE_INTEGER} WHERE view_id = ${viewId}`,
  )

  await sql`INSERT INTO feed (account_id, subject, entity_id, position, first_position, product_id, revision, deleted, key, at)
    SELECT ${accountId}, 'PRODUCT', 1e9::bigint + n, -n, -n, 1e9::bigint + n, n, true, 'product-' || n, now() FROM generate_series(1, ${count}::int) n`
  await measure('tombstones', feedSweep('tombstones'), () => sql`UPDATE feed SET at = now() - interval '40 days' WHERE deleted`)

  await sql`INSERT INTO idempotency_keys (account_id, user_id, key, input_hash, answer, created_at)
    SELECT ${accountId}, 1, 'key-' || n, repeat('0', 64), '[]', now() FROM generate_series(1, ${count}::int) n`
  await measure(
    'keys',
    (tx) => sweepIdempotencyKeys(tx, rowsAtOnce),
    () => sql`UPDATE idempotency_keys SET created_at = now() - interval '31 days'`,
  )

  await sql`INSERT INTO stock_movements (account_id, stock_level_id, cause, on_hand_delta, reserved_delta, on_hand, reserved, at)
    SELECT s.account_id, s.id, 'ADJUSTMENT', 1, 0, 1, 0, now() - interval '10 days' * n / ${count}::int
    FROM generate_series(${count}::int, 1, -1) n, (SELECT account_id, id FROM stock_levels LIMIT 1) s`
  await measure(
    'movements',
    (tx) => sweepMovements(tx, keptDays, rowsAtOnce),
    () => sql`UPDATE stock_movements SET at = at - interval '31 days'`,
  )
  return figures
}

/** How long it takes to tell what waits for views, of `viewCount` views with two streams each that are all behind a feed of `changes`. */
export async function tellingLag(stage: Stage, viewCount: number, changes: number): Promise<ReadonlyMap<string, Rounds>> {
  const { sql } = stage.database
  await stage.addViews(viewCount)
  await sql`INSERT INTO checkpoints (account_id, view_id, subject, live, linked)
    SELECT account_id, id, s, 0, 0 FROM sync_views, unnest(ARRAY['PRODUCT', 'STOCK']) s WHERE account_id = ${stage.accountId} ON CONFLICT DO NOTHING`
  await sql`UPDATE stock_levels SET on_hand = on_hand + 1 WHERE id IN (SELECT id FROM stock_levels LIMIT ${changes})`
  await sleep(2_000)
  await sql`ANALYZE`
  const behind = await timed(() => readLags(sql))
  await sql`UPDATE checkpoints SET live = (SELECT head FROM sequencer), linked = ${Number.MAX_SAFE_INTEGER}`
  await sql`VACUUM ANALYZE checkpoints`
  return new Map([['lag', { 'all behind, ms': [behind], 'all level, ms': [await timed(() => readLags(sql))] }]])
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now()
  await work()
  return performance.now() - began
}
