import { and, eq } from 'drizzle-orm'
import type { Logger } from 'pino'
import type { Database } from '../db/client.ts'
import { apiKeys, users } from '../db/tables/access.ts'
import { syncViews } from '../db/tables/sync.ts'
import { SynkvyError } from '../errors.ts'
import { hashSecret } from './api-keys.ts'
import type { Caller } from './caller.ts'

const hint =
  'Send a valid API key: "Authorization: Bearer <secret>" over HTTP, connectionParams { "authorization": "Bearer <secret>" } over WebSocket.'

/** Who calls, by the value of an `authorization` header. Throws UNAUTHENTICATED for no key and for one that is unknown, expired or revoked. */
export async function authenticate(database: Database, authorization: string | undefined): Promise<Caller> {
  const secret = /^Bearer\s+(\S+)$/i.exec(authorization?.trim() ?? '')?.[1]
  if (secret === undefined) throw new SynkvyError('UNAUTHENTICATED', `There is no API key in this call. ${hint}`)
  const [row] = await database.drizzle
    .select({ key: apiKeys, user: users, syncViewId: syncViews.id })
    .from(apiKeys)
    .innerJoin(users, and(eq(users.accountId, apiKeys.accountId), eq(users.id, apiKeys.userId)))
    .leftJoin(syncViews, and(eq(syncViews.accountId, users.accountId), eq(syncViews.userId, users.id)))
    .where(eq(apiKeys.secretHash, hashSecret(secret)))
  if (row === undefined) throw new SynkvyError('UNAUTHENTICATED', `This API key is not known. ${hint}`)
  if (row.key.revokedAt !== null)
    throw new SynkvyError('UNAUTHENTICATED', 'This API key was revoked. Ask an admin of the shop for a new one.')
  if (row.key.expiresAt !== null && row.key.expiresAt.getTime() <= Date.now()) {
    throw new SynkvyError('UNAUTHENTICATED', 'This API key has expired. Ask an admin of the shop for a new one.')
  }
  return {
    accountId: row.user.accountId,
    userId: row.user.id,
    userName: row.user.name,
    kind: row.user.kind,
    keyId: row.key.id,
    keyExpiresAt: row.key.expiresAt ?? undefined,
    syncViewId: row.syncViewId ?? undefined,
  }
}

const flushEveryMs = 60_000

/** Keeps `lastUsedAt` to the minute, by one statement for all keys that were used, rather than by a write for each call. */
export class KeyUsage implements AsyncDisposable {
  readonly #database: Database
  readonly #log: Logger
  /** The account of each key that was used. */
  readonly #used = new Map<number, number>()
  readonly #timer: NodeJS.Timeout

  constructor(database: Database, log: Logger) {
    this.#database = database
    this.#log = log
    this.#timer = setInterval(() => void this.flush(), flushEveryMs)
    this.#timer.unref()
  }

  note(caller: Caller): void {
    this.#used.set(caller.keyId, caller.accountId)
  }

  /** Writes down what was used since the last time. */
  async flush(): Promise<void> {
    const used = [...this.#used]
    this.#used.clear()
    if (used.length === 0) return
    try {
      await this.#database.sql`
        UPDATE api_keys k SET last_used_at = now()
        FROM unnest(${used.map(([, accountId]) => accountId)}::bigint[], ${used.map(([keyId]) => keyId)}::bigint[]) u (account_id, id)
        WHERE k.account_id = u.account_id AND k.id = u.id`
    } catch (error) {
      this.#log.warn({ err: error }, 'could not write down which keys were used')
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer)
    await this.flush()
  }
}
