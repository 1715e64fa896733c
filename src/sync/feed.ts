import type { Sql, TransactionSql } from '../db/client.ts'
import type { Statement } from '../db/sql.ts'
import { wholeLink } from '../db/tables/sync.ts'
import type { EntityOf, LinkedStream, Stream } from './change.ts'
import { nothingSeen, sightingColumn, type Sighting } from './positions.ts'
import type { LinkPoint } from './progress.ts'
import { toState, type RawState } from './states.ts'

// Looking an entity up, the subject is compared as text: while a table is too new for statistics Postgres would else take the index of positions for as good
// as the primary key, and read all positions of an account for every row.

/** A row of a page: an entity as it stands in the snapshot that the page was read in, with what the feed and the link say of it. */
export interface FeedRow<Entity> {
  readonly entityId: number
  /** Its feed position; null while it has none. */
  readonly position: number | null
  /** The stored revision of the entity, or of its tombstone. */
  readonly revision: number
  /** It has changed since it got its position: LIVE will come to it again. */
  readonly isUnsequenced: boolean
  readonly deleted: boolean
  /** The product's handle, the stock level's SKU, or an external id. */
  readonly key: string
  readonly locationCode: string
  readonly entity: Entity | undefined
}

/** What a link adds to a row for one view. */
export interface LinkPart {
  readonly linkRevision: number
  readonly externalId: string | undefined
}

/** A page of LIVE: what changed after a position, for one view. */
export interface LivePage<Entity> {
  readonly epoch: number
  readonly sighting: Sighting
  /** Everything up to here has been read. */
  readonly upTo: number
  /** There is more. */
  readonly isFull: boolean
  readonly rows: readonly (FeedRow<Entity> & LinkPart)[]
}

/** A row of LINKED or RESEND: `entityId` 0 where the link has nothing (more) to send. */
export interface LinkRowOfPage<Entity> extends FeedRow<Entity>, LinkPart {
  readonly point: LinkPoint
  readonly unlinked: boolean
  /** The view wrote it itself, and it was linked by `autoLink`: nothing to tell it. */
  readonly isOwn: boolean
}

export interface LinksPage<Entity> {
  readonly epoch: number
  readonly sighting: Sighting
  readonly upTo: LinkPoint
  readonly isFull: boolean
  /** The view's last link position. */
  readonly linkPosition: number
  readonly rows: readonly LinkRowOfPage<Entity>[]
}

/** A view, as the feed's queries name it. */
export interface ViewKey {
  readonly accountId: number
  readonly viewId: number
}

/** An entity that changed, and the views that it concerns. */
export interface Dispatch<Entity> extends FeedRow<Entity> {
  readonly accountId: number
  readonly originViewId: number | null
  readonly concerned: readonly (LinkPart & { readonly viewId: number })[]
}

interface RawRow<S extends Stream> {
  readonly entity_id: number | null
  readonly position: number | null
  readonly revision: number
  readonly is_unsequenced: boolean | null
  readonly deleted: boolean
  readonly key: string | null
  readonly location_code: string | null
  readonly entity: RawState[S] | null
}

/** A row with what else is known of it. It is added, not spread with it into another object: in V8 (11.3) that costs ten times as much, for each row of a resend. */
function toFeedRow<S extends Stream, More extends object>(stream: S, row: RawRow<S>, more: More): FeedRow<EntityOf[S]> & More {
  const feedRow = {
    entityId: row.entity_id ?? 0,
    position: row.position,
    revision: row.revision,
    isUnsequenced: row.is_unsequenced === true,
    deleted: row.deleted,
    key: row.key ?? '',
    locationCode: row.location_code ?? '',
    entity: row.entity === null ? undefined : toState[stream](row.entity),
  }
  return Object.assign(feedRow, more)
}

