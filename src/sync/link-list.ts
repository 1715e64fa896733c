import type { Database, Sql, TransactionSql } from '../db/client.ts'
import type { Statement } from '../db/sql.ts'
import { findProducts, isAmongFound, isFound, type Search } from '../catalog/search.ts'
import { planEachTime, withOwnPlans } from '../db/plans.ts'
import type { links } from '../db/tables/sync.ts'
import type { LinkedStream } from './change.ts'
import {
  changedBeyond,
  isInRanges,
  isRejected,
  readBacklog,
  readDeleted,
  readRejected,
  standingsOf,
  type Backlog,
  type Few,
} from './standing.ts'
import { linkCountOf, viewNotFound } from './views.ts'

export type LinkRow = Readonly<typeof links.$inferSelect>
export type LinkState = 'PENDING' | 'IN_SYNC' | 'REJECTED'

/** Which links of a view: in a state, or whose product's handle, title or vendor, or one of its SKUs, holds `search`. */
export interface LinkFilter {
  readonly viewId: number
  readonly state?: LinkState | undefined
  /** Rejected for this very reason. */
  readonly rejectionReason?: string | undefined
  readonly search?: string | undefined
}

interface Page {
  readonly first: number
  readonly after?: number | undefined
}

export const linkColumns = (sql: Sql | TransactionSql) => sql`
  l.account_id AS "accountId", l.view_id AS "viewId", l.product_id AS "productId", l.id, l.position, l.revision, l.unlinked, l.auto, l.external_id AS "externalId"`

/** SQL of whether the product of the link `l` is there: those of deleted ones are not to be seen. */
const hasProduct = (sql: Sql | TransactionSql) =>
  sql`(SELECT true FROM products p WHERE p.account_id = l.account_id AND p.id = l.product_id) IS TRUE`

// ---- of a view

/** The links of a view in the order of their products' ids, `first` of them after that of the product `after`. Throws NOT_FOUND for the view, BAD_USER_INPUT for a search that is none. */
export async function linksOfView(database: Database, accountId: number, filter: LinkFilter, page: Page): Promise<readonly LinkRow[]> {
  return withOwnPlans(database, async (tx) => {
    const scan = await readScan(tx, accountId, filter)
    const isFoundHere = scan.search === undefined ? tx`true` : isFound(tx, accountId, scan.search, tx`l.product_id`)
    // Each way finds its first ones; some may be found by several.
    const found = waysTo(tx, scan, stateOf(filter)).map(
      (way) => tx`(
        SELECT ${linkColumns(tx)} FROM links l WHERE ${isSeen(tx, scan)} AND l.product_id > ${page.after ?? 0} AND ${isFoundHere} AND ${way}
        ORDER BY l.product_id LIMIT ${page.first})`,
    )
    return tx<
      LinkRow[]
    >`SELECT * FROM (${found.reduce((all, one) => tx`${all} UNION ${one}`)}) found ORDER BY "productId" LIMIT ${page.first}`
  })
}

/** How many links of a view there are. Throws as `linksOfView` does. */
export async function countLinksOfView(database: Database, accountId: number, filter: LinkFilter): Promise<number> {
  return withOwnPlans(database, async (tx) => {
    const scan = await readScan(tx, accountId, filter)
    const count = (state: LinkState) => countFound(tx, scan, state)
    const countAll = () =>
      scan.search === undefined ? linkCountOf({ sql: tx }, { accountId, id: filter.viewId }) : countFound(tx, scan, undefined)
    const state = stateOf(filter)
    if (state === undefined) return countAll()
    // Those that wait are counted, and those in sync are what is left; the other way round where much has changed.
    const left = scan.backlog.farBehind.length > 0 ? 'PENDING' : 'IN_SYNC'
    if (state !== left) return count(state)
    const counted = left === 'PENDING' ? 'IN_SYNC' : 'PENDING'
    return Math.max(0, (await countAll()) - (await count(counted)) - (await count('REJECTED')))
  })
}

