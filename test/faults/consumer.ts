import { setMaxListeners } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { call, Ended, openStream, type Batch, type Change, type Door, type StreamName, type Transport } from './transport.ts'
import type { Random } from './random.ts'

/** How a consumer behaves. */
export type ConsumerKind = 'fast' | 'slow' | 'stuck' | 'forgetful' | 'late' | 'restored' | 'sse' | 'pull'

const transports: { readonly [K in ConsumerKind]: Transport } = {
  fast: 'WEBSOCKET',
  slow: 'WEBSOCKET',
  stuck: 'WEBSOCKET',
  forgetful: 'WEBSOCKET',
  late: 'WEBSOCKET',
  restored: 'WEBSOCKET',
  sse: 'SSE',
  pull: 'PULL',
}

const acknowledgement = 'mutation ($cursor: Cursor!) { acknowledge(cursor: $cursor) { __typename } }'

interface Habits {
  /** Whether what it has acknowledged may come again for a reason of its view's. */
  readonly isBegunAnew: () => boolean
  /** It goes on after what it has stored, whether or not that was acknowledged, as one must to be put right where the database is set back. */
  readonly keepsCursor: boolean
}

/** What a consumer holds of an entity; `entity` null where it was removed. */
interface Held {
  readonly revision: bigint
  readonly entity: Readonly<Record<string, unknown>> | null
}

interface Acknowledged {
  readonly revision: bigint
  readonly entity: string
  readonly lane: Change['lane']
  readonly resendId: string | null
  /** Which of its connections it came over. */
  readonly connection: number
}

/** What consumers did and saw. */
export interface Tally {
  batches: number
  changes: number
  /** Sent again although it was acknowledged, and neither changed nor resent. */
  again: number
  /** Acknowledged, and sent once more over a later connection, because LIVE had not come to the change when the earlier one ended. */
  overlapping: number
  reconnects: number
  takenOver: number
  /** Its own writes that came back to it: only where it may have missed what somebody else had changed before. */
  echoes: number
}

/**
 * An external system on one stream: keeps a copy by the rule that it drops what is strictly older, acknowledges after its kind, reconnects for ever, and
 * notes whatever a promise forbids.
 */
export class TrialConsumer {
  readonly kind: ConsumerKind
  readonly stream: StreamName
  readonly violations: string[] = []
  /** What was sent again without cause. */
  readonly repeated: string[] = []
  readonly tally: Tally = { batches: 0, changes: 0, again: 0, overlapping: 0, reconnects: 0, takenOver: 0, echoes: 0 }
  readonly everSent = new Set<string>()
  /** How long it was not served after a connection had ended. */
  readonly gapsMs: number[] = []
  #endedAt: number | undefined
  readonly #doors: () => Door
  readonly #how: Habits
  readonly #random: Random
  readonly #stop = new AbortController()
  #copy = new Map<string, Held>()
  #newest = new Map<string, bigint>()
  /** What it was answered to its own writes: it is not sent them. */
  readonly #own = new Map<string, Held & { readonly mayComeBack: boolean }>()
  #acknowledged = new Map<string, Acknowledged>()
  /** It was told that what it acknowledged by this is noted. */
  #cursor: string | undefined
  /** Of the last batch that it has stored. */
  #stored: string | undefined
  #backup: { readonly copy: ReadonlyMap<string, Held>; readonly cursor: string } | undefined
  /** The run that is under way, and what has been seen since it began. */
  #resent: { readonly id: string; readonly seen: Set<string> } | undefined
  /** Which connection a batch came over. */
  readonly #receivedOver = new WeakMap<Batch, number>()
  /** Not acknowledged yet, in order. */
  #owed: Batch[] = []
  #isHasty = false
  #mayBeRewound = false
  #phase = 'new'
  #lastBatchAt = 0
  #door: Door | undefined
  #run: Promise<void> = Promise.resolve()
  lastEnd: Ended | undefined

