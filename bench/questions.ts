import { catchUp } from './catch-up.ts'
import { deliveries } from './deliveries.ts'
import { fanOut } from './fan-out.ts'
import { joinRounds, type Rounds } from './figures.ts'
import { growthOfProducts, growthOfViews, productsLabel, viewsLabel } from './growth.ts'
import { housekeeping, tellingLag } from './housekeeping.ts'
import { idle } from './idle.ts'
import { importing } from './import.ts'
import { latency } from './latency.ts'
import { resendRate, resendStart, stockDuringResend } from './resend.ts'
import { setStage } from './stage.ts'
import { wall } from './wall.ts'
import { writers } from './writers.ts'

/** How much is measured: `smoke` only that it can be, `quick` for a first idea, `full` for what is published. */
export type Scale = 'smoke' | 'quick' | 'full'

/** What a question answers: a table of figures, each held against one contender's. */
export interface Table {
  readonly name: string
  readonly title: string
  readonly against: string
  readonly figures: ReadonlyMap<string, Rounds>
}

export type Question = (scale: Scale) => Promise<readonly Table[]>

/** One of three, by the scale. */
function by<Value>(scale: Scale, smoke: Value, quick: Value, full: Value): Value {
  return { smoke, quick, full }[scale]
}

function latencyOf(consumers: number, perSecond: number): Question {
  return async (scale) => {
    await using stage = await setStage()
    await stage.addProducts(1_000)
    const load = { consumers, perSecond, seconds: by(scale, 1, 3, 10), rounds: by(scale, 1, 2, 3) }
    return [
      {
        name: `latency-${consumers}x${perSecond}`,
        title: `Latency in ms: ${consumers} ${consumers === 1 ? 'view' : 'views'}, ${perSecond} changes a second, each concerns all`,
        against: 'floor',
        figures: await latency(stage, load),
      },
    ]
  }
}

