import { and, eq } from 'drizzle-orm'
import type { Logger } from 'pino'
import type { Database } from '../db/client.ts'
import { apiKeys, sessions, users } from '../db/tables/access.ts'
import { syncViews } from '../db/tables/sync.ts'
import { SynkvyError } from '../errors.ts'
import { isWithin } from '../networks.ts'
import { hashSecret, type ApiKeyRow } from './api-keys.ts'
import type { Caller } from './caller.ts'
import { sessionEnd } from './sessions.ts'
import type { UserRow } from './users.ts'

const hint =
  'Send a valid API key: "Authorization: Bearer <secret>" over HTTP, connectionParams { "authorization": "Bearer <secret>" } over WebSocket.'

/** Of SYNKVY_ADMIN_KEY no more is asked; those that are made here have 50 characters. */
const wellFormed = /^[\x21-\x7e]{24,1000}$/

/** What a call brings to say who calls. */
export interface Credentials {
  /** The value of an `authorization` header. */
  readonly authorization?: string | undefined
  /** The secret of a session's cookie, from a call that the admin page itself has made. Counts where there is no `authorization`. */
  readonly sessionSecret?: string | undefined
  /** Where the call comes from; undefined where that cannot be told. */
  readonly address: string | undefined
}

/** Who calls. Throws UNAUTHENTICATED for no key and for one that is unknown, expired, revoked, or not for use from that address; for a session likewise. */
export async function authenticate(database: Database, { authorization, sessionSecret, address }: Credentials): Promise<Caller> {
  if (authorization === undefined && sessionSecret !== undefined) return authenticateSession(database, sessionSecret, address)
  const secret = /^Bearer\s+(\S+)$/i.exec(authorization?.trim() ?? '')?.[1]
  if (secret === undefined) throw new SynkvyError('UNAUTHENTICATED', `There is no API key in this call. ${hint}`)
  return authenticateKey(database, secret, address)
}

/** Whose key it is that is used from this address. Throws UNAUTHENTICATED. */
export async function authenticateKey(database: Database, secret: string, address: string | undefined): Promise<Caller> {
  // What no key looks like need not be looked up.
  if (!wellFormed.test(secret)) throw new SynkvyError('UNAUTHENTICATED', `This API key is not known. ${hint}`)
  const [row] = await database.drizzle
    .select({ key: apiKeys, user: users, syncViewId: syncViews.id })
    .from(apiKeys)
    .innerJoin(users, and(eq(users.accountId, apiKeys.accountId), eq(users.id, apiKeys.userId)))
    .leftJoin(syncViews, and(eq(syncViews.accountId, users.accountId), eq(syncViews.userId, users.id)))
    .where(eq(apiKeys.secretHash, hashSecret(secret)))
  if (row === undefined) throw new SynkvyError('UNAUTHENTICATED', `This API key is not known. ${hint}`)
  refuseEndedKey(row.key)
  refuseElsewhere(row.key, address)
  return {
    ...userPart(row.user),
    ...keyPart(row.key),
    expiresAt: row.key.expiresAt ?? undefined,
    sessionId: undefined,
    syncViewId: row.syncViewId ?? undefined,
  }
}

/** Who is signed in. Only admins are, who have no sync view. */
async function authenticateSession(database: Database, secret: string, address: string | undefined): Promise<Caller> {
  const [row] = await database.drizzle
    .select({ session: sessions, key: apiKeys, user: users })
    .from(sessions)
    .innerJoin(apiKeys, and(eq(apiKeys.accountId, sessions.accountId), eq(apiKeys.id, sessions.keyId)))
    .innerJoin(users, and(eq(users.accountId, apiKeys.accountId), eq(users.id, apiKeys.userId)))
    .where(eq(sessions.secretHash, hashSecret(secret)))
  if (row === undefined || hasPassed(row.session.expiresAt)) throw new SynkvyError('UNAUTHENTICATED', 'You are signed out. Sign in again.')
  refuseEndedKey(row.key)
  refuseElsewhere(row.key, address)
  return {
    ...userPart(row.user),
    ...keyPart(row.key),
    expiresAt: sessionEnd(row.session, row.key),
    sessionId: row.session.id,
    syncViewId: undefined,
  }
}

function userPart(user: UserRow) {
  return { accountId: user.accountId, userId: user.id, userName: user.name, kind: user.kind }
}

function keyPart(key: ApiKeyRow) {
  return { keyId: key.id, keyPrefix: key.prefix, scopes: key.scopes ?? undefined, trustedDocumentsOnly: key.trustedDocumentsOnly }
}

function refuseEndedKey({ revokedAt, expiresAt }: ApiKeyRow): void {
  if (revokedAt !== null) throw new SynkvyError('UNAUTHENTICATED', 'This API key was revoked. Ask an admin of the shop for a new one.')
  if (expiresAt !== null && hasPassed(expiresAt))
    throw new SynkvyError('UNAUTHENTICATED', 'This API key has expired. Ask an admin of the shop for a new one.')
}

function refuseElsewhere({ addresses }: ApiKeyRow, address: string | undefined): void {
  if (addresses === null || (address !== undefined && isWithin(address, addresses))) return
  throw new SynkvyError(
    'UNAUTHENTICATED',
    `This API key may not be used from this address (${address ?? 'which cannot be told'}). Use it where it is meant to be used, or ask an admin of the shop for a key that is good here.`,
  )
}

function hasPassed(moment: Date): boolean {
  return moment.getTime() <= Date.now()
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
