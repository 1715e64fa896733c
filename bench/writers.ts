import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { startChild } from './children.ts'
import { sharedNow } from './clock.ts'
import { inTurns, type Rounds } from './figures.ts'
import type { Stage } from './stage.ts'

export interface WritersLoad {
  readonly seconds: number
  readonly rounds: number
}

const connections = 16
const written = z.object({ commits: z.number(), beganAt: z.number(), endedAt: z.number() })
const url = z.string()
const query = 'subscription { stockChanges(maxInFlight: 64) { cursor caughtUp changes { stockLevel { onHand } } } }'

/**
 * Commits a second of sixteen writers, each updating one stock level after another: on a table without triggers (the floor), with synkvy's triggers and nobody at work,
 * with the gateway at work and a consumer that acknowledges, and with what people write by hand. `live` is the rate at which commits were covered by a batch that was
 * acknowledged: from the first commit to the last acknowledge.
 */
export async function writers(stage: Stage, load: WritersLoad): Promise<ReadonlyMap<string, Rounds>> {
  const { databaseUrl, database, gateway, accountId } = stage
  const { sql } = database
  const [{ count, first } = { count: 0, first: 0 }] = await sql<{ count: number; first: number }[]>`
    SELECT count(*), min(id) AS first FROM stock_levels WHERE account_id = ${accountId}`
  await sql`DROP TABLE IF EXISTS plain_levels, notified_levels`
  await sql`CREATE TABLE plain_levels AS SELECT * FROM stock_levels`
  await sql`ALTER TABLE plain_levels ADD PRIMARY KEY (account_id, id)`
  await sql`CREATE TABLE notified_levels AS SELECT * FROM stock_levels`
  await sql`ALTER TABLE notified_levels ADD PRIMARY KEY (account_id, id)`
  await sql`CREATE OR REPLACE FUNCTION tell_notified() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_notify('hand_written', NEW.id::text); RETURN NULL; END $$`
  await sql`CREATE TRIGGER tell AFTER UPDATE ON notified_levels FOR EACH ROW EXECUTE FUNCTION tell_notified()`

  const [key = ''] = await stage.addViews(1)
  const start = (table: string) =>
    startChild(
      './writers-process.ts',
      {
        databaseUrl,
        connections,
        rows: count,
        text: `UPDATE ${table} SET on_hand = on_hand + 1 WHERE account_id = ${accountId} AND id = ${first} + $1::int`,
      },
      () => undefined,
    )
  const write = async (table: string, whenDone?: (ended: { commits: number; beganAt: number }) => Promise<Record<string, number>>) => {
    await using child = await start(table)
    await child.ask({ seconds: 0.5 })
    const answer = written.parse(await child.ask({ seconds: load.seconds }))
    return { rate: (answer.commits * 1_000) / (answer.endedAt - answer.beganAt), ...(await whenDone?.(answer)) }
  }

  return await inTurns(
    {
      'no triggers': () => write('plain_levels'),
      'triggers alone': async () => {
        // As under load: awake, so that writers do not notify.
        await sql`SELECT setval('sequencer_sleep', 1)`
        process.kill(gateway.pid, 'SIGSTOP')
        try {
          return await write('stock_levels')
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
          { url: `${gateway.url.replace('http', 'ws')}/graphql`, keys: [key], query, acknowledgeEveryMs: 20 },
          () => undefined,
        )
        return await write('stock_levels', async ({ commits, beganAt }) => ({
          live: (commits * 1_000) / ((await level(stage)) - beganAt),
        }))
      },
      'row triggers and NOTIFY': async () => {
        await using _peer = await startChild('./hand-written-process.ts', { databaseUrl }, (message) => url.parse(message))
        return await write('notified_levels')
      },
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
