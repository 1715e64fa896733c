import type { Database, Sql, TransactionSql } from '../db/client.ts'
import { advisoryLocks } from '../db/locks.ts'
import type { Statement } from '../db/sql.ts'
import type { resends } from '../db/tables/sync.ts'
import { SynkvyError, throwFaults } from '../errors.ts'
import { placesInState, type LinkState } from './link-list.ts'
import { countMissingProducts, linkMissingProducts, requeueLinks } from './links.ts'
import { lockView, readView, type LockedView, type ViewNumbers } from './views.ts'

export type ResendRow = Readonly<typeof resends.$inferSelect>
type ResendCause = ResendRow['cause']

/** What "Resend all products" would do. */
export interface ResendPlan {
  readonly productCount: number
  readonly linksToCreate: number
  /** At the rate that was measured for this view; undefined where none was. */
  readonly estimatedSeconds: number | undefined
  readonly running: ResendRow | undefined
  /** The latest that has ended. */
  readonly last: ResendRow | undefined
}

export type ResendOutcome =
  | { readonly at: 'started'; readonly resend: ResendRow; readonly linksCreated: number }
  | { readonly at: 'running'; readonly resend: ResendRow }
  | { readonly at: 'needs-confirmation'; readonly plan: ResendPlan }

export interface ResendRequest {
  /** A view's first resend needs none; a later one does. */
  readonly confirm: boolean
  readonly cause: ResendCause
  readonly userId?: number | undefined
}

const resendColumns = (sql: Sql | TransactionSql) => sql`
  account_id AS "accountId", id, view_id AS "viewId", state, cause, total, product_resend_to AS "productResendTo", stock_resend_to AS "stockResendTo",
  linked_to AS "linkedTo", epoch, started_by AS "startedBy", started_at AS "startedAt", first_acknowledged_at AS "firstAcknowledgedAt",
  finished_at AS "finishedAt"`

/**
 * Links what is missing and begins a run, unless one runs: of any number of simultaneous calls on any number of gateways one starts it, and the
 * others, having waited for the lock, find it running. Throws NOT_FOUND.
 */
export async function resendAllProducts(
  database: Database,
  accountId: number,
  viewId: number,
  request: ResendRequest,
): Promise<ResendOutcome> {
  return database.sql.begin(async (tx) => {
    const view = await lockForResend(tx, accountId, viewId)
    const { running, last } = await resendsOf(tx, view)
    if (running !== undefined) return { at: 'running', resend: running }
    if (last !== undefined && last.total > 0 && !request.confirm)
      return { at: 'needs-confirmation', plan: await planFor(tx, view, running, last) }
    const linksCreated = await linkMissingProducts(tx, view)
    return { at: 'started', resend: await beginRun(tx, view, { ...request, epoch: 0, total: view.linkCount + linksCreated }), linksCreated }
  })
}

/**
 * Takes the transaction-level advisory lock of the view's resend (a session-level one would leak behind a pooler), then the view's own.
 * The lock guards the start; the truth about a run is its row.
 */
async function lockForResend(tx: TransactionSql, accountId: number, viewId: number): Promise<LockedView> {
  await tx`SELECT pg_advisory_xact_lock(${advisoryLocks.resend}, ${viewId % 2_147_483_647})`
  return lockView(tx, accountId, viewId)
}

/**
 * Moves a number, rather than rewriting a million rows: the run is RESEND up to where each stream's LINKED stands, and LINKED up to the last link. Only what is rejected moves to the
 * end: a rejection ends by being sent anew, and that must be so also where the run is cancelled before it gets there.
 */
