import { setTimeout as sleep } from 'node:timers/promises'
import { and, count, desc, eq, lt } from 'drizzle-orm'
import type { Logger } from 'pino'
import type { Database, TransactionSql } from '../db/client.ts'
import { isDatabaseAway } from '../db/faults.ts'
import { auditLog, type AuditDetail } from '../db/tables/access.ts'
import { readGlobalId } from '../global-id.ts'
import { refusalOf } from '../refusal.ts'
import type { Caller } from './caller.ts'

export type AuditRow = Readonly<typeof auditLog.$inferSelect>

/** Who did something, by which way and whence. */
export interface Actor {
  readonly accountId: number
  readonly channel: AuditRow['channel']
  readonly userId?: number
  readonly userName?: string
  readonly keyPrefix?: string
  readonly address?: string | undefined
}

/** Something that was done, or refused. */
interface Action {
  /** A mutation's name, or what else is done. */
  readonly action: string
  /** The code of the refusal; DONE where it is left out. */
  readonly outcome?: string
  readonly details?: readonly AuditDetail[]
}

/** What writing needs. */
interface Writer {
  readonly database: Database
  readonly log: Logger
}

/** How long it waits before it tries again to write down what was done, while the database is away: a pooler that is restarted, say, is soon back. */
const pausesMs = [100, 400, 1_500]
const mostDetails = 50
const longestText = 200

export function actorOf({ accountId, userId, userName, keyPrefix, sessionId }: Caller, address: string | undefined): Actor {
  return { accountId, channel: sessionId === undefined ? 'API_KEY' : 'SESSION', userId, userName, keyPrefix, address }
}

/**
 * Writes down what somebody did. Where the connection is lost just then it stands there twice rather than not at all. What cannot be written is logged as an error: what was done
 * stays done.
 */
export async function recordAction({ database, log }: Writer, actor: Actor, { action, outcome, details = [] }: Action): Promise<void> {
  const kept = details.slice(0, mostDetails).map(toStorable)
  const entry = { ...actor, action, outcome: outcome ?? 'DONE', details: kept, detailCount: details.length }
  // Who is refused while the database is away need not wait for this.
  const pauses = outcome === undefined ? pausesMs : []
  for (const pauseMs of [...pauses, undefined]) {
    try {
      await database.drizzle.insert(auditLog).values(entry)
      return
    } catch (error) {
      if (pauseMs === undefined || !isDatabaseAway(error)) {
        const { accountId, userId } = actor
        return log.error(
          { err: error, accountId, userId, field: action },
          'something was done that could not be written into the audit log',
        )
      }
      await sleep(pauseMs)
    }
  }
}

/** Does something, and writes down that it was done, or why not. `detailsOf` is given what it answered. */
export async function recorded<Result>(
  writer: Writer,
  actor: Actor,
  action: string,
  work: () => Promise<Result>,
  detailsOf: (result: Result | undefined) => readonly AuditDetail[] = () => [],
): Promise<Result> {
  try {
    const result = await work()
    await recordAction(writer, actor, { action, details: detailsOf(result) })
    return result
  } catch (error) {
    await recordAction(writer, actor, { action, outcome: codeOf(error), details: detailsOf(undefined) })
    throw error
  }
}

/** As callers are shown it. */
function codeOf(error: unknown): string {
  if (error instanceof AggregateError) return codeOf(error.errors[0])
  return refusalOf(error)?.code ?? 'INTERNAL'
}

function toStorable({ name, value, label }: AuditDetail): AuditDetail {
  return { name, value: storable(value), ...(label === undefined ? {} : { label: storable(label) }) }
}

/** Without what Postgres does not take: NUL, and halves of characters. */
function storable(text: string): string {
  return Buffer.from(text.slice(0, longestText).replaceAll('\0', '')).toString()
}

/** What a global id names, as in `User:7`; undefined for what is none, and may be anything. */
export function thingOf(globalId: string): string | undefined {
  const { typename, id } = readGlobalId(globalId)
  return typename === '' ? undefined : `${typename}:${id}`
}

/** The same with what is named by an id now: users, sync views, and keys by their prefix. To be asked for before it is done: what is deleted has no name. */
export async function withNames({ sql }: Database, accountId: number, details: readonly AuditDetail[]): Promise<readonly AuditDetail[]> {
  const things = details.flatMap(({ value }) => thingOf(value) ?? [])
  if (things.length === 0) return details
  const idsOf = (type: string) => things.flatMap((thing) => (thing.startsWith(`${type}:`) ? [thing.slice(type.length + 1)] : []))
  const rows = await sql<{ thing: string; name: string }[]>`
    SELECT 'User:' || id AS thing, name FROM users WHERE account_id = ${accountId} AND id = ANY(${idsOf('User')}::bigint[])
    UNION ALL SELECT 'SyncView:' || id, name FROM sync_views WHERE account_id = ${accountId} AND id = ANY(${idsOf('SyncView')}::bigint[])
    UNION ALL SELECT 'ApiKey:' || id, prefix FROM api_keys WHERE account_id = ${accountId} AND id = ANY(${idsOf('ApiKey')}::bigint[])`
  const names = new Map(rows.map(({ thing, name }) => [thing, name]))
  return details.map((detail) => ({ ...detail, label: detail.label ?? names.get(thingOf(detail.value) ?? '') }))
}

/** Which entries are asked for. */
export interface AuditFilter {
  readonly userId?: number | undefined
  readonly action?: string | undefined
}

function matches(accountId: number, { userId, action }: AuditFilter) {
  return and(
    eq(auditLog.accountId, accountId),
    userId === undefined ? undefined : eq(auditLog.userId, userId),
    action === undefined ? undefined : eq(auditLog.action, action),
  )
}

/** Entries, the latest first: `first` of them before the one with the id `after`. */
export async function auditPage(
  database: Database,
  accountId: number,
  { first, after, ...filter }: AuditFilter & { readonly first: number; readonly after?: number | undefined },
): Promise<readonly AuditRow[]> {
  return database.drizzle
    .select()
    .from(auditLog)
    .where(and(matches(accountId, filter), lt(auditLog.id, after ?? Number.MAX_SAFE_INTEGER)))
    .orderBy(desc(auditLog.id))
    .limit(first)
}

export async function countAudit(database: Database, accountId: number, filter: AuditFilter): Promise<number> {
  const [row] = await database.drizzle.select({ count: count() }).from(auditLog).where(matches(accountId, filter))
  return row?.count ?? 0
}

export async function findAuditEntry(database: Database, accountId: number, id: number): Promise<AuditRow | undefined> {
  const [row] = await database.drizzle
    .select()
    .from(auditLog)
    .where(and(eq(auditLog.accountId, accountId), eq(auditLog.id, id)))
  return row
}

/** Forgets entries that are older than so many days, at most so many. Answers how many. */
export async function sweepAudit(tx: TransactionSql, keptDays: number, most: number): Promise<number> {
  const gone = await tx`
    DELETE FROM audit_log WHERE (account_id, id) IN (
      SELECT a.account_id, a.id FROM audit_log a WHERE a.at < now() - make_interval(days => ${keptDays}) LIMIT ${most})
    RETURNING 1`
  return gone.length
}
