import { isDatabaseAway } from '../db/faults.ts'
import type { Sql } from '../db/client.ts'
import { SynkvyError } from '../errors.ts'
import { Bell } from './bell.ts'
import { shownRevision, type Batch, type Change, type EntityOf, type Lane, type Stream, type StreamOptions } from './change.ts'
import { advanceCheckpoint, readCheckpoint, type Advance, type Checkpoint, type StreamKey } from './checkpoint.ts'
import type { SyncFigures } from './figures.ts'
import { readLivePage, type FeedRow, type LinkPart, type LinkRowOfPage, type LinksPage } from './feed.ts'
import { LinksReader } from './links-reader.ts'
import { laterSighting, type Seen, type Sighting } from './positions.ts'
import type { RightOfWay } from './right-of-way.ts'
import { deliveredNow, deliveryOf, type Delivered, type Delivery } from './throughput.ts'
import { afterLink, beforeAllLinks, covers, furthest, hasReached, type Progress } from './progress.ts'

/** A run of "Resend all products", as one stream sees it. */
export interface Run {
  readonly id: number
  /** RESEND goes over the links up to here. */
  readonly resendTo: number
  /** LINKED does the rest, up to here. */
  readonly linkedTo: number
}

/** What a stream must know of its view: read again whenever the view changes. */
export interface Control {
  readonly isPaused: boolean
  /** The last position that the view's links have given out. */
  readonly linkPosition: number
  readonly run: Run | undefined
  readonly session: number
  readonly rewinds: number
}

/** What a stream needs from the gateway that it runs on. */
export interface StreamHost {
  readonly sql: Sql
  /** Up to where everything has been offered. */
  readonly sightingOf: () => Sighting
  readonly encodeCursor: (key: StreamKey, seen: { readonly epoch: number; readonly sighting: Sighting }, progress: Progress) => string
  /** Another range of positions is in use than the one that the stream has seen, or the hub: holds the stream against the database, and lets it go on or ends it. */
  readonly takeUp: () => Promise<void>
  /** The window is full, and nobody may be near to tell when it opens: look after the checkpoint. */
  readonly watchCheckpoint: () => void
  readonly rightOfWay: RightOfWay
  readonly figures: SyncFigures
  /** The consumer has gone. */
  readonly detach: () => Promise<void>
  readonly warn: (message: string, error: unknown) => void
  /** Something was acknowledged or, by pull, fetched. */
  readonly onDelivered: (delivered: Delivered) => void
}

/** From where a stream is read. */
export interface StreamStart {
  readonly checkpoint: Checkpoint
  readonly cursor: Progress | undefined
  readonly session: number | undefined
  /** What had been seen of the database before the checkpoint was read, and before the cursor was found good. */
  readonly epoch: number
  readonly sighting: Sighting
}

/** A batch that is out. */
interface Sent {
  readonly progress: Progress
  readonly delivery: Delivery
}

/** An entity that changed, loaded once by the hub for all views that it concerns, and this view's link to it. */
export interface Offer<Entity> {
  readonly row: FeedRow<Entity>
  readonly link: LinkPart
  readonly epoch: number
}

/** A state that was sent: both numbers only grow, so they order the states of an entity for a view exactly. */
interface SentState {
  readonly revision: number
  readonly linkRevision: number
  readonly position: number | null
  readonly at: number
}

/**
 * How LIVE is read. BEHIND: the stream reads pages of the feed for itself. JOINING: it is reading what it hopes is the last of them, and keeps what
 * is offered meanwhile. FOLLOWING: it takes what the hub offers.
 */
type LiveMode = 'BEHIND' | 'JOINING' | 'FOLLOWING'

const mostStatesKept = 5_000
const statesKeptMs = 60_000
const longestPauseMs = 5_000

/**
 * One view's consumption of one stream: an object that is pulled, never a queue that is pushed to, so that a consumer that is slow or stuck costs
 * nothing that grows. It merges three lanes, each a number: LIVE (feed positions), LINKED and RESEND (points in the view's links). LIVE goes first,
 * but where both wait the other lanes have every second batch, so that a resend ends under any load.
 */
export class ViewStream<S extends Stream> implements AsyncIterableIterator<Batch<EntityOf[S]>> {
  readonly key: StreamKey & { readonly stream: S }
  readonly options: StreamOptions
  /** The number of this subscription; undefined for a pull, which takes nothing over. */
  readonly session: number | undefined
  readonly #host: StreamHost
  readonly #bell = new Bell()
  #start: Progress
  readonly #links: LinksReader<S>

