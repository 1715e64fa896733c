import type { Logger } from 'pino'
import type { Database } from '../db/client.ts'
import { SynkvyError } from '../errors.ts'
import { findApiKey, type ApiKeyRow } from './api-keys.ts'
import type { Caller } from './caller.ts'
import { findSessions, sessionEnd, type SessionRow } from './sessions.ts'

/** How often expiries are looked at: what a key opened is closed within a second of its end. */
const lookEveryMs = 400
/** How long it is remembered that a key has changed: longer than anyone takes from reading a key to registering what it opens. */
const rememberMs = 60_000

/** What a key has opened, and how it ends. */
interface Opened {
  readonly accountId: number
  readonly sessionId: number | undefined
  expiresAt: Date | undefined
  readonly end: (reason: SynkvyError) => void
}

/** Ends what lasts (sockets, streams) when the key that opened it is revoked or expires, its session is signed out, or the gateway stops. */
export class KeyWatch implements Disposable {
  readonly #database: Database
  readonly #log: Logger
  readonly #opened = new Map<number, Set<Opened>>()
  /** When each key was last heard to have changed. */
  readonly #changed = new Map<number, number>()
  /** Keys that have changed and could not be read: by key, the account. */
  readonly #unread = new Map<number, number>()
  readonly #timer: NodeJS.Timeout

  constructor(database: Database, log: Logger) {
    this.#database = database
    this.#log = log
    this.#timer = setInterval(() => this.#look(), lookEveryMs)
    this.#timer.unref()
  }

  /** Calls `end` when the caller's key or session is no longer good, or the gateway stops; maybe more than once. Answers what forgets about it. */
  register(caller: Caller, end: (reason: SynkvyError) => void): () => void {
    const opened: Opened = { accountId: caller.accountId, sessionId: caller.sessionId, expiresAt: caller.expiresAt, end }
    const all = this.#opened.get(caller.keyId) ?? new Set()
    this.#opened.set(caller.keyId, all.add(opened))
    // The change may have been announced between the reading of the key and now.
    if (this.#changed.has(caller.keyId)) void this.#readAgain(caller.accountId, caller.keyId)
    return () => {
      all.delete(opened)
      if (all.size === 0 && this.#opened.get(caller.keyId) === all) this.#opened.delete(caller.keyId)
    }
  }

  /** A key has changed: reads it again. */
  async onKeyChanged(accountId: number, keyId: number): Promise<void> {
    this.#changed.set(keyId, Date.now())
    await this.#readAgain(accountId, keyId)
  }

  /** Ends everything that is registered: the gateway stops. */
  endAll(reason: SynkvyError): void {
    const opened = [...this.#opened.values()].flatMap((all) => [...all])
    for (const one of opened) one.end(reason)
  }

  async #readAgain(accountId: number, keyId: number): Promise<void> {
    const opened = [...(this.#opened.get(keyId) ?? [])].filter((one) => one.accountId === accountId)
    if (opened.length === 0) return
    try {
      const key = await findApiKey(this.#database, accountId, keyId)
      if (key === undefined || key.revokedAt !== null) return endWith(opened, 'This API key was revoked.')
      const ids = opened.flatMap(({ sessionId }) => sessionId ?? [])
      const sessions = new Map((await findSessions(this.#database, accountId, ids)).map((session) => [session.id, session]))
      for (const one of opened) takeUp(one, key, sessions)
      this.#endExpired()
    } catch (error) {
      this.#log.warn({ err: error, keyId }, 'could not read a key that has changed; trying again')
      this.#unread.set(keyId, accountId)
    }
  }

  #look(): void {
    this.#endExpired()
    const unread = [...this.#unread]
    this.#unread.clear()
    for (const [keyId, accountId] of unread) void this.#readAgain(accountId, keyId)
    const longAgo = Date.now() - rememberMs
    for (const [keyId, at] of this.#changed) if (at < longAgo) this.#changed.delete(keyId)
  }

  #endExpired(): void {
    const now = Date.now()
    for (const all of this.#opened.values()) {
      const expired = [...all].filter((one) => one.expiresAt !== undefined && one.expiresAt.getTime() <= now)
      endWith(expired, 'This API key has expired.')
    }
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
    this.#unread.clear()
  }
}

/** A key, or the session that it was exchanged for, is good until then; a session that is gone was signed out. */
function takeUp(one: Opened, key: ApiKeyRow, sessions: ReadonlyMap<number, SessionRow>): void {
  if (one.sessionId === undefined) {
    one.expiresAt = key.expiresAt ?? undefined
    return
  }
  const session = sessions.get(one.sessionId)
  if (session === undefined) endWith([one], 'You have signed out.')
  else one.expiresAt = sessionEnd(session, key)
}

function endWith(opened: readonly Opened[], message: string): void {
  for (const one of opened) one.end(new SynkvyError('UNAUTHENTICATED', message))
}
