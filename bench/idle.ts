import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { startChild } from './children.ts'
import { inTurns, type Rounds } from './figures.ts'
import type { Stage } from './stage.ts'

const ready = z.object({ url: z.string(), pid: z.number() })
const query = 'subscription { stockChanges(maxInFlight: 64) { cursor caughtUp changes { stockLevel { onHand } } } }'

/** What a connected view costs that waits: kilobytes of the server's memory, and statements a second of the whole gateway. The floor is graphql-ws with an iterator that never ends. */
export async function idle(stage: Stage, count: number, rounds: number): Promise<ReadonlyMap<string, Rounds>> {
  const keys = await stage.addViews(count)
  const perView = async (url: string, pid: number, asked: string): Promise<Record<string, number>> => {
    const before = await kilobytes(pid)
    await using _consumers = await startChild('./consumer-process.ts', { url, keys, query: asked }, () => undefined)
    await sleep(5_000)
    const transactionsBefore = await transactions(stage)
    await sleep(10_000)
    const statements = (await transactions(stage)) - transactionsBefore
    return { kilobytes: ((await kilobytes(pid)) - before) / count, 'stmts/s': statements / 10 }
  }
  const { gateway } = stage
  return await inTurns(
    {
      'graphql-ws, empty': async () => {
        await using floor = await startChild('./idle-process.ts', {}, (message) => ready.parse(message))
        return await perView(floor.ready.url, floor.ready.pid, 'subscription { nothing { cursor caughtUp } }')
      },
      synkvy: () => perView(`${gateway.url.replace('http', 'ws')}/graphql`, gateway.pid, query),
    },
    rounds,
  )
}

/** What a process holds of the machine's memory. */
async function kilobytes(pid: number): Promise<number> {
  return Number(/VmRSS:\s+(\d+)/.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1] ?? Number.NaN)
}

/** Less the one that asks. */
async function transactions({ database: { sql } }: Stage): Promise<number> {
  const [row] = await sql<
    { count: number }[]
  >`SELECT xact_commit + xact_rollback AS count FROM pg_stat_database WHERE datname = current_database()`
  return (row?.count ?? 0) - 1
}
