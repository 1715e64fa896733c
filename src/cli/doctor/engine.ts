import { setTimeout as sleep } from 'node:timers/promises'
import { advisoryLocks } from '../../db/locks.ts'
import { knownMigrations, missingMigrations } from '../../db/migrate.ts'
import { readLaggingViews } from '../../sync/lag.ts'
import { isSequenced } from '../../sync/positions.ts'
import { readInbox } from '../../sync/sequencing.ts'
import { globalId } from '../../global-id.ts'
import { fail, ok, warn, type Check } from './examine.ts'

// What synkvy itself has put up: its schema, the sequencer, what waits.

export const migrations: Check = {
  name: 'migrations',
  examine: async ({ database: { sql } }) => {
    const missing = await missingMigrations(sql)
    return missing === 0
      ? ok(`all ${knownMigrations().length}`)
      : fail(
          `${missing} of ${knownMigrations().length} migrations are missing.`,
          'Run "synkvy migrate", or start a gateway of this version.',
        )
  },
}

interface TriggerName {
  readonly table: string
  readonly trigger: string
}

/** The triggers that the migrations make, after all of them. */
function knownTriggers(): readonly TriggerName[] {
  const known = new Map<string, TriggerName>()
  const statements = knownMigrations().flatMap((migration) => migration.sql)
  for (const statement of statements) {
    for (const [, verb, trigger = '', table = ''] of statement.matchAll(
      /^(CREATE|DROP) TRIGGER (?:IF EXISTS )?(\w+)\s[^;]*?\bON (\w+)/gm,
    )) {
      if (verb === 'CREATE') known.set(`${table}.${trigger}`, { table, trigger })
      else known.delete(`${table}.${trigger}`)
    }
  }
  return [...known.values()]
}

export const triggers: Check = {
  name: 'triggers',
  examine: async ({ database: { sql } }) => {
    const rows = await sql<{ table: string; trigger: string; enabled: string }[]>`
      SELECT c.relname AS table, t.tgname AS trigger, t.tgenabled AS enabled FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
      WHERE NOT t.tgisinternal AND c.relnamespace = 'public'::regnamespace`
    const enabled = new Map(rows.map((row) => [`${row.table}.${row.trigger}`, row.enabled]))
    const names = knownTriggers().map(({ table, trigger }) => `${table}.${trigger}`)
    const missing = names.filter((name) => !enabled.has(name))
    if (missing.length > 0)
      return fail(
        `These triggers are missing, so changes are lost to the connected systems: ${missing.join(', ')}.`,
        'Restore the database with its triggers (pg_restore without --disable-triggers, and not data only), or make them as the migrations in drizzle/ do.',
      )
    const weak = names.filter((name) => enabled.get(name) !== 'A')
    if (weak.length > 0)
      return fail(
        `These triggers do not fire always, so what replication or a disabled trigger writes is lost to the connected systems: ${weak.join(', ')}.`,
        'Run, as the owner of the tables: CALL enable_triggers_always()',
      )
    return ok(`all ${names.length}, enabled always`)
  },
}

const lookAgainMs = 2_000

export const sequencer: Check = {
  name: 'sequencer',
  examine: async ({ database: { sql } }) => {
    const [alive] = await sql<{ nodes: number; oldestId: number | null }[]>`
      SELECT (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = ${advisoryLocks.node} AND granted
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))::int AS nodes, (SELECT min(id) FROM inbox) AS "oldestId"`
    if (alive === undefined || alive.nodes === 0) return warn('No gateway runs on this database.', 'Start one: synkvy serve')
    const { sequencedBy, term } = await readInbox(sql)
    if (sequencedBy === undefined || !(await isSequenced(sql)))
      return fail(
        `${alive.nodes} gateways run, and none sequences: nothing is pushed to any system.`,
        'Look into their logs for "the sequencer lost its session", and restart them if it does not pass within a minute.',
      )
    if (alive.oldestId !== null) await sleep(lookAgainMs)
    const [later] = await sql<{ oldestId: number | null }[]>`SELECT min(id) AS "oldestId" FROM inbox`
    if (alive.oldestId !== null && later?.oldestId === alive.oldestId)
      return fail(
        `The gateway ${sequencedBy} sequences, and the oldest change has not moved for ${lookAgainMs / 1000} seconds.`,
        'Another gateway ends its session after five seconds; where it is the only one, restart it. Look for locks on the inbox in pg_stat_activity.',
      )
    return ok(`gateway ${sequencedBy} sequences, in term ${term}; gateways that run: ${alive.nodes}`)
  },
}

const manyWaiting = 10_000

export const inbox: Check = {
  name: 'inbox',
  examine: async ({ database: { sql } }) => {
    const { depth } = await readInbox(sql)
    return depth < manyWaiting
      ? ok(`${depth} changes wait to be numbered`)
      : fail(
          `${depth} changes${depth === 100_000 ? ' or more' : ''} wait to be numbered.`,
          'Where a large import has just been made, wait; else look at the check of the sequencer, and at the load of the database.',
        )
  },
}

const lateMs = 3_600_000

export const lag: Check = {
  name: 'lag',
  examine: async ({ clock, database: { sql } }) => {
    const [oldest] = await readLaggingViews(sql, 1)
    if (oldest === undefined) return ok('nothing waits for any sync view')
    const hours = (clock() - oldest.oldestAt.getTime()) / 3_600_000
    const { accountId, viewId, stream, isConnected } = oldest
    const [row] = await sql<{ slug: string }[]>`SELECT slug FROM accounts WHERE id = ${accountId}`
    const view = `${globalId('SyncView', viewId)} of the account ${row?.slug ?? accountId}`
    if (hours * 3_600_000 < lateMs) return ok(`at most ${Math.max(0, Math.round(hours * 60))} minutes (sync view ${view})`)
    return warn(
      `The sync view ${view} has had a change of ${stream} waiting for ${Math.round(hours)} hours, and is ${isConnected ? '' : 'not '}connected.`,
      isConnected
        ? 'Its system does not acknowledge what it is sent: ask whoever runs it.'
        : 'Its system is away: ask whoever runs it, or pause or delete the view.',
    )
  },
}
