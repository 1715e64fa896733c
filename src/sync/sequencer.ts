import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { OpenDatabase, SqlSession } from '../db/client.ts'
import { advisoryLocks } from '../db/locks.ts'
import { Bell } from './bell.ts'
import type { NewPosition, RawDispatch } from './feed.ts'
import { linkNewProducts } from './links.ts'
import type { Sighting } from './positions.ts'
import type { RightOfWay } from './right-of-way.ts'

/** How many positions are reserved at once. A cursor carries the nonce of its range, so ranges are few. */
const rangeSize = 1_000_000
/** How many inbox rows one transaction takes. */
const batchLimit = 2_000
/** How many entities of a batch the hub is told of; of more it reads the feed. */
const tellLimit = 500
/** Up to how many it is told whom they concern, too. */
const dispatchLimit = 8
/** How often an awake sequencer asks: the more is written the more seldom, so that batches grow rather than their number, which is what costs. */
const shortestAwakePollMs = 2
const longestAwakePollMs = 20
const changesAMillisecondOfPoll = 400
/** From how many changes a second it is awake, and below how many it falls asleep. */
const awakeFrom = 2_000
const awakeDownTo = 1_000
/** Over what time changes a second are counted. */
const paceMs = 100
/** How often it asks while it falls asleep, until all transactions that could have read "awake" are gone: at first, and at last, where one of them is long. */
const shortestDrowsyPollMs = 10
const longestDrowsyPollMs = 200
/** After how many rows that were taken out the inbox is vacuumed: an index scan walks over all that have gone, each time. Autovacuum would come once a minute. */
const vacuumEvery = 5_000
/** The safety poll behind every hint, and how often the others look whether somebody leads. */
const safetyPollMs = 1_000
/** How long after its session was lost it asks for another. */
const retryMs = 200
/** For how long the oldest inbox row may not move before the holder of the lock is taken for stuck. */
const stuckAfterMs = 5_000
/** The others look no more often than this, however many writers ring. */
const shortestLookMs = 100

const awake = 1
const asleep = 2

/** What others are told by the sequencer on this gateway. */
export interface SequencerEvents {
  /** Numbered and committed. */
  readonly onNumbered: (numbered: Numbered) => void
  /** Where the feed's head stood at a look, about once a second, while another gateway sequences. */
  readonly onHead: (head: number) => void
}

/**
 * Numbers what is in the inbox, if this gateway is elected: one at a time holds a session-level advisory lock on a connection of its own. The lock only
 * elects; what fences is the term: each transaction first locks the row of its own term, and a gateway that has lost the lock without knowing finds none.
 */
export class Sequencer {
  readonly #database: OpenDatabase
  readonly #log: Logger
  readonly #events: SequencerEvents
  readonly #signal: AbortSignal
  readonly #rightOfWay: RightOfWay
  readonly #bell = new Bell()
  readonly #node: number
  #linking = Promise.resolve()
  #vacuuming: Promise<void> | undefined
  #takenSinceVacuum = 0
  #isLeading = false
  #isLooking = false
  #processId: number | undefined

