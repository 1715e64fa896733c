import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { z } from 'zod'
import { startChild } from './children.ts'
import { sharedNow } from './clock.ts'
import type { Contender } from './contenders.ts'
import { quantile } from './figures.ts'
import type { Stage } from './stage.ts'

/** How much is written, to how many levels, and for how long. */
export interface Load {
  readonly perSecond: number
  readonly seconds: number
  readonly levels: number
  /** How many consumers a change concerns. */
  readonly concerned: number
}

/** What consumers saw of it. */
export interface Seen {
  /** Milliseconds from the return of each commit to the moment at which a consumer, in a process of its own, had parsed the message. */
  readonly latencies: readonly number[]
  /** The part of what was due that arrived. */
  readonly arrived: number
  /** Changes a second that were in fact written. */
  readonly offered: number
}

const numbers = z.instanceof(Float64Array)
/** One commit waits for the disk while others are under way, so that the pace is kept. */
const writerCount = 4
/** What has not come by then has not come. */
const graceMs = 2_000
let written = 1_000

/** Writes at a pace and looks what arrives. What is measured begins warm, unless `isWarm`. `beside` is done when it begins and answers what is done when it has ended. */
export async function carry(stage: Stage, contender: Contender, load: Load, beside?: () => Promise<() => Promise<void>>): Promise<Seen> {
  const { url, query, keys, acknowledgeEveryMs } = contender
  await using consumer = await startChild('./consumer-process.ts', { url, query, keys, acknowledgeEveryMs }, () => undefined)
  await using pace = await startPace(stage, contender, load.levels)
  await pace.write(load.perSecond, 1)
  await sleep(500)
  await consumer.ask('what has arrived')

  const finish = await beside?.()
  const { committedAt, tookMs } = await pace.write(load.perSecond, load.seconds)
  await finish?.()
  await sleep(graceMs)
  const latencies = latenciesOf(numbers.parse(await consumer.ask('what has arrived')), committedAt)
  return {
    latencies,
    arrived: latencies.length / (committedAt.size * load.concerned),
    offered: (committedAt.size * 1_000) / tookMs,
  }
}

interface Written {
  readonly committedAt: ReadonlyMap<number, number>
  readonly tookMs: number
}

/** Writers that keep a pace together; each change has a number of its own. */
async function startPace(
  { databaseUrl }: Stage,
  { write }: Pick<Contender, 'write'>,
  levels: number,
): Promise<{ readonly write: (perSecond: number, seconds: number) => Promise<Written> } & AsyncDisposable> {
  const clients = Array.from({ length: writerCount }, () => new pg.Client({ connectionString: databaseUrl }))
  await Promise.all(clients.map((client) => client.connect()))
  return {
    write: async (perSecond, seconds) => {
      const committedAt = new Map<number, number>()
      const began = sharedNow()
      const first = written + 1
      const last = written + Math.round(perSecond * seconds)
      const writeAll = async (client: pg.Client): Promise<void> => {
        while (written < last) {
          const number = (written += 1)
          const wait = began + ((number - first) * 1_000) / perSecond - sharedNow()
          if (wait > 1) await sleep(wait)
          await client.query({ name: 'write', text: write, values: [number, number % levels] })
          committedAt.set(number, sharedNow())
        }
      }
      await Promise.all(clients.map(writeAll))
      return { committedAt, tookMs: sharedNow() - began }
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all(clients.map((client) => client.end()))
    },
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

/** The quantiles that are shown. */
export function quantiles(latencies: readonly number[]): { readonly p50: number; readonly p99: number; readonly p999: number } {
  return { p50: quantile(latencies, 0.5), p99: quantile(latencies, 0.99), p999: quantile(latencies, 0.999) }
}
