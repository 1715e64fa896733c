import type { Database, Sql } from '../db/client.ts'
import { advisoryLocks } from '../db/locks.ts'
import type { Stream } from './change.ts'
import type { SyncViewRow } from './views.ts'

/** How a view stands on a stream. */
export interface StreamStatus {
  readonly stream: Stream
  /** Entities whose latest change is not acknowledged yet; counts to 10 000, then stops. */
  readonly pending: number
  readonly oldestPendingAt: Date | undefined
  readonly acknowledgedAt: Date | undefined
  readonly connected: boolean
  /** Whether it has ever been followed or pulled. */
  readonly isOpened: boolean
}

export type SyncViewState = 'NEVER_CONNECTED' | 'CONNECTED' | 'OFFLINE' | 'PAUSED'

const mostPendingCounted = 10_000

/** Every stream of a view: how much waits, since when, and whether somebody is connected. */
export async function streamStatuses(database: Database, accountId: number, viewId: number): Promise<readonly StreamStatus[]> {
  const connections = await readConnections(database, accountId, viewId)
  return Promise.all(
    connections.map(async ({ stream, isOpened, acknowledgedAt, connected }) => {
      const { pending, oldestPendingAt } = await (stream === 'PRODUCT' || stream === 'STOCK'
        ? readPending(database, accountId, viewId, stream)
        : readPendingOwned(database, accountId, viewId, stream))
      return {
        stream,
        pending,
        oldestPendingAt: oldestPendingAt ?? undefined,
        acknowledgedAt: acknowledgedAt ?? undefined,
        connected,
        isOpened,
      }
    }),
  )
}

/** One stream of a view. */
export async function streamStatus(database: Database, accountId: number, viewId: number, stream: Stream): Promise<StreamStatus> {
  const statuses = await streamStatuses(database, accountId, viewId)
  const status = statuses.find((one) => one.stream === stream)
  if (status === undefined) throw new Error(`there is no stream ${stream}`)
  return status
}

interface Connection {
  readonly stream: Stream
  readonly isOpened: boolean
  readonly acknowledgedAt: Date | null
  readonly connected: boolean
}

/** SQL that says whether a gateway that lives serves the stream of the checkpoint `c`: each holds an advisory lock on its number for as long as it lives. */
export function isServed(sql: Sql) {
  return sql`EXISTS (
    SELECT 1 FROM pg_locks k WHERE k.locktype = 'advisory' AND k.classid = ${advisoryLocks.node} AND k.objid = c.node_id AND k.granted
      AND k.database = (SELECT oid FROM pg_database WHERE datname = current_database()))`
}

async function readConnections(database: Database, accountId: number, viewId: number): Promise<readonly Connection[]> {
  const { sql } = database
  return sql<Connection[]>`
    SELECT s.stream, c.subject IS NOT NULL AS "isOpened", c.acknowledged_at AS "acknowledgedAt", ${isServed(sql)} AS connected
    FROM unnest(ARRAY['PRODUCT', 'STOCK', 'ORDER', 'CUSTOMER']) WITH ORDINALITY AS s (stream, ordinal)
    LEFT JOIN checkpoints c ON c.account_id = ${accountId} AND c.view_id = ${viewId} AND c.subject::text = s.stream ORDER BY s.ordinal`
}

/**
 * What waits, by what a checkpoint says: entities that LIVE, LINKED or a run has yet to come to. Link positions are moments in microseconds, so they tell since
 * when a link waits.
 */
