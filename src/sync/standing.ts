import type { Sql, TransactionSql } from '../db/client.ts'
import type { Statement } from '../db/sql.ts'
import { wholeLink } from '../db/tables/sync.ts'
import type { LinkedStream } from './change.ts'

/** Link positions beyond `after`, up to and with `to`. */
export interface Range {
  readonly after: number
  readonly to: number
}

/** How far a view has acknowledged a stream that it has opened, in so far as it says which links wait. */
export interface StreamStanding {
  readonly stream: LinkedStream
  /** Feed position. */
  readonly live: number
  /** The links that LINKED and, while a run is under way, RESEND have yet to come to. */
  readonly waiting: readonly Range[]
}

const allLinks: Range = { after: -1, to: wholeLink }

/** SQL of how a view stands on the streams of products and stock that it has ever opened. */
export function standingsOf(sql: Sql | TransactionSql, accountId: number, viewId: number | Statement): Statement {
  return sql`
    SELECT c.subject AS stream, c.live, links_behind(c.account_id, c.view_id, c.linked, c.linked_item) AS linked_after,
      links_behind(c.account_id, c.view_id, c.resend, c.resend_item) AS resent_after, resend_end(r, c.subject) AS resend_to
    FROM checkpoints c LEFT JOIN resends r ON r.account_id = c.account_id AND r.id = c.resend_id AND r.state = 'RUNNING'
    WHERE c.account_id = ${accountId} AND c.view_id = ${viewId} AND c.subject IN ('PRODUCT', 'STOCK')`
}

interface StandingRow {
  readonly stream: LinkedStream
  readonly live: number
  readonly linked_after: number
  readonly resent_after: number
  readonly resend_to: number | null
}

/** The same, read: none while it has opened neither. */
export async function readStandings(tx: TransactionSql, accountId: number, viewId: number): Promise<readonly StreamStanding[]> {
  const rows = await tx<StandingRow[]>`SELECT * FROM (${standingsOf(tx, accountId, viewId)}) s`
  return rows.map(({ stream, live, linked_after, resent_after, resend_to }) => ({
    stream,
    live,
    waiting: [
      { after: linked_after, to: wholeLink },
      ...(resend_to === null || resend_to <= resent_after ? [] : [{ after: resent_after, to: resend_to }]),
    ],
  }))
}

/** The links that wait on any of the streams, as ranges that do not touch. To a view that has opened no stream everything waits. */
export function waitingRanges(standings: readonly StreamStanding[]): readonly Range[] {
  if (standings.length === 0) return [allLinks]
  const sorted = standings.flatMap(({ waiting }) => waiting).toSorted((a, b) => a.after - b.after)
  return sorted.reduce<readonly Range[]>((merged, range) => {
    const last = merged.at(-1)
    if (last === undefined || range.after > last.to) return [...merged, range]
    return [...merged.slice(0, -1), { after: last.after, to: Math.max(last.to, range.to) }]
  }, [])
}

/** SQL of whether the link `l` is in one of the ranges. */
export function isInRanges(sql: TransactionSql, ranges: readonly Range[]): Statement {
  return ranges.reduce<Statement>(
    (condition, { after, to }) => sql`${condition} OR (l.position > ${after} AND l.position <= ${to})`,
    sql`false`,
  )
}

/**
 * SQL of whether something of the product of the link `l` has changed on a stream beyond the feed position `live`, by somebody else than the view itself. Looked up by what a
 * product consists of, never along the feed, so it costs the same however far the view is behind.
 */
export const changedBeyond: {
  readonly [S in LinkedStream]: (sql: Sql | TransactionSql, live: number | Statement) => readonly Statement[]
} = {
  PRODUCT: (sql, live) => [
    sql`EXISTS (SELECT FROM feed f WHERE f.account_id = l.account_id AND f.entity_id = l.product_id AND concat(f.subject) = 'PRODUCT'
      AND f.position > ${live} AND f.origin_view_id IS DISTINCT FROM l.view_id)`,
  ],
  STOCK: (sql, live) => [
    sql`EXISTS (
      SELECT FROM stock_levels s CROSS JOIN LATERAL (SELECT * FROM feed WHERE account_id = s.account_id AND entity_id = s.id AND concat(subject) = 'STOCK' OFFSET 0) f
      WHERE s.account_id = l.account_id AND s.product_id = l.product_id AND f.position > ${live} AND f.origin_view_id IS DISTINCT FROM l.view_id)`,
    // Of those that are deleted.
    sql`EXISTS (SELECT FROM feed f WHERE f.account_id = l.account_id AND f.product_id = l.product_id AND f.deleted AND concat(f.subject) = 'STOCK'
      AND f.position > ${live} AND f.origin_view_id IS DISTINCT FROM l.view_id)`,
  ],
}

/**
 * SQL of whether the rejection `x` holds of a product `p` that is linked by `l`: it has not changed, and was not queued again, since. Epochs do not count: a new one begins without
 * a change.
 */
export const rejectionHolds = (sql: Sql | TransactionSql) =>
  sql`(x.revision & 9007199254740991) >= p.revision AND x.link_position = l.position`