/** SQL that joins the entity itself to what has `account_id`, `entity_id` under the alias `e`, as drizzle/0004_states.sql builds it, under the alias `x`. */
const entityJoin: { readonly [S in Stream]: (sql: Sql) => Statement } = {
  PRODUCT: (sql) => sql`LEFT JOIN LATERAL product_state(e.account_id, e.entity_id) x ON true`,
  STOCK: (sql) => sql`LEFT JOIN LATERAL stock_state(e.account_id, e.entity_id) x ON true`,
  ORDER: (sql) => sql`LEFT JOIN LATERAL order_state(e.account_id, e.entity_id) x ON true`,
  CUSTOMER: (sql) => sql`LEFT JOIN LATERAL customer_state(e.account_id, e.entity_id) x ON true`,
}

/** Whether a stream's entities concern a view by its links. */
function isLinked(stream: Stream): stream is LinkedStream {
  return stream === 'PRODUCT' || stream === 'STOCK'
}

/** SQL of what a view's link says, FROM the part of the feed, under the alias `f`, that concerns the view, WHERE it is not its own change. */
function concerning(sql: Sql, stream: Stream, viewId: number): Statement {
  return isLinked(stream)
    ? sql`l.revision AS link_revision, l.external_id FROM feed f
        JOIN links l ON l.account_id = f.account_id AND l.view_id = ${viewId} AND l.product_id = f.product_id AND NOT l.unlinked
        WHERE f.origin_view_id IS DISTINCT FROM ${viewId}`
    : sql`0 AS link_revision, NULL AS external_id FROM feed f
        JOIN sync_views v ON v.account_id = f.account_id AND v.id = ${viewId} AND (v.order_scope = 'ALL' OR v.user_id = f.owner_user_id)
        LEFT JOIN checkpoints c ON c.account_id = v.account_id AND c.view_id = v.id AND c.subject = f.subject
        WHERE (f.origin_view_id IS DISTINCT FROM ${viewId} OR f.position <= c.own_to)`
}

/** The page of LIVE after `after`, at most `limit` rows, in one snapshot. Undefined when there is no sequencer row, which cannot be. */
export async function readLivePage<S extends Stream>(
  sql: Sql,
  stream: S,
  { accountId, viewId }: ViewKey,
  after: number,
  limit: number,
): Promise<LivePage<EntityOf[S]>> {
  const raw = await sql<(RawRow<S> & { epoch: number; sighting: Sighting; link_revision: number; external_id: string | null })[]>`
    SELECT q.epoch, ${sightingColumn(sql)}, e.*, coalesce(x.revision, e.feed_revision) AS revision, x.revision <> e.feed_revision AS is_unsequenced,
      coalesce(x.key, e.feed_key) AS key, coalesce(x.location_code, e.feed_location) AS location_code, x.entity
    FROM sequencer q LEFT JOIN LATERAL (
      SELECT f.account_id, f.entity_id, f.position, f.revision AS feed_revision, f.deleted, f.key AS feed_key, f.location_code AS feed_location,
        ${concerning(sql, stream, viewId)} AND f.account_id = ${accountId} AND f.subject = ${stream} AND f.position > ${after}
      ORDER BY f.position LIMIT ${limit}) e ON true
    ${entityJoin[stream](sql)}
    ORDER BY e.position`
  const [first] = raw
  if (first === undefined) throw new Error('the table sequencer has lost its row')
  const rows = raw.filter((row) => row.entity_id !== null)
  const isFull = rows.length === limit
  return {
    epoch: first.epoch,
    sighting: first.sighting,
    upTo: isFull ? (rows.at(-1)?.position ?? after) : Math.max(after, first.sighting.head),
    isFull,
    rows: rows.map((row) => toFeedRow(stream, row, { linkRevision: row.link_revision, externalId: row.external_id ?? undefined })),
  }
}

/** SQL of what a link has to send: its product, or each stock level of it, those that are deleted too. */
const itemsOfLink: { readonly [S in Stream]: (sql: Sql | TransactionSql) => Statement } = {
  PRODUCT: (sql) => sql`SELECT l.product_id AS id`,
  STOCK: (sql) => sql`
    SELECT s.id FROM stock_levels s WHERE s.account_id = l.account_id AND s.product_id = l.product_id
    UNION
    SELECT t.entity_id FROM feed t WHERE t.account_id = l.account_id AND t.product_id = l.product_id AND t.deleted AND t.subject = 'STOCK'`,
  // They concern no view by its links.
  ORDER: (sql) => sql`SELECT NULL::bigint AS id WHERE false`,
  CUSTOMER: (sql) => sql`SELECT NULL::bigint AS id WHERE false`,
}

