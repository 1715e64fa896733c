import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { Database, Sql } from '../db/client.ts'
import { globalId } from '../global-id.ts'
import type { Networks } from '../networks.ts'
import { Bell } from './bell.ts'
import type { Stream } from './change.ts'
import { callDoorbell, type DoorbellAnswer } from './doorbell-call.ts'
import type { ViewKey } from './feed.ts'
import { isServed, streamStatuses } from './status.ts'

/** How long changes gather before it is looked whom they concern; a system that is just connecting again needs no bell. */
const gatherMs = 1_000
/** How often it is looked although nothing has moved: a gateway that dies leaves its systems without a word. */
const safetyMs = 30_000
/** How often a gateway that does not sequence looks whether it does by now. It asks nobody. */
const idleMs = 5_000
/** Doorbells that are rung at the same time. */
const mostAtOnce = 50
/** How long a bell belongs to the gateway that rings it: longer than a call may take. */
const turnSeconds = 60
/** The bound of the pause after a ring, which doubles with each until the system acknowledges something, and where that ends. */
const firstPauseSeconds = 1
const longestPauseSeconds = 900
/** How much of the feed is read at once for a view on a stream, and how far it may run ahead before it is written down that there was nothing in it. */
const positionsAtOnce = 2_000
const heardPositions = 1_000

/** How a doorbell stands. */
export interface DoorbellRow {
  readonly lastRungAt: Date | null
  readonly lastStatus: number | null
  readonly lastError: string | null
  readonly attempts: number
  readonly nextAttemptAt: Date | null
}

/** A bell that this gateway has taken, to ring it. */
interface Taken extends ViewKey {
  readonly turn: number
  readonly messageId: string
  readonly url: string
  readonly secret: string
}

/**
 * Rings the doorbells of views that something waits for while nobody is connected. The gateway that sequences does, for it is the first to know; should two of them believe that they are
 * it, the row in the database is taken by one.
 */
export class Doorbells {
  readonly #database: Database
  readonly #networks: Networks
  readonly #log: Logger
  readonly #isLeading: () => boolean
  readonly #signal: AbortSignal
  readonly #bell = new Bell()
  readonly #ringing = new Set<Promise<void>>()
  /** While no view has a doorbell, nobody need look. */
  #areThere = true
  /** The last look has not come to the end of the feed. */
  #isBehind = false