/** SQL of whether the link `l` is rejected, or rejected for this reason. */
export function isRejected(sql: Sql | TransactionSql, reason?: string): Statement {
  return sql`EXISTS (
    SELECT FROM rejections x JOIN products p ON p.account_id = x.account_id AND p.id = x.entity_id
    WHERE x.account_id = l.account_id AND x.view_id = l.view_id AND concat(x.subject) = 'PRODUCT' AND x.entity_id = l.product_id AND ${rejectionHolds(sql)}
      AND (${reason ?? null}::text IS NULL OR x.reason = ${reason ?? null}))`
}

// What is few is read first, and named in the statement that asks for links: a list in a statement is looked up fast, whatever Postgres knows of the tables by then. Tables that
// were filled a moment ago have no statistics, and joins of them without may take as long as trying every pair.

/** Beyond so many a thing is asked for link by link. */
const few = 10_000

/** Products (of those linked to the view), or undefined where they are more than few. */
export type Few = readonly number[] | undefined

/** The ids that a statement finds, each once. */
async function readFew(tx: TransactionSql, found: Statement): Promise<Few> {
  const [row] = await tx<{ ids: readonly number[] | null }[]>`
    SELECT CASE WHEN count(*) <= ${few} THEN coalesce(json_agg(DISTINCT id), '[]') END AS ids FROM (${found} LIMIT ${few + 1}) found (id)`
  return row?.ids ?? undefined
}

/** The products of which the view has a rejection that holds. */
export async function readRejected(tx: TransactionSql, accountId: number, viewId: number): Promise<Few> {
  return readFew(
    tx,
    tx`SELECT DISTINCT x.entity_id FROM ${rejectionsThatHold(tx)} AND x.account_id = ${accountId} AND x.view_id = ${viewId}`,
  )
}

/** SQL of the rejections `x` of products that hold, to be narrowed down to a view. Looked up one by one, for tables without statistics. */
export function rejectionsThatHold(sql: Sql | TransactionSql): Statement {
  return sql`
    rejections x
    CROSS JOIN LATERAL (SELECT revision FROM products WHERE account_id = x.account_id AND id = x.entity_id OFFSET 0) p
    CROSS JOIN LATERAL (
      SELECT position FROM links WHERE account_id = x.account_id AND view_id = x.view_id AND product_id = x.entity_id AND NOT unlinked OFFSET 0) l
    WHERE x.subject = 'PRODUCT' AND ${rejectionHolds(sql)}`
}

/** The products that are deleted and whose links are there until that is acknowledged. */
export async function readDeleted(tx: TransactionSql, accountId: number, viewId: number): Promise<Few> {
  return readFew(
    tx,
    tx`
      SELECT f.entity_id FROM feed f
      CROSS JOIN LATERAL (SELECT FROM links WHERE account_id = f.account_id AND view_id = ${viewId} AND product_id = f.entity_id OFFSET 0) l
      WHERE f.account_id = ${accountId} AND f.deleted AND f.subject = 'PRODUCT'`,
  )
}

/** What a view has yet to acknowledge. */
export interface Backlog {
  readonly ranges: readonly Range[]
  /** Products of which something has changed since, some of which may not be linked. */
  readonly changedProducts: readonly number[]
  /** The streams on which more has changed than is listed. */
  readonly farBehind: readonly StreamStanding[]
}

/** Reads what a view has yet to acknowledge, from the small side: its checkpoints, and the feed beyond them. */
export async function readBacklog(tx: TransactionSql, accountId: number, viewId: number): Promise<Backlog> {
  const standings = await readStandings(tx, accountId, viewId)
  const changed: { readonly of: StreamStanding; readonly ids: Few }[] = []
  for (const of of standings) changed.push({ of, ids: await readChanged(tx, accountId, viewId, of) })
  const unsequenced = await readUnsequenced(tx, accountId, viewId, standings)
  return {
    ranges: waitingRanges(standings),
    changedProducts: [...new Set([...changed.flatMap(({ ids }) => ids ?? []), ...unsequenced])],
    farBehind: changed.flatMap(({ of, ids }) => (ids === undefined ? [of] : [])),
  }
}

function readChanged(tx: TransactionSql, accountId: number, viewId: number, { stream, live }: StreamStanding): Promise<Few> {
  return readFew(
    tx,
    tx`SELECT product_id FROM feed WHERE account_id = ${accountId} AND subject = ${stream} AND position > ${live} AND origin_view_id IS DISTINCT FROM ${viewId}`,
  )
}

/** What is committed and has no position yet. Of a flood nothing is read: it is numbered within seconds. */
async function readUnsequenced(
  tx: TransactionSql,
  accountId: number,
  viewId: number,
  standings: readonly StreamStanding[],
): Promise<readonly number[]> {
  const streams = standings.map(({ stream }) => stream)
  const ids = await readFew(
    tx,
    tx`
      SELECT product_id FROM inbox
      WHERE account_id = ${accountId} AND concat(subject) = ANY(${streams}::text[]) AND origin_view_id IS DISTINCT FROM ${viewId}`,
  )
  return ids ?? []
}
