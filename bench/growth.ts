import { startChild } from './children.ts'
import { sharedNow } from './clock.ts'
import { stockQuery, synkvy, type Start } from './contenders.ts'
import { addShops } from './fan-out.ts'
import { inTurns, joinRounds, type Rounds } from './figures.ts'
import { carry, quantiles } from './load.ts'
import { addView, call, cancelResend, receive, resendMutation, resendQuery, socketUrl } from './resend.ts'
import { setStage, type Stage } from './stage.ts'

/** Full products, whose stock changes; beside them as many bare ones as are asked for. */
const stocked = 1_000
/** How much of a resend is received, the same of all sizes. */
const received = 5_000

/** Latency, rate and start of a resend with more and more views connected that have nothing to do. */
export async function growthOfViews(counts: readonly number[], seconds: number, rounds: number): Promise<ReadonlyMap<string, Rounds>> {
  await using stage = await setStage()
  await stage.addProducts(stocked)
  await stage.addBareProducts(received * 2)
  const measure = await prepare(stage, seconds)
  const idle = await addShops(stage, 100, Math.max(...counts))
  const withViews = (count: number) => async () => {
    const config = { url: socketUrl(stage), keys: idle.slice(0, count - 1), query: stockQuery }
    await using _waiting = await startChild('./consumer-process.ts', config, () => undefined)
    return await measure()
  }
  return await inTurns(Object.fromEntries(counts.map((count) => [viewsLabel(count), withViews(count)])), rounds)
}

export const viewsLabel = (count: number): string => `${count} views`
export const productsLabel = (count: number): string => `${count} products`

/** The same with more and more products. */
export async function growthOfProducts(counts: readonly number[], seconds: number, rounds: number): Promise<ReadonlyMap<string, Rounds>> {
  const parts: ReadonlyMap<string, Rounds>[] = []
  for (const count of counts) {
    await using stage = await setStage()
    await stage.addProducts(stocked)
    await stage.addBareProducts(count)
    parts.push(await inTurns({ [productsLabel(count)]: await prepare(stage, seconds) }, rounds))
  }
  return joinRounds(parts)
}

async function prepare(stage: Stage, seconds: number): Promise<() => Promise<Record<string, number>>> {
  const start = await synkvy(stage, await stage.addViews(1))
  const { key, id } = await addView(stage)
  return async () => {
    const { p50, p99 } = await latencyOf(stage, start, seconds)
    const began = sharedNow()
    await call(stage, resendMutation, { id })
    const startMs = sharedNow() - began
    const { rate = Number.NaN } = await receive({ url: socketUrl(stage), key, query: resendQuery, most: received })
    await cancelResend(stage, id)
    return { p50, p99, rate, start: startMs }
  }
}

async function latencyOf(stage: Stage, start: Start, seconds: number): Promise<{ readonly p50: number; readonly p99: number }> {
  await using contender = await start()
  return quantiles((await carry(stage, contender, { perSecond: 100, seconds, levels: stocked, concerned: 1 })).latencies)
}
