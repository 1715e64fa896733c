import type { Logger } from 'pino'
import type { Database, Sql, TransactionSql } from '../db/client.ts'
import type { Change, EntityOf, Stream } from './change.ts'
import type { StreamKey } from './checkpoint.ts'

const writeEveryMs = 60_000
const keptHours = 24

/** What a batch will have delivered once it is acknowledged. */
export interface Delivery {
  readonly live: number
  readonly resent: number
  /** When each change of LIVE was committed, where that is known: of what is deleted it is not. */
  readonly committedAt: readonly Date[]
}

/** What has been delivered. */
export interface Delivered {
  readonly live: number
  readonly resent: number
  /** From commit to acknowledge, over what LIVE brought: the sum, and the worst. */
  readonly lagMsTotal: number
  readonly lagMsWorst: number
}

/** What was delivered to a view on a stream within a minute. */
export interface StreamMinute extends Delivered {
  readonly viewId: number
  readonly stream: Stream
  /** The minute's beginning. */
  readonly minute: Date
}

export function deliveryOf<S extends Stream>(changes: readonly Change<EntityOf[S]>[]): Delivery {
  const live = changes.filter(({ lane }) => lane === 'LIVE')
  return {
    live: live.length,
    resent: changes.length - live.length,
    committedAt: live.flatMap(({ entity }) => entity?.updatedAt ?? []),
  }
}

/** The clocks of the gateway and of its database may differ a little, so that no lag is below zero. */
export function deliveredNow({ live, resent, committedAt }: Delivery): Delivered {
  const now = Date.now()
  const lags = committedAt.map((moment) => Math.max(0, now - moment.getTime()))
  return {
    live,
    resent,
    lagMsTotal: lags.reduce((sum, lag) => sum + lag, 0),
    lagMsWorst: lags.reduce((worst, lag) => Math.max(worst, lag), 0),
  }
}

type OwnMinute = StreamMinute & { readonly accountId: number }

/** Counts what this gateway delivers, and writes it down once a minute in one statement, if there was anything: what is idle stays free. */
export class Throughput implements AsyncDisposable {
  readonly #database: Database
  readonly #log: Logger
  #counted = new Map<string, OwnMinute>()
  #timer: NodeJS.Timeout | undefined

  constructor(database: Database, log: Logger) {
    this.#database = database
    this.#log = log
  }

  note({ accountId, viewId, stream }: StreamKey, delivered: Delivered): void {
    const minute = new Date(Math.floor(Date.now() / 60_000) * 60_000)
    const name = `${accountId}/${viewId}/${stream}/${minute.getTime()}`
    const before = this.#counted.get(name)
    this.#counted.set(name, { accountId, viewId, stream, minute, ...(before === undefined ? delivered : sumOf(before, delivered)) })
    if (this.#timer === undefined) {
      this.#timer = setTimeout(() => void this.#write(), writeEveryMs)
      this.#timer.unref()
    }
  }

  /** What is counted here and not written yet. */
  unwritten(accountId: number): readonly StreamMinute[] {
    return [...this.#counted.values()].filter((minute) => minute.accountId === accountId)
  }

  async #write(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const minutes = [...this.#counted.values()]
    this.#counted = new Map()
    if (minutes.length === 0) return
    try {
      await writeMinutes(this.#database.sql, minutes)
    } catch (error) {
      // Figures to look at, no more: not worth keeping them for a database that is away.
      this.#log.warn({ err: error }, 'could not write down what was delivered')
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#write()
  }
}

function sumOf(a: Delivered, b: Delivered): Delivered {
  return {
    live: a.live + b.live,
    resent: a.resent + b.resent,
    lagMsTotal: a.lagMsTotal + b.lagMsTotal,
    lagMsWorst: Math.max(a.lagMsWorst, b.lagMsWorst),
  }
}

/** Adds to what other gateways, or this one before it was restarted, have counted. Of a view that was deleted meanwhile nothing is kept. */
async function writeMinutes(sql: Sql, minutes: readonly OwnMinute[]): Promise<void> {
  const of = <Value>(pick: (minute: OwnMinute) => Value) => minutes.map(pick)
  await sql`
    INSERT INTO stream_minutes AS m (account_id, view_id, subject, minute, live, resent, lag_ms_total, lag_ms_worst)
    SELECT u.* FROM unnest(${of(({ accountId }) => accountId)}::bigint[], ${of(({ viewId }) => viewId)}::bigint[], ${of(({ stream }) => stream)}::text[],
      ${of(({ minute }) => minute)}::timestamptz[], ${of(({ live }) => live)}::int[], ${of(({ resent }) => resent)}::int[],
      ${of(({ lagMsTotal }) => lagMsTotal)}::bigint[], ${of(({ lagMsWorst }) => lagMsWorst)}::bigint[]) AS u (account_id, view_id, subject, minute, live, resent, total, worst)
    JOIN sync_views v ON v.account_id = u.account_id AND v.id = u.view_id
    ON CONFLICT (account_id, view_id, subject, minute) DO UPDATE SET live = m.live + excluded.live, resent = m.resent + excluded.resent,
      lag_ms_total = m.lag_ms_total + excluded.lag_ms_total, lag_ms_worst = greatest(m.lag_ms_worst, excluded.lag_ms_worst)`
}

/** SQL of the last hour of the view `v`: a JSON array of what StreamMinute holds, the oldest first; null where nothing moved. */
export function lastHour(sql: Sql) {
  return sql`(SELECT json_agg(json_build_object('stream', m.subject, 'minute', m.minute, 'live', m.live, 'resent', m.resent, 'lagMsTotal', m.lag_ms_total,
      'lagMsWorst', m.lag_ms_worst) ORDER BY m.minute)
    FROM stream_minutes m WHERE m.account_id = v.account_id AND m.view_id = v.id AND m.minute > now() - interval '1 hour')`
}

/** What was written and what was not yet, a minute and a stream each once. */
export function mergeMinutes(written: readonly StreamMinute[], unwritten: readonly StreamMinute[]): readonly StreamMinute[] {
  const merged = new Map<string, StreamMinute>()
  for (const one of [...written, ...unwritten]) {
    const name = `${one.stream}/${one.minute.getTime()}`
    const before = merged.get(name)
    merged.set(name, before === undefined ? one : { ...one, ...sumOf(before, one) })
  }
  return [...merged.values()].toSorted((a, b) => a.minute.getTime() - b.minute.getTime())
}

/** Forgets what is older than a day. Answers how many rows went. */
export async function sweepMinutes(tx: TransactionSql, most: number): Promise<number> {
  const gone = await tx`
    DELETE FROM stream_minutes WHERE ctid = ANY (ARRAY(
      SELECT ctid FROM stream_minutes WHERE minute < now() - make_interval(hours => ${keptHours}) LIMIT ${most}))
    RETURNING 1`
  return gone.length
}
