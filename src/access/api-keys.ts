import { createHash, randomBytes } from 'node:crypto'
import { and, asc, eq, inArray, isNull } from 'drizzle-orm'
import type { Database, DrizzleSession } from '../db/client.ts'
import { apiKeys, users } from '../db/tables/access.ts'
import { SynkvyError } from '../errors.ts'

export type ApiKeyRow = Readonly<typeof apiKeys.$inferSelect>

const prefixLength = 14

/** A new secret: 256 random bits, recognisable by its beginning. */
export function newSecret(): string {
  return `synkvy_${randomBytes(32).toString('base64url')}`
}

/** What is kept of a secret. It holds 256 random bits, so a slow hash would add nothing. */
export function hashSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('hex')
}

/** What a key is made with. */
export interface ApiKeyOptions {
  /** When it stops being good; never where it is left out. */
  readonly expiresAt?: Date | null | undefined
  /** It may send nothing but trusted documents. Default: false. */
  readonly trustedDocumentsOnly?: boolean | null | undefined
}

/** Stores a secret's hash for a user. */
export async function addApiKey(
  tx: DrizzleSession,
  of: { readonly accountId: number; readonly userId: number },
  secret: string,
  { expiresAt, trustedDocumentsOnly }: ApiKeyOptions = {},
): Promise<ApiKeyRow> {
  const [row] = await tx
    .insert(apiKeys)
    .values({
      ...of,
      prefix: secret.slice(0, prefixLength),
      secretHash: hashSecret(secret),
      expiresAt: expiresAt ?? null,
      trustedDocumentsOnly: trustedDocumentsOnly ?? false,
    })
    .returning()
  if (row === undefined) throw new Error('INSERT … RETURNING answered nothing')
  return row
}

/** Makes a key for a user. The secret is answered this once. Throws NOT_FOUND, BAD_USER_INPUT for an expiry that is over. */
export async function createApiKey(
  database: Database,
  accountId: number,
  userId: number,
  options: ApiKeyOptions = {},
): Promise<{ readonly apiKey: ApiKeyRow; readonly secret: string }> {
  const { expiresAt } = options
  if (expiresAt && expiresAt.getTime() <= Date.now()) {
    throw new SynkvyError('BAD_USER_INPUT', 'expiresAt is over already. Choose a moment to come, or leave it out.', {
      inputPath: ['expiresAt'],
    })
  }
  const [user] = await database.drizzle
    .select()
    .from(users)
    .where(and(eq(users.accountId, accountId), eq(users.id, userId)))
  if (user === undefined) throw new SynkvyError('NOT_FOUND', 'There is no such user in your account.', { inputPath: ['userId'] })
  const secret = newSecret()
  return { apiKey: await addApiKey(database.drizzle, { accountId, userId }, secret, options), secret }
}

/** Ends a key now; sockets that were opened with it are closed. One that is revoked already stays as it was. Throws NOT_FOUND. */
export async function revokeApiKey(database: Database, accountId: number, id: number): Promise<ApiKeyRow> {
  const isKey = and(eq(apiKeys.accountId, accountId), eq(apiKeys.id, id))
  await database.drizzle
    .update(apiKeys)
    .set({ revokedAt: new Date() })
    .where(and(isKey, isNull(apiKeys.revokedAt)))
  const [row] = await database.drizzle.select().from(apiKeys).where(isKey)
  if (row === undefined) throw new SynkvyError('NOT_FOUND', 'There is no such API key in your account.', { inputPath: ['id'] })
  return row
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
