import { createHash, randomBytes } from 'node:crypto'
import { and, asc, eq, inArray, isNull } from 'drizzle-orm'
import type { Database, DrizzleSession } from '../db/client.ts'
import { apiKeys, keyScope, users } from '../db/tables/access.ts'
import { SynkvyError } from '../errors.ts'
import { toNetwork } from '../networks.ts'

export type ApiKeyRow = Readonly<typeof apiKeys.$inferSelect>
export const keyScopes = keyScope.enumValues
export type KeyScope = (typeof keyScopes)[number]

/** What a key is good for. What is left out, or null, is not limited. */
export interface KeyLimits {
  readonly expiresAt?: Date | null | undefined
  /** What an integration may write with it; none: nothing. */
  readonly scopes?: readonly KeyScope[] | null | undefined
  /** Whence it may be used: addresses, and networks as CIDR. */
  readonly addresses?: readonly string[] | null | undefined
  /** It may send nothing but trusted documents. Default: false. */
  readonly trustedDocumentsOnly?: boolean | null | undefined
}

const prefixLength = 14

/** A new secret: 256 random bits, recognisable by its beginning. */
export function newSecret(): string {
  return `synkvy_${randomBytes(32).toString('base64url')}`
}

/** What is kept of a secret. It holds 256 random bits, so a slow hash would add nothing. */
export function hashSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('hex')
}

/** Stores a secret's hash for a user. */
export async function addApiKey(
  tx: DrizzleSession,
  of: { readonly accountId: number; readonly userId: number },
  secret: string,
  { expiresAt = null, scopes, addresses, trustedDocumentsOnly }: KeyLimits = {},
): Promise<ApiKeyRow> {
  const [row] = await tx
    .insert(apiKeys)
    .values({
      ...of,
      prefix: secret.slice(0, prefixLength),
      secretHash: hashSecret(secret),
      expiresAt,
      scopes: scopes ? [...new Set(scopes)] : null,
      addresses: addresses ? [...addresses] : null,
      trustedDocumentsOnly: trustedDocumentsOnly ?? false,
    })
    .returning()
  if (row === undefined) throw new Error('INSERT … RETURNING answered nothing')
  return row
}

/** A key that was made. Its secret is answered this once. */
export interface MadeKey {
  readonly apiKey: ApiKeyRow
  readonly secret: string
}

/** Makes a key for a user. Throws NOT_FOUND, BAD_USER_INPUT for an expiry that is over, scopes of an admin's key, and addresses that are none. */
export async function createApiKey(database: Database, accountId: number, userId: number, limits: KeyLimits = {}): Promise<MadeKey> {
  refusePast(limits.expiresAt)
  const addresses = limits.addresses ? readNetworks(limits.addresses) : null
  const [user] = await database.drizzle
    .select()
    .from(users)
    .where(and(eq(users.accountId, accountId), eq(users.id, userId)))
  if (user === undefined) throw new SynkvyError('NOT_FOUND', 'There is no such user in your account.', { inputPath: ['userId'] })
  if (limits.scopes && user.kind === 'ADMIN') {
    throw new SynkvyError('BAD_USER_INPUT', 'An admin may do everything: leave "scopes" out, or make the key for an INTEGRATION user.', {
      inputPath: ['scopes'],
    })
  }
  const secret = newSecret()
  return { apiKey: await addApiKey(database.drizzle, { accountId, userId }, secret, { ...limits, addresses }), secret }
}

function refusePast(expiresAt: Date | null | undefined): void {
  if (!expiresAt || expiresAt.getTime() > Date.now()) return
  throw new SynkvyError('BAD_USER_INPUT', 'expiresAt is over already. Choose a moment to come, or leave it out.', {
    inputPath: ['expiresAt'],
  })
}

const mostNetworks = 100

