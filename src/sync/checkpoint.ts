import type { Sql, TransactionSql } from '../db/client.ts'
import type { Stream, StreamOptions } from './change.ts'
import type { Cursor } from './cursor.ts'
import type { Progress } from './progress.ts'

/** Whose progress on what: the key of a checkpoint. */
export interface StreamKey {
  readonly accountId: number
  readonly viewId: number
  readonly stream: Stream
}

/** How far a view has durably come on a stream, and which subscription is served. */
export interface Checkpoint extends Progress {
  readonly acknowledgedAt: Date | undefined
  readonly session: number
  readonly rewinds: number
}

interface CheckpointRow {
  readonly live: number
  readonly restarts: number
  readonly linked: number
  readonly linked_item: number
  readonly resend_id: number | null
  readonly resend: number
  readonly resend_item: number
  readonly resend_done: number
  readonly acknowledged_at: Date | null
  readonly session: number
  readonly rewinds: number
}

function toCheckpoint(row: CheckpointRow): Checkpoint {
  return {
    live: row.live,
    restarts: row.restarts,
    linked: { position: row.linked, item: row.linked_item },
    resendId: row.resend_id ?? undefined,
    resend: { position: row.resend, item: row.resend_item },
    done: row.resend_done,
    acknowledgedAt: row.acknowledged_at ?? undefined,
    session: row.session,
    rewinds: row.rewinds,
  }
}

/**
 * Makes the checkpoint of a stream that is opened for the first time. PRODUCT and STOCK: LIVE from the head at the time the view was made, LINKED from the first link,
 * within the run that is under way. ORDER and CUSTOMER: LIVE from 0, for a compacted feed that is read from 0 is already the whole. Does nothing when it is there.
 */
async function makeCheckpoint(tx: TransactionSql, { accountId, viewId, stream }: StreamKey): Promise<void> {
  // A run that begins at the same time must either see the checkpoint or be seen by it: it holds the view's lock.
  await tx`SELECT 1 FROM sync_views WHERE account_id = ${accountId} AND id = ${viewId} FOR SHARE`
  await tx`
    INSERT INTO checkpoints (account_id, view_id, subject, live, resend_id)
    SELECT v.account_id, v.id, ${stream}, CASE WHEN ${stream} IN ('PRODUCT', 'STOCK') THEN v.created_position ELSE 0 END,
      (SELECT r.id FROM resends r WHERE r.account_id = v.account_id AND r.view_id = v.id AND r.state = 'RUNNING' AND ${stream} IN ('PRODUCT', 'STOCK'))
    FROM sync_views v WHERE v.account_id = ${accountId} AND v.id = ${viewId}
    ON CONFLICT DO NOTHING`
}

/** The checkpoint of a stream that is opened, perhaps for the first time. Undefined when the view is gone. */
export async function openCheckpoint(sql: Sql, key: StreamKey): Promise<Checkpoint | undefined> {
  const there = await readCheckpoint(sql, key)
  if (there !== undefined) return there
  await sql.begin((tx) => makeCheckpoint(tx, key))
  return readCheckpoint(sql, key)
}

/** Takes the stream over for a new subscription on this node; the one before, wherever it is, ends. */
export async function beginSession(
  sql: Sql,
  key: StreamKey,
  nodeId: number,
  { transport, address }: StreamOptions,
): Promise<Checkpoint | undefined> {
  if ((await openCheckpoint(sql, key)) === undefined) return undefined
  const [row] = await sql<CheckpointRow[]>`
    UPDATE checkpoints SET session = session + 1, node_id = ${nodeId}, connected_at = clock_timestamp(), disconnected_at = NULL,
      transport = ${transport}, address = ${address ?? null}
    WHERE ${keyIs(sql, key)} RETURNING *`
  return row && toCheckpoint(row)
}

/** Notes who pulls, at most once a minute. */
export async function notePull(sql: Sql, key: StreamKey, { address }: Pick<StreamOptions, 'address'>): Promise<void> {
  await sql`
    UPDATE checkpoints SET connected_at = clock_timestamp(), transport = 'PULL', address = ${address ?? null}, disconnected_at = NULL
    WHERE ${keyIs(sql, key)} AND (transport IS NULL OR connected_at < now() - interval '1 minute')`
}

/** Says that the subscription with this number is gone. A newer one is left alone. */
export async function endSession(sql: Sql, key: StreamKey, session: number): Promise<void> {
  await sql`UPDATE checkpoints SET node_id = NULL, transport = NULL, address = NULL, disconnected_at = clock_timestamp()
    WHERE ${keyIs(sql, key)} AND session = ${session}`
}

export async function readCheckpoint(sql: Sql, key: StreamKey): Promise<Checkpoint | undefined> {
  const [row] = await sql<CheckpointRow[]>`SELECT * FROM checkpoints WHERE ${keyIs(sql, key)}`
  return row && toCheckpoint(row)
}

