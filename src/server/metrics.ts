import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { OpenDatabase } from '../db/client.ts'
import { errorCatalogue, type LimitName } from '../errors.ts'
import { readLags } from '../sync/lag.ts'
import { readInbox } from '../sync/sequencing.ts'
import type { Sync } from '../sync/sync.ts'
import { atMostEvery, within } from './asking.ts'

/** What is measured, and how it is told to Prometheus. */
export interface Metrics {
  /** All figures in Prometheus' text format, as of now. */
  readonly text: () => Promise<string>
  readonly contentType: string
  /** An operation has ended after so many seconds. `field` is its first root field. */
  readonly countOperation: (kind: 'query' | 'mutation', field: string, seconds: number) => void
  /** A caller was shown an error. */
  readonly countError: (code: unknown) => void
  /** Something was refused, or a connection ended, because it was over a limit of docs/operations.md. */
  readonly countLimited: (limit: LimitName) => void
  /** An operation was found to cost so much, whether or not that is allowed. */
  readonly observeCost: (cost: number) => void
}

/** What the figures are about. */
interface Measured extends Swept {
  readonly database: OpenDatabase
  readonly sync: Sync
  readonly socketCount: () => number
}

/** What the housekeeping has done. */
export interface Swept {
  /** Rows that were swept since the gateway started, by what they were. */
  readonly swept: () => Readonly<Record<string, number>>
}

/** However many ask, the database is asked no more often than this. */
const askEveryMs = 5_000
/** A database that hangs must not keep the other figures back. */
const answerWithinMs = 2_500
const buckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]
const costBuckets = [10, 100, 1_000, 10_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 10_000_000]
/** The codes of the errors that callers are shown. */
export const shownCodes: ReadonlySet<string> = new Set([
  ...Object.keys(errorCatalogue),
  'INTERNAL',
  'GRAPHQL_PARSE_FAILED',
  'GRAPHQL_VALIDATION_FAILED',
  'OPERATION_RESOLUTION_FAILURE',
  'BAD_REQUEST',
])

/**
 * Measures a gateway. Nothing of an account's data is among the figures: no label names an account, a view, a key or an entity, so their number is bounded too.
 * The database is asked only when somebody asks for the figures.
 */
export function createMetrics(measured: Measured): Metrics {
  const registry = new Registry()
  const register = { registers: [registry] }
  collectDefaultMetrics({ register: registry })
  addEngine(register, measured)
  addPools(register, measured)
  const askDatabase = addDatabase(register, measured)
  const operations = new Histogram({
    name: 'synkvy_operation_duration_seconds',
    help: 'How long queries and mutations took, by their first root field. Subscriptions are not among them.',
    labelNames: ['kind', 'field'],
    buckets,
    ...register,
  })
  const errors = new Counter({
    name: 'synkvy_errors_total',
    help: 'Errors that callers were shown, by code (docs/errors.md).',
    labelNames: ['code'],
    ...register,
  })
  const limited = new Counter({
    name: 'synkvy_limited_total',
    help: 'What was refused or ended because it was over a limit, by limit (docs/operations.md).',
    labelNames: ['limit'],
    ...register,
  })
  const costs = new Histogram({
    name: 'synkvy_query_cost',
    help: 'What operations cost, as SYNKVY_QUERY_COST counts it.',
    buckets: costBuckets,
    ...register,
  })
  return {
    text: async () => {
      await askDatabase()
      return registry.metrics()
    },
    contentType: registry.contentType,
    countOperation: (kind, field, seconds) => operations.observe({ kind, field }, seconds),
    countError: (code) => errors.inc({ code: typeof code === 'string' && shownCodes.has(code) ? code : 'OTHER' }),
    countLimited: (limit) => limited.inc({ limit }),
    observeCost: (cost) => costs.observe(cost),
  }
}

interface Register {
  readonly registers: Registry[]
}

