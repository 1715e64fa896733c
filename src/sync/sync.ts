import type { Logger } from 'pino'
import type { Caller } from '../access/caller.ts'
import type { OpenDatabase } from '../db/client.ts'
import { listen } from '../db/listener.ts'
import { SynkvyError } from '../errors.ts'
import type { Networks } from '../networks.ts'
import { Acknowledger } from './acknowledger.ts'
import { Bell } from './bell.ts'
import type { Batch, EntityOf, Stream, StreamOptions } from './change.ts'
import { advanceCheckpoint, beginSession, notePull, openCheckpoint, rewindCheckpoint, type StreamKey } from './checkpoint.ts'
import { createCursorCodec, invalidCursor, type Cursor, type CursorCodec } from './cursor.ts'
import type { SyncFigures } from './figures.ts'
import { Doorbells } from './doorbell.ts'
import { Hub, type KeyListener } from './hub.ts'
import { Overviews, type ViewOverview } from './overview.ts'
import { holdAgainst, sightingColumn, type Sighting } from './positions.ts'
import { latestResend, resendAfterFork, resendProgressOf, type ResendRow } from './resend.ts'
import { RightOfWay } from './right-of-way.ts'
import { Sequencer } from './sequencer.ts'
import { Throughput } from './throughput.ts'
import { viewGone, viewPaused, type ViewStream } from './view-stream.ts'
import { Watcher } from './watch.ts'
import { viewNotFound } from './views.ts'

const resendLookMs = 500
const statusLookMs = 1_000
/** However fast a view moves, who watches it is not told more often. */
const viewRestMs = 200
/** To watch views takes no more than one part in so many of a connection's time. */
const overviewShare = 10
/** The hub's safety poll, while its gateway's sequencer does not tell of positions. */
const hubLookMs = 1_000

export interface PullOptions {
  readonly afterCursor?: string | undefined
  /** Changes at most. */
  readonly first: number
  /** How long to wait for something to come: 0 to 30. */
  readonly waitSeconds: number
  /** Where the consumer is, as far as can be told. */
  readonly address?: string | undefined
  readonly signal?: AbortSignal | undefined
}

/** The caller's view, and what the database says of itself at the same moment. */
interface CallersView {
  readonly accountId: number
  readonly id: number
  readonly paused: boolean
  readonly epoch: number
  readonly sighting: Sighting
}

/** How the engine on one gateway stands. */
interface EngineState {
  /** The number of this gateway. */
  readonly node: number
  /** Whether it sequences. */
  readonly isLeading: boolean
  /** Streams that it serves. */
  readonly streams: number
  /** Of these the ones that wait for their consumer to acknowledge. */
  readonly fullWindows: number
  /** The last feed position that it has offered. */
  readonly head: number
}

/** The feed's engine on one gateway: it sequences when elected, and serves the streams of its own consumers. */
export class Sync implements AsyncDisposable {
  readonly #database: OpenDatabase
  readonly #codec: CursorCodec
  readonly #node: number
  readonly #hub: Hub
  readonly #acknowledger: Acknowledger
  readonly #sequencer: Sequencer
  readonly #stop: AbortController
  readonly #work: Promise<unknown>
  readonly #listening: AsyncDisposable
  /** Where beside the public internet doorbells may be. */
  readonly doorbellNetworks: Networks
  readonly #throughput: Throughput
  readonly #overviews: Overviews

  constructor(parts: {
    readonly database: OpenDatabase
    readonly codec: CursorCodec
    readonly node: number
    readonly hub: Hub
    readonly sequencer: Sequencer
    readonly stop: AbortController
    readonly work: Promise<unknown>
    readonly listening: AsyncDisposable
    readonly doorbellNetworks: Networks
    readonly throughput: Throughput
  }) {
    this.#database = parts.database
    this.#codec = parts.codec
    this.#node = parts.node
    this.#hub = parts.hub
    this.#acknowledger = new Acknowledger(parts.database.planned)
    this.#sequencer = parts.sequencer
    this.#stop = parts.stop
    this.#work = parts.work
    this.#listening = parts.listening
    this.doorbellNetworks = parts.doorbellNetworks
    this.#throughput = parts.throughput
    this.#overviews = new Overviews(parts.database, parts.throughput)
  }