/** The checkpoints of many streams, in one query. */
export async function readCheckpoints(sql: Sql, keys: readonly StreamKey[]): Promise<readonly (Checkpoint & StreamKey)[]> {
  const rows = await sql<(CheckpointRow & { account_id: number; view_id: number; subject: Stream })[]>`
    SELECT c.* FROM checkpoints c
    JOIN unnest(${keys.map((key) => key.accountId)}::bigint[], ${keys.map((key) => key.viewId)}::bigint[], ${keys.map((key) => key.stream)}::text[])
      AS k (account_id, view_id, subject)
    ON c.account_id = k.account_id AND c.view_id = k.view_id AND c.subject = k.subject`
  return rows.map((row) => ({ ...toCheckpoint(row), accountId: row.account_id, viewId: row.view_id, stream: row.subject }))
}

/** How far to move a checkpoint, and the nonce of the range of positions that was in use when that was known to be good. */
export interface Advance {
  readonly progress: Progress
  readonly nonce: number
}

/**
 * Moves the checkpoint on to the maximum, lane by lane, and completes the run when this was the last of it. `byConsumer` is false where the stream
 * itself saves that it has passed what needed no sending. Undefined when the stream was never opened. Where another range of positions is in use by now it
 * fails as if the database were away: that one may have been set back.
 */
export async function advanceCheckpoint(
  sql: Sql,
  key: StreamKey,
  { progress: to, nonce }: Advance,
  byConsumer: boolean,
): Promise<Checkpoint | undefined> {
  const [row] = await sql<CheckpointRow[]>`
    SELECT * FROM advance_checkpoint(${key.accountId}, ${key.viewId}, ${key.stream}, ${nonce}, ${to.restarts}, ${to.live}, ${to.linked.position}, ${to.linked.item},
      ${to.resendId ?? null}, ${to.resend.position}, ${to.resend.item}, ${to.done}, ${byConsumer})`
  return row && toCheckpoint(row)
}

/**
 * Moves many checkpoints on, of a view each, in one statement and one commit; `byConsumer` as for one. Answers those that were moved, by their place; a cursor that was not made in
 * the range of positions that is in use moves none.
 */
export async function advanceCheckpoints(
  sql: Sql,
  all: readonly { readonly accountId: number; readonly cursor: Cursor }[],
  byConsumer: boolean,
): Promise<ReadonlyMap<number, Checkpoint>> {
  const of = (pick: (cursor: Cursor) => number) => all.map(({ cursor }) => pick(cursor))
  const rows = await sql<(CheckpointRow & { place: number })[]>`
    SELECT a.place::int - 1 AS place, c.* FROM (
      SELECT * FROM unnest(${all.map(({ accountId }) => accountId)}::bigint[], ${all.map(({ cursor }) => cursor.stream)}::text[], ${of(({ viewId }) => viewId)}::bigint[],
        ${of(({ epoch }) => epoch)}::bigint[], ${of(({ sighting }) => sighting.nonce)}::bigint[], ${of(({ progress }) => progress.restarts)}::bigint[],
        ${of(({ progress }) => progress.live)}::bigint[],
        ${of(({ progress }) => progress.linked.position)}::bigint[], ${of(({ progress }) => progress.linked.item)}::bigint[], ${of(({ progress }) => progress.resendId ?? 0)}::bigint[],
        ${of(({ progress }) => progress.resend.position)}::bigint[], ${of(({ progress }) => progress.resend.item)}::bigint[], ${of(({ progress }) => progress.done)}::bigint[])
        WITH ORDINALITY AS u (account_id, subject, view_id, epoch, nonce, restarts, live, linked, linked_item, resend_id, resend, resend_item, done, place)
      WHERE EXISTS (SELECT 1 FROM sequencer s WHERE s.epoch = u.epoch AND s.nonce = u.nonce)
      ORDER BY u.view_id OFFSET 0) a
    CROSS JOIN LATERAL advance_checkpoint(a.account_id, a.view_id, a.subject, NULL, a.restarts, a.live, a.linked, a.linked_item, nullif(a.resend_id, 0), a.resend, a.resend_item,
      a.done, ${byConsumer}) c`
  return new Map(rows.map((row) => [row.place, toCheckpoint(row)]))
}

/**
 * Goes back on purpose: the other end was restored from a backup. A subscription that is open reads on from there. Of another run's cursor only LIVE
 * and LINKED count.
 */
export async function rewindCheckpoint(sql: Sql, key: StreamKey, to: Progress): Promise<Checkpoint | undefined> {
  const [row] = await sql<CheckpointRow[]>`
    UPDATE checkpoints SET live = least(live, ${to.live}),
      linked = ${to.linked.position}, linked_item = ${to.linked.item}, rewinds = rewinds + 1,
      resend = CASE WHEN resend_id = ${to.resendId ?? null} THEN ${to.resend.position} ELSE resend END,
      resend_item = CASE WHEN resend_id = ${to.resendId ?? null} THEN ${to.resend.item} ELSE resend_item END,
      resend_done = CASE WHEN resend_id = ${to.resendId ?? null} THEN ${to.done} ELSE resend_done END
    WHERE ${keyIs(sql, key)} AND link_point_reached(linked, linked_item, ${to.linked.position}, ${to.linked.item}) RETURNING *`
  return row ? toCheckpoint(row) : readCheckpoint(sql, key)
}

function keyIs(sql: Sql, { accountId, viewId, stream }: StreamKey) {
  return sql`account_id = ${accountId} AND view_id = ${viewId} AND subject = ${stream}`
}
