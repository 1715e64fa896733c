import { randomBytes } from 'node:crypto'
import type postgres from 'postgres'
import { inject } from 'vitest'
import { connectPostgres } from '../../src/db/connect.ts'
import { openDatabase, type Database } from '../../src/db/client.ts'
import { withDatabase } from './global-setup.ts'

export interface TestDatabase extends AsyncDisposable {
  readonly url: string
  readonly database: Database
}

/** A database of its own, cloned from the migrated template, dropped when it is disposed of. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const name = `synkvy_test_${randomBytes(6).toString('hex')}`
  const server = inject('postgresUrl')
  await asAdmin(server, (admin) => admin`CREATE DATABASE ${admin(name)} TEMPLATE ${admin(inject('templateName'))}`)
  const url = withDatabase(server, name)
  const database = openDatabase({ url, directUrl: url, poolSize: 5, silenceMs: 60_000 })
  return {
    url,
    database,
    [Symbol.asyncDispose]: async () => {
      await database[Symbol.asyncDispose]()
      await asAdmin(server, (admin) => admin`DROP DATABASE IF EXISTS ${admin(name)} WITH (FORCE)`)
    },
  }
}

async function asAdmin(server: string, work: (admin: postgres.Sql) => Promise<unknown>): Promise<void> {
  const admin = connectPostgres(server, { max: 1, onnotice: () => {} })
  try {
    await work(admin)
  } finally {
    await admin.end()
  }
}
