import type { Logger } from 'pino'
import type { Database, Sql } from '../db/client.ts'
import { advisoryLocks } from '../db/locks.ts'
import { Bell } from './bell.ts'
import { linkNewProducts } from './links.ts'

/** How many positions are reserved at once. A cursor carries the nonce of its range, so ranges are few. */
const rangeSize = 1_000_000
/** How many inbox rows one transaction takes. */
const batchLimit = 2_000
/** How often an awake sequencer asks, and for how long after the last change it stays awake. */
const awakePollMs = 2
const awakeForMs = 250
/** How often it asks while it falls asleep, until all transactions that could have read "awake" are gone: at first, and at last, where one of them is long. */
const shortestDrowsyPollMs = 10
const longestDrowsyPollMs = 200
/** The safety poll behind every hint, and how often the others look whether somebody leads. */
const safetyPollMs = 1_000
/** Looks at an oldest inbox row that does not move, after which the holder of the lock is taken for stuck. */
const looksBeforeStuck = 5

const awake = 1
const asleep = 2

/** What others are told by the sequencer on this gateway. */
export interface SequencerEvents {
  /** Numbered and committed. */
  readonly onNumbered: () => void
  /** Where the feed's head stood at a look, about once a second, while another gateway sequences. */
  readonly onHead: (head: number) => void
}

/**
 * Numbers what is in the inbox, if this gateway is elected: one at a time holds a session-level advisory lock on a connection of its own. The lock only
 * elects; what fences is the term: each transaction first locks the row of its own term, and a gateway that has lost the lock without knowing finds none.
 */
export class Sequencer {
  readonly #database: Database
  readonly #log: Logger
  readonly #events: SequencerEvents
  readonly #signal: AbortSignal
  readonly #bell = new Bell()
  readonly #node: number
  #linking = Promise.resolve()
  #isLeading = false
  #isLooking = false

  constructor(database: Database, node: number, log: Logger, events: SequencerEvents, signal: AbortSignal) {
    this.#database = database
    this.#node = node
    this.#log = log
    this.#events = events
    this.#signal = signal
    signal.addEventListener('abort', () => this.#bell.ring())
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
      if (!this.#signal.aborted) await this.#bell.wait(safetyPollMs)
    }
    await this.#linking
  }

  async #serve(session: Session): Promise<void> {
    await session.open()
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
    let lastChangeAt = Date.now()
    await session.setSleep(awake)
    while (!this.#signal.aborted && !session.isLost) {
      const batch = await session.sequence(term.term)
      if (batch === undefined) return this.#log.warn({ term: term.term }, 'another gateway sequences by now')
      if (batch.taken > 0) {
        lastChangeAt = Date.now()
        this.#events.onNumbered()
        if (batch.newProducts > 0) this.#link()
        if (rangeEnds - batch.head < batchLimit * 2) rangeEnds = await session.reservePositions(term.term, rangeEnds)
      } else if (Date.now() - lastChangeAt < awakeForMs) {
        await this.#bell.wait(awakePollMs)
      } else {
        await this.#sleep(session)
        lastChangeAt = Date.now()
      }
    }
  }

  /**
   * Sleeps until a writer notifies. Writers read "asleep" in a sequence; one that read "awake" just before will not notify, so until every transaction
   * of that time has ended the inbox is asked.
   */
  async #sleep(session: Session): Promise<void> {
    const xmax = await session.setSleep(asleep)
    let drowsyPollMs = shortestDrowsyPollMs
    while (!this.#signal.aborted && !session.isLost) {
      const look = await session.lookAround(xmax)
      if (look.hasInbox) break
      await this.#bell.wait(look.allGone ? safetyPollMs : drowsyPollMs)
      drowsyPollMs = Math.min(longestDrowsyPollMs, drowsyPollMs * 1.5)
    }
    await session.setSleep(awake)
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

/** Remembers the oldest inbox row that was seen, and how often it has not moved. */
class Rival {
  #oldestId: number | undefined
  #looks = 0

  isStuck(oldestId: number | undefined): boolean {
    this.#looks = oldestId !== undefined && oldestId === this.#oldestId ? this.#looks + 1 : 0
    this.#oldestId = oldestId
    return this.#looks >= looksBeforeStuck
  }
}

/** What a gateway sees that does not lead. */
interface Look {
  readonly isElected: boolean
  readonly oldestId: number | undefined
  readonly head: number
}

interface Numbered {
  readonly head: number
  readonly taken: number
  readonly newProducts: number
}

/** The direct connection that holds the gateway's locks. postgres.js connects again behind one's back, and locks do not follow: then it is lost. */
class Session {
  readonly #sql: Sql
  readonly #node: number
  isLost = false

  constructor(database: Database, node: number) {
    this.#node = node
    this.#sql = database.direct('sequencer', () => void (this.isLost = true))
  }

  /** Holds the gateway's own lock, by which others see that it lives. */
  async open(): Promise<void> {
    await this.#sql`SELECT pg_advisory_lock(${advisoryLocks.node}, ${this.#node})`
    // A holder that is stopped or cut off loses its session, and with it the lock.
    await this.#sql`SELECT set_config('idle_session_timeout', '15s', false), set_config('synchronous_commit', 'off', false)`
  }

  async standForElection(): Promise<Look> {
    const [row] = await this.#sql<{ isElected: boolean; oldestId: number | null; head: number }[]>`
      SELECT pg_try_advisory_lock(${advisoryLocks.sequencer}, 0) AS "isElected", (SELECT min(id) FROM inbox) AS "oldestId", head FROM sequencer`
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
      SELECT head, taken, new_products AS "newProducts" FROM sequence_batch(${term}, ${batchLimit})`
    return row
  }

  /** Says whether it sleeps, and answers the first transaction that will surely read it. */
  async setSleep(state: number): Promise<number> {
    await this.#sql`SELECT setval('sequencer_sleep', ${state})`
    const [row] = await this.#sql<{ xmax: number }[]>`SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS xmax`
    return row?.xmax ?? 0
  }

  async lookAround(xmax: number): Promise<{ hasInbox: boolean; allGone: boolean }> {
    const [row] = await this.#sql<{ hasInbox: boolean; allGone: boolean }[]>`
      SELECT EXISTS (SELECT 1 FROM inbox) AS "hasInbox", pg_snapshot_xmin(pg_current_snapshot())::text::bigint >= ${xmax} AS "allGone"`
    return row ?? { hasInbox: true, allGone: false }
  }

  async close(): Promise<void> {
    await this.#sql.end().catch(() => {})
  }
}
