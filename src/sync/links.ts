import type { Database, Sql, TransactionSql } from '../db/client.ts'
import type { links } from '../db/tables/sync.ts'
import { lockView, type LockedView } from './views.ts'

export type LinkRow = Readonly<typeof links.$inferSelect>
export type LinkState = 'PENDING' | 'IN_SYNC' | 'REJECTED'

/**
 * Links products to a view: those that are not linked yet get a link at the end, and so are sent. Answers how many were made.
 * Throws NOT_FOUND for a view that is not the account's.
 */
export async function linkProducts(database: Database, accountId: number, viewId: number, productIds: readonly number[]): Promise<number> {
  return database.sql.begin(async (tx) => {
    const view = await lockView(tx, accountId, viewId)
    return insertLinks(
      tx,
      view,
      tx`SELECT p.id AS product_id, p.revision FROM products p WHERE p.account_id = ${accountId} AND p.id = ANY(${[...productIds]}::bigint[])`,
      { auto: false },
    )
  })
}

/** Links every product that is missing, for "Resend all products". */
export async function linkMissingProducts(tx: TransactionSql, view: LockedView): Promise<number> {
  const made = await insertLinks(tx, view, missingProducts(tx, view), { auto: false })
  await tx`UPDATE sync_views SET all_linked_to = ${view.head} WHERE account_id = ${view.accountId} AND id = ${view.id}`
  return made
}

/** How many products "Resend all products" would link. */
export async function countMissingProducts(tx: TransactionSql, view: LockedView): Promise<number> {
  const [row] = await tx<{ count: number }[]>`SELECT count(*) FROM (${missingProducts(tx, view)}) missing`
  return row?.count ?? 0
}

/**
 * The products that are not linked. After the first "Resend all" only what came later, what is not sequenced yet and what was unlinked can be
 * missing, so that the start does not grow with what is linked already.
 */
function missingProducts(tx: TransactionSql, view: LockedView) {
  const isUnlinked = tx`NOT EXISTS (SELECT 1 FROM links l WHERE l.account_id = p.account_id AND l.view_id = ${view.id} AND l.product_id = p.id AND NOT l.unlinked)`
  if (view.allLinkedTo === 0) {
    return tx`SELECT p.id AS product_id, p.revision FROM products p WHERE p.account_id = ${view.accountId} AND ${isUnlinked}`
  }
  return tx`
    SELECT p.id AS product_id, p.revision FROM products p
    WHERE p.account_id = ${view.accountId} AND ${isUnlinked} AND p.id IN (
      SELECT entity_id FROM feed WHERE account_id = ${view.accountId} AND subject = 'PRODUCT' AND first_position > ${view.allLinkedTo}
      UNION ALL SELECT entity_id FROM inbox WHERE account_id = ${view.accountId} AND subject = 'PRODUCT'
      UNION ALL SELECT product_id FROM links WHERE account_id = ${view.accountId} AND view_id = ${view.id} AND unlinked)`
}

/**
 * Makes links for what `chosen` selects (product_id, revision), in the order of product ids, and revives those that are markers of an unlinking.
 * A link's revision is above the product's and above what it was, so that what comes after outranks what was sent before.
 */
async function insertLinks(
  tx: TransactionSql,
  view: LockedView,
  chosen: ReturnType<typeof missingProducts>,
  { auto }: { readonly auto: boolean },
): Promise<number> {
  // Of what is chosen some may be linked already: its number is not used, so how far the numbers came says only the last that was.
  const [made] = await tx<{ count: number; last: number | null }[]>`
    WITH numbered AS (
      SELECT c.product_id, c.revision, ${view.nextPosition}::bigint - 1 + row_number() OVER (ORDER BY c.product_id) AS position FROM (${chosen}) c),
    made AS (
      INSERT INTO links AS l (account_id, view_id, product_id, position, revision, auto)
      SELECT ${view.accountId}, ${view.id}, product_id, position, greatest(position, revision + 1), ${auto} FROM numbered ORDER BY position
      ON CONFLICT (account_id, view_id, product_id) DO UPDATE
        SET position = excluded.position, revision = greatest(l.revision + 1, excluded.revision), unlinked = false, auto = excluded.auto
        WHERE l.unlinked
      RETURNING position)
    SELECT count(*), max(position) AS last FROM made`
  const count = made?.count ?? 0
  await movedLinks(tx, view, made?.last ?? undefined, count)
  return count
}

