import { Backoff, pause } from './backoff.ts'
import type { Connection } from './connection.ts'
import { isRetryable } from './error.ts'

const query = 'mutation ($cursor: Cursor!) { acknowledge(cursor: $cursor) { __typename } }'

/** Acknowledges the latest cursor, one call at a time: a later one covers what was handled while the one before was under way. */
export class Acknowledger {
  readonly #connection: Connection
  readonly #signal: AbortSignal
  readonly #onFault: (fault: unknown) => void
  readonly #backoff = new Backoff({ firstMs: 250, longestMs: 10_000 })
  #wanted: string | undefined
  #done: string | undefined
  #work: Promise<void> | undefined

  /** `onFault` is told of what must not be tried again, and makes the signal fire. After the signal has fired nothing is tried a second time. */
  constructor(connection: Connection, signal: AbortSignal, onFault: (fault: unknown) => void) {
    this.#connection = connection
    this.#signal = signal
    this.#onFault = onFault
  }

  /** Everything up to the cursor is stored. */
  acknowledge(cursor: string): void {
    this.#wanted = cursor
    this.#work ??= this.#write()
  }

  /** Resolves when nothing is under way. */
  async rest(): Promise<void> {
    await this.#work
  }

  async #write(): Promise<void> {
    while (this.#wanted !== this.#done) {
      const cursor = this.#wanted
      try {
        await this.#connection.call({ query, variables: { cursor } })
        this.#done = cursor
        this.#backoff.reset()
      } catch (error) {
        if (!isRetryable(error)) this.#onFault(error)
        if (this.#signal.aborted) break
        const askedForMs = isRetryable(error) ? (error.retryAfterSeconds ?? 0) * 1_000 : 0
        await pause(askedForMs + this.#backoff.nextMs(), [this.#signal])
      }
    }
    this.#work = undefined
  }
}
