import type { Database, Sql } from '../db/client.ts'
import { advisoryLocks } from '../db/locks.ts'
import { SynkvyError } from '../errors.ts'
import type { Stream } from './change.ts'
import type { SyncViewRow } from './views.ts'

/** Who follows a stream of a view, or followed it last. */
export interface Connection {
  readonly stream: Stream
  /** Whether the external system has ever opened it. */
  readonly isOpened: boolean
  readonly acknowledgedAt: Date | null
  readonly connected: boolean
  /** Since when somebody follows it; by PULL, when they last asked. */
  readonly connectedAt: Date | null
  /** WEBSOCKET, SSE or PULL, while somebody follows it. */
  readonly transport: string | null
  readonly address: string | null
  /** Since when nobody follows it, as far as is known; null while somebody does, or before anybody has. */
  readonly offlineSince: Date | null
}

/** How a view stands on a stream. */
export interface StreamStatus extends Connection {
  /** Entities whose latest change is not acknowledged yet; counts to 10 000, then stops. */
  readonly pending: number
  readonly oldestPendingAt: Date | null
}

export type SyncViewState = 'NEVER_CONNECTED' | 'CONNECTED' | 'OFFLINE' | 'PAUSED'

const mostPendingCounted = 10_000
/** A look-up by a link costs as much as reading so many rows of the feed one after the other. */
const feedRowsForALink = 10
/** Who pulls counts as connected for so long after it last asked: that is written down once a minute. */
const pullCountsForMinutes = 2

/** Every stream of a view: how much waits, since when, and who is connected. */
export async function streamStatuses(database: Database, accountId: number, viewId: number): Promise<readonly StreamStatus[]> {
  const { sql } = database
  return sql<StreamStatus[]>`
    SELECT s.* FROM sync_views v CROSS JOIN LATERAL (${streamsOfView(sql)}) s WHERE v.account_id = ${accountId} AND v.id = ${viewId} ORDER BY s.ordinal`
}

/** One stream of a view. Throws NOT_FOUND where the view was deleted meanwhile. */
export async function streamStatus(database: Database, accountId: number, viewId: number, stream: Stream): Promise<StreamStatus> {
  const statuses = await streamStatuses(database, accountId, viewId)
  const status = statuses.find((one) => one.stream === stream)
  if (status === undefined) throw new SynkvyError('NOT_FOUND', 'This sync view has just been deleted.')
  return status
}

/** The same without what waits, which takes longer to count. */
export async function readConnections(database: Database, accountId: number, viewId: number): Promise<readonly Connection[]> {
  const { sql } = database
  return sql<Connection[]>`
    SELECT s.* FROM sync_views v CROSS JOIN LATERAL (${connectionsOfView(sql)}) s WHERE v.account_id = ${accountId} AND v.id = ${viewId} ORDER BY s.ordinal`
}

/** SQL of what StreamStatus holds, for each stream of the view `v`. */
export function streamsOfView(sql: Sql) {
  return sql`SELECT t.*, p.pending, p."oldestPendingAt" FROM (${connectionsOfView(sql)}) t CROSS JOIN LATERAL (${pendingOfStream(sql)}) p`
}

/** SQL that says whether a gateway that lives serves the stream of the checkpoint `c`: each holds an advisory lock on its number for as long as it lives. */
export function isServed(sql: Sql) {
  return sql`(c.node_id IS NOT NULL AND c.node_id IN (
    SELECT k.objid FROM pg_locks k WHERE k.locktype = 'advisory' AND k.classid = ${advisoryLocks.node} AND k.granted
      AND k.database = (SELECT oid FROM pg_database WHERE datname = current_database())))`
}

