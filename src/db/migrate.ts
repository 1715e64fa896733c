import { fileURLToPath } from 'node:url'
import { existsSync } from 'node:fs'
import { drizzle } from 'drizzle-orm/node-postgres'
import { migrate } from 'drizzle-orm/node-postgres/migrator'
import pg from 'pg'
import { connectionSettings } from './client.ts'
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
  } finally {
    await client.end()
  }
}

/** The `drizzle/` folder, from the sources as from what is compiled below `dist/`. */
function migrationsFolder(): string {
  const beside = fileURLToPath(new URL('../../drizzle', import.meta.url))
  return existsSync(beside) ? beside : fileURLToPath(new URL('../../../drizzle', import.meta.url))
}
