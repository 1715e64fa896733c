import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { startChild } from './children.ts'
import { stockQuery } from './contenders.ts'
import { inTurns, type Rounds } from './figures.ts'
import { kilobytes } from './machine.ts'
import { countStatements, type Stage } from './stage.ts'

const ready = z.object({ url: z.string(), pid: z.number() })

/** What a connected view costs that waits: kilobytes of the server's memory, and statements a second of the whole gateway. The floor is graphql-ws with an iterator that never ends. */
export async function idle(stage: Stage, count: number, watchedMs: number): Promise<ReadonlyMap<string, Rounds>> {
  const keys = await stage.addViews(count)
  const perView = async (url: string, pid: number, asked: string): Promise<Record<string, number>> => {
    const before = await kilobytes(pid)
    await using _consumers = await startChild('./consumer-process.ts', { url, keys, query: asked }, () => undefined)
    await sleep(watchedMs / 2)
    const statements = await countStatements(stage)
    await sleep(watchedMs)
    const made = (await countStatements(stage)).all - statements.all
    return { kilobytes: ((await kilobytes(pid)) - before) / count, 'stmts/s': (made * 1_000) / watchedMs }
  }
  const { gateway } = stage
  return await inTurns(
    {
      'graphql-ws, empty': async () => {
        await using floor = await startChild('./idle-process.ts', {}, (message) => ready.parse(message))
        return await perView(floor.ready.url, floor.ready.pid, 'subscription { stockChanges { cursor caughtUp } }')
      },
      synkvy: () => perView(`${gateway.url.replace('http', 'ws')}/graphql`, gateway.pid, stockQuery),
    },
    1,
  )
}
