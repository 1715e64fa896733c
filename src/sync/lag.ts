import type { Sql } from '../db/client.ts'
import type { Lane, Stream } from './change.ts'

/** What waits for views on a stream and a lane, all accounts together. Paused views are not among them. */
export interface Lag {
  readonly stream: Stream
  readonly lane: Lane
  /** Whether a consumer holds the stream. One that pulls does not. */
  readonly isConnected: boolean
  /** Views for which something waits that they have not acknowledged. */
  readonly views: number
  readonly oldestAt: Date
}

/** The view that has waited for longest, with what it waits for. */
export interface LaggingView {
  readonly accountId: number
  readonly viewId: number
  readonly stream: Stream
  readonly isConnected: boolean
  readonly oldestAt: Date
}

/** Checkpoints that are looked at, and feed rows in which the first is sought that concerns a view: the whole must not grow beyond what a look may cost. */
const mostCheckpoints = 10_000
const mostPositionsSought = 10_000
const withinMs = 2_000

/**
 * SQL of what waits, a row for each checkpoint and lane where something does: since when the first change waits that concerns the view. LIVE looks at a limited number
 * of positions, in which a view that few changes concern may have none.
 */
function waiting(sql: Sql) {
  return sql`
    c AS (
      SELECT c.account_id, c.view_id, c.subject, c.live, c.linked, c.linked_item, c.own_to, c.node_id IS NOT NULL AS is_connected, v.order_scope, v.user_id, (
        SELECT r.started_at FROM resends r WHERE r.account_id = c.account_id AND r.id = c.resend_id AND r.state = 'RUNNING' AND NOT run_reached(c, r)) AS resending_since
      FROM checkpoints c JOIN sync_views v ON v.account_id = c.account_id AND v.id = c.view_id WHERE NOT v.paused LIMIT ${mostCheckpoints}),
    waiting AS (
      SELECT c.*, 'LIVE' AS lane, w.at FROM c CROSS JOIN LATERAL (
        SELECT f.at FROM (
          SELECT * FROM feed f WHERE f.account_id = c.account_id AND f.subject = c.subject AND f.position > c.live
          ORDER BY f.position LIMIT ${mostPositionsSought}) f
        WHERE (f.origin_view_id IS DISTINCT FROM c.view_id OR f.position <= c.own_to) AND CASE
          -- With EXISTS Postgres may hash all links of a view to look for one.
          WHEN c.subject IN ('PRODUCT', 'STOCK') THEN coalesce((
            SELECT true FROM links l WHERE l.account_id = f.account_id AND l.view_id = c.view_id AND l.product_id = f.product_id AND NOT l.unlinked LIMIT 1), false)
          ELSE c.order_scope = 'ALL' OR f.owner_user_id = c.user_id END
        ORDER BY f.position LIMIT 1) w
      UNION ALL
      SELECT c.*, 'RESEND', to_timestamp(w.position / 1e6) FROM c CROSS JOIN LATERAL (
        SELECT l.position FROM links l WHERE l.account_id = c.account_id AND l.view_id = c.view_id AND l.position >= c.linked
          AND NOT link_point_reached(c.linked, c.linked_item, l.position, 9007199254740991)
        ORDER BY l.position LIMIT 1) w
      WHERE c.subject IN ('PRODUCT', 'STOCK') AND c.resending_since IS NULL
      UNION ALL
      SELECT c.*, 'RESEND', c.resending_since FROM c WHERE c.resending_since IS NOT NULL)`
}

/** What waits, by stream and lane. Gives up after two seconds, with Postgres' own error. */
export async function readLags(sql: Sql): Promise<readonly Lag[]> {
  return sql.begin(async (tx) => {
    await tx`SELECT set_config('statement_timeout', ${String(withinMs)}, true)`
    return tx<Lag[]>`
      WITH ${waiting(sql)}
      SELECT subject AS stream, lane, is_connected AS "isConnected", count(*)::int AS views, min(at) AS "oldestAt" FROM waiting GROUP BY 1, 2, 3`
  })
}

/** The views for which LIVE changes wait for longest. Gives up after two seconds. */
export async function readLaggingViews(sql: Sql, first: number): Promise<readonly LaggingView[]> {
  return sql.begin(async (tx) => {
    await tx`SELECT set_config('statement_timeout', ${String(withinMs)}, true)`
    return tx<LaggingView[]>`
      WITH ${waiting(sql)}
      SELECT account_id AS "accountId", view_id AS "viewId", subject AS stream, is_connected AS "isConnected", at AS "oldestAt" FROM waiting
      WHERE lane = 'LIVE' ORDER BY at LIMIT ${first}`
  })
}