  /** Revisions are shown as `epoch * 2^53 +` the stored number. */
  get epoch(): number {
    return this.#hub.epoch
  }

  /** How the engine on this gateway stands. */
  get state(): EngineState {
    const { streamCount: streams, fullWindowCount: fullWindows, sighting } = this.#hub
    return { node: this.#node, isLeading: this.#sequencer.isLeading, streams, fullWindows, head: sighting.head }
  }

  /** What it has done since it started. */
  get figures(): SyncFigures {
    return this.#hub.figures
  }

  /** Hurries the sequencer after an own write. Costs nothing; the trigger has told it in any case. */
  poke(): void {
    this.#sequencer.ring()
  }

  onKeyChanged(listener: KeyListener): () => void {
    return this.#hub.onKeyChanged(listener)
  }

  /**
   * Opens a stream of the caller's own sync view: an object with `next` and `return`. A subscription of the same stream that is open ends.
   * Throws NO_SYNC_VIEW, SYNC_VIEW_PAUSED, INVALID_CURSOR.
   */
  async open<S extends Stream>(caller: Caller, stream: S, options: StreamOptions): Promise<ViewStream<S>> {
    const view = await this.#viewOf(caller)
    if (view.paused) throw viewPaused()
    const key = { accountId: view.accountId, viewId: view.id, stream }
    const cursor = options.afterCursor === undefined ? undefined : await this.#accept(view, key, options.afterCursor)
    const isPull = options.transport === 'PULL'
    const checkpoint = isPull
      ? await openCheckpoint(this.#database.sql, key)
      : await beginSession(this.#database.sql, key, this.#node, options)
    if (checkpoint === undefined) throw viewGone()
    if (isPull) await notePull(this.#database.sql, key, options)
    const { epoch, sighting } = view
    return this.#hub.open(key, options, {
      checkpoint,
      cursor: cursor?.progress,
      session: isPull ? undefined : checkpoint.session,
      epoch,
      sighting,
    })
  }

  /** One batch of a stream, for who cannot hold a connection: at once what there is, or what comes within `waitSeconds`. Throws as `open` does. */
  async pull<S extends Stream>(caller: Caller, stream: S, options: PullOptions): Promise<Batch<EntityOf[S]>> {
    const { afterCursor, first: batchSize, waitSeconds, address, signal } = options
    const asked = { afterCursor, batchSize, maxInFlight: Number.MAX_SAFE_INTEGER, transport: 'PULL', address } as const
    const opened = await this.open(caller, stream, asked)
    const giveUp = (): void => opened.endWith('done')
    const timer = waitSeconds > 0 ? setTimeout(giveUp, waitSeconds * 1000) : undefined
    signal?.addEventListener('abort', giveUp)
    try {
      return await firstWithSomething(opened, waitSeconds > 0)
    } finally {
      clearTimeout(timer)
      signal?.removeEventListener('abort', giveUp)
      await opened.return()
    }
  }

  /** Everything up to the cursor is safely stored over there. Throws NO_SYNC_VIEW, INVALID_CURSOR. */
  async acknowledge(caller: Caller, text: string): Promise<StreamKey> {
    this.#hub.figures.acknowledged += 1
    const read = this.#codec.decode(text)
    // Nearly always: a cursor of the caller's own view, made since the last term began.
    const moved = read.viewId === caller.syncViewId ? await this.#acknowledger.acknowledge(caller.accountId, read) : undefined
    if (moved !== undefined) {
      const key = { accountId: caller.accountId, viewId: read.viewId, stream: read.stream }
      this.#hub.acknowledged(key, moved)
      return key
    }
    const { key, cursor, nonce } = await this.#readOwn(caller, text)
    if (cursor === undefined) return key
    const checkpoint = await advanceCheckpoint(this.#database.sql, key, { progress: cursor.progress, nonce }, true)
    if (checkpoint === undefined) throw invalidCursor()
    this.#hub.acknowledged(key, checkpoint)
    return key
  }

  /** Goes back to the cursor on purpose. A subscription that is open reads on from there. Throws as `acknowledge` does. */
  async rewind(caller: Caller, text: string): Promise<StreamKey> {
    const { key, cursor } = await this.#readOwn(caller, text)
    if (cursor === undefined) return key
    const checkpoint = await rewindCheckpoint(this.#database.sql, key, cursor.progress)
    if (checkpoint === undefined) throw invalidCursor()
    this.#hub.acknowledged(key, checkpoint)
    return key
  }

  /** The view's latest resend, and again whenever it moves. Throws NOT_FOUND while there is none. */
  watchResend(accountId: number, viewId: number): Watcher<ResendRow> {
    const { bell, release } = this.#hub.viewBell(viewId)
    const faces = new Map<ResendRow, string>()
    const read = async (): Promise<ResendRow> => {
      const resend = await latestResend(this.#database, accountId, viewId)
      if (resend === undefined) throw new SynkvyError('NOT_FOUND', 'This sync view has no resend yet. Start one with resendAllProducts.')
      const { acknowledged } = await resendProgressOf(this.#database, resend)
      faces.clear()
      faces.set(resend, `${resend.id} ${resend.state} ${acknowledged}`)
      return resend
    }
    return new Watcher({
      read,
      faceOf: (resend) => faces.get(resend) ?? '',
      bell,
      release,
      lookEveryMs: (resend) => (resend.state === 'RUNNING' ? resendLookMs : statusLookMs),
      restMs: viewRestMs,
    })
  }

  /** How views of an account stand, all of them or one. */
  overviews(accountId: number, viewId?: number): Promise<readonly ViewOverview[]> {
    return this.#overviews.read(accountId, viewId)
  }

  /** A view and how it stands, and again whenever that changes. Throws NOT_FOUND. */
  watchView(accountId: number, viewId: number): Watcher<ViewOverview> {
    return this.#watchOverview(this.#hub.viewBell(viewId), viewRestMs, async () => {
      const [overview] = await this.#overviews.read(accountId, viewId)
      if (overview === undefined) throw viewNotFound()
      return overview
    })
  }

  /** All views of an account and how they stand, and again whenever that changes: about once a second at most, by one statement for all who watch here. */
  watchViews(accountId: number): Watcher<readonly ViewOverview[]> {
    const never = { bell: new Bell(), release: () => {} }
    return this.#watchOverview(never, statusLookMs, () => this.#overviews.readShared(accountId))
  }

  #watchOverview<Value>(
    { bell, release }: { readonly bell: Bell; readonly release: () => void },
    restMs: number,
    read: () => Promise<Value>,
  ): Watcher<Value> {
    let tookMs = 0
    const readTimed = async (): Promise<Value> => {
      const began = Date.now()
      const value = await read()
      tookMs = Date.now() - began
      return value
    }
    // What takes the database long is looked at more seldom.
    const lookEveryMs = (): number => Math.max(statusLookMs, tookMs * overviewShare)
    return new Watcher({ read: readTimed, faceOf: (value) => JSON.stringify(value), bell, release, lookEveryMs, restMs })
  }

  async #viewOf(caller: Caller): Promise<CallersView> {
    const { sql } = this.#database
    const [view] = await sql<Omit<CallersView, 'accountId'>[]>`
      SELECT v.id, v.paused, s.epoch, ${sightingColumn(sql)} FROM sync_views v, sequencer s WHERE v.account_id = ${caller.accountId} AND v.user_id = ${caller.userId}`
    if (view === undefined) throw viewGone()
    return { accountId: caller.accountId, ...view }
  }

  /** Reads a cursor of one of the caller's own streams, and the nonce of the range of positions in which it was found good. Its stream is in it. */
  async #readOwn(
    caller: Caller,
    text: string,
  ): Promise<{ readonly key: StreamKey; readonly cursor: Cursor | undefined; readonly nonce: number }> {
    const view = await this.#viewOf(caller)
    const key = { accountId: view.accountId, viewId: view.id, stream: this.#codec.decode(text).stream }
    return { key, cursor: await this.#accept(view, key, text), nonce: view.sighting.nonce }
  }

  /**
   * A cursor that is this view's and this stream's, or INVALID_CURSOR. Undefined when it has seen what this database has not: then the view is put right,
   * and reads on from its checkpoint.
   */
  async #accept(now: CallersView, key: StreamKey, text: string): Promise<Cursor | undefined> {
    const cursor = this.#codec.decode(text)
    if (cursor.viewId !== key.viewId || cursor.stream !== key.stream) throw invalidCursor()
    // In the range that is in use: nothing can have been lost since.
    if (cursor.epoch === now.epoch && cursor.sighting.nonce === now.sighting.nonce) return cursor
    const seen = { ...cursor, linkPosition: cursor.progress.linked.position }
    const [verdict] = await holdAgainst(this.#database.sql, [{ view: key, seen }])
    if (verdict?.isViewGone !== false) throw viewGone()
    if (!verdict.isLacking) return cursor
    await resendAfterFork(this.#database, key.accountId, key.viewId, cursor.epoch)
    return undefined
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    this.#hub.endStreams(
      new SynkvyError('SERVICE_UNAVAILABLE', 'The gateway is stopping. Connect again: another one, or this one restarted, serves you.'),
    )
    await this.#listening[Symbol.asyncDispose]()
    await this.#work
    await this.#throughput[Symbol.asyncDispose]()
  }
}

/** The first batch that has something in it, or the last that there was when the time was over. */
async function firstWithSomething<S extends Stream>(stream: ViewStream<S>, mayWait: boolean): Promise<Batch<EntityOf[S]>> {
  let latest: Batch<EntityOf[S]> | undefined
  for await (const batch of { [Symbol.asyncIterator]: () => ({ next: () => stream.next() }) }) {
    latest = batch
    if (batch.changes.length > 0 || batch.resendComplete || !mayWait) break
  }
  if (latest === undefined) throw new SynkvyError('SERVICE_UNAVAILABLE', 'The gateway could not read in time. Call again.')
  return latest
}

async function listenFor(hub: Hub, sequencer: Sequencer, database: OpenDatabase): Promise<AsyncDisposable> {
  await hub.start()
  return listen(database, {
    synkvy_feed: (processId) => {
      // What this gateway's own sequencer notifies it has told the hub already.
      if (processId === undefined || processId !== sequencer.processId) hub.ring()
    },
    synkvy_inbox: () => sequencer.ring(),
  })
}

/** Starts the engine. It is ready when this resolves; dispose of it to stop. */
export async function startSync(
  database: OpenDatabase,
  { log, doorbellNetworks }: { readonly log: Logger; readonly doorbellNetworks: Networks },
): Promise<Sync> {
  const stop = new AbortController()
  const [state] = await database.sql<{ secret: string; node: number }[]>`
    SELECT cursor_secret AS secret, nextval('node_numbers')::int AS node FROM sequencer`
  if (state === undefined) throw new Error('the table sequencer has lost its row')
  const codec = createCursorCodec(state.secret)
  const throughput = new Throughput(database, log)
  const rightOfWay = new RightOfWay()
  const hub = new Hub(
    database,
    codec,
    throughput,
    log,
    (view, epoch) => resendAfterFork(database, view.accountId, view.viewId, epoch),
    rightOfWay,
    stop.signal,
  )
  const sequencer = new Sequencer(
    database,
    state.node,
    log,
    { onNumbered: (numbered) => hub.onNumbered(numbered), onHead: (head) => hub.onHead(head) },
    rightOfWay,
    stop.signal,
  )
  const doorbells = new Doorbells(database, doorbellNetworks, log, () => sequencer.isLeading, stop.signal)
  hub.onMoved((isOfViews) => doorbells.onMoved(isOfViews))
  const sequencing = sequencer.run()
  const listening = await listenFor(hub, sequencer, database).catch(async (error: unknown) => {
    stop.abort()
    await sequencing
    throw error
  })
  const work = Promise.all([
    sequencing,
    hub.run(() => (sequencer.tellsOfPositions ? undefined : hubLookMs)),
    hub.watchCheckpoints(),
    hub.keepPassed(),
    doorbells.run(),
  ])
  return new Sync({ database, codec, node: state.node, hub, sequencer, stop, work, listening, doorbellNetworks, throughput })
}
