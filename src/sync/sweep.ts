import type { TransactionSql } from '../db/client.ts'
import { rejectionHolds } from './standing.ts'

/** How long what is over is kept. */
export interface Retention {
  /** Days for which what was acknowledged is kept all the same, so that a consumer that rewinds gets its REMOVEs again. */
  readonly keptDays: number
}

/** A sweep takes what is over, at most so many rows at once. */
export interface Sweep<Kept> {
  readonly what: string
  /** Answers how many rows went. */
  readonly sweep: (tx: TransactionSql, kept: Kept, most: number) => Promise<number>
}

/**
 * What of the feed nobody needs to hear of any more: links that were unlinked, and links of deleted products, whose REMOVE was acknowledged long ago on every
 * stream that the view has ever opened; rejections that no longer hold; tombstones that no link refers to; what has told the gateways of views and keys; runs that are over; and ranges of positions.
 */
export const feedSweeps: readonly Sweep<Retention>[] = [
  { what: 'markers', sweep: sweepMarkers },
  { what: 'links of deleted products', sweep: sweepLinksOfDeleted },
  { what: 'rejections', sweep: sweepRejections },
  { what: 'tombstones', sweep: sweepTombstones },
  { what: 'tombstones of orders and customers', sweep: sweepOwnedTombstones },
  { what: 'news of views and keys', sweep: sweepNews },
  { what: 'resends', sweep: sweepResends },
  { what: 'ranges of positions', sweep: sweepRanges },
]

/** A product whose marker is gone can be missing again, however old it is: the next "Resend all" looks at all of them. */
async function sweepMarkers(sql: TransactionSql, { keptDays }: Retention, most: number): Promise<number> {
  const gone = await sql`
    WITH gone AS (
      -- Said twice, because a marker may be made a link again while its row is waited for: only what stands outside is then asked anew.
      DELETE FROM links WHERE unlinked AND (account_id, id) IN (
        SELECT l.account_id, l.id FROM links l
        WHERE l.unlinked AND l.position < clock_microseconds() - ${keptDays}::bigint * 86400000000 AND NOT EXISTS (
          SELECT 1 FROM checkpoints c WHERE c.account_id = l.account_id AND c.view_id = l.view_id AND c.subject IN ('PRODUCT', 'STOCK') AND c.linked <= l.position)
        LIMIT ${most})
      RETURNING account_id, view_id),
    opened AS (
      UPDATE sync_views v SET all_linked_to = 0 FROM (SELECT DISTINCT account_id, view_id FROM gone) g WHERE v.account_id = g.account_id AND v.id = g.view_id)
    SELECT 1 FROM gone`
  return gone.length
}

async function sweepLinksOfDeleted(sql: TransactionSql, { keptDays }: Retention, most: number): Promise<number> {
  const gone = await sql`
    WITH gone AS (
      DELETE FROM links WHERE (account_id, id) IN (
        SELECT l.account_id, l.id FROM feed f JOIN links l ON l.account_id = f.account_id AND l.product_id = f.product_id
        WHERE f.deleted AND f.subject = 'PRODUCT' AND f.at < now() - make_interval(days => ${keptDays}) AND NOT EXISTS (
          SELECT 1 FROM checkpoints c WHERE c.account_id = l.account_id AND c.view_id = l.view_id AND c.subject IN ('PRODUCT', 'STOCK') AND c.live < f.position)
        LIMIT ${most})
      RETURNING account_id, view_id, unlinked),
    counted AS (
      UPDATE sync_views v SET link_count = link_count - g.count
      FROM (SELECT account_id, view_id, count(*) FILTER (WHERE NOT unlinked) AS count FROM gone GROUP BY 1, 2) g WHERE v.account_id = g.account_id AND v.id = g.view_id)
    SELECT 1 FROM gone`
  return gone.length
}