async function beginRun(
  tx: TransactionSql,
  { accountId, id: viewId }: LockedView,
  {
    cause,
    userId,
    epoch,
    total,
  }: { readonly cause: ResendCause; readonly userId?: number | undefined; readonly epoch: number; readonly total: number },
): Promise<ResendRow> {
  const view = await lockView(tx, accountId, viewId)
  await requeueLinks(tx, view, await placesInState(tx, accountId, viewId, 'REJECTED'))
  const linkedOf = (stream: string) => tx`coalesce((
    SELECT c.linked FROM checkpoints c WHERE c.account_id = v.account_id AND c.view_id = v.id AND c.subject = ${stream}), 0)`
  const [run] = await tx<ResendRow[]>`
    INSERT INTO resends (account_id, view_id, cause, state, total, product_resend_to, stock_resend_to, linked_to, epoch, started_by, finished_at)
    SELECT v.account_id, v.id, ${cause}, ${total === 0 ? 'COMPLETED' : 'RUNNING'}, ${total},
      ${linkedOf('PRODUCT')}, ${linkedOf('STOCK')}, v.link_position, ${epoch}, ${userId ?? null}, ${total === 0 ? new Date() : null}
    FROM sync_views v WHERE v.account_id = ${view.accountId} AND v.id = ${view.id}
    RETURNING ${resendColumns(tx)}`
  if (run === undefined) throw new Error('INSERT … RETURNING answered nothing')
  await tx`
    UPDATE checkpoints SET resend_id = ${run.id}, resend = 0, resend_item = DEFAULT, resend_done = 0
    WHERE account_id = ${view.accountId} AND view_id = ${view.id} AND subject IN ('PRODUCT', 'STOCK')`
  return run
}

/** Which products to send once more: these, those whose links are in a state, or, where both are given, those of these. */
export interface ResendChoice {
  /** Each for an item of the argument `products`. */
  readonly productIds?: readonly number[] | undefined
  readonly state?: LinkState | undefined
}

/**
 * Sends products once more: moves their links to the end of the queue, in one statement under the view's lock, and with them the end of a run that is under way. Answers how many.
 * Throws BAD_USER_INPUT where nothing is chosen, NOT_FOUND for the view and for what is not linked to it.
 */
export async function resendProducts(database: Database, accountId: number, viewId: number, choice: ResendChoice): Promise<number> {
  if (choice.productIds === undefined && choice.state === undefined)
    throw new SynkvyError('BAD_USER_INPUT', 'Say which products, or links in which state. To send everything call resendAllProducts.')
  return database.sql.begin(async (tx) => {
    const view = await lockView(tx, accountId, viewId)
    const { productIds, state } = choice
    if (productIds !== undefined) await requireLinked(tx, view, productIds)
    const inState = state === undefined ? undefined : await placesInState(tx, accountId, viewId, state)
    const count = await requeueLinks(tx, view, chosenOf(tx, view, productIds, inState))
    // What a run has yet to come to it must not complete without: its end tells the other end to sweep what it has not seen.
    await tx`
      UPDATE resends r SET linked_to = v.link_position FROM sync_views v
      WHERE r.account_id = ${accountId} AND r.view_id = ${viewId} AND r.state = 'RUNNING' AND v.account_id = r.account_id AND v.id = r.view_id AND r.linked_to < v.link_position`
    return count
  })
}

function chosenOf(
  tx: TransactionSql,
  view: LockedView,
  productIds: readonly number[] | undefined,
  inState: readonly Statement[] | undefined,
): readonly Statement[] {
  if (productIds === undefined) return inState ?? []
  const isNamed = tx`product_id = ANY(${[...productIds]}::bigint[])`
  if (inState !== undefined) return inState.map((some) => tx`SELECT * FROM (${some}) s WHERE ${isNamed}`)
  return [
    tx`SELECT ctid AS place, position, product_id FROM links WHERE account_id = ${view.accountId} AND view_id = ${view.id} AND NOT unlinked AND ${isNamed}`,
  ]
}

async function requireLinked(tx: TransactionSql, view: LockedView, productIds: readonly number[]): Promise<void> {
  const rows = await tx<{ id: number }[]>`
    SELECT product_id AS id FROM links WHERE account_id = ${view.accountId} AND view_id = ${view.id} AND product_id = ANY(${[...productIds]}::bigint[]) AND NOT unlinked`
  const linked = new Set(rows.map((row) => row.id))
  const message = 'This product is not linked to the sync view, so there is nothing to send once more. Link it with linkProducts.'
  throwFaults(
    productIds.flatMap((id, index) => (linked.has(id) ? [] : [new SynkvyError('NOT_FOUND', message, { inputPath: ['products', index] })])),
  )
}