  /** What has been sent, or passed because it needs no sending. */
  #sent: Progress
  /** What of the database has been seen for it: all of it in one range of positions, for between two the database may have been set back. */
  #sighting: Sighting
  #epoch: number
  #acknowledged: Progress
  #rewinds: number
  /** Sent and not acknowledged, in order. */
  #inFlight: Sent[] = []
  #mode: LiveMode = 'BEHIND'
  #offers = new Map<number, Offer<EntityOf[S]>>()
  /** What was sent of entities whose latest change LIVE has not come to: it must not send that, or an older state, again. */
  #ahead = new Map<number, SentState>()
  #run: Run | undefined
  #controlOrder = 0
  /** The view's last link position, as far as is known: LINKED goes up to it. */
  #linksTo = 0
  #lastWasLive = false
  #hasToldLevel = false
  #hasToldComplete = false
  /** LIVE has passed a change that needed no sending, because its state was sent ahead: until that is saved it is taken for one that waits. */
  #hasPassedOver = false
  /** Grows when the stream is rewound: a page that was asked for before is dropped. */
  #generation = 0
  #pauseMs = 0
  /** Whether it has waited for room in the window since it sent something. */
  #isStalled = false
  #end: SynkvyError | 'done' | undefined

  constructor(key: StreamKey & { readonly stream: S }, options: StreamOptions, from: StreamStart, host: StreamHost) {
    this.key = key
    this.options = options
    this.session = from.session
    this.#host = host
    this.#links = new LinksReader(host.sql, key, options.batchSize, host.rightOfWay)
    this.#sighting = from.sighting
    this.#epoch = from.epoch
    this.#acknowledged = from.checkpoint
    this.#rewinds = from.checkpoint.rewinds
    this.#start = from.cursor === undefined ? from.checkpoint : furthest(from.checkpoint, from.cursor)
    this.#sent = this.#start
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  /** The next batch, when there is one and the window has room. Rejects with what ended the stream. */
  async next(): Promise<IteratorResult<Batch<EntityOf[S]>, undefined>> {
    for (;;) {
      if (this.#end !== undefined) return this.#finish()
      const batch = this.isWindowFull ? undefined : await this.#tryToRead()
      if (this.#end !== undefined) return this.#finish()
      if (batch !== undefined) return { done: false, value: batch }
      if (this.isWindowFull) this.#stall()
      await this.#bell.wait(this.#pauseMs === 0 ? undefined : this.#pauseMs)
    }
  }

  #stall(): void {
    if (!this.#isStalled) this.#host.figures.stalls += 1
    this.#isStalled = true
    this.#host.watchCheckpoint()
  }

  /** The consumer wants no more. Ends a `next` that waits, too. */
  async return(): Promise<IteratorResult<Batch<EntityOf[S]>, undefined>> {
    this.endWith('done')
    await this.#host.detach()
    return { done: true, value: undefined }
  }

  /** Ends the stream: the consumer is told why. */
  endWith(reason: SynkvyError | 'done'): void {
    this.#end ??= reason
    this.#offers.clear()
    this.#bell.ring()
  }

  get hasEnded(): boolean {
    return this.#end !== undefined
  }

  #finish(): IteratorResult<Batch<EntityOf[S]>, undefined> {
    const reason = this.#end
    this.#end = 'done'
    if (reason instanceof SynkvyError) throw reason
    return { done: true, value: undefined }
  }

  get isWindowFull(): boolean {
    return this.#inFlight.length >= this.options.maxInFlight
  }

  get isFollowing(): boolean {
    return this.#mode !== 'BEHIND'
  }

  /** What it may have moved on to by itself; undefined while anything is unacknowledged. */
  get passed(): Advance | undefined {
    const owesNothing = this.#inFlight.length === 0 && covers(this.#acknowledged, this.#start)
    return owesNothing && !covers(this.#acknowledged, this.#sent) ? { progress: this.#sent, nonce: this.#sighting.nonce } : undefined
  }

  /** How many positions LIVE is beyond the checkpoint. */
  get livePassed(): number {
    return this.#sent.live - this.#acknowledged.live
  }

  // ---- told by the hub

  /** Takes what the hub loaded, to be sent when it is woken. What gathers beyond a batch is let go: the stream reads it from the feed when its consumer gets there. */
  offer(offer: Offer<EntityOf[S]>): void {
    if (this.#mode === 'BEHIND') return
    const sighting = this.#host.sightingOf()
    if (!this.#isOfItsRange(sighting)) return this.fallBehind()
    if (this.#mode === 'FOLLOWING' && this.#offers.size === 0) this.#advanceLive(sighting)
    this.#offers.set(offer.row.entityId, offer)
    if (this.#offers.size > this.options.batchSize) this.fallBehind()
  }

  /** Lets a `next` that waits look what there is. */
  wake(): void {
    this.#bell.ring()
  }

  /** More has changed than the hub loads at once, or something of it was missed: read it from the feed. */
  fallBehind(): void {
    this.#mode = 'BEHIND'
    this.#offers.clear()
    this.#bell.ring()
  }

  onCheckpoint(checkpoint: Checkpoint): void {
    this.#acknowledged = checkpoint
    for (const { progress, delivery } of this.#inFlight) if (covers(checkpoint, progress)) this.#host.onDelivered(deliveredNow(delivery))
    this.#inFlight = this.#inFlight.filter(({ progress }) => !covers(checkpoint, progress))
    if (checkpoint.rewinds > this.#rewinds) this.#restart(checkpoint)
    this.#bell.ring()
  }

  /**
   * The view, its links or its run have changed. `order` grows with each reading: two may be under way at once (a stream opens while its run ends), and what was
   * asked for earlier must not undo what was asked for later.
   */
  async onControl(control: Control | undefined, order: number): Promise<void> {
    if (order < this.#controlOrder) return
    this.#controlOrder = order
    if (control === undefined) return this.endWith(viewGone())
    if (control.isPaused) return this.endWith(viewPaused())
    if (this.session !== undefined && control.session > this.session) return this.endWith(takenOver())
    if (control.rewinds > this.#rewinds) {
      const checkpoint = await readCheckpoint(this.#host.sql, this.key)
      if (checkpoint !== undefined) this.onCheckpoint(checkpoint)
      if (order < this.#controlOrder) return
    }
    this.#follow(control.run)
    this.#linksTo = Math.max(this.#linksTo, control.linkPosition)
    this.#bell.ring()
  }

  /**
   * Takes up a run that is new: RESEND from the first link to where LINKED stood when it began, and LINKED from there, also over what was sent meanwhile, so that
   * everything comes within the run. Of a run that has ended nothing more is sent.
   */
  #follow(run: Run | undefined): void {
    if (run !== undefined && run.id !== this.#sent.resendId) {
      this.#sent = { ...this.#sent, linked: afterLink(run.resendTo), resendId: run.id, resend: beforeAllLinks, done: 0 }
    }
    if (run?.id !== this.#run?.id) this.#hasToldComplete = false
    this.#run = run
  }

  /** Another range of positions is in use, and the database has all that was seen. */
  goOn({ epoch, sighting }: Pick<Seen, 'epoch' | 'sighting'>): void {
    this.#seeEpoch(epoch)
    this.#sighting = this.#isOfItsRange(sighting) ? laterSighting(this.#sighting, sighting) : sighting
  }

  /** Goes back to the checkpoint: it was rewound. */
  #restart(checkpoint: Checkpoint): void {
    this.#generation += 1
    this.#links.drop()
    this.#rewinds = checkpoint.rewinds
    this.#start = checkpoint
    this.#sent = checkpoint
    this.#inFlight = []
    this.#ahead.clear()
    this.fallBehind()
  }

  // ---- reading

  /** Reads, and where the database is away waits and reads again: nothing has moved on meanwhile. */
  async #tryToRead(): Promise<Batch<EntityOf[S]> | undefined> {
    try {
      const batch = await this.#read()
      this.#pauseMs = 0
      return batch
    } catch (error) {
      if (!isDatabaseAway(error)) throw error
      this.#host.warn(`the ${this.key.stream} stream of view ${this.key.viewId} waits for the database`, error)
      this.fallBehind()
      this.#pauseMs = Math.min(longestPauseMs, this.#pauseMs * 2 || 100)
      return undefined
    }
  }

  async #read(): Promise<Batch<EntityOf[S]> | undefined> {
    const backlogFirst = this.#lastWasLive && this.#hasBacklog
    const lanes = backlogFirst ? (['BACKLOG', 'LIVE'] as const) : (['LIVE', 'BACKLOG'] as const)
    for (const lane of lanes) {
      const changes = lane === 'LIVE' ? await this.#readLive() : await this.#readBacklog()
      if (changes === undefined) return this.#end === undefined ? this.#read() : undefined
      if (changes.length > 0) {
        this.#lastWasLive = lane === 'LIVE'
        return this.#send(changes)
      }
    }
    const mustTell = !this.#hasToldLevel || this.#completesRun
    if (mustTell) return this.#send([])
    await this.#keepPassed()
    return undefined
  }

  get #hasBacklog(): boolean {
    return !this.#hasLinked || !this.#hasResent
  }

  get #hasLinked(): boolean {
    return hasReached(this.#sent.linked, afterLink(this.#linksTo))
  }

  get #hasResent(): boolean {
    return this.#run === undefined || hasReached(this.#sent.resend, afterLink(this.#run.resendTo))
  }

  get #isLevel(): boolean {
    return this.#mode === 'FOLLOWING' && this.#offers.size === 0 && !this.#hasBacklog
  }

  /** Whether all of the run has been sent, and the consumer has not been told. */
  get #completesRun(): boolean {
    return (
      this.#run !== undefined && !this.#hasToldComplete && this.#hasResent && hasReached(this.#sent.linked, afterLink(this.#run.linkedTo))
    )
  }

  #send(changes: readonly Change<EntityOf[S]>[]): Batch<EntityOf[S]> {
    const resendComplete = this.#completesRun
    this.#hasToldComplete ||= resendComplete
    this.#hasToldLevel = this.#isLevel
    if (changes.length > 0) this.#noteSent(deliveryOf(changes))
    this.#links.onSent(changes.map((change) => change.id))
    this.#isStalled = false
    const batch = {
      cursor: this.#host.encodeCursor(this.key, this.seen, this.#sent),
      caughtUp: this.#hasToldLevel,
      resendId: this.#run?.id,
      resendComplete,
      changes,
    }
    this.#host.figures.countSent(this.key.stream, batch)
    return batch
  }

  #noteSent(delivery: Delivery): void {
    // Who pulls comes back with the acknowledge to a stream that is another by then.
    if (this.options.transport === 'PULL') this.#host.onDelivered(deliveredNow(delivery))
    this.#inFlight = [...this.#inFlight, { progress: this.#sent, delivery }]
  }

  /** The changes of LIVE that wait; undefined when what was read may not be used. */
  async #readLive(): Promise<readonly Change<EntityOf[S]>[] | undefined> {
    while (this.#mode === 'BEHIND') {
      const generation = this.#generation
      // From here on offers are kept: what commits after the page's snapshot is among them.
      this.#mode = 'JOINING'
      const page = await readLivePage(this.#host.sql, this.key.stream, this.key, this.#sent.live, this.options.batchSize)
      if (!(await this.#mayUse(page, generation))) return undefined
      const isJoined = this.#mode === 'JOINING' && !page.isFull
      if (isJoined) this.#mode = 'FOLLOWING'
      else this.fallBehind()
      this.#seeEpoch(page.epoch)
      this.#advanceLive(page.sighting, page.upTo)
      const changes = page.rows.flatMap((row) => this.#liveChange(row, row))
      if (changes.length > 0) return changes
    }
    return this.#takeOffers()
  }

  /** What the hub has offered; undefined where it is in another range of positions than the stream. */
  async #takeOffers(): Promise<readonly Change<EntityOf[S]>[] | undefined> {
    const sighting = this.#host.sightingOf()
    if (!this.#isOfItsRange(sighting)) {
      await this.#takeUp()
      return undefined
    }
    const before = this.#sent.live
    const offers = [...this.#offers.values()].filter(({ row }) => row.position === null || row.position > before)
    this.#offers.clear()
    this.#advanceLive(sighting)
    return offers.flatMap(({ row, link, epoch }) => {
      this.#seeEpoch(epoch)
      return this.#liveChange(row, link)
    })
  }

  #isOfItsRange({ nonce }: Sighting): boolean {
    return nonce === this.#sighting.nonce
  }

  /**
   * Whether a page may be used: not where the stream was rewound since it was asked for, nor where it is of another range of positions than all that the stream has seen. Then the stream
   * is held against the database first, which may have been set back, and reads the page again.
   */
  async #mayUse({ sighting }: { readonly sighting: Sighting }, generation: number): Promise<boolean> {
    if (generation !== this.#generation) return false
    if (this.#isOfItsRange(sighting)) return true
    await this.#takeUp()
    return false
  }

  async #takeUp(): Promise<void> {
    await this.#host.takeUp()
    this.fallBehind()
  }

  /** Two reads may end in another order than they began in: what is shown as a revision never goes back all the same. */
  #seeEpoch(epoch: number): void {
    this.#epoch = Math.max(this.#epoch, epoch)
  }

  /** LIVE has come to the head of what was seen, or, where a page was full, only to `live`. */
  #advanceLive(sighting: Sighting, live = sighting.head): void {
    this.#sighting = laterSighting(this.#sighting, sighting)
    if (live > this.#sent.live) this.#sent = { ...this.#sent, live }
  }

  /** What it has seen, to be held against a database that may have been set back. */
  get seen(): Seen {
    return { epoch: this.#epoch, sighting: this.#sighting, linkPosition: this.#sent.linked.position }
  }

  /** What LIVE sends of a row: nothing where that state or a later one has been sent. */
  #liveChange(row: FeedRow<EntityOf[S]>, link: LinkPart): readonly Change<EntityOf[S]>[] {
    const sent = this.#ahead.get(row.entityId)
    const isSent = sent !== undefined && sent.revision >= row.revision && sent.linkRevision >= link.linkRevision
    // What LIVE has come to it will not come to again.
    if (sent !== undefined && sent.revision <= row.revision && !this.#isAhead(row)) this.#ahead.delete(row.entityId)
    // Where it is deleted and the tombstone has no position yet, that will come.
    this.#hasPassedOver ||= isSent
    if (isSent || (row.entity === undefined && !row.deleted)) return []
    if (this.#isAhead(row)) this.#remember(row, link)
    return [toChange(row.entity === undefined ? 'DELETED' : 'UPSERT', 'LIVE', row, link, this.#epoch)]
  }

  /** The changes of LINKED, or else of RESEND, that come next; undefined when what was read may not be used. */
  async #readBacklog(): Promise<readonly Change<EntityOf[S]>[] | undefined> {
    while (!this.#hasLinked) {
      const changes = await this.#readLinked()
      if (changes === undefined || changes.length > 0) return changes
    }
    while (!this.#hasResent) {
      const changes = await this.#readResend()
      if (changes === undefined || changes.length > 0) return changes
    }
    return []
  }

  async #readLinked(): Promise<readonly Change<EntityOf[S]>[] | undefined> {
    const generation = this.#generation
    const { linked: after, resendId } = this.#sent
    const page = await this.#links.read({ after, to: undefined })
    if (!(await this.#mayUse(page, generation)) || resendId !== this.#sent.resendId) return undefined
    this.#linksTo = Math.max(this.#linksTo, page.linkPosition)
    this.#seeLinks(page, undefined)
    const run = this.#run
    const done = run === undefined ? 0 : linksBegun(page.rows, after.position, run.linkedTo)
    this.#sent = { ...this.#sent, linked: page.upTo, done: this.#sent.done + done }
    return page.rows.flatMap((row) => this.#linkedChange(row))
  }

  async #readResend(): Promise<readonly Change<EntityOf[S]>[] | undefined> {
    const { generation, run } = { generation: this.#generation, run: this.#run }
    if (run === undefined) return []
    const after = this.#sent.resend
    const page = await this.#links.read({ after, to: run.resendTo })
    if (!(await this.#mayUse(page, generation)) || run.id !== this.#run?.id) return undefined
    this.#seeLinks(page, run.resendTo)
    const resend = page.isFull ? page.upTo : afterLink(run.resendTo)
    this.#sent = { ...this.#sent, resend, done: this.#sent.done + linksBegun(page.rows, after.position, run.resendTo) }
    return page.rows.flatMap((row) => (row.unlinked || row.entity === undefined ? [] : this.#backlogChange('UPSERT', row)))
  }

  /**
   * A state that has no position yet will get one beyond the head. The next page, up to the link at `to`, is read while this one is on its way, unless the consumer is to acknowledge
   * first: who acknowledges nothing has no page waiting.
   */
  #seeLinks({ epoch, sighting, rows, isFull, upTo }: LinksPage<EntityOf[S]>, to: number | undefined): void {
    if (isFull && this.#inFlight.length + 1 < this.options.maxInFlight) this.#links.readAhead({ after: upTo, to })
    this.#seeEpoch(epoch)
    const seen = rows.some((row) => row.isUnsequenced) ? { ...sighting, head: sighting.head + 1 } : sighting
    this.#sighting = laterSighting(this.#sighting, seen)
  }

  #linkedChange(row: LinkRowOfPage<EntityOf[S]>): readonly Change<EntityOf[S]>[] {
    // A run tells a system everything, also what it wrote itself: it may sweep what it has not seen in it.
    const isOfRun = this.#run !== undefined && row.point.position <= this.#run.linkedTo
    if (row.entityId === 0 || (row.isOwn && !isOfRun)) return []
    if (row.unlinked) return this.#backlogChange('UNLINKED', row)
    if (row.entity !== undefined) return this.#backlogChange('UPSERT', row)
    return row.deleted ? this.#backlogChange('DELETED', row) : []
  }

  #backlogChange(what: What, row: LinkRowOfPage<EntityOf[S]>): readonly Change<EntityOf[S]>[] {
    if (this.#isAhead(row)) this.#remember(row, row)
    return [toChange(what, 'RESEND', row, row, this.#epoch)]
  }

  /** Whether LIVE has yet to come to the latest change of it. */
  #isAhead(row: FeedRow<EntityOf[S]>): boolean {
    return row.isUnsequenced || row.position === null || row.position > this.#sent.live
  }

  #remember(row: FeedRow<EntityOf[S]>, link: LinkPart): void {
    const now = Date.now()
    const position = row.isUnsequenced ? null : row.position
    this.#ahead.set(row.entityId, { revision: row.revision, linkRevision: link.linkRevision, position, at: now })
    if (this.#ahead.size <= mostStatesKept) return
    for (const [id, state] of this.#ahead) {
      const isPassed = state.position !== null && state.position <= this.#sent.live
      if (isPassed || state.at < now - statesKeptMs) this.#ahead.delete(id)
    }
  }

  /** Saves that something was passed that needed no sending, so that a run ends even if its last links have nothing to send, and nothing is taken for waiting. */
  async #keepPassed(): Promise<void> {
    const passed = this.passed
    if (
      passed === undefined ||
      (!this.#hasPassedOver &&
        hasReached(this.#acknowledged.linked, passed.progress.linked) &&
        hasReached(this.#acknowledged.resend, passed.progress.resend))
    )
      return
    const checkpoint = await advanceCheckpoint(this.#host.sql, this.key, passed, false)
    this.#hasPassedOver = false
    if (checkpoint !== undefined) this.onCheckpoint(checkpoint)
  }
}

type What = 'UPSERT' | 'DELETED' | 'UNLINKED'

/** What one sees: the larger of the entity's revision and its link's, so that linking and unlinking outrank what was sent before. */
function toChange<Entity>(what: What, lane: Lane, row: FeedRow<Entity>, link: LinkPart, epoch: number): Change<Entity> {
  return {
    kind: what === 'UPSERT' ? 'UPSERT' : 'REMOVE',
    lane,
    id: row.entityId,
    revision: shownRevision(epoch, Math.max(row.revision, link.linkRevision)),
    entity: what === 'UPSERT' ? row.entity : undefined,
    reason: what === 'UPSERT' ? undefined : what,
    key: row.key,
    locationCode: row.locationCode,
    externalId: link.externalId,
  }
}

/** How many links of a page belong to the run (not above `to`) and were not begun by the page before (which ended in the link at `after`). */
function linksBegun(rows: readonly LinkRowOfPage<unknown>[], after: number, to: number): number {
  const positions = rows
    .filter((row) => !row.unlinked && row.point.position > after && row.point.position <= to)
    .map((row) => row.point.position)
  return new Set(positions).size
}

function takenOver(): SynkvyError {
  return new SynkvyError('STREAM_TAKEN_OVER', 'A newer subscription of this stream by the same sync view took over. Do not reconnect.')
}

/** The refusal of a stream of a paused view. */
export function viewPaused(): SynkvyError {
  return new SynkvyError('SYNC_VIEW_PAUSED', 'This sync view is paused. Connect again when an admin of the shop lets it go on.')
}

/** The refusal of a stream by a user without a sync view. */
export function viewGone(): SynkvyError {
  return new SynkvyError('NO_SYNC_VIEW', 'Your user has no sync view. Create one with createSyncView, then connect again.')
}
