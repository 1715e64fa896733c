import { randomBytes } from 'node:crypto'
import { expect, inject, test } from 'vitest'
import { connectPostgres } from '../../src/db/connect.ts'
import { migrateDatabase } from '../../src/db/migrate.ts'
import { withDatabase } from '../helpers/global-setup.ts'

test('twenty gateways that start at once on an empty database migrate it once', async () => {
  const name = `synkvy_empty_${randomBytes(6).toString('hex')}`
  const url = withDatabase(inject('postgresUrl'), name)
  const admin = connectPostgres(inject('postgresUrl'), { max: 1, onnotice: () => {} })
  await admin`CREATE DATABASE ${admin(name)}`

  await Promise.all(Array.from({ length: 20 }, () => migrateDatabase(url)))
  await migrateDatabase(url)

  const client = connectPostgres(url, { max: 1 })
  const [row] = await client<{ sequencers: string; migrations: string }[]>`
    SELECT (SELECT count(*) FROM sequencer)::text AS sequencers, (SELECT count(DISTINCT hash) = count(*) FROM drizzle.__drizzle_migrations)::text AS migrations`
  expect(row).toEqual({ sequencers: '1', migrations: 'true' })
  await client.end()
  await admin`DROP DATABASE ${admin(name)} WITH (FORCE)`
  await admin.end()
})
