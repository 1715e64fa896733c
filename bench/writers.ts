import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { startChild } from './children.ts'
import { sharedNow } from './clock.ts'
import { addPlainLevels, everybody, handWritten, postGraphile, stockQuery, type Start } from './contenders.ts'
import { inTurns, type Rounds } from './figures.ts'
import type { Stage } from './stage.ts'

export interface WritersLoad {
  readonly seconds: number
  readonly rounds: number
}

const connections = 16
/** How long nothing may arrive before nothing more is waited for. */
const patienceMs = 3_000
const written = z.object({ commits: z.number(), beganAt: z.number(), endedAt: z.number() })
type Written = z.infer<typeof written>
const numbers = z.instanceof(Float64Array)

/**
 * Commits a second of sixteen writers, each updating one stock level after another: on a table of the same make without triggers (the floor), with synkvy's triggers and nobody
 * at work, with the gateway at work and a consumer that acknowledges, and with what others do. `live` is the rate at which commits were covered by a batch that was
 * acknowledged, from the first commit to the last acknowledge; of the others, which know no acknowledge, by a message that arrived, and `arrived` the part that did.
 */
export async function writers(stage: Stage, load: WritersLoad): Promise<ReadonlyMap<string, Rounds>> {
  const { databaseUrl, database, gateway, accountId } = stage
  const { sql } = database
  const [{ count, first } = { count: 0, first: 0 }] = await sql<{ count: number; first: number }[]>`
    SELECT count(*), min(id) AS first FROM stock_levels WHERE account_id = ${accountId}`
  await stage.run(`
    CREATE TABLE plain_levels (LIKE stock_levels INCLUDING ALL) WITH (fillfactor = 80);
    INSERT INTO plain_levels OVERRIDING SYSTEM VALUE SELECT * FROM stock_levels; ANALYZE plain_levels;
    ALTER TABLE plain_levels ADD FOREIGN KEY (account_id, location_id) REFERENCES locations (account_id, id),
      ADD FOREIGN KEY (account_id, variant_id) REFERENCES variants (account_id, id) ON DELETE CASCADE;
    CREATE TABLE plain_movements (account_id bigint, stock_level_id bigint, FOREIGN KEY (account_id, stock_level_id) REFERENCES plain_levels (account_id, id))`)
  await addPlainLevels(stage, count)
  const [key = ''] = await stage.addViews(1)
  const write = async (text: string, whenDone?: (answer: Written) => Promise<Record<string, number>>) => {
    await using child = await startChild('./writers-process.ts', { databaseUrl, connections, rows: count, text }, () => undefined)
    await child.ask({ seconds: 0.5 })
    const answer = written.parse(await child.ask({ seconds: load.seconds }))
    return { rate: (answer.commits * 1_000) / (answer.endedAt - answer.beganAt), ...(await whenDone?.(answer)) }
  }
  const ofTable = (table: string) => `UPDATE ${table} SET on_hand = on_hand + 1 WHERE account_id = ${accountId} AND id = ${first} + $1::int`
  const ofPeer = (start: Start) => async () => {
    await using contender = await start()
    await using consumer = await startChild('./consumer-process.ts', contender, () => undefined)
    return await write(contender.write.replace('$1', 'on_hand + 1').replace('$2', '$1'), async ({ commits, beganAt }) => {
      const { arrived, lastAt } = await whatArrives(consumer)
      return { live: (arrived * 1_000) / (lastAt - beganAt), arrived: Math.min(1, arrived / commits) }
    })
  }
  const other = await postGraphile(stage, everybody(1))

  return await inTurns(
    {
      'no triggers': () => write(ofTable('plain_levels')),
      'triggers alone': async () => {
        // As under load: awake, so that writers do not notify.
        await sql`SELECT setval('sequencer_sleep', 1)`
        process.kill(gateway.pid, 'SIGSTOP')
        try {
          return await write(ofTable('stock_levels'))
        } finally {
          // What was captured is taken out, so that the next one finds the inbox as it was.
          await sql`TRUNCATE inbox`
          process.kill(gateway.pid, 'SIGCONT')
          await sleep(2_000)
        }
      },
      synkvy: async () => {
        await using _consumer = await startChild(
          './consumer-process.ts',
          { url: `${gateway.url.replace('http', 'ws')}/graphql`, keys: [key], query: stockQuery, acknowledgeEveryMs: 20 },
          () => undefined,
        )
        return await write(ofTable('stock_levels'), async ({ commits, beganAt }) => ({
          live: (commits * 1_000) / ((await level(stage)) - beganAt),
          arrived: 1,
        }))
      },
      'written by hand': ofPeer(handWritten(stage, everybody(1))),
      PostGraphile: other && ofPeer(other),
    },
    load.rounds,
  )
}

/** Waits until everything that was written has been acknowledged; answers when. */
async function level({ database: { sql }, accountId }: Stage): Promise<number> {
  for (;;) {
    const [row] = await sql<{ isLevel: boolean }[]>`
      SELECT NOT EXISTS (SELECT 1 FROM inbox) AND (
        SELECT max(position) FROM feed WHERE account_id = ${accountId} AND subject = 'STOCK'
      ) <= (SELECT max(live) FROM checkpoints WHERE account_id = ${accountId} AND subject = 'STOCK') AS "isLevel"`
    if (row?.isLevel === true) return sharedNow()
    await sleep(20)
  }
}

/** How many messages come, until none has for a while, and when the last did. The warm-up's are among them, which flatters whom it is asked of. */
async function whatArrives(consumer: {
  readonly ask: (question: string) => Promise<unknown>
}): Promise<{ arrived: number; lastAt: number }> {
  let arrived = 0
  let lastAt = Number.NaN
  for (let quietSince = sharedNow(); sharedNow() - quietSince < patienceMs; await sleep(100)) {
    const arrivals = numbers.parse(await consumer.ask('what has arrived'))
    if (arrivals.length === 0) continue
    arrived += arrivals.length / 2
    lastAt = arrivals.at(-1) ?? lastAt
    quietSince = sharedNow()
  }
  return { arrived, lastAt }
}