  constructor(database: OpenDatabase, node: number, log: Logger, events: SequencerEvents, rightOfWay: RightOfWay, signal: AbortSignal) {
    this.#rightOfWay = rightOfWay
    this.#database = database
    this.#node = node
    this.#log = log
    this.#events = events
    this.#signal = signal
    signal.addEventListener('abort', () => this.#bell.ring())
  }

  /** The number of Postgres' process behind its session. */
  get processId(): number | undefined {
    return this.#processId
  }

  get isLeading(): boolean {
    return this.#isLeading
  }

  /** Whether it tells of every new position, its own or others', sooner or later. */
  get tellsOfPositions(): boolean {
    return this.#isLeading || this.#isLooking
  }

  /** Something may be in the inbox. */
  ring(): void {
    this.#bell.ring()
  }

  /** Takes part in the election, and leads when elected, until the signal fires. */
  async run(): Promise<void> {
    while (!this.#signal.aborted) {
      const session = new Session(this.#database, this.#node)
      try {
        await this.#serve(session)
      } catch (error) {
        if (!this.#signal.aborted) this.#log.warn({ err: error }, 'the sequencer lost its session')
      } finally {
        this.#isLeading = false
        this.#isLooking = false
        await session.close()
      }
      // Not cut short by a ring: what keeps failing must not fail a hundred times a second.
      await sleep(retryMs, undefined, { signal: this.#signal }).catch(() => {})
    }
    await Promise.all([this.#linking, this.#vacuuming])
  }

  async #serve(session: Session): Promise<void> {
    await session.open()
    this.#processId = session.processId
    const rival = new Rival()
    while (!this.#signal.aborted && !session.isLost) {
      const look = await session.standForElection()
      this.#isLooking = !look.isElected
      if (look.isElected) await this.#lead(session)
      else await this.#follow(session, look, rival)
      if (!this.#signal.aborted) await this.#bell.wait(safetyPollMs)
    }
  }

  async #follow(session: Session, look: Look, rival: Rival): Promise<void> {
    this.#events.onHead(look.head)
    if (rival.isStuck(look.oldestId)) await this.#depose(session)
    await sleep(shortestLookMs, undefined, { signal: this.#signal }).catch(() => {})
  }

  /** The holder of the lock has not moved the oldest inbox row for seconds: it is stopped or cut off. Ends its session, and with it its lock. */
  async #depose(session: Session): Promise<void> {
    this.#log.warn('the gateway that sequences does not move: ending its session')
    await session.terminateHolder()
  }

  /** Numbers batch after batch, until the term is over. */
  async #lead(session: Session): Promise<void> {
    const term = await session.beginTerm()
    this.#isLeading = true
    this.#log.info({ term: term.term }, 'sequencing')
    this.#link()
    let rangeEnds = term.rangeEnds
    const pace = new Pace()
    const wakefulness = new Wakefulness(session)
    await wakefulness.rise()
    while (!this.#signal.aborted && !session.isLost) {
      const batch = await this.#rightOfWay.go(() => session.sequence(term.term))
      if (batch === undefined) return this.#log.warn({ term: term.term }, 'another gateway sequences by now')
      pace.count(batch.taken)
      if (batch.taken > 0) {
        this.#events.onNumbered(batch)
        this.#vacuumInbox(batch.taken)
        if (batch.newProducts > 0) this.#link()
        if (rangeEnds - batch.head < batchLimit * 2) rangeEnds = await session.reservePositions(term.term, rangeEnds)
      }
      if (pace.perSecond >= awakeFrom) await wakefulness.rise()
      else if (pace.perSecond < awakeDownTo) await wakefulness.fallAsleep()
      if (!batch.mayHaveMore) await this.#bell.wait(await wakefulness.pollMs(pace.perSecond))
    }
  }

  /** Clears away what was taken out of the inbox, now and then, beside the sequencing. */
  #vacuumInbox(taken: number): void {
    this.#takenSinceVacuum += taken
    if (this.#takenSinceVacuum < vacuumEvery || this.#vacuuming !== undefined) return
    this.#takenSinceVacuum = 0
    this.#vacuuming = this.#vacuum().finally(() => (this.#vacuuming = undefined))
  }

  async #vacuum(): Promise<void> {
    try {
      // Not truncated, which would lock writers out.
      await this.#database.sql`VACUUM (INDEX_CLEANUP ON, TRUNCATE FALSE) inbox`
    } catch (error) {
      if (!this.#signal.aborted) this.#log.warn({ err: error }, 'could not vacuum the inbox')
    }
  }

  /** Links new products to the views that want them. One at a time, beside the sequencing. */
  #link(): void {
    this.#linking = this.#linkAfter(this.#linking)
  }

  async #linkAfter(before: Promise<void>): Promise<void> {
    await before
    try {
      await linkNewProducts(this.#database.sql)
      this.ring()
    } catch (error) {
      if (!this.#signal.aborted) this.#log.warn({ err: error }, 'could not link new products')
    }
  }
}

/** Remembers the oldest inbox row that was seen, and since when it has not moved. */
class Rival {
  #oldestId: number | undefined
  #since = 0

  isStuck(oldestId: number | undefined): boolean {
    const now = performance.now()
    if (oldestId === undefined || oldestId !== this.#oldestId) this.#since = now
    this.#oldestId = oldestId
    return now - this.#since >= stuckAfterMs
  }
}

/** What a gateway sees that does not lead. */
interface Look {
  readonly isElected: boolean
  readonly oldestId: number | undefined
  readonly head: number
}

/** A batch that was numbered and is committed. */
export interface Numbered {
  readonly head: number
  /** Inbox rows. */
  readonly taken: number
  readonly newProducts: number
  /** The inbox was not emptied. */
  readonly mayHaveMore: boolean
  /** Where the head stood before. */
  readonly previousHead: number
  readonly epoch: number
  readonly sighting: Sighting
  /** What was numbered; null where it is much. */
  readonly numbered: readonly NewPosition[] | null
  /** Of these the states and whom they concern; null where it is more than a few, or none concerns anybody. */
  readonly products: readonly RawDispatch<'PRODUCT'>[] | null
  readonly stock: readonly RawDispatch<'STOCK'>[] | null
  readonly orders: readonly RawDispatch<'ORDER'>[] | null
  readonly customers: readonly RawDispatch<'CUSTOMER'>[] | null
  readonly isDispatched: boolean
}

/** How many changes a second there were of late. */
class Pace {
  perSecond = 0
  #rows = 0
  #since = Date.now()

  count(rows: number): void {
    this.#rows += rows
    const elapsedMs = Date.now() - this.#since
    if (elapsedMs < paceMs) return
    this.perSecond = (this.#rows * 1_000) / elapsedMs
    this.#rows = 0
    this.#since = Date.now()
  }
}

/**
 * Whether writers wake the sequencer, or it asks by itself. Asleep it hears of each commit by NOTIFY, which is soonest, but takes a lock that all commits of a
 * server share; where much is written it stays awake and asks every few milliseconds, and writers do not notify (as network cards and kernels do it: Linux' NAPI).
 */
class Wakefulness {
  readonly #session: Session
  isAwake = false
  /** While it falls asleep: the first transaction that surely read that it does. Those before may have read "awake", and will not notify. */
  #drowsyUntil: number | undefined
  #drowsyPollMs = shortestDrowsyPollMs

  constructor(session: Session) {
    this.#session = session
  }

  async rise(): Promise<void> {
    if (this.isAwake) return
    await this.#session.setSleep(awake)
    this.isAwake = true
    this.#drowsyUntil = undefined
  }

  async fallAsleep(): Promise<void> {
    if (!this.isAwake) return
    this.#drowsyUntil = await this.#session.setSleep(asleep)
    this.isAwake = false
    this.#drowsyPollMs = shortestDrowsyPollMs
  }

  /** How long to wait for a ring, before asking all the same. */
  async pollMs(perSecond: number): Promise<number> {
    if (this.isAwake) return Math.min(longestAwakePollMs, Math.max(shortestAwakePollMs, perSecond / changesAMillisecondOfPoll))
    if (this.#drowsyUntil === undefined) return safetyPollMs
    const pollMs = this.#drowsyPollMs
    if (await this.#session.haveAllGone(this.#drowsyUntil)) this.#drowsyUntil = undefined
    this.#drowsyPollMs = Math.min(longestDrowsyPollMs, pollMs * 1.5)
    // Also where all have gone: one may have committed since the inbox was asked.
    return pollMs
  }
}

/** The direct connection that holds the gateway's locks. Locks do not follow to another one: when it ends it is lost. */
class Session {
  readonly #sql: SqlSession
  readonly #node: number
  isLost = false
  processId: number | undefined

  constructor(database: OpenDatabase, node: number) {
    this.#node = node
    this.#sql = database.direct('sequencer', () => void (this.isLost = true))
  }

  /** Holds the gateway's own lock, by which others see that it lives. */
  async open(): Promise<void> {
    const [row] = await this.#sql<{ pid: number }[]>`SELECT pg_backend_pid() AS pid, pg_advisory_lock(${advisoryLocks.node}, ${this.#node})`
    this.processId = row?.pid
    // A holder that is stopped or cut off loses its session, and with it the lock.
    await this.#sql`SELECT set_config('idle_session_timeout', '15s', false), set_config('synchronous_commit', 'off', false),
      set_config('plan_cache_mode', 'force_generic_plan', false)`
  }

  /** Also says that there is a gateway that follows, for the one that leads to notify it. */
  async standForElection(): Promise<Look> {
    const [row] = await this.#sql<{ isElected: boolean; oldestId: number | null; head: number }[]>`
      SELECT pg_try_advisory_lock(${advisoryLocks.sequencer}, 0) AS "isElected", (SELECT min(id) FROM inbox) AS "oldestId", head,
        setval('follower_seen', extract(epoch FROM clock_timestamp())::bigint) FROM sequencer`
    return { isElected: row?.isElected === true, oldestId: row?.oldestId ?? undefined, head: row?.head ?? 0 }
  }

  async terminateHolder(): Promise<void> {
    await this.#sql`
      SELECT pg_terminate_backend(pid) FROM pg_locks
      WHERE locktype = 'advisory' AND classid = ${advisoryLocks.sequencer} AND objid = 0 AND granted AND pid <> pg_backend_pid()
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`
  }

  /** Durable, whatever the session's setting: positions are given out without waiting for the disk only because their range does not vanish. */
  async beginTerm(): Promise<{ term: number; rangeEnds: number }> {
    return this.#sql.begin(async (tx) => {
      await tx`SET LOCAL synchronous_commit = on`
      const [row] = await tx<{ term: number; rangeEnds: number }[]>`SELECT term, range_ends AS "rangeEnds" FROM begin_term(${rangeSize})`
      if (row === undefined) throw new Error('begin_term answered nothing')
      return row
    })
  }

  async reservePositions(term: number, before: number): Promise<number> {
    return this.#sql.begin(async (tx) => {
      await tx`SET LOCAL synchronous_commit = on`
      const [row] = await tx<{ rangeEnds: number }[]>`SELECT range_ends AS "rangeEnds" FROM reserve_positions(${term}, ${rangeSize})`
      return row?.rangeEnds ?? before
    })
  }

  /** Undefined when the term is over. */
  async sequence(term: number): Promise<Numbered | undefined> {
    const [row] = await this.#sql<Numbered[]>`
      SELECT head, taken, new_products AS "newProducts", may_have_more AS "mayHaveMore", previous_head AS "previousHead", epoch, sighting, numbered, products, stock, orders, customers,
        json_array_length(numbered) <= ${dispatchLimit} AS "isDispatched"
      FROM sequence_batch(${term}, ${batchLimit}, ${tellLimit}, ${dispatchLimit})`
    return row
  }

  /** Says whether it sleeps, and answers the first transaction that will surely read it. */
  async setSleep(state: number): Promise<number> {
    await this.#sql`SELECT setval('sequencer_sleep', ${state})`
    const [row] = await this.#sql<{ xmax: number }[]>`SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS xmax`
    return row?.xmax ?? 0
  }

  /** Whether every transaction before this one has ended. */
  async haveAllGone(xmax: number): Promise<boolean> {
    const [row] = await this.#sql<
      { allGone: boolean }[]
    >`SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint >= ${xmax} AS "allGone"`
    return row?.allGone === true
  }

  async close(): Promise<void> {
    await this.#sql.end().catch(() => {})
  }
}
