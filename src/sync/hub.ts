import type { Logger } from 'pino'
import type { OpenDatabase, Sql } from '../db/client.ts'
import { SynkvyError } from '../errors.ts'
import { Bell } from './bell.ts'
import type { EntityOf, Stream, StreamOptions } from './change.ts'
import { advanceCheckpoint, advanceCheckpoints, endSession, readCheckpoints, type Checkpoint, type StreamKey } from './checkpoint.ts'
import type { CursorCodec } from './cursor.ts'
import {
  readDispatches,
  readNewPositions,
  toDispatch,
  type Dispatch,
  type NewPosition,
  type NewPositions,
  type RawDispatch,
  type ViewKey,
} from './feed.ts'
import { SyncFigures } from './figures.ts'
import { holdAgainst, isSequenced, nothingSeen, type Sighting } from './positions.ts'
import type { RightOfWay } from './right-of-way.ts'
import type { Numbered } from './sequencer.ts'
import { StreamRegistry } from './stream-registry.ts'
import type { Throughput } from './throughput.ts'
import { viewGone, ViewStream, type Control, type Run, type StreamStart } from './view-stream.ts'

/** How many changed entities of a stream it loads for others: beyond, streams read for themselves. */
const entitiesAtOnce = 1_000
/** How often the checkpoints of full windows are looked after, at first and at last: an acknowledge may have come to another gateway. */
const shortestCheckpointLookMs = 20
const longestCheckpointLookMs = 1_000
/** How often streams with nothing to send save how far they have come, and how far that must be to be worth it. */
const keepLiveEveryMs = 60_000
const keepLivePositions = 10_000
/** How many streams save it in one statement. */
const keptAtOnce = 500
/** When a round that failed is tried again, at the latest. */
const retryMs = 500
/** How many views are put right at once after the database was set back: callers need connections, too. */
const putRightAtOnce = 4
/** For how long a stream waits for the hub to be in its range of positions, before it looks again. */
const followWithinMs = 1_000
/** How many streams send what was offered before the next are woken. */
const wokenAtOnce = 10
/** How often a gateway that starts looks whether somebody sequences. */
const startLookMs = 20

/** The streams of each kind by their view. */
type Registries = { readonly [S in Stream]: StreamRegistry<S> }
const kinds = ['PRODUCT', 'STOCK', 'ORDER', 'CUSTOMER'] as const

type Dispatched = { readonly [S in Stream]: readonly RawDispatch<S>[] }

/** What a round is about. */
interface Round extends NewPositions {
  /** The states, and whom they concern, where the sequencer has told that too. */
  readonly dispatched?: Dispatched | undefined
}

/** Offers what was loaded, and adds to the set whom. */
type MakeOffers = (offered: Set<Sleeper>) => void
type Sleeper = Pick<ViewStream<Stream>, 'wake'>

/** Told of new positions, and whether some of them are about views. */
export type MoveListener = (isOfViews: boolean) => void

/** What the hub tells of a key. */
export type KeyListener = (accountId: number, keyId: number) => void