function readNetworks(given: readonly string[]): readonly string[] {
  if (given.length === 0 || given.length > mostNetworks) {
    throw new SynkvyError(
      'BAD_USER_INPUT',
      `Give 1 to ${mostNetworks} addresses, or leave "addresses" out for a key that is good anywhere.`,
      {
        inputPath: ['addresses'],
      },
    )
  }
  return given.map((text, index) => {
    const network = toNetwork(text.trim())
    if (network !== undefined) return network
    throw new SynkvyError('BAD_USER_INPUT', 'An address is such as 203.0.113.7 or 2001:db8::7, a network such as 203.0.113.0/24.', {
      inputPath: ['addresses', index],
    })
  })
}

const hourMs = 3_600_000
const longestOverlapHours = 8_760

/** A key that has taken another's place, and that other one as it is now. */
export interface RotatedKey extends MadeKey {
  readonly replaced: ApiKeyRow
}

/**
 * Makes a key of the same user with the same limits, and lets the one that is there end after `overlapHours`, unless it does so before; 0 revokes it now. What a key has opened is closed
 * when it ends. Throws NOT_FOUND, BAD_USER_INPUT, and CONFLICT for a key that is no longer good.
 */
export async function rotateApiKey(
  database: Database,
  accountId: number,
  id: number,
  { overlapHours, expiresAt }: { readonly overlapHours: number; readonly expiresAt?: Date | null | undefined },
): Promise<RotatedKey> {
  refusePast(expiresAt)
  if (overlapHours < 0 || overlapHours > longestOverlapHours) {
    throw new SynkvyError('BAD_USER_INPUT', `"overlapHours" is from 0 to ${longestOverlapHours}; 0 revokes the old key now.`, {
      inputPath: ['overlapHours'],
    })
  }
  return database.transaction(async (tx) => {
    const isKey = and(eq(apiKeys.accountId, accountId), eq(apiKeys.id, id))
    const [old] = await tx.select().from(apiKeys).where(isKey).for('update')
    if (old === undefined) throw keyNotFound()
    const now = new Date()
    if (old.revokedAt !== null || (old.expiresAt !== null && old.expiresAt <= now))
      throw new SynkvyError('CONFLICT', 'This API key is no longer good. Make another with createApiKey.', { inputPath: ['id'] })
    const end = new Date(now.getTime() + overlapHours * hourMs)
    const ends =
      overlapHours === 0 ? { revokedAt: now } : { expiresAt: old.expiresAt !== null && old.expiresAt < end ? old.expiresAt : end }
    const [replaced = old] = await tx.update(apiKeys).set(ends).where(isKey).returning()
    const secret = newSecret()
    const { userId, scopes, addresses, trustedDocumentsOnly } = old
    const limits = { expiresAt, scopes, addresses, trustedDocumentsOnly }
    return { apiKey: await addApiKey(tx, { accountId, userId }, secret, limits), secret, replaced }
  })
}

/** Ends a key now; sockets that were opened with it are closed. One that is revoked already stays as it was. Throws NOT_FOUND. */
export async function revokeApiKey(database: Database, accountId: number, id: number): Promise<ApiKeyRow> {
  const isKey = and(eq(apiKeys.accountId, accountId), eq(apiKeys.id, id))
  await database.drizzle
    .update(apiKeys)
    .set({ revokedAt: new Date() })
    .where(and(isKey, isNull(apiKeys.revokedAt)))
  const [row] = await database.drizzle.select().from(apiKeys).where(isKey)
  if (row === undefined) throw keyNotFound()
  return row
}

function keyNotFound(): SynkvyError {
  return new SynkvyError('NOT_FOUND', 'There is no such API key in your account.', { inputPath: ['id'] })
}

/** Each user's keys, oldest first. */
export async function apiKeysOfUsers(database: Database, accountId: number, userIds: readonly number[]): Promise<readonly ApiKeyRow[]> {
  return database.drizzle
    .select()
    .from(apiKeys)
    .where(and(eq(apiKeys.accountId, accountId), inArray(apiKeys.userId, [...userIds])))
    .orderBy(asc(apiKeys.id))
}

export async function findApiKey(database: Database, accountId: number, id: number): Promise<ApiKeyRow | undefined> {
  const [row] = await database.drizzle
    .select()
    .from(apiKeys)
    .where(and(eq(apiKeys.accountId, accountId), eq(apiKeys.id, id)))
  return row
}