/** Ends the run alone: what was linked is still sent, and everything that changes. Throws RESEND_NOT_RUNNING, NOT_FOUND. */
export async function cancelResend(database: Database, accountId: number, viewId: number): Promise<ResendRow> {
  return database.sql.begin(async (tx) => {
    await lockForResend(tx, accountId, viewId)
    const [run] = await cancelRunning(tx, accountId, viewId)
    if (run === undefined)
      throw new SynkvyError('RESEND_NOT_RUNNING', 'No resend of this sync view is running, so there is nothing to cancel.')
    return run
  })
}

function cancelRunning(tx: TransactionSql, accountId: number, viewId: number) {
  return tx<ResendRow[]>`
    UPDATE resends SET state = 'CANCELLED', finished_at = clock_timestamp()
    WHERE account_id = ${accountId} AND view_id = ${viewId} AND state = 'RUNNING' RETURNING ${resendColumns(tx)}`
}

/**
 * Puts right a view that has seen what this database has not (a replica that lagged was promoted, or a backup restored): begins a new epoch, unless
 * one has begun since `seenEpoch`, and resends to the view, once for an epoch. Answers the run.
 */
export async function resendAfterFork(database: Database, accountId: number, viewId: number, seenEpoch: number): Promise<ResendRow> {
  // By itself: while a transaction holds that row nothing is sequenced, and many views may be put right at once. Where the epoch alone is begun, the next call does the rest.
  await database.sql`UPDATE sequencer SET epoch = ${seenEpoch + 1} WHERE epoch <= ${seenEpoch}`
  return database.sql.begin(async (tx) => {
    const view = await lockForResend(tx, accountId, viewId)
    const [state] = await tx<{ epoch: number }[]>`SELECT epoch FROM sequencer`
    const [done] = await tx<ResendRow[]>`
      SELECT ${resendColumns(tx)} FROM resends
      WHERE account_id = ${accountId} AND view_id = ${viewId} AND cause = 'FAILOVER' AND epoch > ${seenEpoch} ORDER BY id DESC LIMIT 1`
    if (done !== undefined) return done
    // In the order in which an acknowledge locks: its checkpoint, then the run that it ends.
    await tx`SELECT 1 FROM checkpoints WHERE account_id = ${accountId} AND view_id = ${viewId} ORDER BY subject FOR UPDATE`
    await cancelRunning(tx, accountId, viewId)
    await tx`SELECT restart_trade(${accountId}, ${viewId}, true)`
    // A run of the database that is lost may have had the number that comes next: who had begun to receive that one would take this for the rest of it.
    await tx`SELECT setval('resends_id_seq', greatest(last_value, clock_microseconds())) FROM resends_id_seq`
    return beginRun(tx, view, { cause: 'FAILOVER', epoch: state?.epoch ?? seenEpoch + 1, total: view.linkCount })
  })
}

/** What a resend would do. Changes nothing, and waits for nobody. Throws NOT_FOUND. */
export async function resendPlan(database: Database, accountId: number, viewId: number): Promise<ResendPlan> {
  const view = await readView(database, accountId, viewId)
  const { running, last } = await resendsOf(database.sql, view)
  return planFor(database.sql, view, running, last)
}

async function planFor(
  sql: Sql | TransactionSql,
  view: ViewNumbers,
  running: ResendRow | undefined,
  last: ResendRow | undefined,
): Promise<ResendPlan> {
  const linksToCreate = await countMissingProducts(sql, view)
  const productCount = view.linkCount + linksToCreate
  const rate = await measuredRate(sql, view)
  return { productCount, linksToCreate, estimatedSeconds: rate === undefined ? undefined : productCount / rate, running, last }
}

/** Products a second, of the view's latest resend that was completed; where none was, of the latest of which something was acknowledged. */
async function measuredRate(sql: Sql | TransactionSql, view: ViewNumbers): Promise<number | undefined> {
  const [run] = await sql<ResendRow[]>`
    SELECT ${resendColumns(sql)} FROM resends
    WHERE account_id = ${view.accountId} AND view_id = ${view.id} AND first_acknowledged_at IS NOT NULL ORDER BY (state = 'COMPLETED') DESC, id DESC LIMIT 1`
  return run === undefined ? undefined : (await resendProgressOf({ sql }, run)).ratePerSecond
}

