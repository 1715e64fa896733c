import { connectionsOfGateway } from '../../db/client.ts'
import { leadsToPooler } from '../../db/direct.ts'
import { advisoryLocks } from '../../db/locks.ts'
import { findWallGap } from '../../db/wall.ts'
import { fail, ok, warn, type Check, type Examined, type Verdict } from './examine.ts'

// What synkvy stands on: versions, connections, rights, clocks, settings. Asked of whatever database there is, migrated or not.

const oldestNode = [20, 19] as const
const oldestPostgres = 150_000
const mostClockSkewMs = 2_000

/** Versions of Node. */
export const node: Check = {
  name: 'node',
  examine: ({ nodeVersion }) => {
    const [major = 0, minor = 0] = nodeVersion.split('.').map(Number)
    const isNewEnough = major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1])
    return isNewEnough ? ok(`Node ${nodeVersion}`) : fail(`Node ${nodeVersion}`, `Install Node ${oldestNode.join('.')} or later.`)
  },
}

/** What Postgres' version, as a number, is worth. */
export function judgePostgres(version: number): Verdict {
  const shown = `Postgres ${Math.floor(version / 10_000)}.${version % 10_000}`
  return version >= oldestPostgres ? ok(shown) : fail(shown, 'Upgrade to Postgres 15 or later.')
}

export const postgres: Check = {
  name: 'postgres',
  examine: async ({ database: { sql } }) => {
    const [row] = await sql<{ version: number; isReplica: boolean }[]>`
      SELECT current_setting('server_version_num')::int AS version, pg_is_in_recovery() AS "isReplica"`
    if (row?.isReplica === true)
      return fail(
        'The database is a replica, which takes no writes.',
        'Let DATABASE_URL lead to the primary, by an address that follows it.',
      )
    return judgePostgres(row?.version ?? 0)
  },
}

export const directUrl: Check = {
  name: 'direct url',
  examine: async ({ config, database: { sql, planned, options } }) => {
    const of = config.databaseDirectUrl === config.databaseUrl ? 'DATABASE_URL' : 'DATABASE_DIRECT_URL'
    if (await leadsToPooler(options.directUrl))
      return fail(
        `${of} leads to a pooler: listening and the sequencer's lock need sessions of their own.`,
        'Set DATABASE_DIRECT_URL to an address of Postgres itself; DATABASE_URL may stay.',
      )
    const identify = () => [
      sql<{ id: string }[]>`SELECT system_identifier || '/' || current_database() AS id FROM pg_control_system()`,
      planned<{ id: string }[]>`SELECT system_identifier || '/' || current_database() AS id FROM pg_control_system()`,
    ]
    const [pooled, direct] = await Promise.all(identify())
    return pooled?.[0]?.id === direct?.[0]?.id
      ? ok('leads to Postgres itself')
      : fail('DATABASE_URL and DATABASE_DIRECT_URL lead to different databases.', 'Let both lead to the same database of the same server.')
  },
}

export const pooler: Check = {
  name: 'pooler',
  examine: async ({ database: { sql, options } }) => {
    if (!(await leadsToPooler(options.url))) return ok('none')
    try {
      await sql.begin(async (tx) => {
        await tx`SELECT set_config('synkvy.doctor', 'here', true)`
        const [kept] = await tx<{ kept: string }[]>`SELECT current_setting('synkvy.doctor', true) AS kept`
        if (kept?.kept !== 'here') throw new Error('the transaction went to several connections')
      })
      return ok('keeps transactions together')
    } catch {
      return fail('The pooler of DATABASE_URL does not keep transactions together.', 'Set it to pool_mode = transaction, or session.')
    }
  },
}

export const clock: Check = {
  name: 'clock',
  examine: async ({ clock: now, database: { sql } }) => {
    // The connection is made first, so that the answer takes no longer than it must.
    await sql`SELECT 1`
    const before = now()
    const [row] = await sql<{ at: Date }[]>`SELECT clock_timestamp() AS at`
    const after = now()
    const skewMs = Math.round((row?.at.getTime() ?? 0) - (before + after) / 2)
    const doubtMs = (after - before) / 2
    if (Math.abs(skewMs) - doubtMs <= mostClockSkewMs) return ok(`within ${Math.max(1, Math.round(Math.abs(skewMs)))} ms of Postgres'`)
    const behind = skewMs > 0 ? 'behind' : 'ahead of'
    return fail(
      `This machine's clock is ${Math.abs(skewMs)} ms ${behind} that of Postgres: keys would expire at the wrong time.`,
      'Let both machines take their time by NTP (chrony, systemd-timesyncd).',
    )
  },
}

