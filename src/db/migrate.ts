import { fileURLToPath } from 'node:url'
import { existsSync } from 'node:fs'
import { drizzle } from 'drizzle-orm/node-postgres'
import { readMigrationFiles, type MigrationMeta } from 'drizzle-orm/migrator'
import { migrate } from 'drizzle-orm/node-postgres/migrator'
import pg from 'pg'
import { connectionSettings, type Sql } from './client.ts'
import { postgresFault } from './faults.ts'
import { advisoryLocks } from './locks.ts'

/**
 * Brings the database to the newest schema. Any number of gateways may start at once: an advisory lock lets one migrate while the others wait
 * (Drizzle's own migrator has no lock and fails then).
 */
export async function migrateDatabase(directUrl: string): Promise<void> {
  const client = new pg.Client(connectionSettings({ url: directUrl, name: 'migrate' }))
  client.on('error', () => {})
  try {
    await client.connect()
    await client.query('SELECT pg_advisory_lock($1, 0)', [advisoryLocks.migration])
    await migrate(drizzle({ client }), { migrationsFolder: migrationsFolder() })
    // Changes nothing where the wall stands.
    await client.query('CALL raise_wall()')
  } finally {
    await client.end()
  }
}

/** The migrations that this version of synkvy knows, in their order. */
export function knownMigrations(): readonly MigrationMeta[] {
  return (known ??= readMigrationFiles({ migrationsFolder: migrationsFolder() }))
}

let known: readonly MigrationMeta[] | undefined

const noSuchTable = ['42P01', '3F000']

/** How many of them the database has not been through. Newer ones, of a gateway that was upgraded before this one, are no matter. */
export async function missingMigrations(sql: Sql): Promise<number> {
  const moments = knownMigrations().map(({ folderMillis }) => folderMillis)
  try {
    const [row] = await sql<{ count: number }[]>`
      SELECT count(*) FROM unnest(${moments}::bigint[]) k (at) WHERE NOT EXISTS (SELECT 1 FROM drizzle.__drizzle_migrations m WHERE m.created_at = k.at)`
    return row?.count ?? moments.length
  } catch (error) {
    if (noSuchTable.includes(postgresFault(error)?.code ?? '')) return moments.length
    throw error
  }
}

/** The `drizzle/` folder, from the sources as from what is compiled below `dist/`. */
function migrationsFolder(): string {
  const beside = fileURLToPath(new URL('../../drizzle', import.meta.url))
  return existsSync(beside) ? beside : fileURLToPath(new URL('../../../drizzle', import.meta.url))
}
