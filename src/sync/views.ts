import { and, asc, count, eq, gt, inArray, sql } from 'drizzle-orm'
import type { Caller } from '../access/caller.ts'
import type { Database, DrizzleSession, Sql, TransactionSql } from '../db/client.ts'
import { isUniqueViolation } from '../db/faults.ts'
import { doorbells, sequencer, syncViews } from '../db/tables/sync.ts'
import { SynkvyError } from '../errors.ts'
import type { Networks } from '../networks.ts'
import { AddressRefused, refuseHost } from './doorbell-address.ts'
import { createDoorbellSecret } from './doorbell-call.ts'

export type SyncViewRow = Readonly<typeof syncViews.$inferSelect>
type OrderScope = SyncViewRow['orderScope']

export interface CreateSyncViewInput {
  readonly name: string
  readonly system?: string | null | undefined
  readonly autoLink: boolean
  readonly orderScope: OrderScope
  readonly doorbellUrl?: string | null | undefined
}

/** What is left out stays as it is; null clears. */
export interface UpdateSyncViewInput {
  readonly name?: string | undefined
  readonly system?: string | null | undefined
  readonly autoLink?: boolean | undefined
  readonly orderScope?: OrderScope | undefined
  readonly paused?: boolean | undefined
  readonly doorbellUrl?: string | null | undefined
}

/** A view that was made or changed, and the secret of its doorbell where that was given now: it is shown this once. */
export interface WrittenView {
  readonly view: SyncViewRow
  readonly doorbellSecret: string | undefined
}

const longestName = 200
const longestUrl = 2_000

/**
 * Makes the caller's sync view. The same input again answers the view that is there, without the secret. `networks` says where beside the public internet its doorbell may be.
 * Throws USER_NOT_INTEGRATION, USER_HAS_SYNC_VIEW (there is another one already), BAD_USER_INPUT.
 */
export async function createSyncView(
  database: Database,
  caller: Caller,
  input: CreateSyncViewInput,
  networks: Networks,
): Promise<WrittenView> {
  if (caller.kind !== 'INTEGRATION') {
    throw new SynkvyError(
      'USER_NOT_INTEGRATION',
      `${caller.userName} is an ADMIN user. A sync view belongs to an external system: create a user of kind INTEGRATION and use its key.`,
    )
  }
  checkViewInput(input, networks)
  const doorbellSecret = typeof input.doorbellUrl === 'string' ? createDoorbellSecret() : undefined
  try {
    return { view: await insertView(database, caller, { ...input, doorbellSecret }), doorbellSecret }
  } catch (error) {
    if (!isUniqueViolation(error, 'sync_views_user')) throw error
    return { view: await viewThatIsThere(database, caller, input), doorbellSecret: undefined }
  }
}

async function insertView(
  database: Database,
  caller: Caller,
  input: CreateSyncViewInput & { readonly doorbellSecret: string | undefined },
): Promise<SyncViewRow> {
  return database.transaction(async (tx) => {
    const [state] = await tx.select({ head: sequencer.head }).from(sequencer)
    const head = state?.head ?? 0
    const [view] = await tx
      .insert(syncViews)
      .values({ ...input, accountId: caller.accountId, userId: caller.userId, createdPosition: head, autoLinkedTo: head })
      .returning()
    if (view === undefined) throw new Error('INSERT … RETURNING answered nothing')
    return view
  })
}

async function viewThatIsThere(database: Database, caller: Caller, input: CreateSyncViewInput): Promise<SyncViewRow> {
  const [view] = await database.drizzle
    .select()
    .from(syncViews)
    .where(and(eq(syncViews.accountId, caller.accountId), eq(syncViews.userId, caller.userId)))
  if (view !== undefined && isSameInput(view, input)) return view
  throw new SynkvyError(
    'USER_HAS_SYNC_VIEW',
    `${caller.userName} already has the sync view "${view?.name ?? ''}". Every sync view needs an INTEGRATION user of its own.`,
  )
}

function isSameInput(view: SyncViewRow, input: CreateSyncViewInput): boolean {
  return (
    view.name === input.name &&
    view.system === (input.system ?? null) &&
    view.autoLink === input.autoLink &&
    view.orderScope === input.orderScope &&
    view.doorbellUrl === (input.doorbellUrl ?? null)
  )
}

