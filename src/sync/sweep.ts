import type { Sql } from '../db/client.ts'
import { rejectionHolds } from './standing.ts'

/** How long what was acknowledged is kept all the same, so that a consumer that rewinds gets its REMOVEs again. */
const keptDays = 30
const rowsAtOnce = 10_000

/**
 * Sweeps what nobody needs to hear of any more: links that were unlinked, and links of deleted products, whose REMOVE was acknowledged long ago on every
 * stream that the view has ever opened; rejections that no longer hold; and tombstones that no link refers to. Answers how many rows went.
 */
export async function sweep(sql: Sql): Promise<number> {
  const markers = await sweepMarkers(sql)
  const orphans = await sweepLinksOfDeleted(sql)
  return markers + orphans + (await sweepRejections(sql)) + (await sweepTombstones(sql)) + (await sweepOwnedTombstones(sql))
}

/** Those that have not held for long: of what has changed since, was unlinked or deleted. */
async function sweepRejections(sql: Sql): Promise<number> {
  const gone = await sql`
    DELETE FROM rejections WHERE (account_id, view_id, subject, entity_id, item_id) IN (
      SELECT x.account_id, x.view_id, x.subject, x.entity_id, x.item_id FROM rejections x
      WHERE x.subject = 'PRODUCT' AND x.at < now() - make_interval(days => ${keptDays}) AND NOT EXISTS (
        SELECT FROM links l JOIN products p ON p.account_id = l.account_id AND p.id = l.product_id
        WHERE l.account_id = x.account_id AND l.view_id = x.view_id AND l.product_id = x.entity_id AND NOT l.unlinked AND ${rejectionHolds(sql)})
      LIMIT ${rowsAtOnce})
    RETURNING 1`
  return gone.length
}

/** A product whose marker is gone can be missing again, however old it is: the next "Resend all" looks at all of them. */
async function sweepMarkers(sql: Sql): Promise<number> {
  const gone = await sql`
    WITH gone AS (
      DELETE FROM links WHERE (account_id, id) IN (
        SELECT l.account_id, l.id FROM links l
        WHERE l.unlinked AND l.position < clock_microseconds() - ${keptDays * 86_400_000_000}::bigint AND NOT EXISTS (
          SELECT 1 FROM checkpoints c WHERE c.account_id = l.account_id AND c.view_id = l.view_id AND c.subject IN ('PRODUCT', 'STOCK') AND c.linked <= l.position)
        LIMIT ${rowsAtOnce})
      RETURNING account_id, view_id),
    opened AS (
      UPDATE sync_views v SET all_linked_to = 0 FROM (SELECT DISTINCT account_id, view_id FROM gone) g WHERE v.account_id = g.account_id AND v.id = g.view_id)
    SELECT 1 FROM gone`
  return gone.length
}

async function sweepLinksOfDeleted(sql: Sql): Promise<number> {
  const gone = await sql`
    WITH gone AS (
      DELETE FROM links WHERE (account_id, id) IN (
        SELECT l.account_id, l.id FROM feed f JOIN links l ON l.account_id = f.account_id AND l.product_id = f.product_id
        WHERE f.deleted AND f.subject = 'PRODUCT' AND f.at < now() - make_interval(days => ${keptDays}) AND NOT EXISTS (
          SELECT 1 FROM checkpoints c WHERE c.account_id = l.account_id AND c.view_id = l.view_id AND c.subject IN ('PRODUCT', 'STOCK') AND c.live < f.position)
        LIMIT ${rowsAtOnce})
      RETURNING account_id, view_id, unlinked),
    counted AS (
      UPDATE sync_views v SET link_count = link_count - g.count
      FROM (SELECT account_id, view_id, count(*) FILTER (WHERE NOT unlinked) AS count FROM gone GROUP BY 1, 2) g WHERE v.account_id = g.account_id AND v.id = g.view_id)
    SELECT 1 FROM gone`
  return gone.length
}

/** Orders and customers that are gone, of which every view that received them has acknowledged the REMOVE; a view that has never opened the stream has nothing to remove. */
async function sweepOwnedTombstones(sql: Sql): Promise<number> {
  const gone = await sql`
    DELETE FROM feed WHERE (account_id, entity_id, subject) IN (
      SELECT f.account_id, f.entity_id, f.subject FROM feed f
      WHERE f.deleted AND f.subject IN ('ORDER', 'CUSTOMER') AND f.at < now() - make_interval(days => ${keptDays}) AND NOT EXISTS (
        SELECT 1 FROM sync_views v JOIN checkpoints c ON c.account_id = v.account_id AND c.view_id = v.id AND c.subject = f.subject AND c.live < f.position
        WHERE v.account_id = f.account_id AND (v.order_scope = 'ALL' OR v.user_id = f.owner_user_id))
      LIMIT ${rowsAtOnce})
    RETURNING 1`
  return gone.length
}

async function sweepTombstones(sql: Sql): Promise<number> {
  const gone = await sql`
    DELETE FROM feed WHERE (account_id, entity_id, subject) IN (
      SELECT f.account_id, f.entity_id, f.subject FROM feed f
      WHERE f.deleted AND f.product_id IS NOT NULL AND f.at < now() - make_interval(days => ${keptDays})
        AND NOT EXISTS (SELECT 1 FROM links l WHERE l.account_id = f.account_id AND l.product_id = f.product_id)
      LIMIT ${rowsAtOnce})
    RETURNING 1`
  return gone.length
}
