import { z } from 'zod'
import { startChild } from './children.ts'
import { inTurns, type Rounds } from './figures.ts'
import { settle, type Stage } from './stage.ts'

const url = z.string()
const delivered = z.object({ products: z.number(), beganAt: z.number(), endedAt: z.number() })
const query =
  'subscription { stockChanges(batchSize: 500, maxInFlight: 16) { cursor caughtUp changes { revision stockLevel { onHand variant { sku } } } } }'

/**
 * A view comes back that was away for `changes` changes of the stage's stock levels: milliseconds until it is level, beside a log of all changes that is replayed, a page of 500
 * at a time, each answered with a word.
 */
export async function catchUp(stage: Stage, changes: number, rounds: number): Promise<ReadonlyMap<string, Rounds>> {
  const { sql } = stage.database
  const [key = ''] = await stage.addViews(1)
  const socketUrl = `${stage.gateway.url.replace('http', 'ws')}/graphql`
  await sql`CREATE TABLE IF NOT EXISTS change_log (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, sku text, on_hand int, revision bigint)`
  await receive({ url: socketUrl, key, query, stopsWhenLevel: true })
  await using log = await startChild(
    './page-process.ts',
    { databaseUrl: stage.databaseUrl, accountId: stage.accountId, table: 'change_log' },
    (message) => url.parse(message),
  )
  return await inTurns(
    {
      replay: async () => {
        await sql`TRUNCATE change_log`
        await sql`
          INSERT INTO change_log (sku, on_hand, revision)
          SELECT 'SKU-' || n % 50000, n, n FROM generate_series(1, ${changes}::int) n`
        // Else each of its pages would look through all of it.
        await sql`ANALYZE change_log`
        return receive({ url: log.ready, floorCount: changes })
      },
      synkvy: async () => {
        const [{ count } = { count: 0 }] = await sql<
          { count: number }[]
        >`SELECT count(*) FROM stock_levels WHERE account_id = ${stage.accountId}`
        for (let written = 0; written < changes; written += count) {
          await sql`UPDATE stock_levels SET on_hand = on_hand + 1 WHERE account_id = ${stage.accountId}`
        }
        await settle(stage.database)
        return receive({ url: socketUrl, key, query, stopsWhenLevel: true })
      },
    },
    rounds,
  )
}

async function receive(config: unknown): Promise<Record<string, number>> {
  await using receiver = await startChild('./receiver-process.ts', config, () => undefined)
  const { products, beganAt, endedAt } = delivered.parse(await receiver.ask('receive'))
  return { ms: endedAt - beganAt, delivered: products }
}