  constructor(database: Database, networks: Networks, log: Logger, isLeading: () => boolean, signal: AbortSignal) {
    this.#database = database
    this.#networks = networks
    this.#log = log
    this.#isLeading = isLeading
    this.#signal = signal
    signal.addEventListener('abort', () => this.#bell.ring())
  }

  /** The feed has new positions. `isOfViews`: also such as say that a view, its links or its streams have changed. */
  onMoved(isOfViews: boolean): void {
    if (isOfViews || this.#areThere) this.#bell.ring()
  }

  /** Rings what is to be rung until the signal fires. */
  async run(): Promise<void> {
    let waitMs = 0
    while (!this.#signal.aborted) {
      await this.#bell.wait(waitMs)
      if (!this.#isBehind) await sleep(gatherMs, undefined, { signal: this.#signal }).catch(() => {})
      if (!this.#signal.aborted) waitMs = this.#isLeading() ? await this.#look() : idleMs
    }
    await Promise.all(this.#ringing)
  }

  /** Answers how long it may wait to look again. */
  async #look(): Promise<number> {
    try {
      this.#isBehind = false
      this.#isBehind = await noteWhatWaits(this.#database)
      const { count, dueInMs } = await readDue(this.#database)
      this.#areThere = count > 0
      if (dueInMs > 0) return this.#isBehind ? 0 : Math.min(safetyMs, dueInMs)
      for (const taken of await take(this.#database, mostAtOnce - this.#ringing.size)) this.#begin(taken)
    } catch (error) {
      if (!this.#signal.aborted) this.#log.warn({ err: error }, 'could not look after the doorbells')
    }
    // Whatever is being rung rings here when it is done.
    return this.#isBehind ? 0 : safetyMs
  }

  #begin(taken: Taken): void {
    const ringing = this.#ring(taken)
      .catch((error: unknown) => {
        if (this.#signal.aborted) return
        this.#log.warn({ err: error, accountId: taken.accountId, viewId: taken.viewId }, 'could not ring a doorbell')
      })
      .finally(() => {
        this.#ringing.delete(ringing)
        this.#bell.ring()
      })
    this.#ringing.add(ringing)
  }

  async #ring(taken: Taken): Promise<void> {
    const streams = await waitingStreams(this.#database, taken)
    if (streams.length === 0) return giveBack(this.#database, taken, false)
    const syncViewId = globalId('SyncView', taken.viewId)
    const answer = await callDoorbell({ ...taken, syncViewId, streams }, this.#networks, this.#signal).catch(async (error: unknown) => {
      await giveBack(this.#database, taken, true)
      throw error
    })
    await writeAnswer(this.#database, taken, answer)
  }
}

/** How the doorbell of a view stands; undefined while it was never needed. */
export async function findDoorbell(database: Database, accountId: number, viewId: number): Promise<DoorbellRow | undefined> {
  const [row] = await database.sql<DoorbellRow[]>`
    SELECT last_rung_at AS "lastRungAt", last_status AS "lastStatus", last_error AS "lastError", attempts, CASE WHEN waits THEN next_attempt_at END AS "nextAttemptAt"
    FROM doorbells WHERE account_id = ${accountId} AND view_id = ${viewId}`
  return row
}

/**
 * Notes for which views with a doorbell, and without anybody connected, something has come since it was last told: in the feed, among the links, or a resend. This is
 * a hint that costs little and may be wrong; before it is rung, what waits is counted. True where the feed goes on for one of them beyond what was read.
 */
async function noteWhatWaits({ sql }: Database): Promise<boolean> {
  const noted = await sql<{ isBehind: boolean }[]>`
    WITH bells AS (
      SELECT v.account_id, v.id AS view_id, v.user_id, v.order_scope, v.created_position, v.link_position, q.head, coalesce(d.heard_head, 0) AS heard_head, coalesce(d.heard_link, 0) AS heard_link,
        coalesce(d.heard_resend, 0) AS heard_resend, d.attempts, d.next_attempt_at, s.linked_to, s.is_opened,
        d.last_rung_at IS NULL OR coalesce(s.acknowledged_at > d.last_rung_at, false) AS is_heeded,
        coalesce((SELECT max(r.id) FROM resends r WHERE r.account_id = v.account_id AND r.view_id = v.id AND r.state = 'RUNNING'), 0) AS resend_id
      FROM sequencer q CROSS JOIN sync_views v
      LEFT JOIN doorbells d ON d.account_id = v.account_id AND d.view_id = v.id
      CROSS JOIN LATERAL (
        SELECT coalesce(min(c.linked) FILTER (WHERE c.subject IN ('PRODUCT', 'STOCK')), 0) AS linked_to, max(c.acknowledged_at) AS acknowledged_at,
          count(*) > 0 AS is_opened, coalesce(bool_or(${isServed(sql)}), false) AS is_connected
        FROM checkpoints c WHERE c.account_id = v.account_id AND c.view_id = v.id) s
      WHERE v.doorbell_url IS NOT NULL AND v.doorbell_secret IS NOT NULL AND NOT v.paused AND NOT s.is_connected),
    heard AS (
      SELECT b.*, p.read_to, b.link_position > greatest(b.heard_link, b.linked_to) OR b.resend_id > b.heard_resend OR coalesce(p.concerns, false) AS is_new
      FROM bells b CROSS JOIN LATERAL (
        SELECT bool_or(s.concerns) AS concerns, min(s.last) FILTER (WHERE s.is_full) AS read_to
        FROM unnest(ARRAY['PRODUCT', 'STOCK', 'ORDER', 'CUSTOMER']) t (subject)
        LEFT JOIN checkpoints c ON c.account_id = b.account_id AND c.view_id = b.view_id AND c.subject = t.subject
        CROSS JOIN LATERAL (
          SELECT bool_or(f.concerns) AS concerns, max(f.position) AS last, count(*) = ${positionsAtOnce} AS is_full FROM (
            SELECT f.position, f.origin_view_id IS DISTINCT FROM b.view_id AND CASE WHEN f.subject IN ('ORDER', 'CUSTOMER') THEN b.order_scope = 'ALL' OR f.owner_user_id = b.user_id
              ELSE EXISTS (SELECT 1 FROM links l WHERE l.account_id = f.account_id AND l.view_id = b.view_id AND l.product_id = f.product_id AND NOT l.unlinked) END AS concerns
            FROM feed f WHERE f.account_id = b.account_id AND f.subject = t.subject
              AND f.position > greatest(b.heard_head, coalesce(c.live, CASE WHEN t.subject IN ('PRODUCT', 'STOCK') THEN b.created_position ELSE 0 END))
            ORDER BY f.position LIMIT ${positionsAtOnce}) f) s
        WHERE c.subject IS NOT NULL OR NOT b.is_opened) p)
    INSERT INTO doorbells AS t (account_id, view_id, heard_head, heard_link, heard_resend, waits, message_id, attempts, next_attempt_at)
    SELECT account_id, view_id, CASE WHEN is_new THEN head ELSE coalesce(read_to, head) END, link_position, greatest(resend_id, heard_resend), is_new, gen_random_uuid(),
      CASE WHEN is_heeded THEN 0 ELSE attempts END, CASE WHEN is_heeded THEN clock_timestamp() ELSE next_attempt_at END
    FROM heard WHERE is_new OR read_to IS NOT NULL OR head - heard_head > ${heardPositions}
    ON CONFLICT (account_id, view_id) DO UPDATE SET heard_head = excluded.heard_head, heard_link = excluded.heard_link, heard_resend = excluded.heard_resend,
      waits = t.waits OR excluded.waits, message_id = CASE WHEN t.waits THEN t.message_id ELSE excluded.message_id END,
      attempts = excluded.attempts, next_attempt_at = excluded.next_attempt_at
    RETURNING t.heard_head < (SELECT head FROM sequencer) AS "isBehind"`
  return noted.some(({ isBehind }) => isBehind)
}

/** SQL of the bells `d` that are to be rung at some time, and their views `v`. One stays so while somebody is connected: what is not fetched then is told later. */
const bellsOfViews = (sql: Sql) => sql`
  doorbells d JOIN sync_views v ON v.account_id = d.account_id AND v.id = d.view_id AND v.doorbell_url IS NOT NULL AND v.doorbell_secret IS NOT NULL AND NOT v.paused
  WHERE (d.waits OR d.ringing_until IS NOT NULL)
    AND NOT EXISTS (SELECT 1 FROM checkpoints c WHERE c.account_id = d.account_id AND c.view_id = d.view_id AND ${isServed(sql)})`

/** How many views have a doorbell, and in how long the next of them is to be rung, or to be taken from whoever has not ended ringing it. */
async function readDue({ sql }: Database): Promise<{ readonly count: number; readonly dueInMs: number }> {
  const [row] = await sql<{ count: number; dueInMs: number }[]>`
    SELECT (SELECT count(*) FROM sync_views WHERE doorbell_url IS NOT NULL) AS count, coalesce(
      (SELECT extract(epoch FROM min(coalesce(d.ringing_until, d.next_attempt_at)) - clock_timestamp()) * 1000 FROM ${bellsOfViews(sql)}),
      ${safetyMs})::float8 AS "dueInMs"`
  return row ?? { count: 0, dueInMs: safetyMs }
}

/** Takes bells that are due, for a while, so that nobody else rings them. What comes from now on is to be told again. */
async function take({ sql }: Database, most: number): Promise<readonly Taken[]> {
  return sql<Taken[]>`
    WITH due AS (
      SELECT d.account_id, d.view_id, v.doorbell_url, v.doorbell_secret FROM ${bellsOfViews(sql)} AND coalesce(d.ringing_until, d.next_attempt_at) <= clock_timestamp()
      ORDER BY d.next_attempt_at LIMIT ${most} FOR UPDATE OF d SKIP LOCKED)
    UPDATE doorbells d SET waits = false, turn = turn + 1, ringing_until = clock_timestamp() + make_interval(secs => ${turnSeconds})
    FROM due WHERE d.account_id = due.account_id AND d.view_id = due.view_id
    RETURNING d.account_id AS "accountId", d.view_id AS "viewId", d.turn, 'msg_' || d.message_id AS "messageId", due.doorbell_url AS url, due.doorbell_secret AS secret`
}

/** The streams that something waits on, of those that the system has ever opened or, where it has opened none, of all. */
async function waitingStreams(database: Database, { accountId, viewId }: ViewKey): Promise<readonly Stream[]> {
  const statuses = await streamStatuses(database, accountId, viewId)
  const opened = statuses.filter(({ isOpened }) => isOpened)
  return (opened.length > 0 ? opened : statuses).filter(({ pending }) => pending > 0).map(({ stream }) => stream)
}

/** It was not rung: nothing waits any more, or it is to be rung by another. */
async function giveBack({ sql }: Database, { accountId, viewId, turn }: Taken, waits: boolean): Promise<void> {
  await sql`
    UPDATE doorbells SET ringing_until = NULL, waits = waits OR ${waits} WHERE account_id = ${accountId} AND view_id = ${viewId} AND turn = ${turn}`
}

/** A failure is tried again; after a success it is rung when something new comes. Either way after a pause with full jitter (see src/client/backoff.ts). */
async function writeAnswer({ sql }: Database, { accountId, viewId, turn }: Taken, { status, error }: DoorbellAnswer): Promise<void> {
  await sql`
    UPDATE doorbells SET ringing_until = NULL, waits = waits OR ${error !== undefined}, attempts = attempts + 1, last_rung_at = clock_timestamp(),
      last_status = ${status ?? null}, last_error = ${error ?? null},
      next_attempt_at = clock_timestamp() + random() * make_interval(secs => least(${longestPauseSeconds}, ${firstPauseSeconds} * 2 ^ least(attempts + 1, 30)))
    WHERE account_id = ${accountId} AND view_id = ${viewId} AND turn = ${turn}`
}