async function readPending(
  database: Database,
  accountId: number,
  viewId: number,
  stream: 'PRODUCT' | 'STOCK',
): Promise<{ pending: number; oldestPendingAt: Date | null }> {
  const { sql } = database
  const items =
    stream === 'PRODUCT'
      ? sql`SELECT l.product_id AS id`
      : sql`SELECT s.id FROM stock_levels s WHERE s.account_id = l.account_id AND s.product_id = l.product_id`
  const [row] = await sql<{ pending: number; oldestPendingAt: Date | null }[]>`
    WITH c AS (
      SELECT v.account_id, v.id AS view_id, coalesce(c.live, v.created_position) AS live, coalesce(c.linked, 0) AS linked, coalesce(c.linked_item, 0) AS linked_item,
        coalesce(c.resend, 0) AS resend, coalesce(c.resend_item, 0) AS resend_item, ${stream === 'PRODUCT' ? sql`r.product_resend_to` : sql`r.stock_resend_to`} AS resend_to
      FROM sync_views v
      LEFT JOIN checkpoints c ON c.account_id = v.account_id AND c.view_id = v.id AND c.subject = ${stream}
      LEFT JOIN resends r ON r.account_id = v.account_id AND r.id = c.resend_id AND r.state = 'RUNNING'
      WHERE v.account_id = ${accountId} AND v.id = ${viewId}),
    waiting AS (
      (SELECT f.entity_id AS id, f.at FROM c
        JOIN feed f ON f.account_id = c.account_id AND f.subject = ${stream} AND f.position > c.live AND f.origin_view_id IS DISTINCT FROM c.view_id
        JOIN links l ON l.account_id = c.account_id AND l.view_id = c.view_id AND l.product_id = f.product_id AND NOT l.unlinked
        LIMIT ${mostPendingCounted})
      UNION ALL
      (SELECT i.id, to_timestamp(l.position / 1e6) FROM c
        JOIN links l ON l.account_id = c.account_id AND l.view_id = c.view_id AND l.position >= c.linked
          AND NOT link_point_reached(c.linked, c.linked_item, l.position, 9007199254740991)
        CROSS JOIN LATERAL (${items}) i WHERE stream_item_waits(${stream}, c.linked, c.linked_item, l.position, i.id)
        LIMIT ${mostPendingCounted})
      UNION ALL
      (SELECT i.id, r.started_at FROM c
        JOIN resends r ON r.account_id = c.account_id AND r.view_id = c.view_id AND r.state = 'RUNNING'
        JOIN links l ON l.account_id = c.account_id AND l.view_id = c.view_id AND l.position >= c.resend AND l.position <= c.resend_to AND NOT l.unlinked
        CROSS JOIN LATERAL (${items}) i WHERE stream_item_waits(${stream}, c.resend, c.resend_item, l.position, i.id)
        LIMIT ${mostPendingCounted}))
    SELECT least(count(DISTINCT id), ${mostPendingCounted}) AS pending, min(at) AS "oldestPendingAt" FROM waiting`
  return row ?? { pending: 0, oldestPendingAt: null }
}

/** The same of orders and customers, which concern a view by their owner and wait in LIVE alone. */
async function readPendingOwned(
  database: Database,
  accountId: number,
  viewId: number,
  stream: 'ORDER' | 'CUSTOMER',
): Promise<{ pending: number; oldestPendingAt: Date | null }> {
  const [row] = await database.sql<{ pending: number; oldestPendingAt: Date | null }[]>`
    SELECT count(*) AS pending, min(w.at) AS "oldestPendingAt" FROM (
      SELECT f.at FROM sync_views v
      LEFT JOIN checkpoints c ON c.account_id = v.account_id AND c.view_id = v.id AND c.subject = ${stream}
      JOIN feed f ON f.account_id = v.account_id AND f.subject = ${stream} AND f.position > coalesce(c.live, 0)
        AND (v.order_scope = 'ALL' OR f.owner_user_id = v.user_id) AND (f.origin_view_id IS DISTINCT FROM v.id OR f.position <= c.own_to)
      WHERE v.account_id = ${accountId} AND v.id = ${viewId} LIMIT ${mostPendingCounted}) w`
  return row ?? { pending: 0, oldestPendingAt: null }
}

/** In a word how a view stands. */
export async function syncViewStateOf(database: Database, view: SyncViewRow): Promise<SyncViewState> {
  if (view.paused) return 'PAUSED'
  const connections = await readConnections(database, view.accountId, view.id)
  if (connections.some((connection) => connection.connected)) return 'CONNECTED'
  return connections.some((connection) => connection.isOpened) ? 'OFFLINE' : 'NEVER_CONNECTED'
}
