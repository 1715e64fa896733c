import type { Sql } from '../db/client.ts'
import type { Cursor } from './cursor.ts'
import type { StreamKey } from './checkpoint.ts'

/** A range of positions that was reserved durably before the first of them was given out. */
export interface PositionRange {
  readonly begins: number
  readonly ends: number
  readonly nonce: number
  /** Postgres' identifier and timeline at the time. */
  readonly lineage: string
  /** The head when the next range was begun; null while this one is in use. */
  readonly usedTo: number | null
}

/** All ranges, in order. There is one for each term of a sequencer and each million positions or so. */
export async function readRanges(sql: Sql): Promise<readonly PositionRange[]> {
  return sql<PositionRange[]>`SELECT begins, ends, nonce, lineage, used_to AS "usedTo" FROM position_ranges ORDER BY begins`
}

/** The range that holds a position; undefined before the first. */
export function rangeOf(ranges: readonly PositionRange[], position: number): PositionRange | undefined {
  return ranges.findLast((range) => range.begins <= position)
}

/**
 * Whether who holds this cursor has seen what this database has not, because a replica that lagged was promoted or a backup was restored: its
 * range is not known here, or it goes beyond what was used of a range that another timeline followed, or its links are from the future.
 */
export function isForked(cursor: Pick<Cursor, 'nonce' | 'epoch' | 'progress'>, known: KnownPositions): boolean {
  const { live, linked } = cursor.progress
  if (cursor.epoch > known.epoch || linked.position > known.linkPosition) return true
  if (cursor.nonce === 0) return false
  const index = known.ranges.findLastIndex((range) => range.begins <= live)
  const range = known.ranges[index]
  if (range === undefined || range.nonce !== cursor.nonce || live > range.ends) return true
  const next = known.ranges[index + 1]
  return range.usedTo !== null && live > range.usedTo && next !== undefined && next.lineage !== range.lineage
}

/** What a cursor is held against. */
export interface KnownPositions {
  readonly epoch: number
  readonly ranges: readonly PositionRange[]
  /** The last link position that the cursor's view gave out. */
  readonly linkPosition: number
}

/** Reads, in one snapshot, what a cursor of this view is held against. Undefined when the view is gone. */
export async function readKnownPositions(sql: Sql, { accountId, viewId }: StreamKey): Promise<KnownPositions | undefined> {
  const [row] = await sql<{ epoch: number; linkPosition: number; ranges: PositionRange[] }[]>`
    SELECT s.epoch, v.link_position AS "linkPosition", (
      SELECT coalesce(json_agg(json_build_object('begins', r.begins, 'ends', r.ends, 'nonce', r.nonce, 'lineage', r.lineage, 'usedTo', r.used_to) ORDER BY r.begins), '[]')
      FROM position_ranges r) AS ranges
    FROM sequencer s, sync_views v WHERE v.account_id = ${accountId} AND v.id = ${viewId}`
  return row
}
