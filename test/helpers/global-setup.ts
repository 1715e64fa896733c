import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connectOnce } from '../../src/db/client.ts'
import { identifier } from '../../src/db/sql.ts'
import type { TestProject } from 'vitest/node'
import { startEmbeddedPostgres } from '../../src/db/embedded.ts'
import { migrateDatabase } from '../../src/db/migrate.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** A URL of the server that the tests share, of its maintenance database. */
    readonly postgresUrl: string
    /** The migrated database that every test file clones. */
    readonly templateName: string
  }
}

/** The same server with another database. */
export function withDatabase(url: string, name: string): string {
  const changed = new URL(url)
  changed.pathname = `/${name}`
  return changed.href
}

/**
 * One Postgres for all test files: that of SYNKVY_TEST_DATABASE_URL (a superuser's, any version that synkvy supports), else the embedded one without
 * durability. It holds a migrated template, which each file clones.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const given = process.env['SYNKVY_TEST_DATABASE_URL']
  const folder = await mkdtemp(join(tmpdir(), 'synkvy-test-'))
  const embedded = given === undefined ? await startEmbeddedPostgres({ dataDir: folder, durable: false }) : undefined
  const url = given ?? embedded?.url ?? ''
  const templateName = `synkvy_template_${process.pid}`
  const admin = connectOnce({ url, name: 'test' })
  await admin`CREATE DATABASE ${identifier(templateName)}`
  await migrateDatabase(withDatabase(url, templateName))
  project.provide('postgresUrl', url)
  project.provide('templateName', templateName)
  return async () => {
    await admin`DROP DATABASE IF EXISTS ${identifier(templateName)} WITH (FORCE)`
    await admin.end()
    await embedded?.stop()
    await rm(folder, { recursive: true, force: true })
  }
}