export const durability: Check = {
  name: 'durability',
  examine: async ({ database: { sql } }) => {
    const rows = await sql<{ name: string; setting: string }[]>`
      SELECT name, current_setting(name) AS setting FROM unnest(ARRAY['fsync', 'full_page_writes', 'synchronous_commit']) AS n (name)`
    const off = rows.filter(({ setting }) => setting === 'off').map(({ name }) => name)
    if (off.length > 0)
      return fail(
        `${off.join(', ')} ${off.length === 1 ? 'is' : 'are'} off: a crash of the machine loses what was acknowledged, or the whole database.`,
        `Set ${off.map((name) => `${name} = on`).join(', ')}, for the server, the database and the role.`,
      )
    return ok(rows.map(({ name, setting }) => `${name} ${setting}`).join(', '))
  },
}

const mostWalHeld = 10 * 2 ** 30

export const slots: Check = {
  name: 'replication slots',
  examine: async ({ database: { sql } }) => {
    const rows = await sql<{ name: string; bytes: number }[]>`
      SELECT slot_name AS name, coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn), 0)::bigint AS bytes FROM pg_replication_slots WHERE NOT active`
    const [held] = rows
    if (held === undefined) return ok('none that nobody reads')
    const advice = `Drop it with SELECT pg_drop_replication_slot('${held.name}'), or set max_slot_wal_keep_size.`
    const found = `Nobody reads the replication slot ${held.name}, which keeps ${Math.round(held.bytes / 2 ** 20)} MB of Postgres' log on the disk.`
    return held.bytes > mostWalHeld ? fail(found, advice) : warn(found, advice)
  },
}

export const connections: Check = {
  name: 'connections',
  examine: async ({ config, database: { sql, options } }) => {
    const [row] = await sql<{ most: number; nodes: number }[]>`
      SELECT least(current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int,
          nullif((SELECT datconnlimit FROM pg_database WHERE datname = current_database()), -1), nullif((SELECT rolconnlimit FROM pg_roles WHERE rolname = current_user), -1)) AS most,
        (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = ${advisoryLocks.node} AND granted
          AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))::int AS nodes`
    const { most, nodes } = row ?? { most: 0, nodes: 0 }
    const each = connectionsOfGateway(config.poolSize, { behindPooler: await leadsToPooler(options.url) })
    const gateways = Math.max(1, nodes)
    // During a rolling restart there is one more.
    const needed = (gateways + 1) * each
    const found = `${gateways} gateway${gateways === 1 ? '' : 's'}, and one more while they are restarted, of up to ${each} connections each; there may be ${most}`
    return needed <= most
      ? ok(found)
      : fail(
          `${found}.`,
          `Raise max_connections (or the limit of the role or the database) to ${needed} or more, or lower SYNKVY_POOL_SIZE.`,
        )
  },
}

export const wall: Check = {
  name: 'wall',
  examine: async ({ database }) => {
    if (database.options.hasWall === false)
      return warn("Only the gateway's own checks stand between accounts.", 'Set SYNKVY_ROW_SECURITY=on, where the role can be had.')
    const gap = await findWallGap(database)
    return gap === undefined ? ok('requests see the rows of one account alone') : fail(gap.found, gap.advice)
  },
}

export const rights: Check = { name: 'rights', examine: examineRights }

async function examineRights({ database: { sql } }: Examined): Promise<Verdict> {
  const [row] = await sql<{ user: string; denied: readonly string[]; foreign: readonly string[]; mayCreate: boolean; sees: boolean }[]>`
    SELECT current_user AS user, has_schema_privilege('public', 'CREATE') AS "mayCreate", has_function_privilege('pg_control_system()', 'EXECUTE') AS sees, ARRAY(
      SELECT c.relname::text FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND (
        (c.relkind IN ('r', 'p') AND NOT (has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT') AND has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE')))
        OR (c.relkind = 'S' AND NOT (has_sequence_privilege(c.oid, 'USAGE') AND has_sequence_privilege(c.oid, 'UPDATE')))) ORDER BY 1) AS denied, ARRAY(
      SELECT c.relname::text FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT pg_has_role(c.relowner, 'USAGE') ORDER BY 1) AS foreign`
  if (row === undefined) throw new Error('a SELECT without FROM answered nothing')
  if (row.denied.length > 0)
    return fail(
      `The role ${row.user} may not read and write ${row.denied.slice(0, 5).join(', ')}${row.denied.length > 5 ? ' and others' : ''}.`,
      `Let the role own the tables (REASSIGN OWNED), or GRANT ALL ON ALL TABLES, ALL SEQUENCES IN SCHEMA public TO ${row.user}.`,
    )
  if (!row.sees)
    return fail(`The role ${row.user} may not call pg_control_system().`, `GRANT EXECUTE ON FUNCTION pg_control_system() TO ${row.user}.`)
  if (row.foreign.length > 0 || !row.mayCreate)
    return warn(
      `The role ${row.user} can work with the tables, but does not own them: it cannot migrate.`,
      'Run "synkvy migrate" as their owner before you upgrade the gateways, or let this role own them.',
    )
  return ok(`${row.user} owns the tables`)
}
