import { and, asc, eq, inArray } from 'drizzle-orm'
import type { Database } from '../db/client.ts'
import { users } from '../db/tables/access.ts'
import { SynkvyError } from '../errors.ts'

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
