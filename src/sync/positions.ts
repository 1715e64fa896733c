import type { Sql } from '../db/client.ts'
import type { StreamKey } from './checkpoint.ts'

/**
 * How much of the database had been seen when something was read from it. By this one can tell later, before whatever database, whether it has been set back since.
 */
export interface Sighting {
  /** Of the range of positions that was in use. */
  readonly nonce: number
  /** The feed's head; one more where a state was read that had no position yet. */
  readonly head: number
  /** Up to where Postgres' log was known to be on the disk, in bytes. */
  readonly durableTo: number
}

export const nothingSeen: Sighting = { nonce: 0, head: 0, durableTo: 0 }

/** The later of two sightings in one range of positions, where they only grow. Between ranges there is no telling: after a set-back two of them hold the same numbers. */
export function laterSighting(a: Sighting, b: Sighting): Sighting {
  return { nonce: b.nonce, head: Math.max(a.head, b.head), durableTo: Math.max(a.durableTo, b.durableTo) }
}

/** SQL of what the statement's snapshot sees, asked once. */
export const sightingColumn = (sql: Sql) => sql`(SELECT sighting()) AS sighting`

/** Whether a term has begun since the server was started: else `sighting()` raises. */
export async function isSequenced(sql: Sql): Promise<boolean> {
  const [row] = await sql<
    { isSequenced: boolean }[]
  >`SELECT server_started IS NOT DISTINCT FROM pg_postmaster_start_time() AS "isSequenced" FROM sequencer`
  return row?.isSequenced === true
}

/** A range of positions that was reserved durably before the first of them was given out. */
interface PositionRange {
  readonly begins: number
  readonly ends: number
  readonly nonce: number
  /** Postgres' identifier and timeline at the time. */
  readonly lineage: string
  /** The head when the next range was begun; null while this one is in use. */
  readonly usedTo: number | null
  /** Where the server took up Postgres' log, in bytes; null where it was the same server as before. */
  readonly tookUpAt: number | null
}

/** What a cursor, or a stream, is held against. */
export interface KnownPositions {
  readonly epoch: number
  /** From the range on that was in use when it was made; none where that is not known. */
  readonly ranges: readonly PositionRange[]
  /** The last link position that the view gave out. */
  readonly linkPosition: number
}

/** What somebody has seen of this database, or of one that it takes the place of. */
export interface Seen {
  readonly epoch: number
  readonly sighting: Sighting
  /** The last link position that it has reached. */
  readonly linkPosition: number
}

/**
 * Whether this database lacks what has been seen, because a replica that lagged was promoted or a backup was restored: the range that was in use is not known here,
 * or a server took up the log before what was on the disk by then, or it goes beyond what was used of a range that another timeline followed, or its links or
 * epoch are from the future. (A crash undoes positions too, of the last moments, but no state: those are numbered again.)
 */
export function isForked({ epoch, sighting, linkPosition }: Seen, known: KnownPositions): boolean {
  if (epoch > known.epoch || linkPosition > known.linkPosition) return true
  if (sighting.nonce === 0) return false
  const index = known.ranges.findIndex((range) => range.nonce === sighting.nonce)
  const range = known.ranges[index]
  if (range === undefined || sighting.head > range.ends + 1) return true
  const later = known.ranges.slice(index + 1)
  if (later.some(({ tookUpAt }) => tookUpAt !== null && tookUpAt < sighting.durableTo)) return true
  const [next] = later
  return next !== undefined && next.lineage !== range.lineage && range.usedTo !== null && sighting.head > range.usedTo
}

/** What a view's cursor or stream has seen or, without a view, a hub. */
export interface Witness {
  readonly view: Pick<StreamKey, 'accountId' | 'viewId'> | undefined
  readonly seen: Seen
}

/** How a database stands to what was seen. */
export interface Verdict {
  /** It lacks what was seen. */
  readonly isLacking: boolean
  readonly isViewGone: boolean
  /** Of the database, at the moment at which it was asked. */
  readonly epoch: number
  readonly sighting: Sighting
}

/** Holds what was seen against the database: all in one statement, for a gateway may have thousands of streams. Answers each with its verdict, in their order. */
export async function holdAgainst<W extends Witness>(sql: Sql, witnesses: readonly W[]): Promise<readonly (W & Verdict)[]> {
  const { epoch, sighting, ranges, linkPositions } = await readKnownPositions(sql, witnesses)
  return witnesses.map((witness, index) => {
    const linkPosition = linkPositions[index] ?? undefined
    const isViewGone = witness.view !== undefined && linkPosition === undefined
    const isLacking = isForked(witness.seen, { epoch, ranges, linkPosition: linkPosition ?? 0 })
    return { ...witness, isLacking, isViewGone, epoch, sighting }
  })
}

interface KnownRow extends Pick<KnownPositions, 'epoch' | 'ranges'> {
  readonly sighting: Sighting
  /** Null where there is no such view. */
  readonly linkPositions: readonly (number | null)[]
}

/** Reads, in one snapshot, what is held against what has been seen: the ranges from the earliest one on that was in use then. */
async function readKnownPositions(sql: Sql, witnesses: readonly Witness[]): Promise<KnownRow> {
  const [row] = await sql<KnownRow[]>`
    SELECT ${sightingColumn(sql)}, s.epoch, (
      SELECT coalesce(json_agg(json_build_object('begins', r.begins, 'ends', r.ends, 'nonce', r.nonce, 'lineage', r.lineage, 'usedTo', r.used_to, 'tookUpAt', r.took_up_at)
        ORDER BY r.begins), '[]')
      FROM position_ranges r WHERE r.begins >= (
        SELECT min(f.begins) FROM position_ranges f WHERE f.nonce = ANY(${witnesses.map(({ seen }) => seen.sighting.nonce)}::bigint[]))) AS ranges, (
      SELECT coalesce(json_agg(v.link_position ORDER BY w.place), '[]')
      FROM unnest(${witnesses.map(({ view }) => view?.accountId ?? 0)}::bigint[], ${witnesses.map(({ view }) => view?.viewId ?? 0)}::bigint[])
        WITH ORDINALITY AS w (account_id, view_id, place)
      LEFT JOIN sync_views v ON v.account_id = w.account_id AND v.id = w.view_id) AS "linkPositions"
    FROM sequencer s`
  if (row === undefined) throw new Error('the table sequencer has lost its row')
  return row
}
