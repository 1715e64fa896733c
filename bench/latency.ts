import { addPlainLevels, everybody, floor, handWritten, postGraphile, synkvy, type Start } from './contenders.ts'
import { inTurns, type Rounds } from './figures.ts'
import { carry, quantiles, type Load } from './load.ts'
import type { Stage } from './stage.ts'

/** How many consumers every change concerns, and how often something changes. */
export interface LatencyLoad {
  readonly consumers: number
  readonly perSecond: number
  readonly seconds: number
  readonly rounds: number
}

const levels = 1_000
/** Of one view a system that polls may make so many calls a minute, which all systems of the shop share. */
const callsAMinute = 20

/**
 * Milliseconds from the return of the commit to the moment at which a consumer, in a process of its own, has parsed the message: synkvy, the floor, what people write by hand,
 * PostGraphile, and polling, which is computed.
 */
export async function latency(stage: Stage, { consumers, perSecond, seconds, rounds }: LatencyLoad): Promise<ReadonlyMap<string, Rounds>> {
  await addPlainLevels(stage, levels)
  const keys = everybody(consumers)
  const load: Load = { perSecond, seconds, levels, concerned: consumers }
  const measure = (start: Start) => async () => {
    await using contender = await start()
    const { latencies, arrived, offered } = await carry(stage, contender, load)
    return { ...quantiles(latencies), arrived, offered }
  }
  const other = await postGraphile(stage, keys)
  return await inTurns(
    {
      floor: measure(floor(stage, keys)),
      synkvy: measure(await synkvy(stage, await stage.addViews(consumers))),
      'written by hand': measure(handWritten(stage, keys)),
      PostGraphile: other && measure(other),
      'polling, computed': async () => polling(consumers),
    },
    rounds,
  )
}

/** A change waits for its view's next call, which is anything up to one turn of all the shop's systems away. */
function polling(consumers: number): Record<string, number> {
  const turnMs = (60_000 / callsAMinute) * consumers
  return { p50: turnMs * 0.5, p99: turnMs * 0.99, p999: turnMs * 0.999 }
}