/** Every question by its name, in the order in which they are asked. */
export const questions: Readonly<Record<string, Question>> = {
  'latency-1x100': latencyOf(1, 100),
  'latency-1x1000': latencyOf(1, 1_000),
  'latency-100x50': latencyOf(100, 50),
  'latency-1000x20': latencyOf(1_000, 20),
  deliveries: async (scale) => {
    await using stage = await setStage()
    await stage.addProducts(1_000)
    const views = by(scale, 20, 200, 200)
    const title = `Deliveries a second before p99 passes 1 s: every change concerns ${views} views`
    return [
      {
        name: 'deliveries',
        title,
        against: 'floor',
        figures: await deliveries(stage, views, by(scale, 1, 3, 5), 1, by(scale, 20, undefined, undefined)),
      },
    ]
  },
  writers: async (scale) => {
    await using stage = await setStage()
    await stage.addProducts(by(scale, 100, 10_000, 10_000))
    const figures = await writers(stage, { seconds: by(scale, 1, 3, 10), rounds: by(scale, 1, 2, 5) })
    return [{ name: 'writers', title: 'Commits a second of 16 writers', against: 'no triggers', figures }]
  },
  'fan-out': async (scale) => {
    await using stage = await setStage({ countsStatements: true })
    const load = { views: by(scale, 10, 1_000, 1_000), shops: by(scale, 3, 300, 300), perSecond: by(scale, 50, 1_000, 1_000) }
    const figures = await fanOut(stage, { ...load, seconds: by(scale, 1, 3, 10), rounds: by(scale, 1, 2, 3) })
    const title = `Fan-out: ${load.views} views in ${load.shops} shops, ${load.perSecond} changes a second, each concerns 3 views; latency in ms`
    return [{ name: 'fan-out', title, against: 'floor', figures }]
  },
  'resend-start': async (scale) => {
    const tables: Table[] = []
    for (const count of by(scale, [100], [1_000, 50_000], [1_000, 100_000, 1_000_000])) {
      await using stage = await setStage()
      await stage.addBareProducts(count)
      const title = `Start of a resend in ms: ${count} products`
      const figures = await resendStart(stage, by(scale, 1, 3, 5))
      tables.push({ name: `resend-start-${count}`, title, against: 'INSERT … SELECT', figures })
    }
    return tables
  },
  'resend-rate': async (scale) => {
    const count = by(scale, 500, 20_000, 200_000)
    await using stage = await setStage()
    await stage.addProducts(count)
    const title = `Resend, products a second: ${count} products, 3 variants each`
    const figures = await resendRate(stage, count, by(scale, 1, 2, 3))
    return [{ name: 'resend-rate', title, against: 'floor', figures }]
  },
  'stock-during-resend': async (scale) => {
    await using stage = await setStage()
    await stage.addProducts(by(scale, 20_000, 60_000, 200_000))
    const figures = await stockDuringResend(stage, by(scale, 1, 3, 10), by(scale, 1, 2, 3))
    return [{ name: 'stock-during-resend', title: 'Live stock changes in ms, 100 a second, one view', against: 'alone', figures }]
  },
  idle: async (scale) => {
    const count = by(scale, 50, 500, 5_000)
    const parts: ReadonlyMap<string, Rounds>[] = []
    for (let round = 0; round < by(scale, 1, 1, 3); round += 1) {
      // A gateway of its own each time: what one has once had of the machine it does not give back.
      await using stage = await setStage({ countsStatements: true })
      await stage.addProducts(10)
      parts.push(await idle(stage, count, by(scale, 1_000, 5_000, 10_000)))
    }
    return [{ name: 'idle', title: `${count} connected views that wait`, against: 'graphql-ws, empty', figures: joinRounds(parts) }]
  },
  'catch-up': async (scale) => {
    const [products, changes] = by(scale, [100, 3_000], [2_000, 120_000], [17_000, 1_000_000])
    await using stage = await setStage()
    await stage.addProducts(products)
    const title = `A view that was away for ${changes} changes of ${products * 3} stock levels`
    return [{ name: 'catch-up', title, against: 'replay', figures: await catchUp(stage, changes, by(scale, 1, 1, 3)) }]
  },
  housekeeping: async (scale) => {
    const rows = by(scale, 1_000, 50_000, 1_000_000)
    await using stage = await setStage()
    await stage.addProducts(10)
    return [
      {
        name: 'housekeeping',
        title: `Housekeeping where ${rows} rows of each kind are there`,
        against: '',
        figures: await housekeeping(stage, rows),
      },
    ]
  },
  lag: async (scale) => {
    const views = by(scale, 10, 100, 2_000)
    await using stage = await setStage()
    await stage.addProducts(1_000)
    return [
      {
        name: 'lag',
        title: `To tell what waits for ${views} views, in ms`,
        against: '',
        figures: await tellingLag(stage, views, by(scale, 50, 3_000, 3_000)),
      },
    ]
  },
  wall: async (scale) => {
    await using stage = await setStage()
    await stage.addProducts(by(scale, 50, 1_000, 1_000))
    const figures = await wall(stage, by(scale, 300, 3_000, 5_000), by(scale, 1, 3, 9))
    return [{ name: 'wall', title: 'Calls a second, with row-level security and without', against: 'without it', figures }]
  },
  import: async (scale) => {
    await using stage = await setStage()
    const figures = await importing(stage, by(scale, 500, 5_000, 20_000), by(scale, 1, 2, 3))
    return [{ name: 'import', title: 'Import, products a second', against: 'COPY', figures }]
  },
  'growth-views': async (scale) => {
    const counts = by(scale, [1, 3], [1, 100, 1_000], [1, 10, 100, 1_000])
    const figures = await growthOfViews(counts, by(scale, 1, 3, 5), by(scale, 1, 2, 3))
    return [
      {
        name: 'growth-views',
        title: 'With more and more views that wait: latency and start in ms, resend in products a second',
        against: viewsLabel(1),
        figures,
      },
    ]
  },
  'growth-products': async (scale) => {
    const counts = by(scale, [12_000], [10_000, 100_000], [10_000, 100_000, 1_000_000])
    const figures = await growthOfProducts(counts, by(scale, 1, 3, 5), by(scale, 1, 2, 3))
    const against = productsLabel(counts[0] ?? 0)
    return [
      {
        name: 'growth-products',
        title: 'With more and more products: latency and start in ms, resend in products a second',
        against,
        figures,
      },
    ]
  },
}