/** One on each gateway. It learns of new positions, finds whom they concern, and loads each entity once for all of its own streams. */
export class Hub {
  readonly #database: OpenDatabase
  readonly #sql: Sql
  readonly #codec: CursorCodec
  readonly #throughput: Throughput
  readonly #log: Logger
  readonly #signal: AbortSignal
  readonly #rightOfWay: RightOfWay
  /** Puts a view right that has seen what the database has not. */
  readonly #onFork: (view: ViewKey, epoch: number) => Promise<unknown>
  readonly #bell = new Bell()
  readonly #checkpointBell = new Bell()
  readonly #streams: Registries = {
    PRODUCT: new StreamRegistry(),
    STOCK: new StreamRegistry(),
    ORDER: new StreamRegistry(),
    CUSTOMER: new StreamRegistry(),
  }
  readonly #keyListeners = new Set<KeyListener>()
  readonly #moveListeners = new Set<MoveListener>()
  readonly #viewBells = new Map<number, Set<Bell>>()
  /** Streams whose window is full, and when each was last seen to move. */
  readonly #fullWindows = new Set<StreamKey>()
  readonly figures = new SyncFigures()
  #sighting = nothingSeen
  #epoch = 0
  #controlReads = 0
  /** Of streams that are in a range of positions which the hub has yet to take up: rung when it has. */
  readonly #ahead = new Set<Bell>()
  /** What was numbered beside it since the last round. */
  #numbered: Numbered[] = []

  constructor(
    database: OpenDatabase,
    codec: CursorCodec,
    throughput: Throughput,
    log: Logger,
    onFork: (view: ViewKey, epoch: number) => Promise<unknown>,
    rightOfWay: RightOfWay,
    signal: AbortSignal,
  ) {
    this.#rightOfWay = rightOfWay
    this.#database = database
    this.#sql = database.planned
    this.#onFork = onFork
    this.#codec = codec
    this.#throughput = throughput
    this.#log = log
    this.#signal = signal
    signal.addEventListener('abort', () => {
      this.#bell.ring()
      this.#checkpointBell.ring()
    })
  }

  /** Everything up to here has been offered to the streams. */
  get sighting(): Sighting {
    return this.#sighting
  }

  get epoch(): number {
    return this.#epoch
  }

  get streamCount(): number {
    return this.#allStreams().length
  }

  /** Streams that wait for their consumer to acknowledge. */
  get fullWindowCount(): number {
    return this.#allStreams().filter((stream) => stream.isWindowFull).length
  }

  /** Something may have a new position. */
  ring(): void {
    this.#bell.ring()
  }

  /** The sequencer beside it has numbered this. */
  onNumbered(numbered: Numbered): void {
    this.figures.numbered += numbered.taken
    this.#numbered.push(numbered)
    this.#bell.ring()
  }

  /** The feed's head was seen to stand there. */
  onHead(head: number): void {
    if (head !== this.#sighting.head) this.#bell.ring()
  }

  onKeyChanged(listener: KeyListener): () => void {
    this.#keyListeners.add(listener)
    return () => this.#keyListeners.delete(listener)
  }

  onMoved(listener: MoveListener): void {
    this.#moveListeners.add(listener)
  }

  /** A bell that rings whenever the view changes or acknowledges on this gateway. */
  viewBell(viewId: number): { readonly bell: Bell; readonly release: () => void } {
    const bells = this.#viewBells.get(viewId) ?? new Set()
    const bell = new Bell()
    this.#viewBells.set(viewId, bells.add(bell))
    const release = (): void => {
      bells.delete(bell)
      if (bells.size === 0) this.#viewBells.delete(viewId)
    }
    return { bell, release }
  }

  // ---- streams

  /** Serves a stream from now on. */
  async open<S extends Stream>(key: StreamKey & { readonly stream: S }, options: StreamOptions, from: StreamStart): Promise<ViewStream<S>> {
    const registry = this.#registry(key.stream)
    const stream: ViewStream<S> = new ViewStream(key, options, from, {
      sql: this.#database.sql,
      sightingOf: () => this.#sighting,
      encodeCursor: ({ viewId, stream }, { epoch, sighting }, progress) =>
        this.#codec.encode({ viewId, stream, epoch, sighting, progress }),
      takeUp: () => this.#bringInto(stream),
      watchCheckpoint: () => this.#watchCheckpoint(key),
      rightOfWay: this.#rightOfWay,
      figures: this.figures,
      detach: () => this.#detach(registry, stream),
      onDelivered: (delivered) => this.#throughput.note(key, delivered),
      warn: (message, error) => this.#log.warn({ err: error, ...key }, message),
    })
    registry.add(stream)
    try {
      await this.#control([key])
    } catch (error) {
      await stream.return()
      throw error
    }
    this.#log.debug({ ...key, transport: options.transport }, 'a stream is open')
    return stream
  }

  #registry<S extends Stream>(stream: S): StreamRegistry<S> {
    return this.#streams[stream]
  }

  async #detach<S extends Stream>(registry: StreamRegistry<S>, stream: ViewStream<S>): Promise<void> {
    const { key } = stream
    if (!registry.delete(stream)) return
    this.#fullWindows.delete(key)
    this.#log.debug({ ...key }, 'a stream has ended')
    try {
      if (stream.passed !== undefined) await advanceCheckpoint(this.#sql, key, stream.passed, false)
      if (stream.session !== undefined) await endSession(this.#sql, key, stream.session)
    } catch (error) {
      this.#log.warn({ err: error, ...key }, 'could not write down that a stream has ended')
    }
  }

  /** Ends every stream: its consumer is told why. */
  endStreams(reason: SynkvyError): void {
    for (const stream of this.#allStreams()) stream.endWith(reason)
  }

  #allStreams(): readonly ViewStream<Stream>[] {
    return kinds.flatMap((kind): readonly ViewStream<Stream>[] => [...this.#streams[kind].all()])
  }

  #streamsOf(key: Pick<StreamKey, 'viewId' | 'stream'>): readonly ViewStream<Stream>[] {
    return [...this.#streams[key.stream].ofView(key.viewId)]
  }

  /** An acknowledge came to this gateway. */
  acknowledged(key: StreamKey, checkpoint: Checkpoint): void {
    for (const stream of this.#streamsOf(key)) stream.onCheckpoint(checkpoint)
    this.#ringView(key.viewId)
  }

  // ---- the rounds

  /** Offers what changes until the signal fires. `everyMs` says how long to wait for a ring before looking all the same. */
  async run(everyMs: () => number | undefined): Promise<void> {
    while (!this.#signal.aborted) {
      let hasFailed = false
      try {
        while (await this.#rightOfWay.go(() => this.#round()));
      } catch (error) {
        hasFailed = true
        if (!this.#signal.aborted) this.#log.warn({ err: error }, 'the hub could not read the feed')
      }
      if (!this.#signal.aborted) await this.#bell.wait(hasFailed ? retryMs : everyMs())
    }
    this.#letOn()
  }

  /** Reads what the hub starts from, as soon as somebody sequences on this server. */
  async start(): Promise<void> {
    while (!this.#signal.aborted && !(await isSequenced(this.#sql))) await this.#bell.wait(startLookMs)
    const { sighting, epoch } = await readNewPositions(this.#sql, Number.MAX_SAFE_INTEGER, [])
    this.#sighting = sighting
    this.#epoch = epoch
  }

  /** Offers the new positions; true when there are more. */
  async #round(): Promise<boolean> {
    const { sighting, epoch, isFull, rows, dispatched }: Round = this.#takeNumbered() ?? (await this.#askFeed())
    if (sighting.nonce !== this.#sighting.nonce) return this.#takeUp(sighting, epoch)
    // Whoever follows by now is served by this round; whoever joins later reads a page whose snapshot holds all of it.
    const loads = kinds.map((kind) => this.#planOffers(kind, rows, epoch, dispatched))
    // Before the head moves on: what fails here is done again with the round.
    await this.#tell(rows)
    const offers = await Promise.all(loads.map((load) => load()))
    // From here to the new head nothing waits: a stream sees all of a round or nothing.
    const offered = new Set<Sleeper>()
    for (const offer of offers) offer(offered)
    if (sighting.head > this.#sighting.head)
      this.#moveListeners.forEach((listener) => listener(rows.some(({ subject }) => subject === 'VIEW')))
    this.#sighting = isFull ? { ...sighting, head: rows.at(-1)?.position ?? sighting.head } : sighting
    this.#epoch = epoch
    wakeInTurn(offered)
    return isFull
  }

  /** What the feed has after the head, for the accounts that have streams here. Streams that began to follow meanwhile, in other accounts, read it for themselves. */
  async #askFeed(): Promise<Round> {
    const asked = new Set(kinds.flatMap((kind) => [...this.#streams[kind].accountIds()]))
    const round = await readNewPositions(this.#sql, this.#sighting.head, [...asked])
    for (const stream of this.#allStreams()) {
      if (stream.isFollowing && !asked.has(stream.key.accountId)) stream.fallBehind()
    }
    return round
  }

  /** What the sequencer beside it has told, where it is all that there is after the head; else the feed is to be asked. */
  #takeNumbered(): Round | undefined {
    let { head } = this.#sighting
    const told = this.#numbered.filter(({ sighting }) => sighting.nonce !== this.#sighting.nonce || sighting.head > this.#sighting.head)
    this.#numbered = []
    const latest = new Map<string, NewPosition>()
    for (const { previousHead, sighting, numbered } of told) {
      if (previousHead !== head || numbered === null || sighting.nonce !== this.#sighting.nonce) return undefined
      head = sighting.head
      for (const row of numbered) latest.set(`${row.subject} ${row.accountId} ${row.entityId}`, row)
    }
    const last = told.at(-1)
    if (last === undefined || latest.size > entitiesAtOnce) return undefined
    const [only] = told
    const dispatched =
      told.length === 1 && only?.isDispatched === true
        ? { PRODUCT: only.products ?? [], STOCK: only.stock ?? [], ORDER: only.orders ?? [], CUSTOMER: only.customers ?? [] }
        : undefined
    return { sighting: last.sighting, epoch: last.epoch, isFull: false, rows: [...latest.values()], dispatched }
  }

  /**
   * Another range of positions is in use, because a sequencer has begun its term or the one before was used up. It may be that of a database that was set back: the streams that
   * had seen more than it knows are put right. True, for there may be more to read.
   */
  async #takeUp(sighting: Sighting, epoch: number): Promise<true> {
    await this.#hold(this.#allStreams().filter((stream) => stream.seen.sighting.nonce !== sighting.nonce))
    const own = { epoch: this.#epoch, sighting: this.#sighting, linkPosition: 0 }
    const [verdict] = await holdAgainst(this.#sql, [{ view: undefined, seen: own }])
    const isLacking = verdict?.isLacking === true
    // What came between the two heads is not skipped, unless the numbers of what was offered stand for something else by now.
    this.#sighting = isLacking ? sighting : { ...sighting, head: this.#sighting.head }
    if (isLacking) this.#allStreams().forEach((stream) => stream.fallBehind())
    this.#epoch = epoch
    this.#letOn()
    return true
  }

  /** A stream has read what is of another range than it, or the hub, is in. Resolves when both are in the one that is in use, or the stream was ended. */
  async #bringInto(stream: ViewStream<Stream>): Promise<void> {
    await this.#hold([stream])
    if (stream.hasEnded || stream.seen.sighting.nonce === this.#sighting.nonce || this.#signal.aborted) return
    const followed = new Bell()
    this.#ahead.add(followed)
    this.#bell.ring()
    await followed.wait(followWithinMs)
    this.#ahead.delete(followed)
  }

  #letOn(): void {
    for (const followed of this.#ahead) followed.ring()
  }

  /** Lets streams go on whose database has all that they have seen, and ends the others when their views are put right, which is done once for all streams of a view. */
  async #hold(streams: readonly ViewStream<Stream>[]): Promise<void> {
    const witnesses = streams.map((stream) => ({ stream, view: stream.key, seen: stream.seen }))
    const lacking = new Map<number, ViewStream<Stream>[]>()
    for (const { stream, ...verdict } of await holdAgainst(this.#sql, witnesses)) {
      if (verdict.isViewGone) stream.endWith(viewGone())
      else if (verdict.isLacking) lacking.set(stream.key.viewId, [...(lacking.get(stream.key.viewId) ?? []), stream])
      else stream.goOn(verdict)
    }
    const left = lacking.values()
    const putSomeRight = async (): Promise<void> => {
      for (const ofView of left) await this.#putRight(ofView)
    }
    await Promise.all(Array.from({ length: putRightAtOnce }, putSomeRight))
  }

  async #putRight(ofView: readonly ViewStream<Stream>[]): Promise<void> {
    const [first] = ofView
    if (first === undefined) return
    const { accountId, viewId } = first.key
    this.#log.warn({ accountId, viewId }, 'the database was set back behind what was sent: resending')
    await this.#onFork({ accountId, viewId }, Math.max(...ofView.map(({ seen }) => seen.epoch)))
    for (const stream of ofView) stream.endWith(setBack())
  }

  /** Whom a round concerns, as of now; what loads it for them; and what then offers it to them. */
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- it ties the registry to what is loaded
  #planOffers<S extends Stream>(
    stream: S,
    rows: readonly NewPosition[],
    epoch: number,
    dispatched: Dispatched | undefined,
  ): () => Promise<MakeOffers> {
    const registry = this.#registry(stream)
    const ofStream = rows.filter((row) => row.subject === stream)
    const changedAccounts = new Set(ofStream.map((row) => row.accountId))
    const concerned = [...changedAccounts].flatMap((accountId) => [...registry.ofAccount(accountId)]).filter((one) => one.isFollowing)
    if (concerned.length === 0) return async () => () => {}
    if (dispatched !== undefined) {
      const dispatches = dispatched[stream].map((row) => toDispatch(stream, row))
      return async () => (offered) => dispatches.forEach((dispatch) => this.#offer(registry, dispatch, epoch, offered))
    }
    const accounts = new Set(concerned.map((one) => one.key.accountId))
    const changed = ofStream.filter((row) => accounts.has(row.accountId))
    if (changed.length > entitiesAtOnce) return async () => () => concerned.forEach((one) => one.fallBehind())
    const viewIds = [...new Set(concerned.map((one) => one.key.viewId))]
    return async () => {
      const read = await readDispatches(this.#sql, stream, changed, viewIds)
      return (offered) => read.dispatches.forEach((dispatch) => this.#offer(registry, dispatch, read.epoch, offered))
    }
  }

  /** Offers an entity to every view that it concerns, but for the one whose own change it is. */
  #offer<S extends Stream>(registry: StreamRegistry<S>, dispatch: Dispatch<EntityOf[S]>, epoch: number, offered: Set<Sleeper>): void {
    for (const link of dispatch.concerned) {
      if (dispatch.originViewId === link.viewId) continue
      for (const stream of registry.ofView(link.viewId)) {
        stream.offer({ row: dispatch, link, epoch })
        offered.add(stream)
      }
    }
  }

  /** Passes on what is not about an entity. */
  async #tell(rows: readonly NewPosition[]): Promise<void> {
    for (const row of rows) {
      if (row.subject === 'KEY') this.#keyListeners.forEach((listener) => listener(row.accountId, row.entityId))
    }
    const views = rows.flatMap((row) => (row.subject === 'VIEW' ? [{ accountId: row.accountId, viewId: row.entityId }] : []))
    if (views.length === 0) return
    await this.#control(views)
    views.forEach(({ viewId }) => this.#ringView(viewId))
  }

  #ringView(viewId: number): void {
    this.#viewBells.get(viewId)?.forEach((bell) => bell.ring())
  }

  /** Tells the streams of these views how their view stands. */
  async #control(views: readonly ViewKey[]): Promise<void> {
    const viewIds = [...new Set(views.map((view) => view.viewId))]
    const streams = viewIds.flatMap((viewId) => kinds.flatMap((stream) => this.#streamsOf({ viewId, stream })))
    if (streams.length === 0) return
    this.#controlReads += 1
    const order = this.#controlReads
    const controls = await readControls(this.#sql, views)
    await Promise.all(streams.map((stream) => stream.onControl(controls.get(controlKey(stream.key)), order)))
  }

  // ---- windows

  #watchCheckpoint(key: StreamKey): void {
    this.#fullWindows.add(key)
    this.#checkpointBell.ring()
  }

  /** Looks after the checkpoints of full windows, all in one query, more and more seldom while none of them moves. */
  async watchCheckpoints(): Promise<void> {
    let pauseMs = shortestCheckpointLookMs
    while (!this.#signal.aborted) {
      const full = [...this.#fullWindows].filter((key) => this.#streamsOf(key).some((stream) => stream.isWindowFull))
      if (full.length === 0) {
        this.#fullWindows.clear()
        await this.#checkpointBell.wait()
        pauseMs = shortestCheckpointLookMs
        continue
      }
      await new Promise((resolve) => setTimeout(resolve, pauseMs))
      const hasMoved = await this.#lookAfter(full)
      pauseMs = hasMoved ? shortestCheckpointLookMs : Math.min(longestCheckpointLookMs, pauseMs * 1.2)
    }
  }

  async #lookAfter(keys: readonly StreamKey[]): Promise<boolean> {
    try {
      const checkpoints = await readCheckpoints(this.#sql, keys)
      for (const checkpoint of checkpoints) this.#streamsOf(checkpoint).forEach((stream) => stream.onCheckpoint(checkpoint))
    } catch (error) {
      this.#log.warn({ err: error }, 'could not look after the checkpoints')
    }
    return keys.some((key) => this.#streamsOf(key).some((stream) => !stream.isWindowFull))
  }

  /** Saves now and then how far streams have come that have nothing to send, so that they need not read it all again. */
  async keepPassed(): Promise<void> {
    const idle = new Bell()
    this.#signal.addEventListener('abort', () => idle.ring())
    while (!this.#signal.aborted) {
      await idle.wait(keepLiveEveryMs)
      for (const kind of kinds) {
        const far = [...this.#streams[kind].all()].filter((stream) => stream.livePassed >= keepLivePositions)
        // Of one kind a view has one stream that goes on; where another takes its place just now, either says the same.
        const ofViews = [...new Map(far.map((stream) => [stream.key.viewId, stream])).values()]
        while (ofViews.length > 0 && !this.#signal.aborted) await this.#keep(ofViews.splice(0, keptAtOnce))
      }
    }
  }

  /** In one statement: a gateway may have thousands of them. */
  async #keep(streams: readonly ViewStream<Stream>[]): Promise<void> {
    const all = streams.flatMap((stream) => {
      const { key, passed, seen } = stream
      return passed === undefined
        ? []
        : [{ stream, accountId: key.accountId, cursor: { ...key, epoch: seen.epoch, sighting: seen.sighting, progress: passed.progress } }]
    })
    if (all.length === 0) return
    try {
      const checkpoints = await advanceCheckpoints(this.#sql, all, false)
      checkpoints.forEach((checkpoint, place) => all[place]?.stream.onCheckpoint(checkpoint))
    } catch (error) {
      this.#log.warn({ err: error }, 'could not save how far streams have come')
    }
  }
}

/**
 * Wakes streams some at a time, each lot when the one before has sent: between two immediates Node does all that is to be done for promises. Woken at once they would all take each
 * step of the way together, and the first message go out when the last is nearly ready; woken one by one, each message would wake its consumer's process anew.
 */
function wakeInTurn(streams: ReadonlySet<Sleeper>): void {
  const waiting = [...streams]
  const wakeSome = (): void => waiting.splice(0, wokenAtOnce).forEach((stream) => stream.wake())
  for (let woken = wokenAtOnce; woken < streams.size; woken += wokenAtOnce) setImmediate(wakeSome)
  wakeSome()
}

/** What ends a stream that had seen what the database lacks. All that was known for it was of the one that is lost. */
function setBack(): SynkvyError {
  return new SynkvyError(
    'SERVICE_UNAVAILABLE',
    'The database was set back behind what was sent to you. Connect again: everything of which you may have seen too much is sent anew.',
  )
}

function controlKey({ viewId, stream }: Pick<StreamKey, 'viewId' | 'stream'>): string {
  return `${viewId}/${stream}`
}

/** How these views stand, for each stream that they have opened, in one query. */
async function readControls(sql: Sql, views: readonly ViewKey[]): Promise<ReadonlyMap<string, Control>> {
  const rows = await sql<
    {
      viewId: number
      stream: Stream
      isPaused: boolean
      linkPosition: number
      session: number
      rewinds: number
      runId: number | null
      resendTo: number
      linkedTo: number
    }[]
  >`
    SELECT v.id AS "viewId", c.subject AS stream, v.paused AS "isPaused",
      CASE WHEN c.subject IN ('PRODUCT', 'STOCK') THEN v.link_position ELSE 0 END AS "linkPosition", c.session, c.rewinds, r.id AS "runId", r.linked_to AS "linkedTo",
      CASE c.subject WHEN 'STOCK' THEN r.stock_resend_to ELSE r.product_resend_to END AS "resendTo"
    FROM unnest(${views.map((view) => view.accountId)}::bigint[], ${views.map((view) => view.viewId)}::bigint[]) AS k (account_id, view_id)
    JOIN sync_views v ON v.account_id = k.account_id AND v.id = k.view_id
    JOIN checkpoints c ON c.account_id = v.account_id AND c.view_id = v.id
    LEFT JOIN resends r ON r.account_id = c.account_id AND r.id = c.resend_id AND r.state = 'RUNNING'`
  return new Map(
    rows.map((row) => {
      const run: Run | undefined = row.runId === null ? undefined : { id: row.runId, resendTo: row.resendTo, linkedTo: row.linkedTo }
      return [controlKey(row), { isPaused: row.isPaused, linkPosition: row.linkPosition, run, session: row.session, rewinds: row.rewinds }]
    }),
  )
}