/** Unlinks products: the other end gets a REMOVE for each. Answers how many were linked. Throws NOT_FOUND for the view. */
export async function unlinkProducts(
  database: Database,
  accountId: number,
  viewId: number,
  productIds: readonly number[],
): Promise<number> {
  return database.sql.begin(async (tx) => {
    const view = await lockView(tx, accountId, viewId)
    const [gone] = await tx<{ count: number; last: number | null }[]>`
      WITH numbered AS (
        SELECT product_id, ${view.nextPosition}::bigint - 1 + row_number() OVER (ORDER BY product_id) AS position FROM links
        WHERE account_id = ${accountId} AND view_id = ${viewId} AND product_id = ANY(${[...productIds]}::bigint[]) AND NOT unlinked),
      gone AS (
        UPDATE links l SET unlinked = true, auto = false, position = n.position,
          revision = greatest(n.position, l.revision + 1,
            (SELECT p.revision + 1 FROM products p WHERE p.account_id = l.account_id AND p.id = l.product_id),
            (SELECT max(s.revision) + 1 FROM stock_levels s WHERE s.account_id = l.account_id AND s.product_id = l.product_id)),
          rejection_reason = NULL, rejection_revision = NULL, rejected_at = NULL
        FROM numbered n WHERE l.account_id = ${accountId} AND l.view_id = ${viewId} AND l.product_id = n.product_id
        RETURNING l.position)
      SELECT count(*), max(position) AS last FROM gone`
    const count = gone?.count ?? 0
    await movedLinks(tx, view, gone?.last ?? undefined, -count)
    return count
  })
}

/** Says, under the view's lock, that positions up to `last` were given out. Raises the view's link position, which tells the gateways. */
async function movedLinks(tx: TransactionSql, view: LockedView, last: number | undefined, counted: number): Promise<void> {
  if (last === undefined) return
  await tx`
    UPDATE sync_views SET link_position = ${last}, link_count = link_count + ${counted}
    WHERE account_id = ${view.accountId} AND id = ${view.id}`
}

/**
 * Links what is new to the views that want new products by themselves. Done after sequencing, and from where each view stood, so that nothing is
 * missed when a gateway dies in between.
 */
export async function linkNewProducts(sql: Sql): Promise<void> {
  const waiting = await sql<{ accountId: number; id: number }[]>`
    SELECT v.account_id AS "accountId", v.id FROM sync_views v
    WHERE v.auto_link AND EXISTS (
      SELECT 1 FROM feed f WHERE f.account_id = v.account_id AND f.subject = 'PRODUCT' AND f.first_position > v.auto_linked_to)`
  for (const { accountId, id } of waiting) {
    await sql.begin((tx) => linkNewProductsOf(tx, accountId, id))
  }
}

async function linkNewProductsOf(tx: TransactionSql, accountId: number, viewId: number): Promise<void> {
  const [there] = await tx`SELECT 1 FROM sync_views WHERE account_id = ${accountId} AND id = ${viewId} AND auto_link FOR UPDATE`
  if (there === undefined) return
  const view = await lockView(tx, accountId, viewId)
  await insertLinks(
    tx,
    view,
    tx`
      SELECT p.id AS product_id, p.revision FROM feed f JOIN products p ON p.account_id = f.account_id AND p.id = f.entity_id
      WHERE f.account_id = ${accountId} AND f.subject = 'PRODUCT' AND f.first_position > ${view.autoLinkedTo} AND f.first_position <= ${view.head}
        AND NOT EXISTS (SELECT 1 FROM links l WHERE l.account_id = f.account_id AND l.view_id = ${viewId} AND l.product_id = f.entity_id)`,
    { auto: true },
  )
  await tx`UPDATE sync_views SET auto_linked_to = ${view.head} WHERE account_id = ${accountId} AND id = ${viewId}`
}

/** Which links: of a view, of a product, in a state, or whose product's handle or title, or one of its SKUs, holds `search`. */
export interface LinkFilter {
  readonly viewId?: number | undefined
  readonly productId?: number | undefined
  readonly state?: LinkState | undefined
  /** Rejected for this very reason. */
  readonly rejectionReason?: string | undefined
  readonly search?: string | undefined
}

/**
 * The links of an account by id, `first` of them after the one with the id `after`. Unlinked ones are not among them, nor those whose product is deleted.
 */
export async function linksPage(
  database: Database,
  accountId: number,
  page: LinkFilter & { readonly first: number; readonly after?: number | undefined },
): Promise<readonly LinkRow[]> {
  const sql = database.sql
  return sql<LinkRow[]>`
    SELECT l.account_id AS "accountId", l.view_id AS "viewId", l.product_id AS "productId", l.id, l.position, l.revision, l.unlinked, l.auto,
      l.external_id AS "externalId", l.rejection_reason AS "rejectionReason", l.rejection_revision AS "rejectionRevision", l.rejected_at AS "rejectedAt"
    FROM links l WHERE l.account_id = ${accountId} AND l.id > ${page.after ?? 0} AND ${linkCondition(sql, page)}
    ORDER BY l.id LIMIT ${page.first}`
}

