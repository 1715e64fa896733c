import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { z } from 'zod'
import { startChild } from './children.ts'
import { sharedNow } from './clock.ts'
import { inTurns, quantile, type Rounds } from './figures.ts'
import type { Stage } from './stage.ts'

/** How many consumers every change concerns, and how often something changes. */
export interface LatencyLoad {
  readonly consumers: number
  readonly perSecond: number
  readonly seconds: number
  readonly rounds: number
}

const levels = 1_000
const query = 'subscription { stockChanges(maxInFlight: 64) { cursor caughtUp changes { stockLevel { onHand } } } }'
const handWrittenQuery = 'subscription { stockChanges { id onHand } }'
const url = z.string()
const numbers = z.instanceof(Float64Array)

/**
 * From the return of the commit to the moment at which a consumer, in a process of its own, has parsed the message: synkvy, the floor (NOTIFY with the row, sent as
 * it is), and what people write by hand.
 */
export async function latency(stage: Stage, load: LatencyLoad): Promise<ReadonlyMap<string, Rounds>> {
  const { databaseUrl, database, gateway } = stage
  await database.sql`CREATE TABLE IF NOT EXISTS floor_levels AS SELECT n AS id, 0 AS on_hand FROM generate_series(0, ${levels - 1}::int) n`
  await database.sql`CREATE UNIQUE INDEX IF NOT EXISTS floor_levels_id ON floor_levels (id)`
  await database.sql`CREATE TABLE IF NOT EXISTS hand_written_levels AS SELECT * FROM floor_levels`
  await database.sql`CREATE UNIQUE INDEX IF NOT EXISTS hand_written_levels_id ON hand_written_levels (id)`
  await database.sql`
    CREATE OR REPLACE FUNCTION tell_hand_written() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_notify('hand_written', NEW.id::text); RETURN NULL; END $$`
  await database.sql`CREATE OR REPLACE TRIGGER tell AFTER UPDATE ON hand_written_levels FOR EACH ROW EXECUTE FUNCTION tell_hand_written()`
  const ids = await database.sql<
    { id: number }[]
  >`SELECT id FROM stock_levels WHERE account_id = ${stage.accountId} ORDER BY id LIMIT ${levels}`

  const socketUrl = `${gateway.url.replace('http', 'ws')}/graphql`
  const keys = await stage.addViews(load.consumers)
  const nobody = Array.from({ length: load.consumers }, () => '')
  await using floor = await startChild('./floor-process.ts', { databaseUrl }, (message) => url.parse(message))
  await using handWritten = await startChild('./hand-written-process.ts', { databaseUrl }, (message) => url.parse(message))

  const contenders = {
    synkvy: () =>
      measure(
        databaseUrl,
        load,
        { url: socketUrl, keys, query, acknowledgeEveryMs: Math.max(20, load.consumers / 2) },
        {
          name: 'synkvy',
          text: 'UPDATE stock_levels SET on_hand = $1 WHERE account_id = $2 AND id = $3',
          values: (number) => [number, stage.accountId, ids[number % ids.length]?.id ?? 0],
        },
      ),
    floor: () =>
      measure(
        databaseUrl,
        load,
        { url: floor.ready, keys: nobody },
        {
          name: 'floor',
          text: `WITH u AS (UPDATE floor_levels SET on_hand = $1 WHERE id = $2 RETURNING *) SELECT pg_notify('floor', json_build_object('id', id, 'onHand', on_hand)::text) FROM u`,
          values: (number) => [number, number % levels],
        },
      ),
    'written by hand': () =>
      measure(
        databaseUrl,
        load,
        { url: handWritten.ready, keys: nobody, query: handWrittenQuery },
        {
          name: 'by_hand',
          text: 'UPDATE hand_written_levels SET on_hand = $1 WHERE id = $2',
          values: (number) => [number, number % levels],
        },
      ),
  }
  // Awaited here: what is disposed of at the end of this function is used until then.
  return await inTurns(contenders, load.rounds)
}

interface Write {
  readonly name: string
  readonly text: string
  readonly values: (number: number) => readonly unknown[]
}

let written = 1_000

async function measure(
  databaseUrl: string,
  { perSecond, seconds }: LatencyLoad,
  consumers: { readonly url: string; readonly keys: readonly string[]; readonly query?: string; readonly acknowledgeEveryMs?: number },
  write: Write,
): Promise<Readonly<Record<string, number>>> {
  await using consumer = await startChild('./consumer-process.ts', consumers, () => undefined)
  const writer = new pg.Client({ connectionString: databaseUrl })
  await writer.connect()
  const committedAt = new Map<number, number>()
  const writeOnce = async (): Promise<number> => {
    written += 1
    const number = written
    await writer.query({ name: write.name, text: write.text, values: [...write.values(number)] })
    committedAt.set(number, sharedNow())
    return number
  }
  // What is measured begins warm.
  for (let count = 0; count < perSecond; count += 1) await writeOnce()
  await sleep(500)
  await consumer.ask('what has arrived')
  committedAt.clear()

  const began = sharedNow()
  for (let count = 0; count < perSecond * seconds; count += 1) {
    await writeOnce()
    const wait = began + ((count + 1) * 1_000) / perSecond - sharedNow()
    if (wait > 1) await sleep(wait)
  }
  await sleep(2_000)
  await writer.end()
  const latencies = latenciesOf(numbers.parse(await consumer.ask('what has arrived')), committedAt)
  const expected = perSecond * seconds * consumers.keys.length
  return {
    p50: quantile(latencies, 0.5),
    p99: quantile(latencies, 0.99),
    p999: quantile(latencies, 0.999),
    arrived: latencies.length / expected,
  }
}

function latenciesOf(arrivals: Float64Array, committedAt: ReadonlyMap<number, number>): readonly number[] {
  const latencies: number[] = []
  for (let index = 0; index + 1 < arrivals.length; index += 2) {
    const committed = committedAt.get(arrivals[index] ?? Number.NaN)
    // What arrives before the writer has heard of its commit took no time at all.
    if (committed !== undefined) latencies.push(Math.max(0, (arrivals[index + 1] ?? 0) - committed))
  }
  return latencies
}