/** Changes a view; a doorbell that is given gets a new secret. `networks` as for `createSyncView`. Throws NOT_FOUND, BAD_USER_INPUT. */
export async function updateSyncView(
  database: Database,
  accountId: number,
  id: number,
  input: UpdateSyncViewInput,
  networks: Networks,
): Promise<WrittenView> {
  checkViewInput(input, networks)
  const doorbellSecret = typeof input.doorbellUrl === 'string' ? createDoorbellSecret() : undefined
  const secretNow = input.doorbellUrl === undefined ? {} : { doorbellSecret: doorbellSecret ?? null }
  return database.transaction(async (tx) => {
    const [before] = await tx
      .select()
      .from(syncViews)
      .where(and(eq(syncViews.accountId, accountId), eq(syncViews.id, id)))
      .for('update')
    if (before === undefined) throw viewNotFound()
    // Switched on, autoLink takes what is new from now on.
    const [state] = await tx.select({ head: sequencer.head }).from(sequencer)
    const autoLinkedTo = input.autoLink === true && !before.autoLink ? (state?.head ?? 0) : before.autoLinkedTo
    // What it did not receive so far lies behind it.
    if (input.orderScope === 'ALL' && before.orderScope === 'OWN') await tx.execute(sql`SELECT restart_trade(${accountId}, ${id}, false)`)
    const [view] = await tx
      .update(syncViews)
      .set({ ...input, ...secretNow, autoLinkedTo })
      .where(and(eq(syncViews.accountId, accountId), eq(syncViews.id, id)))
      .returning()
    if (doorbellSecret !== undefined) await beginDoorbell(tx, accountId, id)
    return { view: view ?? before, doorbellSecret }
  })
}

/** A new bell has told nothing. Whoever rings the one before goes on to, so that there are never two at once. */
async function beginDoorbell(tx: DrizzleSession, accountId: number, viewId: number): Promise<void> {
  await tx
    .update(doorbells)
    .set({ heardHead: 0, heardLink: 0, heardResend: 0, attempts: 0, lastRungAt: null, lastStatus: null, lastError: null })
    .where(and(eq(doorbells.accountId, accountId), eq(doorbells.viewId, viewId)))
}

/** Deletes a view with its links, checkpoints and runs. Its user stays, and may make another. Throws NOT_FOUND. */
export async function deleteSyncView(database: Database, accountId: number, id: number): Promise<void> {
  const gone = await database.drizzle
    .delete(syncViews)
    .where(and(eq(syncViews.accountId, accountId), eq(syncViews.id, id)))
    .returning({ id: syncViews.id })
  if (gone.length === 0) throw viewNotFound()
}

export async function findSyncView(database: Database, accountId: number, id: number): Promise<SyncViewRow | undefined> {
  const [view] = await database.drizzle
    .select()
    .from(syncViews)
    .where(and(eq(syncViews.accountId, accountId), eq(syncViews.id, id)))
  return view
}

/** The views of an account by id, `first` of them after the one with the id `after`. */
export async function syncViewsPage(
  database: Database,
  accountId: number,
  page: { readonly first: number; readonly after?: number | undefined },
): Promise<readonly SyncViewRow[]> {
  return database.drizzle
    .select()
    .from(syncViews)
    .where(and(eq(syncViews.accountId, accountId), gt(syncViews.id, page.after ?? 0)))
    .orderBy(asc(syncViews.id))
    .limit(page.first)
}

export async function countSyncViews(database: Database, accountId: number): Promise<number> {
  const [row] = await database.drizzle.select({ count: count() }).from(syncViews).where(eq(syncViews.accountId, accountId))
  return row?.count ?? 0
}

/** Refuses a view of another account and one that is not there in the same words. */
export function viewNotFound(): SynkvyError {
  return new SynkvyError('NOT_FOUND', 'There is no such sync view in your account.', { inputPath: ['syncViewId'] })
}

/** How many products are linked to a view. */
export async function linkCountOf(
  { sql }: { readonly sql: Sql | TransactionSql },
  view: Pick<SyncViewRow, 'accountId' | 'id'>,
): Promise<number> {
  const [row] = await sql<{ count: number }[]>`
    SELECT ${linkedProducts(sql)} AS count FROM sync_views v WHERE account_id = ${view.accountId} AND id = ${view.id}`
  return row?.count ?? 0
}