async function resendsOf(
  sql: Sql | TransactionSql,
  view: ViewNumbers,
): Promise<{ running: ResendRow | undefined; last: ResendRow | undefined }> {
  const rows = await sql<ResendRow[]>`
    SELECT ${resendColumns(sql)} FROM resends WHERE account_id = ${view.accountId} AND view_id = ${view.id} ORDER BY id DESC LIMIT 2`
  return { running: rows.find((row) => row.state === 'RUNNING'), last: rows.find((row) => row.state !== 'RUNNING') }
}

/** The view's latest run, whatever its state. */
export async function latestResend(database: Database, accountId: number, viewId: number): Promise<ResendRow | undefined> {
  const [row] = await database.sql<ResendRow[]>`
    SELECT ${resendColumns(database.sql)} FROM resends WHERE account_id = ${accountId} AND view_id = ${viewId} ORDER BY id DESC LIMIT 1`
  return row
}

export async function findResend(database: Database, accountId: number, id: number): Promise<ResendRow | undefined> {
  const [row] = await database.sql<
    ResendRow[]
  >`SELECT ${resendColumns(database.sql)} FROM resends WHERE account_id = ${accountId} AND id = ${id}`
  return row
}

/** How far a run has come. */
export interface ResendProgress {
  /** Products that are done with on every stream that the view has opened. */
  readonly acknowledged: number
  /** Measured from the first acknowledge of the run; from its start where all was acknowledged at once. */
  readonly ratePerSecond: number | undefined
  readonly estimatedCompletionAt: Date | undefined
}

export async function resendProgressOf({ sql }: { readonly sql: Sql | TransactionSql }, resend: ResendRow): Promise<ResendProgress> {
  const [row] = await sql<{ done: number | null; now: Date }[]>`
    SELECT min(resend_done) AS done, clock_timestamp() AS now FROM checkpoints
    WHERE account_id = ${resend.accountId} AND view_id = ${resend.viewId} AND subject IN ('PRODUCT', 'STOCK') AND resend_id = ${resend.id}`
  return progressOf(resend, row?.done ?? 0, row?.now ?? new Date())
}

/** SQL of the latest run of the view `v`, with how many of its products are done with on every stream that the view has opened. */
export function latestResendOfView(sql: Sql) {
  return sql`
    SELECT ${resendColumns(sql)}, coalesce((
      SELECT min(c.resend_done) FROM checkpoints c
      WHERE c.account_id = r.account_id AND c.view_id = r.view_id AND c.subject IN ('PRODUCT', 'STOCK') AND c.resend_id = r.id), 0) AS done
    FROM resends r WHERE r.account_id = v.account_id AND r.view_id = v.id ORDER BY r.id DESC LIMIT 1`
}

/** A run's progress from what is done with at a moment. What was removed or overtaken is done with too, so the end is always the whole. */
export function progressOf(resend: ResendRow, done: number, now: Date): ResendProgress {
  const acknowledged = resend.state === 'COMPLETED' ? resend.total : Math.min(done, resend.total)
  if (resend.firstAcknowledgedAt === null || acknowledged === 0)
    return { acknowledged, ratePerSecond: undefined, estimatedCompletionAt: undefined }
  const seconds = secondsTaken(resend.startedAt, resend.firstAcknowledgedAt, resend.finishedAt ?? now)
  const ratePerSecond = acknowledged / seconds
  const left = (resend.total - acknowledged) / ratePerSecond
  return {
    acknowledged,
    ratePerSecond,
    estimatedCompletionAt: resend.state === 'RUNNING' ? new Date(now.getTime() + left * 1000) : undefined,
  }
}

const shortestMeasureSeconds = 0.1

/** From the first acknowledge on, because before it nobody may have been connected; but what was acknowledged all at once took as long as it took to get there. */
function secondsTaken(startedAt: Date, firstAcknowledgedAt: Date, end: Date): number {
  const sinceFirst = (end.getTime() - firstAcknowledgedAt.getTime()) / 1000
  if (sinceFirst >= shortestMeasureSeconds) return sinceFirst
  return Math.max((end.getTime() - startedAt.getTime()) / 1000, 0.001)
}
