import { Acknowledger } from './acknowledger.ts'
import { Backoff, pause } from './backoff.ts'
import type { Connection, Operation } from './connection.ts'
import { isRetryable } from './error.ts'
import type { RevisionMemory } from './revisions.ts'

/** What every batch is made of. */
export interface AnyBatch {
  readonly cursor: string
  readonly changes: readonly { readonly id: string; readonly revision: bigint }[]
}

/** A batch as it comes: revisions are text. */
interface WireBatch {
  readonly cursor: string
  readonly changes: readonly { readonly id: string; readonly revision: string }[]
}

/** Told of everything that is tried again, and in how long. A handler's error comes as it was thrown. */
export type OnError = (error: unknown, retryInMs: number) => void

export interface FollowerParts<Batch extends AnyBatch> {
  readonly connection: Connection
  readonly operation: Operation
  readonly handler: (batch: Batch) => void | Promise<void>
  readonly revisions: RevisionMemory
  readonly signal: AbortSignal
  readonly onError: OnError
}

/**
 * Follows one stream for ever: connects again after whatever may pass, goes on where it was, hands batch after batch to the handler, and acknowledges what that has
 * stored. A batch whose handler throws is handed over again until it does not, or, where the connection was lost meanwhile, as it comes anew.
 */
export class Follower<Batch extends AnyBatch> {
  readonly #parts: FollowerParts<Batch>
  /** Fires when the caller wants no more, and when it cannot go on. */
  readonly #signal: AbortSignal
  readonly #acknowledger: Acknowledger
  readonly #connecting = new Backoff({ firstMs: 500, longestMs: 30_000 })
  readonly #handling = new Backoff({ firstMs: 500, longestMs: 60_000 })
  /** Of the last batch that was handled: where to go on, whether or not that was acknowledged, and by what the gateway can tell what has been seen. */
  #handled: string | undefined
  #fault: unknown

  constructor(parts: FollowerParts<Batch>) {
    const stop = new AbortController()
    this.#parts = parts
    this.#signal = AbortSignal.any([parts.signal, stop.signal])
    this.#acknowledger = new Acknowledger(parts.connection, this.#signal, (fault) => {
      this.#fault = fault
      stop.abort()
    })
  }

  /** Resolves when the signal has fired and what was handled is acknowledged. Throws SynkvyClientError with what must not be tried again. */
  async run(): Promise<void> {
    while (!this.#signal.aborted) await this.#serve().catch((error: unknown) => this.#waitAfter(error))
    await this.#acknowledger.rest()
    if (this.#fault !== undefined) throw this.#fault
  }

  async #waitAfter(error: unknown): Promise<void> {
    if (this.#signal.aborted) return
    if (!isRetryable(error)) throw error
    await this.#waitAndTell(error, (error.retryAfterSeconds ?? 0) * 1000 + this.#connecting.nextMs(), [])
  }

  async #waitAndTell(error: unknown, retryInMs: number, signals: readonly AbortSignal[]): Promise<void> {
    this.#parts.onError(error, retryInMs)
    await pause(retryInMs, [this.#signal, ...signals])
  }

  /** One subscription, until it ends. */
  async #serve(): Promise<void> {
    const { connection, operation } = this.#parts
    const variables = this.#handled === undefined ? operation.variables : { ...operation.variables, afterCursor: this.#handled }
    const arrivals = await connection.subscribe<{ readonly batch: WireBatch }>({ ...operation, variables })
    const close = (): void => arrivals.close()
    this.#signal.addEventListener('abort', close)
    try {
      while (!this.#signal.aborted) {
        const arrived = await arrivals.next()
        if (arrived === undefined) return
        this.#connecting.reset()
        await this.#take(this.#read(arrived.batch), arrivals.ended)
      }
    } finally {
      this.#signal.removeEventListener('abort', close)
      close()
    }
  }

  #read(wire: WireBatch): Batch {
    const batch: unknown = { ...wire, changes: wire.changes.map((change) => ({ ...change, revision: BigInt(change.revision) })) }
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the gateway answers what the selection asks for; its type is given with it
    return batch as Batch
  }

  /** Hands a batch over until the handler has stored it, or the subscription that brought it has ended. */
  async #take(batch: Batch, ended: AbortSignal): Promise<void> {
    for (;;) {
      try {
        await this.#deliver(batch)
        break
      } catch (error) {
        if (this.#signal.aborted) return
        await this.#waitAndTell(error, this.#handling.nextMs(), [ended])
        if (this.#signal.aborted || ended.aborted) return
      }
    }
    this.#handling.reset()
    if (batch.changes.length === 0) return
    this.#handled = batch.cursor
    this.#acknowledger.acknowledge(batch.cursor)
  }

  async #deliver(batch: Batch): Promise<void> {
    const { revisions, handler } = this.#parts
    const known = await revisions.known(batch.changes.map(({ id }) => id))
    const changes = batch.changes.filter(({ id, revision }) => revision >= (known.get(id) ?? 0n))
    await handler({ ...batch, changes })
    await revisions.remember(new Map(changes.map(({ id, revision }) => [id, revision])))
  }
}
