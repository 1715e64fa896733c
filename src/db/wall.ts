import { ConfigError } from '../config.ts'
import type { OpenDatabase, Sql } from './client.ts'
import { postgresFault } from './faults.ts'
import { requestsRole } from './within.ts'

/** What is missing of the wall between accounts, and what to do about it. */
export interface WallGap {
  readonly found: string
  readonly advice: string
}

/** Throws ConfigError where requests could not be answered behind the wall. */
export async function requireWall(database: OpenDatabase): Promise<void> {
  const gap = await findWallGap(database)
  if (gap === undefined) return
  throw new ConfigError(
    `The wall between accounts does not stand. ${gap.found}\n  ${gap.advice}\nOr set SYNKVY_ROW_SECURITY=off, which leaves it to the gateway's own checks. See docs/operations.md.`,
  )
}

/** Goes behind the wall as requests do, and looks. Undefined where it stands. */
export async function findWallGap(database: OpenDatabase): Promise<WallGap | undefined> {
  const [engine] = await database.sql<{ user: string; isBound: boolean }[]>`
    SELECT session_user AS user, EXISTS (SELECT FROM pg_roles r WHERE r.rolname = ${requestsRole} AND pg_has_role(r.oid, 'USAGE'))
      AND row_security_active('accounts') AS "isBound"`
  const user = engine?.user ?? ''
  try {
    const { role, open } = await lookFromWithin(database.forAccount(0).sql)
    if (role !== requestsRole) return { found: `Requests are answered as ${role}.`, advice: 'Report this: it is a fault of synkvy.' }
    if (open.length > 0) return openTables(open)
  } catch (error) {
    const fault = postgresFault(error)
    if (fault?.code !== noSuchRole && fault?.code !== notAllowed) throw error
    const byHand = `${fault.code === noSuchRole ? `CREATE ROLE ${requestsRole} NOLOGIN; ` : ''}GRANT ${requestsRole} TO "${user}";`
    return {
      found: `The role ${user} cannot act as ${requestsRole} (${fault.message}).`,
      advice: `As a superuser: ${byHand} Then start again.`,
    }
  }
  if (engine?.isBound !== true) return undefined
  return {
    found: `The role ${user} is held back by the wall itself, since it inherits the rights of ${requestsRole} and does not own the tables.`,
    advice: `Let it own the tables, or, as a superuser: GRANT ${requestsRole} TO "${user}" WITH INHERIT FALSE (Postgres 15: ALTER ROLE "${user}" NOINHERIT).`,
  }
}

// What Postgres says to SET ROLE.
const noSuchRole = '22023'
const notAllowed = '42501'

/** Who answers requests, and the tables of which it might see another account's rows, or nothing at all. */
async function lookFromWithin(sql: Sql): Promise<{ readonly role: string; readonly open: readonly string[] }> {
  const [row] = await sql<{ role: string; open: readonly string[] }[]>`
    SELECT current_user AS role, ARRAY(
      SELECT c.relname::text FROM pg_class c
      WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
        AND (c.relname = 'accounts' OR EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'account_id' AND NOT a.attisdropped))
        AND NOT (row_security_active(c.oid) AND has_table_privilege(c.oid, 'SELECT') AND EXISTS (
          SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND NOT p.polpermissive AND p.polroles = ARRAY[(SELECT r.oid FROM pg_roles r WHERE r.rolname = current_user)]))
      ORDER BY 1) AS open`
  return row ?? { role: 'nobody', open: [] }
}

function openTables(open: readonly string[]): WallGap {
  const some = `${open.slice(0, 5).join(', ')}${open.length > 5 ? ' and others' : ''}`
  return {
    found: `The role ${requestsRole} is not held back on ${some}, or may not read it.`,
    advice: `As the owner of the tables: CALL raise_wall(). The role must be no superuser, own no tables and not have BYPASSRLS.`,
  }
}