async function countFound(tx: TransactionSql, scan: Scan, state: LinkState | undefined): Promise<number> {
  const isFoundHere = scan.search === undefined ? tx`true` : isAmongFound(tx, scan.accountId, scan.search, tx`l.product_id`)
  const counts = disjoint(tx, waysTo(tx, scan, state)).map(
    (way) => tx`(SELECT count(*) FROM links l WHERE ${isSeen(tx, scan)} AND ${isFoundHere} AND ${way})`,
  )
  const [row] = await tx<{ count: number }[]>`SELECT ${counts.reduce((sum, count) => tx`${sum} + ${count}`)} AS count`
  return row?.count ?? 0
}

/** SQL of the places of links (place, position, product_id) that are in a state, in statements of which each finds others. Whatever is made of them in this transaction is planned for it alone. */
export async function placesInState(
  tx: TransactionSql,
  accountId: number,
  viewId: number,
  state: LinkState,
): Promise<readonly Statement[]> {
  await planEachTime(tx)
  const scan = await readScan(tx, accountId, { viewId })
  return disjoint(tx, waysTo(tx, scan, state)).map(
    (way) => tx`SELECT l.ctid AS place, l.position, l.product_id FROM links l WHERE ${isSeen(tx, scan)} AND ${way}`,
  )
}

/** What was rejected for a reason is rejected. */
function stateOf({ state, rejectionReason }: LinkFilter): LinkState | undefined {
  return state ?? (rejectionReason === undefined ? undefined : 'REJECTED')
}

/** What is known of a view before its links are asked for. */
interface Scan {
  readonly accountId: number
  readonly viewId: number
  readonly backlog: Backlog
  readonly rejected: Few
  readonly deleted: Few
  readonly search: Search | undefined
  readonly rejectionReason: string | undefined
}

async function readScan(tx: TransactionSql, accountId: number, { viewId, search, rejectionReason }: LinkFilter): Promise<Scan> {
  const [view] = await tx`SELECT 1 FROM sync_views WHERE account_id = ${accountId} AND id = ${viewId}`
  if (view === undefined) throw viewNotFound()
  return {
    accountId,
    viewId,
    rejectionReason,
    search: await findProducts(tx, accountId, search),
    backlog: await readBacklog(tx, accountId, viewId),
    rejected: await readRejected(tx, accountId, viewId),
    deleted: await readDeleted(tx, accountId, viewId),
  }
}

/** SQL of whether the link `l` is one of the view's that is to be seen. */
function isSeen(tx: TransactionSql, { accountId, viewId, deleted, rejectionReason }: Scan): Statement {
  return tx`l.account_id = ${accountId} AND l.view_id = ${viewId} AND NOT l.unlinked AND ${deleted === undefined ? hasProduct(tx) : tx`NOT ${isOneOf(tx, deleted)}`}
    AND ${rejectionReason === undefined ? tx`true` : isRejected(tx, rejectionReason)}`
}

/** The ways to the links that are in a state: conditions on the link `l` of which at least one holds, each to be gone into from its own small side. */
function waysTo(tx: TransactionSql, { backlog, rejected }: Scan, state: LinkState | undefined): readonly Statement[] {
  const isRejectedHere = rejected === undefined ? isRejected(tx) : isOneOf(tx, rejected)
  if (state === undefined) return [tx`true`]
  if (state === 'REJECTED') return [isRejectedHere]
  const waits = waysToWait(tx, backlog)
  return state === 'PENDING' ? waits.map((way) => tx`(${way}) AND NOT ${isRejectedHere}`) : [noneOf(tx, [isRejectedHere, ...waits])]
}

function waysToWait(tx: TransactionSql, { ranges, changedProducts, farBehind }: Backlog): readonly Statement[] {
  return [
    isInRanges(tx, ranges),
    ...(changedProducts.length === 0 ? [] : [isOneOf(tx, changedProducts)]),
    ...farBehind.flatMap(({ stream, live }) => changedBeyond[stream](tx, live)),
  ]
}

function isOneOf(tx: TransactionSql, productIds: readonly number[]): Statement {
  return productIds.length === 0 ? tx`false` : tx`l.product_id = ANY(${productIds}::bigint[])`
}

/** The same conditions so that at most one of them holds. */
function disjoint(tx: TransactionSql, ways: readonly Statement[]): readonly Statement[] {
  return ways.map((way, index) => (index === 0 ? way : tx`(${way}) AND ${noneOf(tx, ways.slice(0, index))}`))
}