  constructor(kind: ConsumerKind, stream: StreamName, random: Random, door: () => Door, how: Partial<Habits> = {}) {
    this.kind = kind
    this.stream = stream
    this.#random = random
    this.#doors = door
    this.#how = { isBegunAnew: () => false, keepsCursor: false, ...how }
    setMaxListeners(0, this.#stop.signal)
  }

  start(): void {
    this.#run = this.#live()
  }

  /** From now on it behaves, so that it can become level. */
  behave(): void {
    this.#isHasty = true
    if (this.#door !== undefined) void this.#acknowledge(this.#door, this.#owed.splice(0)).catch(() => {})
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#run
  }

  /** What it takes to be there now, by id. */
  get held(): ReadonlyMap<string, Readonly<Record<string, unknown>>> {
    const known = new Map(this.#copy)
    for (const [id, own] of this.#own) if (own.revision >= (known.get(id)?.revision ?? 0n)) known.set(id, own)
    return new Map([...known].flatMap(([id, { entity }]) => (entity === null ? [] : [[id, entity] as const])))
  }

  /** It has written this, and was answered so. `mayComeBack`: others write it too, and it may not have seen what they wrote before. */
  learn(id: string, revision: bigint, entity: Readonly<Record<string, unknown>>, { mayComeBack = false } = {}): void {
    if (revision >= (this.#own.get(id)?.revision ?? 0n)) this.#own.set(id, { revision, entity, mayComeBack })
  }

  revisionOf(id: string): bigint | undefined {
    return this.#copy.get(id)?.revision
  }

  /** What it is doing, for who wants to know why it is not level. */
  get doing(): string {
    const sinceBatch = Date.now() - this.#lastBatchAt
    const ended = this.lastEnd === undefined ? '' : `, last ended by ${this.lastEnd.code ?? this.lastEnd.message}`
    return `${this.#phase}, ${this.#owed.length} owed, last batch ${sinceBatch} ms ago${ended}`
  }

  async #live(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      try {
        await this.#connection()
      } catch (error) {
        if (!(error instanceof Ended)) this.violations.push(`${this.#name}: ${String(error)}`)
        else this.#notice(error)
      }
      this.#owed = []
      this.#phase = 'ended'
      this.#endedAt ??= Date.now()
      this.tally.reconnects += 1
      if (!this.#stop.signal.aborted) await this.#pause(50 + this.#random.below(400))
    }
  }

  get #name(): string {
    return `${this.kind} ${this.stream}`
  }

  #notice(end: Ended): void {
    this.lastEnd = end
    if (end.code === 'STREAM_TAKEN_OVER') this.tally.takenOver += 1
    if (end.code === 'INVALID_CURSOR') this.violations.push(`${this.#name}: a cursor that was sent to it is refused`)
    if (end.code === 'INTERNAL') this.violations.push(`${this.#name}: ${end.message}`)
  }

  async #connection(): Promise<void> {
    if (this.kind === 'restored' && !this.#isHasty && this.#backup !== undefined && this.#random.chance(0.5))
      await this.#restore(this.#backup)
    const door = this.#doors()
    this.#door = door
    const stored = this.#how.keepsCursor ? this.#stored : undefined
    if (stored !== undefined && stored !== this.#cursor) {
      await call(door, acknowledgement, { cursor: stored })
      this.#cursor = stored
    }
    const request = {
      stream: this.stream,
      afterCursor: this.kind === 'forgetful' ? undefined : this.#cursor,
      size: 1 + this.#random.below(40),
      maxInFlight: 1 + this.#random.below(5),
    }
    this.#phase = 'opening'
    for await (const batch of openStream(transports[this.kind], door, request, this.#stop.signal)) {
      this.#take(batch)
      if (batch.changes.length > 0) this.#owed.push(batch)
      this.#phase = 'settling'
      await this.#settle(door)
      this.#phase = 'waiting'
      if (!this.#isHasty && this.#random.chance(0.01)) return
    }
  }

  /** The other end was restored from its backup: it holds what it held then, and says so. */
  async #restore(backup: { readonly copy: ReadonlyMap<string, Held>; readonly cursor: string }): Promise<void> {
    // Where it is not answered it may yet be carried out, at any time.
    this.#mayBeRewound = true
    await call(this.#doors(), 'mutation ($cursor: Cursor!) { rewind(cursor: $cursor) { __typename } }', { cursor: backup.cursor })
    this.#mayBeRewound = false
    this.#copy = new Map(backup.copy)
    this.#newest = new Map([...backup.copy].map(([id, { revision }]) => [id, revision]))
    this.#acknowledged.clear()
    this.#cursor = backup.cursor
    this.#backup = undefined
  }

  #take(batch: Batch): void {
    this.tally.batches += 1
    this.#receivedOver.set(batch, this.#connectionNumber)
    this.#lastBatchAt = Date.now()
    if (this.#endedAt !== undefined) this.gapsMs.push(this.#lastBatchAt - this.#endedAt)
    this.#endedAt = undefined
    this.#stored = batch.cursor
    const ids = new Set(batch.changes.map((change) => change.id))
    if (ids.size < batch.changes.length) this.violations.push(`${this.#name}: an entity stands twice in a batch`)
    if (batch.resendId === null) this.#resent = undefined
    else if (this.#resent?.id !== batch.resendId) this.#resent = { id: batch.resendId, seen: new Set() }
    for (const change of batch.changes) {
      this.#resent?.seen.add(change.id)
      this.#apply(change, batch.resendId)
    }
    if (batch.resendComplete) this.#sweep()
  }

  /** With the last of a resend, what it has and did not see meanwhile is not linked to it: it may be of commits that were lost. */
  #sweep(): void {
    if (this.kind === 'restored') return
    for (const id of this.#copy.keys()) {
      if (this.#resent?.seen.has(id) !== true) this.#copy.delete(id)
    }
  }

  #apply(change: Change, resendId: string | null): void {
    this.tally.changes += 1
    const newest = this.#newest.get(change.id)
    if (newest !== undefined && change.revision < newest)
      this.violations.push(`${this.#name}: ${change.kind} ${change.key} by ${change.lane} goes back from ${newest} to ${change.revision}`)
    const known = this.#acknowledged.get(change.id)
    if (known?.revision === change.revision && known.entity === JSON.stringify(change.entity)) this.#noteRepetition(change, resendId, known)
    if (change.kind === 'UPSERT') this.everSent.add(change.id)
    const own = this.#own.get(change.id)
    if (own?.revision === change.revision && !own.mayComeBack) this.tally.echoes += 1
    if (newest !== undefined && change.revision < newest) return
    this.#newest.set(change.id, change.revision)
    this.#copy.set(change.id, { revision: change.revision, entity: change.kind === 'UPSERT' ? change.entity : null })
  }

  get #connectionNumber(): number {
    // Each pull is one by itself.
    return this.kind === 'pull' ? this.tally.batches : this.tally.reconnects
  }

  /** What was acknowledged comes again unchanged: by a new resend it may. */
  #noteRepetition(change: Change, resendId: string | null, known: Acknowledged): void {
    const isSameRun = known.lane === 'RESEND' && resendId !== null && known.resendId === resendId
    if (change.lane === 'RESEND' && !isSameRun) return
    const isTrade = this.stream === 'ORDER' || this.stream === 'CUSTOMER'
    if (known.connection < this.#connectionNumber || this.#mayBeRewound || (isTrade && this.#how.isBegunAnew())) {
      this.tally.overlapping += 1
      return
    }
    this.tally.again += 1
    this.repeated.push(
      `${this.#name}: ${change.kind} ${change.key} was acknowledged by ${known.lane} of ${known.resendId} and came again by ${change.lane} of ${resendId}`,
    )
  }

  /** Acknowledges as its kind does. */
  async #settle(door: Door): Promise<void> {
    const [oldest] = this.#owed
    if (oldest === undefined) return
    if (!this.#isHasty) {
      if (this.kind === 'slow') await this.#pause(this.#random.below(400))
      if (this.kind === 'stuck' && this.#random.chance(0.3)) await this.#pause(this.#random.below(6_000))
      if (this.kind === 'late' && this.#random.chance(0.6)) return this.#acknowledgeLater(door, this.#owed.splice(0))
      if (this.kind === 'forgetful' && this.#random.chance(0.2)) return
    }
    await this.#acknowledge(door, this.#owed.splice(0))
  }

  #acknowledgeLater(door: Door, batches: readonly Batch[]): void {
    const acknowledge = (): Promise<void> =>
      this.#acknowledge(door, batches).catch(async () => {
        await this.#pause(500)
        if (!this.#stop.signal.aborted) await acknowledge()
      })
    void this.#pause(this.#random.below(2_500)).then(acknowledge)
  }

  async #acknowledge(door: Door, batches: readonly Batch[]): Promise<void> {
    const last = batches.at(-1)
    if (last === undefined) return
    await call(door, acknowledgement, { cursor: last.cursor })
    for (const batch of batches) {
      for (const { id, revision, lane, entity } of batch.changes)
        this.#acknowledged.set(id, {
          revision,
          entity: JSON.stringify(entity),
          lane,
          resendId: batch.resendId,
          connection: this.#receivedOver.get(batch) ?? 0,
        })
    }
    this.#cursor = last.cursor
    if (this.kind === 'restored' && this.#random.chance(0.1)) this.#backup = { copy: new Map(this.#copy), cursor: last.cursor }
  }

  async #pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#stop.signal }).catch(() => {})
  }
}
