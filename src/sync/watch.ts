import { Bell } from './bell.ts'

/** A value that is watched, and how. */
export interface Watch<Value> {
  readonly read: () => Promise<Value>
  /** Two readings with the same face are the same to the watcher. */
  readonly faceOf: (value: Value) => string
  readonly bell: Bell
  /** How long to wait for the bell before looking again. */
  readonly lookEveryMs: (value: Value) => number
  /** How long to let pass between two looks, however often the bell rings. */
  readonly restMs: number
  readonly release: () => void
}

/**
 * A value, and again whenever it has changed: an object with `next` and `return`, because an async generator that waits cannot be returned from.
 * The value is read when it is asked for, so a slow watcher misses states, never the last one.
 */
export class Watcher<Value> implements AsyncIterableIterator<Value> {
  readonly #watch: Watch<Value>
  readonly #restBell = new Bell()
  #looksAgainAt = 0
  #face: string | undefined
  #isDone = false
  #reason: Error | undefined

  constructor(watch: Watch<Value>) {
    this.#watch = watch
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async next(): Promise<IteratorResult<Value, undefined>> {
    for (;;) {
      if (this.#isDone) return this.#finish()
      await this.#rest()
      if (this.#isDone) return this.#finish()
      this.#looksAgainAt = Date.now() + this.#watch.restMs
      const value = await this.#watch.read()
      const face = this.#watch.faceOf(value)
      if (this.#isDone) return this.#finish()
      if (face !== this.#face) {
        this.#face = face
        return { done: false, value }
      }
      await this.#watch.bell.wait(this.#watch.lookEveryMs(value))
    }
  }

  async #rest(): Promise<void> {
    while (!this.#isDone && Date.now() < this.#looksAgainAt) await this.#restBell.wait(this.#looksAgainAt - Date.now())
  }

  /** Ends it: the watcher is told why. */
  endWith(reason: Error): void {
    this.#reason ??= reason
    this.#isDone = true
    this.#watch.bell.ring()
    this.#restBell.ring()
  }

  #finish(): IteratorResult<Value, undefined> {
    const reason = this.#reason
    this.#reason = undefined
    if (reason !== undefined) throw reason
    return { done: true, value: undefined }
  }

  async return(): Promise<IteratorResult<Value, undefined>> {
    this.#isDone = true
    this.#watch.release()
    this.#watch.bell.ring()
    this.#restBell.ring()
    return { done: true, value: undefined }
  }
}
