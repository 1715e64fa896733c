import { fileURLToPath } from 'node:url'
import { existsSync } from 'node:fs'
import { drizzle } from 'drizzle-orm/postgres-js'
import { migrate } from 'drizzle-orm/postgres-js/migrator'
import { connectPostgres } from './connect.ts'
import { advisoryLocks } from './locks.ts'

/**
 * Brings the database to the newest schema. Any number of gateways may start at once: an advisory lock lets one migrate while the others wait
 * (Drizzle's own migrator has no lock and fails then).
 */
export async function migrateDatabase(directUrl: string): Promise<void> {
  const client = connectPostgres(directUrl, { max: 1, onnotice: () => {}, connection: { application_name: 'synkvy migrate' } })
  try {
    await client`SELECT pg_advisory_lock(${advisoryLocks.migration}, 0)`
    await migrate(drizzle({ client }), { migrationsFolder: migrationsFolder() })
  } finally {
    await client.end({ timeout: 5 })
  }
}

/** The `drizzle/` folder, from the sources as from what is compiled below `dist/`. */
function migrationsFolder(): string {
  const beside = fileURLToPath(new URL('../../drizzle', import.meta.url))
  return existsSync(beside) ? beside : fileURLToPath(new URL('../../../drizzle', import.meta.url))
}