export async function countLinks(database: Database, accountId: number, filter: LinkFilter): Promise<number> {
  const [row] = await database.sql<{ count: number }[]>`
    SELECT count(*) FROM links l WHERE l.account_id = ${accountId} AND ${linkCondition(database.sql, filter)}`
  return row?.count ?? 0
}

function linkCondition(sql: Sql, { viewId, productId, state, rejectionReason, search }: LinkFilter) {
  const pattern = search === undefined ? undefined : `%${search.replaceAll(/[\\%_]/g, String.raw`\$&`)}%`
  return sql`NOT l.unlinked AND EXISTS (SELECT 1 FROM products p WHERE p.account_id = l.account_id AND p.id = l.product_id)
    ${viewId === undefined ? sql`` : sql`AND l.view_id = ${viewId}`}
    ${productId === undefined ? sql`` : sql`AND l.product_id = ${productId}`}
    ${rejectionReason === undefined ? sql`` : sql`AND l.rejection_reason = ${rejectionReason}`}
    ${state === undefined ? sql`` : sql`AND ${linkState(sql)} = ${state}`}
    ${
      pattern === undefined
        ? sql``
        : sql`AND EXISTS (
            SELECT 1 FROM products p WHERE p.account_id = l.account_id AND p.id = l.product_id AND (p.handle ILIKE ${pattern} OR p.title ILIKE ${pattern}
              OR EXISTS (SELECT 1 FROM variants v WHERE v.account_id = p.account_id AND v.product_id = p.id AND v.sku ILIKE ${pattern})))`
    }`
}

/** Products that a system cannot take, for one and the same reason. */
export interface RejectionGroup {
  readonly reason: string
  readonly count: number
  /** When the latest of them was rejected. */
  readonly latestAt: Date
}

const mostReasons = 100

/** Why a view's system cannot take products: each reason once, the commonest first. */
export async function rejectionGroups(database: Database, accountId: number, viewId: number): Promise<readonly RejectionGroup[]> {
  return database.sql<RejectionGroup[]>`
    SELECT l.rejection_reason AS reason, count(*) AS count, max(l.rejected_at) AS "latestAt" FROM links l
    WHERE l.account_id = ${accountId} AND l.view_id = ${viewId} AND l.rejection_reason IS NOT NULL AND NOT l.unlinked
    GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT ${mostReasons}`
}

/** The state of each link, by its id: it follows from positions and checkpoints, never from a flag that could lie. */
export async function linkStates(database: Database, accountId: number, rows: readonly LinkRow[]): Promise<ReadonlyMap<number, LinkState>> {
  const states = await database.sql<{ id: number; state: LinkState }[]>`
    SELECT l.id, ${linkState(database.sql)} AS state FROM links l
    WHERE l.account_id = ${accountId} AND l.id = ANY(${rows.map((row) => row.id)}::bigint[])`
  return new Map(states.map(({ id, state }) => [id, state]))
}

/** SQL of the state of the link `l`. A stream that the view has never opened keeps nothing pending, but for PRODUCT, which is what a link is about. */
function linkState(sql: Sql) {
  return sql`(CASE
    WHEN l.rejection_reason IS NOT NULL THEN 'REJECTED'
    WHEN NOT EXISTS (SELECT 1 FROM checkpoints c WHERE c.account_id = l.account_id AND c.view_id = l.view_id AND c.subject IN ('PRODUCT', 'STOCK')) THEN 'PENDING'
    WHEN EXISTS (
      SELECT 1 FROM checkpoints c LEFT JOIN resends r ON r.account_id = c.account_id AND r.id = c.resend_id AND r.state = 'RUNNING'
      WHERE c.account_id = l.account_id AND c.view_id = l.view_id AND c.subject IN ('PRODUCT', 'STOCK') AND (
        NOT link_point_reached(c.linked, c.linked_item, l.position, 9007199254740991)
        OR (l.position <= (CASE c.subject WHEN 'STOCK' THEN r.stock_resend_to ELSE r.product_resend_to END)
          AND NOT link_point_reached(c.resend, c.resend_item, l.position, 9007199254740991))
        OR EXISTS (SELECT 1 FROM feed f WHERE f.account_id = l.account_id AND f.product_id = l.product_id AND f.subject = c.subject
          AND f.position > c.live AND f.origin_view_id IS DISTINCT FROM l.view_id))) THEN 'PENDING'
    ELSE 'IN_SYNC' END)`
}
