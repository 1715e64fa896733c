import type { Database, Sql, TransactionSql } from '../db/client.ts'
import { advisoryLocks } from '../db/locks.ts'
import { withOwnPlans } from '../db/plans.ts'
import type { Statement } from '../db/sql.ts'
import { wholeLink } from '../db/tables/sync.ts'
import type { LinkedStream, Stream } from './change.ts'
import { isLinked, itemsOfLink } from './feed.ts'
import type { LinkPoint } from './progress.ts'
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
/** A look-up by a link costs as much as reading so many rows of the feed one after the other. */
const feedRowsForALink = 10

/** Every stream of a view: how much waits, since when, and whether somebody is connected. */
export async function streamStatuses(database: Database, accountId: number, viewId: number): Promise<readonly StreamStatus[]> {
  const connections = await readConnections(database, accountId, viewId)
  return Promise.all(
    connections.map(async ({ stream, isOpened, acknowledgedAt, connected }) => {
      const { pending, oldestPendingAt } = await (isLinked(stream)
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

/** Whether and when a stream was followed. */
export interface Connection {
  readonly stream: Stream
  readonly isOpened: boolean
  readonly acknowledgedAt: Date | null
  /** When the subscription began that is served, or was last. */
  readonly connectedAt: Date | null
  readonly connected: boolean
}

/** SQL that says whether a gateway that lives serves the stream of the checkpoint `c`: each holds an advisory lock on its number for as long as it lives. */
export function isServed(sql: Sql) {
  return sql`EXISTS (
    SELECT 1 FROM pg_locks k WHERE k.locktype = 'advisory' AND k.classid = ${advisoryLocks.node} AND k.objid = c.node_id AND k.granted
      AND k.database = (SELECT oid FROM pg_database WHERE datname = current_database()))`
}

export async function readConnections(database: Database, accountId: number, viewId: number): Promise<readonly Connection[]> {
  const { sql } = database
  return sql<Connection[]>`
    SELECT s.stream, c.subject IS NOT NULL AS "isOpened", c.acknowledged_at AS "acknowledgedAt", c.connected_at AS "connectedAt", ${isServed(sql)} AS connected
    FROM unnest(ARRAY['PRODUCT', 'STOCK', 'ORDER', 'CUSTOMER']) WITH ORDINALITY AS s (stream, ordinal)
    LEFT JOIN checkpoints c ON c.account_id = ${accountId} AND c.view_id = ${viewId} AND c.subject::text = s.stream ORDER BY s.ordinal`
}

/** How far a view has come on a stream that may never have been opened. */
interface Frontier {
  readonly live: number
  readonly linked: LinkPoint
  readonly resend: LinkPoint
  readonly run: { readonly resendTo: number; readonly startedAt: Date } | undefined
  /** There are so few links, and so much has changed since, that what waits is soonest asked of the links. */
  readonly isSmall: boolean
}

/**
 * What waits, by what a checkpoint says: entities that LIVE, LINKED or a run has yet to come to, and those that are committed and have no position yet. Each lane is read in its
 * order, so that the oldest is among what is counted. Link positions are moments in microseconds, so they tell since when a link waits.
 */
async function readPending(
  database: Database,
  accountId: number,
  viewId: number,
  stream: LinkedStream,
): Promise<{ pending: number; oldestPendingAt: Date | null }> {
  return withOwnPlans(database, async (tx) => {
    const frontier = await readFrontier(tx, accountId, viewId, stream)
    if (frontier === undefined) return { pending: 0, oldestPendingAt: null }
    const { linked, resend, run } = frontier
    const waiting = [
      ...waitingLive(tx, accountId, viewId, stream, frontier),
      waitingLinks(tx, accountId, viewId, stream, { after: linked, to: wholeLink }, tx`to_timestamp(l.position / 1e6)`),
      ...(run === undefined
        ? []
        : [waitingLinks(tx, accountId, viewId, stream, { after: resend, to: run.resendTo }, tx`${run.startedAt}::timestamptz`)]),
    ]
    const [row] = await tx<{ pending: number; oldestPendingAt: Date | null }[]>`
      SELECT least(count(DISTINCT id), ${mostPendingCounted}) AS pending, min(at) AS "oldestPendingAt" FROM (
        ${waiting.reduce((all, one) => tx`${all} UNION ALL ${one}`)}) waiting`
    return row ?? { pending: 0, oldestPendingAt: null }
  })
}

async function readFrontier(tx: TransactionSql, accountId: number, viewId: number, stream: LinkedStream): Promise<Frontier | undefined> {
  const [row] = await tx<(Omit<Frontier, 'run'> & { resendTo: number | null; startedAt: Date | null })[]>`
    SELECT coalesce(c.live, v.created_position) AS live, json_build_object('position', coalesce(c.linked, 0), 'item', coalesce(c.linked_item, 0)) AS linked,
      json_build_object('position', coalesce(c.resend, 0), 'item', coalesce(c.resend_item, 0)) AS resend, resend_end(r, ${stream}) AS "resendTo", r.started_at AS "startedAt",
      (SELECT head FROM sequencer) - coalesce(c.live, v.created_position) > ${feedRowsForALink} * v.link_count AS "isSmall"
    FROM sync_views v
    LEFT JOIN checkpoints c ON c.account_id = v.account_id AND c.view_id = v.id AND c.subject = ${stream}
    LEFT JOIN resends r ON r.account_id = v.account_id AND r.id = c.resend_id AND r.state = 'RUNNING'
    WHERE v.account_id = ${accountId} AND v.id = ${viewId}`
  if (row === undefined) return undefined
  const { resendTo, startedAt, ...frontier } = row
  return { ...frontier, run: resendTo === null || startedAt === null ? undefined : { resendTo, startedAt } }
}

/** SQL of the entities (id, at) that LIVE has yet to come to. */
function waitingLive(
  tx: TransactionSql,
  accountId: number,
  viewId: number,
  stream: LinkedStream,
  { live, isSmall }: Frontier,
): readonly Statement[] {
  const isNews = (row: Statement) => tx`${row}.origin_view_id IS DISTINCT FROM ${viewId}`
  const linkOf = (row: Statement) =>
    tx`CROSS JOIN LATERAL (SELECT FROM links WHERE account_id = ${accountId} AND view_id = ${viewId} AND product_id = ${row}.product_id AND NOT unlinked OFFSET 0) l`
  const sequenced = isSmall
    ? tx`(
        SELECT f.entity_id AS id, f.at FROM links l CROSS JOIN LATERAL (${itemsOfLink[stream](tx)}) i
        JOIN feed f ON f.account_id = l.account_id AND f.entity_id = i.id AND f.subject::text = ${stream} AND f.position > ${live} AND ${isNews(tx`f`)}
        WHERE l.account_id = ${accountId} AND l.view_id = ${viewId} AND NOT l.unlinked)`
    : tx`(
        SELECT f.entity_id AS id, f.at FROM feed f ${linkOf(tx`f`)}
        WHERE f.account_id = ${accountId} AND f.subject = ${stream} AND f.position > ${live} AND ${isNews(tx`f`)} ORDER BY f.position LIMIT ${mostPendingCounted})`
  return [
    sequenced,
    tx`(
      SELECT n.entity_id AS id, n.at FROM inbox n ${linkOf(tx`n`)}
      WHERE n.account_id = ${accountId} AND n.subject = ${stream} AND ${isNews(tx`n`)} LIMIT ${mostPendingCounted})`,
  ]
}

/** SQL of the entities (id, at) of the links that are beyond a point and not beyond `to`. */
function waitingLinks(
  tx: TransactionSql,
  accountId: number,
  viewId: number,
  stream: LinkedStream,
  { after, to }: { readonly after: LinkPoint; readonly to: number },
  at: Statement,
): Statement {
  return tx`(
    SELECT i.id, ${at} AS at FROM links l CROSS JOIN LATERAL (${itemsOfLink[stream](tx)}) i
    WHERE l.account_id = ${accountId} AND l.view_id = ${viewId} AND l.position >= ${after.position} AND l.position <= ${to}
      AND stream_item_waits(${stream}, ${after.position}, ${after.item}, l.position, i.id)
    ORDER BY l.position LIMIT ${mostPendingCounted})`
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
