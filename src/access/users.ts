import { and, asc, count, eq, gt, inArray } from 'drizzle-orm'
import type { Database } from '../db/client.ts'
import { apiKeys, users } from '../db/tables/access.ts'
import { resends, syncViews } from '../db/tables/sync.ts'
import { SynkvyError } from '../errors.ts'
import type { Caller } from './caller.ts'

export type UserRow = Readonly<typeof users.$inferSelect>
export type UserKind = UserRow['kind']

const longestName = 200

/** Throws BAD_USER_INPUT for a name that is empty or too long. */
export async function createUser(
  database: Database,
  accountId: number,
  input: { readonly name: string; readonly kind: UserKind },
): Promise<UserRow> {
  if (input.name.trim() === '' || input.name.length > longestName || input.name.includes('\0')) {
    throw new SynkvyError('BAD_USER_INPUT', `A user's name has 1 to ${longestName} characters.`, { inputPath: ['input', 'name'] })
  }
  const [row] = await database.drizzle
    .insert(users)
    .values({ ...input, accountId })
    .returning()
  if (row === undefined) throw new Error('INSERT … RETURNING answered nothing')
  return row
}

export async function usersByIds(database: Database, accountId: number, ids: readonly number[]): Promise<ReadonlyMap<number, UserRow>> {
  const rows = await database.drizzle
    .select()
    .from(users)
    .where(and(eq(users.accountId, accountId), inArray(users.id, [...ids])))
  return new Map(rows.map((row) => [row.id, row]))
}

/** All users of an account, oldest first. */
export async function usersOfAccount(database: Database, accountId: number): Promise<readonly UserRow[]> {
  return database.drizzle.select().from(users).where(eq(users.accountId, accountId)).orderBy(asc(users.id))
}

/** The users of an account by id, `first` of them after the one with the id `after`. */
export async function usersPage(
  database: Database,
  accountId: number,
  page: { readonly first: number; readonly after?: number | undefined },
): Promise<readonly UserRow[]> {
  return database.drizzle
    .select()
    .from(users)
    .where(and(eq(users.accountId, accountId), gt(users.id, page.after ?? 0)))
    .orderBy(asc(users.id))
    .limit(page.first)
}

export async function countUsers(database: Database, accountId: number): Promise<number> {
  const [row] = await database.drizzle.select({ count: count() }).from(users).where(eq(users.accountId, accountId))
  return row?.count ?? 0
}

/**
 * Deletes a user with its keys: whatever they have opened is closed. Throws NOT_FOUND, and CONFLICT for the caller itself and for a user that has a sync view.
 */
export async function deleteUser(database: Database, caller: Caller, id: number): Promise<void> {
  const { accountId } = caller
  if (id === caller.userId) throw new SynkvyError('CONFLICT', 'This is yourself. Another admin can delete you.', { inputPath: ['id'] })
  await database.transaction(async (tx) => {
    const isUser = and(eq(users.accountId, accountId), eq(users.id, id))
    const [user] = await tx.select().from(users).where(isUser).for('update')
    if (user === undefined) throw new SynkvyError('NOT_FOUND', 'There is no such user in your account.', { inputPath: ['id'] })
    const [view] = await tx
      .select({ name: syncViews.name })
      .from(syncViews)
      .where(and(eq(syncViews.accountId, accountId), eq(syncViews.userId, id)))
    if (view !== undefined)
      throw new SynkvyError('CONFLICT', `"${user.name}" has the sync view "${view.name}". Delete that first.`, { inputPath: ['id'] })
    await tx
      .update(resends)
      .set({ startedBy: null })
      .where(and(eq(resends.accountId, accountId), eq(resends.startedBy, id)))
    await tx.delete(apiKeys).where(and(eq(apiKeys.accountId, accountId), eq(apiKeys.userId, id)))
    await tx.delete(users).where(isUser)
  })
}
