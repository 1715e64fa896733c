import { randomBytes } from 'node:crypto'
import { expect, inject, test } from 'vitest'
import { connectOnce } from '../../src/db/client.ts'
import { migrateDatabase } from '../../src/db/migrate.ts'
import { identifier } from '../../src/db/sql.ts'
import { withDatabase } from '../helpers/global-setup.ts'

test('twenty gateways that start at once on an empty database migrate it once', async () => {
  const name = `synkvy_empty_${randomBytes(6).toString('hex')}`
  const url = withDatabase(inject('postgresUrl'), name)
  const admin = connectOnce({ url: inject('postgresUrl'), name: 'test' })
  await admin`CREATE DATABASE ${identifier(name)}`

  await Promise.all(Array.from({ length: 20 }, () => migrateDatabase(url)))
  await migrateDatabase(url)

  const client = connectOnce({ url, name: 'test' })
  const [row] = await client<{ sequencers: string; migrations: string }[]>`
    SELECT (SELECT count(*) FROM sequencer)::text AS sequencers, (SELECT count(DISTINCT hash) = count(*) FROM drizzle.__drizzle_migrations)::text AS migrations`
  expect(row).toEqual({ sequencers: '1', migrations: 'true' })
  await client.end()
  await admin`DROP DATABASE ${identifier(name)} WITH (FORCE)`
  await admin.end()
})