/** Those that have not held for long: of what has changed since, was unlinked or deleted. */
async function sweepRejections(sql: TransactionSql, { keptDays }: Retention, most: number): Promise<number> {
  const gone = await sql`
    DELETE FROM rejections WHERE (account_id, view_id, subject, entity_id, item_id) IN (
      SELECT x.account_id, x.view_id, x.subject, x.entity_id, x.item_id FROM rejections x
      WHERE x.subject = 'PRODUCT' AND x.at < now() - make_interval(days => ${keptDays}) AND NOT EXISTS (
        SELECT FROM links l JOIN products p ON p.account_id = l.account_id AND p.id = l.product_id
        WHERE l.account_id = x.account_id AND l.view_id = x.view_id AND l.product_id = x.entity_id AND NOT l.unlinked AND ${rejectionHolds(sql)})
      LIMIT ${most})
    RETURNING 1`
  return gone.length
}

/** Orders and customers that are gone, of which every view that received them has acknowledged the REMOVE; a view that has never opened the stream has nothing to remove. */
async function sweepOwnedTombstones(sql: TransactionSql, { keptDays }: Retention, most: number): Promise<number> {
  const gone = await sql`
    DELETE FROM feed WHERE (account_id, entity_id, subject) IN (
      SELECT f.account_id, f.entity_id, f.subject FROM feed f
      WHERE f.deleted AND f.subject IN ('ORDER', 'CUSTOMER') AND f.at < now() - make_interval(days => ${keptDays}) AND NOT EXISTS (
        SELECT 1 FROM sync_views v JOIN checkpoints c ON c.account_id = v.account_id AND c.view_id = v.id AND c.subject = f.subject AND c.live < f.position
        WHERE v.account_id = f.account_id AND (v.order_scope = 'ALL' OR v.user_id = f.owner_user_id))
      LIMIT ${most})
    RETURNING 1`
  return gone.length
}

async function sweepTombstones(sql: TransactionSql, { keptDays }: Retention, most: number): Promise<number> {
  const gone = await sql`
    DELETE FROM feed WHERE (account_id, entity_id, subject) IN (
      SELECT f.account_id, f.entity_id, f.subject FROM feed f
      WHERE f.deleted AND f.product_id IS NOT NULL AND f.at < now() - make_interval(days => ${keptDays})
        AND NOT EXISTS (SELECT 1 FROM links l WHERE l.account_id = f.account_id AND l.product_id = f.product_id)
      LIMIT ${most})
    RETURNING 1`
  return gone.length
}

/** A view's or a key's row says but that it has changed. Whoever was to hear of it has, long ago. */
async function sweepNews(sql: TransactionSql, { keptDays }: Retention, most: number): Promise<number> {
  const gone = await sql`
    DELETE FROM feed WHERE (account_id, entity_id, subject) IN (
      SELECT f.account_id, f.entity_id, f.subject FROM accounts a CROSS JOIN LATERAL (
        SELECT * FROM feed f WHERE f.account_id = a.id AND f.subject IN ('VIEW', 'KEY') AND f.at < now() - make_interval(days => ${keptDays})) f
      LIMIT ${most})
    RETURNING 1`
  return gone.length
}

/** Runs that have ended, but for a view's latest of each kind: they tell how long the next takes, and that a loss was put right. */
async function sweepResends(sql: TransactionSql, { keptDays }: Retention, most: number): Promise<number> {
  const gone = await sql`
    DELETE FROM resends WHERE (account_id, id) IN (
      SELECT r.account_id, r.id FROM resends r
      WHERE r.state <> 'RUNNING' AND r.finished_at < now() - make_interval(days => ${keptDays}) AND EXISTS (
        SELECT 1 FROM resends n WHERE n.account_id = r.account_id AND n.view_id = r.view_id AND n.id > r.id
          AND n.state = r.state AND n.cause = r.cause AND (n.total > 0) = (r.total > 0))
      LIMIT ${most})
    RETURNING 1`
  return gone.length
}

/** How long a system may be away and still come back with the cursor that it had: a cursor of a range that is gone is taken for one of a database that was lost, and resent to. */
const rangesKeptDays = 400

async function sweepRanges(sql: TransactionSql, _kept: Retention, most: number): Promise<number> {
  const gone = await sql`
    DELETE FROM position_ranges WHERE begins IN (
      SELECT r.begins FROM position_ranges r
      WHERE r.at < now() - make_interval(days => ${rangesKeptDays}) AND r.used_to IS NOT NULL AND EXISTS (SELECT 1 FROM position_ranges n WHERE n.begins > r.begins)
      LIMIT ${most})
    RETURNING 1`
  return gone.length
}
