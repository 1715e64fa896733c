import { randomBytes } from 'node:crypto'
import { expect, inject } from 'vitest'
import { connectOnce, openDatabase, type OpenDatabase, type Sql } from '../../src/db/client.ts'
import { identifier } from '../../src/db/sql.ts'
import { withDatabase } from './global-setup.ts'

export interface TestDatabase extends AsyncDisposable {
  readonly url: string
  readonly database: OpenDatabase
}

/** A database of its own, cloned from the migrated template, dropped when it is disposed of. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const name = `synkvy_test_${randomBytes(6).toString('hex')}`
  const server = inject('postgresUrl')
  await asAdmin(server, (admin) => admin`CREATE DATABASE ${identifier(name)} TEMPLATE ${identifier(inject('templateName'))}`)
  const url = withDatabase(server, name)
  const database = openDatabase({ url, directUrl: url, poolSize: 5, timeoutMs: 60_000 })
  return {
    url,
    database,
    [Symbol.asyncDispose]: async () => {
      await database[Symbol.asyncDispose]()
      await asAdmin(server, (admin) => admin`DROP DATABASE IF EXISTS ${identifier(name)} WITH (FORCE)`)
    },
  }
}

/** Resolves when something on this database waits for a lock. */
export async function untilOneWaits({ sql }: Pick<OpenDatabase, 'sql'>): Promise<void> {
  await expect
    .poll(async () => (await sql`SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`).length)
    .toBeGreaterThan(0)
}

/** Resolves when everything that was written has its position. */
export async function untilSequenced({ sql }: Pick<OpenDatabase, 'sql'>): Promise<void> {
  await expect.poll(async () => (await sql`SELECT 1 FROM inbox LIMIT 1`).length).toBe(0)
}

async function asAdmin(server: string, work: (admin: Sql) => PromiseLike<unknown>): Promise<void> {
  const admin = connectOnce({ url: server, name: 'test' })
  try {
    await work(admin)
  } finally {
    await admin.end()
  }
}
