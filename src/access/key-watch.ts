import type { Logger } from 'pino'
import type { Database } from '../db/client.ts'
import { SynkvyError } from '../errors.ts'
import { findApiKey } from './api-keys.ts'
import type { Caller } from './caller.ts'

/** How often expiries are looked at: what a key opened is closed within a second of its end. */
const lookEveryMs = 400

/** What a key has opened, and how it ends. */
interface Opened {
  readonly accountId: number
  expiresAt: Date | undefined
  readonly end: (reason: SynkvyError) => void
}

/** Ends what lasts (sockets, streams) when the key that opened it is revoked or expires. */
export class KeyWatch implements Disposable {
  readonly #database: Database
  readonly #log: Logger
  readonly #opened = new Map<number, Set<Opened>>()
  readonly #timer: NodeJS.Timeout

  constructor(database: Database, log: Logger) {
    this.#database = database
    this.#log = log
    this.#timer = setInterval(() => this.#endExpired(), lookEveryMs)
    this.#timer.unref()
  }

  /** Calls `end` when the caller's key is no longer good. Answers what forgets about it. */
  register(caller: Caller, end: (reason: SynkvyError) => void): () => void {
    const opened: Opened = { accountId: caller.accountId, expiresAt: caller.keyExpiresAt, end }
    const all = this.#opened.get(caller.keyId) ?? new Set()
    this.#opened.set(caller.keyId, all.add(opened))
    return () => {
      all.delete(opened)
      if (all.size === 0 && this.#opened.get(caller.keyId) === all) this.#opened.delete(caller.keyId)
    }
  }

  /** A key has changed: reads it again. */
  async onKeyChanged(accountId: number, keyId: number): Promise<void> {
    const opened = [...(this.#opened.get(keyId) ?? [])].filter((one) => one.accountId === accountId)
    if (opened.length === 0) return
    try {
      const key = await findApiKey(this.#database, accountId, keyId)
      if (key === undefined || key.revokedAt !== null) return this.#end(opened, 'This API key was revoked.')
      for (const one of opened) one.expiresAt = key.expiresAt ?? undefined
      this.#endExpired()
    } catch (error) {
      this.#log.warn({ err: error, keyId }, 'could not read a key that has changed')
    }
  }

  #endExpired(): void {
    const now = Date.now()
    for (const all of this.#opened.values()) {
      this.#end(
        [...all].filter((one) => one.expiresAt !== undefined && one.expiresAt.getTime() <= now),
        'This API key has expired.',
      )
    }
  }

  #end(opened: readonly Opened[], message: string): void {
    for (const one of opened) one.end(new SynkvyError('UNAUTHENTICATED', message))
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
  }
}
