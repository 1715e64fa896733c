import { and, eq } from 'drizzle-orm'
import type { Caller } from '../access/caller.ts'
import type { Database } from '../db/client.ts'
import { syncViews } from '../db/tables/sync.ts'
import { SynkvyError } from '../errors.ts'

/**
 * To whom it belongs what a caller sends in: to the user of its sync view, or (null), sent in by an admin, to the shop itself.
 * Throws NO_SYNC_VIEW for an integration that has not made its view.
 */
export function ownerOf(caller: Caller): number | null {
  if (caller.kind === 'ADMIN') return null
  if (caller.syncViewId !== undefined) return caller.userId
  throw new SynkvyError('NO_SYNC_VIEW', 'Your user has no sync view. Create one with createSyncView first: what you send in belongs to it.')
}

/** Whose orders and customers a caller may see: an owner's, or `undefined` for the whole shop's (admins, and integrations with the orderScope ALL). */
export async function ownerSeenBy(database: Database, caller: Caller): Promise<number | undefined> {
  if (caller.kind === 'ADMIN') return undefined
  const [view] = await database.drizzle
    .select({ orderScope: syncViews.orderScope })
    .from(syncViews)
    .where(and(eq(syncViews.accountId, caller.accountId), eq(syncViews.userId, caller.userId)))
  return view?.orderScope === 'ALL' ? undefined : caller.userId
}