function noneOf(tx: TransactionSql, conditions: readonly Statement[]): Statement {
  return conditions.reduce((none, one) => tx`${none} AND NOT (${one})`, tx`true`)
}

// ---- of a product, and one by one

/** The links of a product by id, one a view: of all views, or of one. */
export async function linksOfProduct(
  { sql }: Database,
  accountId: number,
  of: { readonly productId: number; readonly viewId: number | undefined },
  page: Page,
): Promise<readonly LinkRow[]> {
  return sql<LinkRow[]>`
    SELECT ${linkColumns(sql)} FROM links l WHERE ${isOfProduct(sql, accountId, of)} AND l.id > ${page.after ?? 0} ORDER BY l.id LIMIT ${page.first}`
}

/** How many there are. */
export async function countLinksOfProduct(
  { sql }: Database,
  accountId: number,
  of: { readonly productId: number; readonly viewId: number | undefined },
): Promise<number> {
  const [row] = await sql<{ count: number }[]>`SELECT count(*) FROM links l WHERE ${isOfProduct(sql, accountId, of)}`
  return row?.count ?? 0
}

function isOfProduct(
  sql: Sql,
  accountId: number,
  { productId, viewId }: { readonly productId: number; readonly viewId: number | undefined },
): Statement {
  return sql`l.account_id = ${accountId} AND l.product_id = ${productId} AND (${viewId ?? null}::bigint IS NULL OR l.view_id = ${viewId ?? null}) AND NOT l.unlinked AND ${hasProduct(sql)}`
}

export async function findLink({ sql }: Database, accountId: number, id: number): Promise<LinkRow | undefined> {
  const [link] = await sql<
    LinkRow[]
  >`SELECT ${linkColumns(sql)} FROM links l WHERE l.account_id = ${accountId} AND l.id = ${id} AND NOT l.unlinked AND ${hasProduct(sql)}`
  return link
}

/**
 * The state of each link, by its id, in one snapshot. It follows from positions, checkpoints and revisions, never from a flag that could lie. A stream that the view has never
 * opened keeps nothing pending, unless it has opened none.
 */
export async function linkStates({ sql }: Database, accountId: number, rows: readonly LinkRow[]): Promise<ReadonlyMap<number, LinkState>> {
  const isChanged = (stream: LinkedStream) =>
    changedBeyond[stream](sql, sql`c.live`).reduce<Statement>((any, one) => sql`${any} OR ${one}`, sql`false`)
  const states = await sql<{ id: number; state: LinkState }[]>`
    WITH unsequenced AS MATERIALIZED (
      SELECT subject, product_id, origin_view_id FROM inbox WHERE account_id = ${accountId} AND product_id = ANY(${rows.map((row) => row.productId)}::bigint[])),
    standings AS MATERIALIZED (
      SELECT v.id AS view_id, s.* FROM unnest(${[...new Set(rows.map((row) => row.viewId))]}::bigint[]) AS v (id) CROSS JOIN LATERAL (${standingsOf(sql, accountId, sql`v.id`)}) s)
    SELECT l.id, CASE
      WHEN ${isRejected(sql)} THEN 'REJECTED'
      WHEN NOT EXISTS (SELECT FROM standings c WHERE c.view_id = l.view_id) THEN 'PENDING'
      WHEN EXISTS (
        SELECT FROM standings c WHERE c.view_id = l.view_id AND (
          l.position > c.linked_after OR (l.position > c.resent_after AND l.position <= c.resend_to)
          OR CASE c.stream WHEN 'PRODUCT' THEN ${isChanged('PRODUCT')} ELSE ${isChanged('STOCK')} END
          OR EXISTS (SELECT FROM unsequenced u WHERE u.subject = c.stream AND u.product_id = l.product_id AND u.origin_view_id IS DISTINCT FROM l.view_id)))
        THEN 'PENDING'
      ELSE 'IN_SYNC' END AS state
    FROM links l WHERE l.account_id = ${accountId} AND l.id = ANY(${rows.map((row) => row.id)}::bigint[])`
  return new Map(states.map(({ id, state }) => [id, state]))
}