/** SQL of the same, for the view `v`: links of deleted products are counted in `link_count` until they are swept. */
export function linkedProducts(sql: Sql | TransactionSql) {
  return sql`v.link_count - (
    SELECT count(*) FROM feed f
    CROSS JOIN LATERAL (SELECT FROM links WHERE account_id = f.account_id AND view_id = v.id AND product_id = f.product_id AND NOT unlinked OFFSET 0) l
    WHERE f.account_id = v.account_id AND f.deleted AND f.subject = 'PRODUCT')`
}

/** How a view stands to the products of the shop. */
export interface ViewNumbers {
  readonly accountId: number
  readonly id: number
  readonly linkPosition: number
  readonly linkCount: number
  readonly autoLinkedTo: number
  readonly allLinkedTo: number
  /** The feed's head at the same moment. */
  readonly head: number
}

/** A view under its lock: whoever holds it gives out the view's link positions, so that they become visible in order. */
export interface LockedView extends ViewNumbers {
  /**
   * The first link position to give out: a hybrid logical clock like revisions, so that positions that were lost in a failover are never given
   * out again.
   */
  readonly nextPosition: number
}

const viewNumbers = (sql: Sql | TransactionSql) => sql`
  account_id AS "accountId", id, link_position AS "linkPosition", ${linkedProducts(sql)} AS "linkCount", auto_linked_to AS "autoLinkedTo",
  all_linked_to AS "allLinkedTo", (SELECT head FROM sequencer) AS head`

/** A view's numbers, without its lock: they may be other ones by the time that they are read. Throws NOT_FOUND. */
export async function readView({ sql }: Database, accountId: number, viewId: number): Promise<ViewNumbers> {
  const [view] = await sql<ViewNumbers[]>`SELECT ${viewNumbers(sql)} FROM sync_views v WHERE account_id = ${accountId} AND id = ${viewId}`
  if (view === undefined) throw viewNotFound()
  return view
}

/** Takes the view's lock until the transaction ends. Throws NOT_FOUND. */
export async function lockView(tx: TransactionSql, accountId: number, viewId: number): Promise<LockedView> {
  const [view] = await tx<LockedView[]>`
    SELECT ${viewNumbers(tx)}, greatest(link_position + 1, clock_microseconds()) AS "nextPosition"
    FROM sync_views v WHERE account_id = ${accountId} AND id = ${viewId} FOR UPDATE OF v`
  if (view === undefined) throw viewNotFound()
  return view
}

function checkViewInput(input: UpdateSyncViewInput, networks: Networks): void {
  if (input.name !== undefined && (input.name.trim() === '' || input.name.length > longestName)) {
    throw new SynkvyError('BAD_USER_INPUT', `A sync view's name has 1 to ${longestName} characters.`, { inputPath: ['input', 'name'] })
  }
  if (typeof input.system === 'string' && input.system.length > longestName) {
    throw new SynkvyError('BAD_USER_INPUT', `The system's name has at most ${longestName} characters.`, { inputPath: ['input', 'system'] })
  }
  if (typeof input.doorbellUrl === 'string') checkDoorbellUrl(input.doorbellUrl, networks)
}

function checkDoorbellUrl(text: string, networks: Networks): void {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol)) throw badDoorbell('The doorbell is an http:// or https:// address.')
  if (text.length > longestUrl) throw badDoorbell(`The doorbell's address has at most ${longestUrl} characters.`)
  try {
    refuseHost(url, networks)
  } catch (error) {
    throw error instanceof AddressRefused ? badDoorbell(error.message) : error
  }
}

function badDoorbell(why: string): SynkvyError {
  return new SynkvyError('BAD_USER_INPUT', why, { inputPath: ['input', 'doorbellUrl'] })
}

export async function syncViewsByIds(
  database: Database,
  accountId: number,
  ids: readonly number[],
): Promise<ReadonlyMap<number, SyncViewRow>> {
  const rows = await database.drizzle
    .select()
    .from(syncViews)
    .where(and(eq(syncViews.accountId, accountId), inArray(syncViews.id, [...ids])))
  return new Map(rows.map((row) => [row.id, row]))
}

/** Each user's view, by the user's id. */
export async function syncViewsOfUsers(
  database: Database,
  accountId: number,
  userIds: readonly number[],
): Promise<ReadonlyMap<number, SyncViewRow>> {
  const rows = await database.drizzle
    .select()
    .from(syncViews)
    .where(and(eq(syncViews.accountId, accountId), inArray(syncViews.userId, [...userIds])))
  return new Map(rows.map((row) => [row.userId, row]))
}