/**
 * The page of a view's links after `after` and up to the link at `to`, at most `limit` rows, in one snapshot. A link that has nothing to send still
 * is a row, so that it is passed.
 */
export async function readLinksPage<S extends Stream>(
  sql: Sql,
  stream: S,
  { accountId, viewId }: ViewKey,
  range: { readonly after: LinkPoint; readonly to: number | undefined },
  limit: number,
): Promise<LinksPage<EntityOf[S]>> {
  const { after } = range
  const item = stream === 'PRODUCT' ? sql`${wholeLink}::bigint` : sql`coalesce(i.id, ${wholeLink}::bigint)`
  const raw = await sql<
    (RawRow<S> & {
      epoch: number
      sighting: Sighting
      view_position: number
      link_position: number
      item: number
      link_revision: number
      external_id: string | null
      unlinked: boolean
      is_own: boolean
    })[]
  >`
    SELECT q.epoch, ${sightingColumn(sql)}, w.link_position AS view_position, e.*, coalesce(x.revision, e.feed_revision, 0) AS revision,
      x.revision IS DISTINCT FROM e.feed_revision AS is_unsequenced,
      coalesce(x.key, e.feed_key, CASE WHEN x.entity IS NULL THEN (
        SELECT max(n.key) FROM inbox n WHERE n.account_id = e.account_id AND n.subject = ${stream} AND n.entity_id = e.entity_id) END) AS key,
      coalesce(x.location_code, e.feed_location) AS location_code, x.entity
    FROM sequencer q JOIN sync_views w ON w.account_id = ${accountId} AND w.id = ${viewId}
    LEFT JOIN LATERAL (
      SELECT l.account_id, i.id AS entity_id, l.position AS link_position, ${item} AS item, l.revision AS link_revision, l.external_id, l.unlinked,
        (l.auto AND f.origin_view_id = l.view_id AND f.position = f.first_position) AS is_own,
        f.position, f.revision AS feed_revision, coalesce(f.deleted, false) AS deleted, f.key AS feed_key, f.location_code AS feed_location
      FROM links l LEFT JOIN LATERAL (${itemsOfLink[stream](sql)}) i ON true
      LEFT JOIN LATERAL (SELECT * FROM feed WHERE account_id = l.account_id AND entity_id = i.id AND concat(subject) = ${stream} OFFSET 0) f ON true
      WHERE l.account_id = ${accountId} AND l.view_id = ${viewId} AND l.position >= ${after.position}
        AND (l.position > ${after.position} OR ${item} > ${after.item}) AND l.position <= least(w.link_position, ${range.to ?? null}::bigint)
      ORDER BY l.position, i.id LIMIT ${limit}) e ON true
    ${entityJoin[stream](sql)}
    ORDER BY e.link_position, e.entity_id`
  const [first] = raw
  // The view was deleted meanwhile: the stream is told so.
  if (first === undefined) return { epoch: 0, sighting: nothingSeen, upTo: after, isFull: false, linkPosition: 0, rows: [] }
  const linkPosition = first.view_position
  const rows = raw.filter((row) => row.link_position !== null)
  const last = rows.at(-1)
  const isFull = rows.length === limit
  const end = { position: Math.max(after.position, Math.min(linkPosition, range.to ?? linkPosition)), item: wholeLink }
  return {
    epoch: first.epoch,
    sighting: first.sighting,
    upTo: isFull && last !== undefined ? { position: last.link_position, item: last.item } : end,
    isFull,
    linkPosition,
    rows: rows.map((row) =>
      toFeedRow(stream, row, {
        point: { position: row.link_position, item: row.item },
        linkRevision: row.link_revision,
        externalId: row.external_id ?? undefined,
        unlinked: row.unlinked,
        isOwn: row.is_own,
      }),
    ),
  }
}