function connectionsOfView(sql: Sql) {
  return sql`
    SELECT s.stream, s.ordinal, c.subject IS NOT NULL AS "isOpened", c.acknowledged_at AS "acknowledgedAt", n.connected,
      CASE WHEN n.connected THEN c.connected_at END AS "connectedAt", CASE WHEN n.connected THEN c.transport END AS transport,
      CASE WHEN n.connected THEN c.address END AS address,
      CASE WHEN NOT n.connected THEN coalesce(c.disconnected_at, greatest(c.acknowledged_at, c.connected_at)) END AS "offlineSince"
    FROM unnest(ARRAY['PRODUCT', 'STOCK', 'ORDER', 'CUSTOMER']) WITH ORDINALITY AS s (stream, ordinal)
    LEFT JOIN checkpoints c ON c.account_id = v.account_id AND c.view_id = v.id AND concat(c.subject) = s.stream
    CROSS JOIN LATERAL (
      SELECT coalesce(c.transport = 'PULL' AND c.connected_at > now() - make_interval(mins => ${pullCountsForMinutes}), false) OR ${isServed(sql)} AS connected) n`
}

/**
 * SQL of what waits on the stream `t` of the view `v`, by what a checkpoint says: entities that LIVE, LINKED or a run has yet to come to, and those that are committed and have no
 * position yet. Each lane is read in its order, so that the oldest is among what is counted; link positions are moments in microseconds, so they tell since when a link waits. Each is a
 * look-up of its own (OFFSET 0) by the whole of an index' key: while a table is too new for statistics Postgres would else go through all links of the view for every row.
 */
