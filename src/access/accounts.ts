import { and, asc, eq, sql } from 'drizzle-orm'
import type { Database, DrizzleSession } from '../db/client.ts'
import { isUniqueViolation } from '../db/faults.ts'
import { advisoryLocks } from '../db/locks.ts'
import { accounts, apiKeys, users } from '../db/tables/access.ts'
import { SynkvyError } from '../errors.ts'
import { addApiKey, hashSecret, newSecret } from './api-keys.ts'

export type AccountRow = Readonly<typeof accounts.$inferSelect>

/** A shop to be. */
export interface NewAccount {
  /** 1 to 63 small letters, digits and hyphens; unique. */
  readonly slug: string
  readonly name: string
  /** ISO 4217. */
  readonly currency: string
  readonly pricesIncludeTax: boolean
}

/** An account and, where one was made now, its admin key's secret. */
export interface OpenedAccount {
  readonly account: AccountRow
  readonly adminKey: string | undefined
}

/** Makes an account with an admin user and a key. Throws BAD_USER_INPUT, and CONFLICT for a slug that is taken. */
export async function createAccount(database: Database, input: NewAccount): Promise<OpenedAccount> {
  checkAccount(input)
  try {
    return await database.transaction(async (tx) => {
      const account = await insertAccount(tx, input)
      return { account, adminKey: await addAdmin(tx, account.id, newSecret()) }
    })
  } catch (error) {
    if (!isUniqueViolation(error, 'accounts_slug_unique')) throw error
    throw new SynkvyError('CONFLICT', `There is an account "${input.slug}" already. Choose another slug.`, {
      inputPath: ['slug'],
      cause: error,
    })
  }
}

function checkAccount({ slug, name, currency }: NewAccount): void {
  if (!/^[a-z0-9][a-z0-9-]{0,62}$/.test(slug)) {
    throw new SynkvyError('BAD_USER_INPUT', 'A slug has 1 to 63 small letters, digits and hyphens, such as "my-shop".', {
      inputPath: ['slug'],
    })
  }
  if (name.trim() === '' || name.length > 200)
    throw new SynkvyError('BAD_USER_INPUT', "An account's name has 1 to 200 characters.", { inputPath: ['name'] })
  if (!/^[A-Z]{3}$/.test(currency)) {
    throw new SynkvyError('BAD_USER_INPUT', 'A currency is three capital letters of ISO 4217, such as "SEK".', { inputPath: ['currency'] })
  }
}

async function insertAccount(tx: DrizzleSession, input: NewAccount): Promise<AccountRow> {
  const [account] = await tx.insert(accounts).values(input).returning()
  if (account === undefined) throw new Error('INSERT … RETURNING answered nothing')
  return account
}

async function addAdmin(tx: DrizzleSession, accountId: number, secret: string): Promise<string> {
  const [admin] = await tx.insert(users).values({ accountId, name: 'Admin', kind: 'ADMIN' }).returning()
  await addApiKey(tx, { accountId, userId: admin?.id ?? 0 }, secret)
  return secret
}

/**
 * Makes the first account at the first start, and sees to it that a given admin key is good for it. The secret is answered only where one was made up now.
 * Gateways that start at once do it one after the other. Throws CONFLICT where the given key belongs to another account.
 */
export async function ensureFirstAccount(database: Database, slug: string, givenKey: string | undefined): Promise<OpenedAccount> {
  return database.transaction(async (tx) => {
    await tx.execute(sql`SELECT pg_advisory_xact_lock(${advisoryLocks.migration}, 1)`)
    const [there] = await tx.select().from(accounts).where(eq(accounts.slug, slug))
    if (there === undefined) {
      if (givenKey !== undefined) await isKeyThere(tx, undefined, givenKey)
      const account = await insertAccount(tx, { slug, name: slug, currency: 'SEK', pricesIncludeTax: true })
      const secret = await addAdmin(tx, account.id, givenKey ?? newSecret())
      return { account, adminKey: givenKey === undefined ? secret : undefined }
    }
    if (givenKey !== undefined) await ensureAdminKey(tx, there.id, givenKey)
    return { account: there, adminKey: undefined }
  })
}

/** Whether the account has this key, be it revoked. Throws CONFLICT where another account has it. */
async function isKeyThere(tx: DrizzleSession, accountId: number | undefined, secret: string): Promise<boolean> {
  const [known] = await tx
    .select({ accountId: apiKeys.accountId, slug: accounts.slug })
    .from(apiKeys)
    .innerJoin(accounts, eq(accounts.id, apiKeys.accountId))
    .where(eq(apiKeys.secretHash, hashSecret(secret)))
  if (known === undefined || known.accountId === accountId) return known !== undefined
  throw new SynkvyError(
    'CONFLICT',
    `SYNKVY_ADMIN_KEY is a key of the account "${known.slug}" already. Choose another key, or set SYNKVY_ACCOUNT to "${known.slug}".`,
  )
}

async function ensureAdminKey(tx: DrizzleSession, accountId: number, secret: string): Promise<void> {
  if (await isKeyThere(tx, accountId, secret)) return
  const [admin] = await tx
    .select()
    .from(users)
    .where(and(eq(users.accountId, accountId), eq(users.kind, 'ADMIN')))
    .orderBy(asc(users.id))
    .limit(1)
  if (admin === undefined) await addAdmin(tx, accountId, secret)
  else await addApiKey(tx, { accountId, userId: admin.id }, secret)
}

export async function findAccount(database: Database, id: number): Promise<AccountRow | undefined> {
  const [row] = await database.drizzle.select().from(accounts).where(eq(accounts.id, id))
  return row
}

export async function accountBySlug(database: Database, slug: string): Promise<AccountRow | undefined> {
  const [row] = await database.drizzle.select().from(accounts).where(eq(accounts.slug, slug))
  return row
}

export async function allAccounts(database: Database): Promise<readonly AccountRow[]> {
  return database.drizzle.select().from(accounts).orderBy(asc(accounts.id))
}
