import { addPlainLevels, everybody, floor, handWritten, postGraphile, synkvy, type Start } from './contenders.ts'
import { inTurns, quantile, type Rounds } from './figures.ts'
import { carry } from './load.ts'
import type { Stage } from './stage.ts'

const levels = 3_000
const mostMs = 1_000
/** The first rate that is tried, in changes a second; how it grows while all goes well; and then how closely the limit is looked for. */
const firstRate = 10
const growth = 2
const halvings = 3

/** Deliveries a second before the 99th percentile passes a second, or something is left behind: every change concerns all of `consumers` views. */
export async function deliveries(
  stage: Stage,
  consumers: number,
  seconds: number,
  rounds: number,
  mostPerSecond = Number.MAX_SAFE_INTEGER,
): Promise<ReadonlyMap<string, Rounds>> {
  await addPlainLevels(stage, levels)
  const keys = everybody(consumers)
  const measure = (start: Start) => async () => ({
    'deliveries/s':
      consumers * (await highest(async (perSecond) => perSecond < mostPerSecond && isCarried(stage, start, perSecond, consumers, seconds))),
  })
  const other = await postGraphile(stage, keys)
  return await inTurns(
    {
      floor: measure(floor(stage, keys)),
      synkvy: measure(await synkvy(stage, await stage.addViews(consumers))),
      'written by hand': measure(handWritten(stage, keys)),
      PostGraphile: other && measure(other),
    },
    rounds,
  )
}

async function isCarried(stage: Stage, start: Start, perSecond: number, consumers: number, seconds: number): Promise<boolean> {
  // Each rate has a server of its own: one that was overrun is no beginning.
  await using contender = await start()
  const { latencies, arrived, offered } = await carry(stage, contender, { perSecond, seconds, levels, concerned: consumers })
  return arrived > 0.999 && quantile(latencies, 0.99) <= mostMs && offered > 0.95 * perSecond
}

/** The highest rate that is carried, to within an eighth or so: doubled until it is too much, then halved in between. */
async function highest(isCarriedAt: (perSecond: number) => Promise<boolean>): Promise<number> {
  let below = 0
  let above = firstRate
  while (await isCarriedAt(above)) [below, above] = [above, above * growth]
  for (let count = 0; count < halvings && below > 0; count += 1) {
    const middle = Math.round((below + above) / 2)
    if (await isCarriedAt(middle)) below = middle
    else above = middle
  }
  return below
}