/** What has a new position, narrow: subject, account and entity. */
export interface NewPosition {
  readonly accountId: number
  readonly subject: 'PRODUCT' | 'STOCK' | 'ORDER' | 'CUSTOMER' | 'VIEW' | 'KEY'
  readonly entityId: number
  readonly position: number
}

export interface NewPositions {
  readonly sighting: Sighting
  readonly epoch: number
  readonly isFull: boolean
  readonly rows: readonly NewPosition[]
}

/**
 * The feed after `after`, at most 5 000 positions (in the text, so that one plan suits it), with what the same snapshot says of the feed's head and epoch: what concerns views and keys, and the entities
 * of these accounts.
 */
export async function readNewPositions(sql: Sql, after: number, accountIds: readonly number[]): Promise<NewPositions> {
  const raw = await sql<(NewPosition & { sighting: Sighting; epoch: number })[]>`
    SELECT ${sightingColumn(sql)}, q.epoch, f.account_id AS "accountId", f.subject, f.entity_id AS "entityId", f.position
    FROM sequencer q LEFT JOIN LATERAL (
      SELECT * FROM feed WHERE position > ${after} AND (subject IN ('VIEW', 'KEY') OR account_id = ANY(${[...accountIds]}::bigint[]))
      ORDER BY position LIMIT 5000) f ON true
    ORDER BY f.position`
  const rows = raw.filter((row) => row.entityId !== null)
  return { sighting: raw[0]?.sighting ?? nothingSeen, epoch: raw[0]?.epoch ?? 0, isFull: rows.length === 5_000, rows }
}

/** A row of the SQL function `dispatches`. */
export interface RawDispatch<S extends Stream> extends RawRow<S> {
  readonly account_id: number
  readonly entity_id: number
  readonly origin_view_id: number | null
  readonly concerned: readonly { readonly v: number; readonly r: number; readonly x: string | null }[]
}

/** SQL of whom entities concern, the stream written out, so that the plan of one is not that of all. */
const dispatchesOf: { readonly [S in Stream]: (sql: Sql, entities: Statement) => Statement } = {
  PRODUCT: (sql, entities) => sql`dispatches('PRODUCT', ${entities})`,
  STOCK: (sql, entities) => sql`dispatches('STOCK', ${entities})`,
  ORDER: (sql, entities) => sql`owned_dispatches('ORDER', ${entities})`,
  CUSTOMER: (sql, entities) => sql`owned_dispatches('CUSTOMER', ${entities})`,
}

/** Loads entities that changed once for all of the connected views that they concern, of one snapshot. */
export async function readDispatches<S extends Stream>(
  sql: Sql,
  stream: S,
  changed: readonly { readonly accountId: number; readonly entityId: number }[],
  viewIds: readonly number[],
): Promise<{ readonly epoch: number; readonly dispatches: readonly Dispatch<EntityOf[S]>[] }> {
  const entities = sql`${changed.map((row) => row.accountId)}::bigint[], ${changed.map((row) => row.entityId)}::bigint[], ${[...viewIds]}::bigint[]`
  const raw = await sql<(RawDispatch<S> & { epoch: number; sighting: Sighting })[]>`
    SELECT q.epoch, ${sightingColumn(sql)}, d.* FROM sequencer q, ${dispatchesOf[stream](sql, entities)} d`
  return { epoch: raw[0]?.epoch ?? 0, dispatches: raw.map((row) => toDispatch(stream, row)) }
}

export function toDispatch<S extends Stream>(stream: S, row: RawDispatch<S>): Dispatch<EntityOf[S]> {
  return toFeedRow(stream, row, {
    accountId: row.account_id,
    originViewId: row.origin_view_id,
    concerned: row.concerned.map(({ v, r, x }) => ({ viewId: v, linkRevision: r, externalId: x ?? undefined })),
  })
}
