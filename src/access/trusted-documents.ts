import { createHash } from 'node:crypto'
import { and, asc, count, eq, gt, sql } from 'drizzle-orm'
import type { Database } from '../db/client.ts'
import { advisoryLocks } from '../db/locks.ts'
import { trustedDocuments } from '../db/tables/access.ts'
import { SynkvyError } from '../errors.ts'

export type TrustedDocumentRow = Readonly<typeof trustedDocuments.$inferSelect>

/** By which a document is called: SHA-256 of its text as it stands, hexadecimal. */
export function hashDocument(document: string): string {
  return createHash('sha256').update(document).digest('hex')
}

/** Registers a document that is known to be valid. One that is there already stays. Throws CONFLICT where the account has `most` already. */
export async function registerDocument(database: Database, accountId: number, document: string, most: number): Promise<TrustedDocumentRow> {
  return database.transaction(async (tx) => {
    // One after the other, so that none is counted too few.
    await tx.execute(sql`SELECT pg_advisory_xact_lock(${advisoryLocks.documents}, ${accountId % 2_147_483_647})`)
    const hash = hashDocument(document)
    const [there] = await tx.select().from(trustedDocuments).where(isDocument(accountId, hash))
    if (there !== undefined) return there
    const [counted] = await tx.select({ documents: count() }).from(trustedDocuments).where(eq(trustedDocuments.accountId, accountId))
    const documents = counted?.documents ?? 0
    if (documents >= most) {
      throw new SynkvyError(
        'CONFLICT',
        `Your account has ${documents} trusted documents, and ${most} are allowed. Delete those that nobody calls.`,
        {
          exceeded: { limit: 'TRUSTED_DOCUMENTS', allowed: most, asked: documents + 1 },
        },
      )
    }
    const [row] = await tx.insert(trustedDocuments).values({ accountId, hash, document }).returning()
    if (row === undefined) throw new Error('INSERT … RETURNING answered nothing')
    return row
  })
}

/** Throws NOT_FOUND. */
export async function deleteDocument(database: Database, accountId: number, hash: string): Promise<void> {
  const gone = await database.drizzle.delete(trustedDocuments).where(isDocument(accountId, hash)).returning({ hash: trustedDocuments.hash })
  if (gone.length === 0)
    throw new SynkvyError('NOT_FOUND', 'There is no trusted document with this hash in your account.', { inputPath: ['hash'] })
}

/** Its text; undefined where there is none. */
export async function findDocument(database: Database, accountId: number, hash: string): Promise<string | undefined> {
  const [row] = await database.drizzle
    .select({ document: trustedDocuments.document })
    .from(trustedDocuments)
    .where(isDocument(accountId, hash))
  return row?.document
}

/** The documents of an account in the order in which they were registered, `first` of them after the one with the id `after`. */
export async function documentsPage(
  database: Database,
  accountId: number,
  page: { readonly first: number; readonly after?: number | undefined },
): Promise<readonly TrustedDocumentRow[]> {
  return database.drizzle
    .select()
    .from(trustedDocuments)
    .where(and(eq(trustedDocuments.accountId, accountId), gt(trustedDocuments.id, page.after ?? 0)))
    .orderBy(asc(trustedDocuments.id))
    .limit(page.first)
}

export async function countDocuments(database: Database, accountId: number): Promise<number> {
  const [row] = await database.drizzle.select({ count: count() }).from(trustedDocuments).where(eq(trustedDocuments.accountId, accountId))
  return row?.count ?? 0
}

function isDocument(accountId: number, hash: string) {
  return and(eq(trustedDocuments.accountId, accountId), eq(trustedDocuments.hash, hash))
}