function pendingOfStream(sql: Sql) {
  const items = sql`
    SELECT l.product_id AS id WHERE t.stream = 'PRODUCT'
    UNION ALL SELECT s.id FROM stock_levels s WHERE t.stream = 'STOCK' AND s.account_id = v.account_id AND s.product_id = l.product_id`
  const isLinked = sql`t.stream IN ('PRODUCT', 'STOCK')`
  const link = (productId: ReturnType<typeof sql>) => sql`
    CROSS JOIN LATERAL (
      SELECT FROM links l WHERE l.account_id = v.account_id AND l.view_id = v.id AND l.product_id = ${productId} AND NOT l.unlinked OFFSET 0) l`
  return sql`
    WITH c AS (
      SELECT coalesce(c.live, CASE WHEN ${isLinked} THEN v.created_position ELSE 0 END) AS live, coalesce(c.linked, 0) AS linked, coalesce(c.linked_item, 0) AS linked_item,
        coalesce(c.resend, 0) AS resend, coalesce(c.resend_item, 0) AS resend_item, CASE t.stream WHEN 'STOCK' THEN r.stock_resend_to ELSE r.product_resend_to END AS resend_to,
        r.started_at, coalesce(c.own_to, 0) AS own_to,
        -- There are so few links, and so much has changed since, that what waits is soonest asked of the links.
        ${isLinked} AND (SELECT head FROM sequencer) - coalesce(c.live, v.created_position) > ${feedRowsForALink} * v.link_count AS is_small
      FROM (SELECT 1) one
      LEFT JOIN checkpoints c ON c.account_id = v.account_id AND c.view_id = v.id AND concat(c.subject) = t.stream
      LEFT JOIN resends r ON r.account_id = v.account_id AND r.id = c.resend_id AND r.state = 'RUNNING'),
    waiting AS (
      (SELECT f.id, f.at FROM c
        CROSS JOIN LATERAL (
          SELECT f.entity_id AS id, f.product_id, f.at FROM feed f
          WHERE ${isLinked} AND NOT c.is_small AND f.account_id = v.account_id AND f.subject = t.stream AND f.position > c.live
            AND f.origin_view_id IS DISTINCT FROM v.id ORDER BY f.position OFFSET 0) f
        ${link(sql`f.product_id`)}
        LIMIT ${mostPendingCounted})
      UNION ALL
      (SELECT f.id, f.at FROM c
        CROSS JOIN LATERAL (
          SELECT l.product_id FROM links l WHERE ${isLinked} AND c.is_small AND l.account_id = v.account_id AND l.view_id = v.id AND NOT l.unlinked OFFSET 0) l
        CROSS JOIN LATERAL (${items}) i
        CROSS JOIN LATERAL (
          SELECT f.entity_id AS id, f.at FROM feed f WHERE f.account_id = v.account_id AND f.entity_id = i.id AND concat(f.subject) = t.stream AND f.position > c.live
            AND f.origin_view_id IS DISTINCT FROM v.id OFFSET 0) f)
      UNION ALL
      (SELECT n.id, n.at FROM (
          SELECT n.entity_id AS id, n.product_id, n.at FROM inbox n
          WHERE ${isLinked} AND n.account_id = v.account_id AND n.subject = t.stream AND n.origin_view_id IS DISTINCT FROM v.id OFFSET 0) n
        ${link(sql`n.product_id`)}
        LIMIT ${mostPendingCounted})
      UNION ALL
      -- Orders and customers concern a view by their owner, and wait in LIVE alone.
      (SELECT f.entity_id, f.at FROM c CROSS JOIN LATERAL (
          SELECT f.entity_id, f.at FROM feed f
          WHERE NOT ${isLinked} AND f.account_id = v.account_id AND f.subject = t.stream AND f.position > c.live
            AND (v.order_scope = 'ALL' OR f.owner_user_id = v.user_id) AND (f.origin_view_id IS DISTINCT FROM v.id OR f.position <= c.own_to)
          ORDER BY f.position LIMIT ${mostPendingCounted}) f)
      UNION ALL
      (SELECT n.entity_id, n.at FROM inbox n
        WHERE NOT ${isLinked} AND n.account_id = v.account_id AND n.subject = t.stream AND n.origin_view_id IS DISTINCT FROM v.id
          AND (v.order_scope = 'ALL' OR n.owner_user_id = v.user_id) LIMIT ${mostPendingCounted})
      UNION ALL
      (SELECT i.id, to_timestamp(l.position / 1e6) FROM c
        CROSS JOIN LATERAL (
          SELECT l.product_id, l.position FROM links l WHERE ${isLinked} AND l.account_id = v.account_id AND l.view_id = v.id AND l.position >= c.linked
            AND NOT link_point_reached(c.linked, c.linked_item, l.position, 9007199254740991) ORDER BY l.position OFFSET 0) l
        CROSS JOIN LATERAL (${items}) i WHERE stream_item_waits(t.stream, c.linked, c.linked_item, l.position, i.id)
        LIMIT ${mostPendingCounted})
      UNION ALL
      (SELECT i.id, c.started_at FROM c
        CROSS JOIN LATERAL (
          SELECT l.product_id, l.position FROM links l
          WHERE ${isLinked} AND l.account_id = v.account_id AND l.view_id = v.id AND l.position >= c.resend AND l.position <= c.resend_to AND NOT l.unlinked
          ORDER BY l.position OFFSET 0) l
        CROSS JOIN LATERAL (${items}) i WHERE stream_item_waits(t.stream, c.resend, c.resend_item, l.position, i.id)
        LIMIT ${mostPendingCounted}))
    SELECT least(count(DISTINCT id), ${mostPendingCounted})::int AS pending, min(at) AS "oldestPendingAt" FROM waiting`
}

/** In a word how a view stands, by its streams. */
export function stateOf(
  { paused }: { readonly paused: boolean },
  streams: readonly Pick<Connection, 'connected' | 'isOpened'>[],
): SyncViewState {
  if (paused) return 'PAUSED'
  if (streams.some((stream) => stream.connected)) return 'CONNECTED'
  return streams.some((stream) => stream.isOpened) ? 'OFFLINE' : 'NEVER_CONNECTED'
}

/** Since when no stream of a view is followed, as far as is known; undefined while one is, or before one was. */
export function offlineSinceOf(streams: readonly Pick<Connection, 'connected' | 'offlineSince'>[]): Date | undefined {
  if (streams.some((stream) => stream.connected)) return undefined
  const ends = streams.flatMap(({ offlineSince }) => offlineSince ?? [])
  return ends.toSorted((a, b) => a.getTime() - b.getTime()).at(-1)
}

/** In a word how a view stands. */
export async function syncViewStateOf(database: Database, view: SyncViewRow): Promise<SyncViewState> {
  return stateOf(view, await readConnections(database, view.accountId, view.id))
}