/** What the engine on this gateway knows by itself. */
function addEngine(register: Register, { sync, socketCount, swept }: Measured): void {
  const gauge = (name: string, help: string, read: () => number): void => {
    const made: Gauge = new Gauge({ name, help, ...register, collect: () => made.set(read()) })
  }
  const counter = (name: string, help: string, read: () => number): void => {
    const collect = (): void => {
      made.reset()
      made.inc(read())
    }
    const made: Counter = new Counter({ name, help, ...register, collect })
  }
  gauge('synkvy_node', 'The number of this gateway, as synkvy_sequencer_node names it.', () => sync.state.node)
  gauge('synkvy_sequencer_leading', 'Whether this gateway sequences.', () => (sync.state.isLeading ? 1 : 0))
  gauge('synkvy_feed_head', 'The last feed position that this gateway has offered.', () => sync.state.head)
  gauge('synkvy_streams', 'Streams that this gateway serves.', () => sync.state.streams)
  gauge('synkvy_streams_window_full', 'Of these the ones that wait for their consumer to acknowledge.', () => sync.state.fullWindows)
  gauge('synkvy_sockets', 'WebSockets that are open.', socketCount)
  counter('synkvy_changes_numbered_total', 'Changes that this gateway has numbered: the rate of the feed.', () => sync.figures.numbered)
  counter('synkvy_acknowledges_total', 'Acknowledges that came to this gateway.', () => sync.figures.acknowledged)
  counter('synkvy_window_stalls_total', 'How often a stream had to wait for its consumer to acknowledge.', () => sync.figures.stalls)
  const sent: Counter<'stream' | 'lane'> = new Counter({
    name: 'synkvy_changes_sent_total',
    help: 'Changes that were handed to consumers.',
    labelNames: ['stream', 'lane'],
    ...register,
    collect: () => {
      sent.reset()
      for (const { stream, lane, changes } of sync.figures.sent) sent.inc({ stream, lane }, changes)
    },
  })
  const gone: Counter<'what'> = new Counter({
    name: 'synkvy_swept_rows_total',
    help: 'Rows that this gateway has swept because they were over.',
    labelNames: ['what'],
    ...register,
    collect: () => {
      gone.reset()
      for (const [what, rows] of Object.entries(swept())) gone.inc({ what }, rows)
    },
  })
}

function addPools(register: Register, { database }: Measured): void {
  const connections: Gauge<'pool' | 'state'> = new Gauge({
    name: 'synkvy_database_connections',
    help: 'Connections to Postgres by pool: busy, idle, and how many there may be.',
    labelNames: ['pool', 'state'],
    ...register,
    collect: () => {
      for (const { name: pool, size, idle, most } of database.pools()) {
        connections.set({ pool, state: 'busy' }, size - idle)
        connections.set({ pool, state: 'idle' }, idle)
        connections.set({ pool, state: 'most' }, most)
      }
    },
  })
  const waiting: Gauge<'pool'> = new Gauge({
    name: 'synkvy_database_waiting',
    help: 'Statements that wait for a connection to Postgres.',
    labelNames: ['pool'],
    ...register,
    collect: () => database.pools().forEach((pool) => waiting.set({ pool: pool.name }, pool.waiting)),
  })
}

/**
 * What only the database knows. How the inbox stands every gateway asks, with one statement whose cost is bounded: where nobody sequences any of them tells. What waits for
 * views is asked by the gateway that sequences alone. What could not be asked is left out, and synkvy_database_answers is 0. Answers what asks.
 */
function addDatabase(register: Register, measured: Measured): () => Promise<void> {
  const gauge = <Label extends string>(name: string, help: string, labelNames: readonly Label[] = []) =>
    new Gauge<Label>({ name, help, labelNames, ...register })
  const depth = gauge('synkvy_inbox_depth', 'Changes that wait to be numbered; counted to 100 000.')
  const oldest = gauge('synkvy_inbox_oldest_seconds', 'For how long the oldest of them has waited.')
  const node = gauge('synkvy_sequencer_node', 'The number of the gateway that sequences; 0 where none does.')
  const term = gauge('synkvy_sequencer_term', 'How often a gateway has begun to sequence.')
  const lagLabels = ['stream', 'lane', 'connected'] as const
  const lag = gauge(
    'synkvy_lag_seconds',
    'For how long the oldest change has waited to be acknowledged, over all views. Told by the gateway that sequences.',
    lagLabels,
  )
  const views = gauge('synkvy_views_waiting', 'Views for which something waits. Told by the gateway that sequences.', lagLabels)
  const answers = gauge('synkvy_database_answers', 'Whether the database has answered what these figures ask of it.')
  const ask = atMostEvery(askEveryMs, () => readDatabase(measured))
  return async () => {
    const answer = await within(answerWithinMs, ask())
    answers.set(answer === undefined ? 0 : 1)
    for (const each of [depth, oldest, node, term]) each.remove()
    for (const each of [lag, views]) each.reset()
    if (answer === undefined) return
    const secondsSince = (at: Date | undefined): number => (at === undefined ? 0 : Math.max(0, (answer.now - at.getTime()) / 1000))
    depth.set(answer.inbox.depth)
    oldest.set(secondsSince(answer.inbox.oldestAt))
    node.set(answer.inbox.sequencedBy ?? 0)
    term.set(answer.inbox.term)
    for (const { stream, lane, isConnected, views: waiting, oldestAt } of answer.lags) {
      const labels = { stream, lane, connected: isConnected ? 'yes' : 'no' }
      lag.set(labels, secondsSince(oldestAt))
      views.set(labels, waiting)
    }
  }
}

async function readDatabase({ database, sync }: Measured) {
  const [[clock], inbox, lags] = await Promise.all([
    database.sql<{ now: Date }[]>`SELECT clock_timestamp() AS now`,
    readInbox(database.sql),
    sync.state.isLeading ? readLags(database.sql) : [],
  ])
  return { now: clock?.now.getTime() ?? Date.now(), inbox, lags }
}
