import { randomBytes } from 'node:crypto'
import { and, eq, inArray } from 'drizzle-orm'
import type { Database, TransactionSql } from '../db/client.ts'
import { isDangling } from '../db/faults.ts'
import { sessions } from '../db/tables/access.ts'
import { SynkvyError } from '../errors.ts'
import { hashSecret, type ApiKeyRow } from './api-keys.ts'
import type { Caller } from './caller.ts'

export type SessionRow = Readonly<typeof sessions.$inferSelect>

/** How long one stays signed in. */
const lastsMs = 7 * 86_400_000

/** A session that was begun: its secret is for the cookie, and is answered this once. */
export interface BegunSession {
  readonly secret: string
  readonly expiresAt: Date
}

/**
 * Exchanges an admin's key, whose caller this is, for a session. Throws FORBIDDEN for an integration's key, and for one that is bound to trusted documents; UNAUTHENTICATED
 * for one that is deleted meanwhile.
 */
export async function beginSession(database: Database, caller: Caller): Promise<BegunSession> {
  if (caller.kind !== 'ADMIN') {
    throw new SynkvyError(
      'FORBIDDEN',
      `This key belongs to "${caller.userName}", an external system. Sign in with the key of an ADMIN user of the shop.`,
    )
  }
  if (caller.trustedDocumentsOnly)
    throw new SynkvyError(
      'FORBIDDEN',
      'This key may send nothing but trusted documents, and the admin page has its own. Sign in with another.',
    )
  const secret = randomBytes(32).toString('base64url')
  const latest = new Date(Date.now() + lastsMs)
  const expiresAt = caller.expiresAt !== undefined && caller.expiresAt < latest ? caller.expiresAt : latest
  await database.drizzle
    .insert(sessions)
    .values({ accountId: caller.accountId, keyId: caller.keyId, secretHash: hashSecret(secret), expiresAt })
    .catch((error: unknown) => {
      if (!isDangling(error)) throw error
      throw new SynkvyError('UNAUTHENTICATED', 'This API key was deleted just now. Ask an admin of the shop for a new one.', {
        cause: error,
      })
    })
  return { secret, expiresAt }
}

/** Whose session it was. */
interface EndedSession {
  readonly accountId: number
  readonly userId: number
  readonly userName: string
  readonly keyPrefix: string
}

/** Signs out: what the session has opened is closed within a second. Answers who did; undefined where the secret is not known. */
export async function endSession({ sql }: Database, secret: string): Promise<EndedSession | undefined> {
  const [ended] = await sql<EndedSession[]>`
    DELETE FROM sessions s USING api_keys k, users u
    WHERE s.secret_hash = ${hashSecret(secret)} AND k.account_id = s.account_id AND k.id = s.key_id AND u.account_id = k.account_id AND u.id = k.user_id
    RETURNING u.account_id AS "accountId", u.id AS "userId", u.name AS "userName", k.prefix AS "keyPrefix"`
  return ended
}

/** When a session is over: at its own end, or its key's where that is sooner. */
export function sessionEnd(session: SessionRow, key: ApiKeyRow): Date {
  return key.expiresAt !== null && key.expiresAt < session.expiresAt ? key.expiresAt : session.expiresAt
}

/** Those of the sessions that are there. */
export async function findSessions(database: Database, accountId: number, ids: readonly number[]): Promise<readonly SessionRow[]> {
  if (ids.length === 0) return []
  return database.drizzle
    .select()
    .from(sessions)
    .where(and(eq(sessions.accountId, accountId), inArray(sessions.id, [...ids])))
}

/** Forgets sessions that are over. Answers how many went. */
export async function sweepSessions(tx: TransactionSql, most: number): Promise<number> {
  const gone = await tx`
    DELETE FROM sessions WHERE (account_id, id) IN (SELECT s.account_id, s.id FROM sessions s WHERE s.expires_at < now() LIMIT ${most}) RETURNING 1`
  return gone.length
}
