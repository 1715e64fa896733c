import { execFile, spawn } from 'node:child_process'
import { chown, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { examine } from '../../src/cli/doctor/doctor.ts'
import type { Examined, Finding } from '../../src/cli/doctor/examine.ts'
import { judgePostgres } from '../../src/cli/doctor/setup.ts'
import { openDatabase } from '../../src/db/client.ts'
import { identifier } from '../../src/db/sql.ts'
import { freePort, hasPooler } from '../faults/postgres-server.ts'
import { targetOf, Wire } from '../faults/wire.ts'
import { Subscription } from '../helpers/consumer.ts'
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts'
import { createProducts, createView, expectData, startGateway, startShop } from '../helpers/gateway.ts'

let shop: Awaited<ReturnType<typeof startShop>>
beforeAll(async () => {
  shop = await startShop()
})
afterAll(async () => {
  await shop[Symbol.asyncDispose]()
})

/** The server of the tests does not care for its disk. */
const durable = '-c synchronous_commit=on'

interface SetUp {
  readonly url?: string
  readonly directUrl?: string
  readonly poolSize?: number
  readonly clock?: () => number
  readonly nodeVersion?: string
}

/** What the doctor finds, by check. */
async function findings({ url = shop.database.url, directUrl = url, poolSize = 10, ...rest }: SetUp = {}): Promise<
  Record<string, Finding>
> {
  const database = openDatabase({ url, directUrl, poolSize, timeoutMs: 10_000 })
  await using _closed = database
  const config = { databaseUrl: url, databaseDirectUrl: directUrl, poolSize }
  const examined: Examined = { config, database, clock: Date.now, nodeVersion: '20.19.0', ...rest }
  return Object.fromEntries((await examine(examined)).map((finding) => [finding.check, finding]))
}

function withOption(url: string, options: string): string {
  const changed = new URL(url)
  changed.searchParams.set('options', options)
  return changed.href.replaceAll('+', '%20')
}

describe('the doctor', () => {
  it('finds nothing to mend where all is well, but for the disk of these tests', async () => {
    const found = await findings({ url: withOption(shop.database.url, durable) })

    const bad = Object.values(found).filter(({ status, check }) => status !== 'ok' && check !== 'durability')
    expect(bad).toEqual([])
    expect(found['triggers']?.found).toMatch(/^all [3-9]\d, enabled always$/)
    expect(found['sequencer']?.found).toMatch(/^gateway \d+ sequences, in term 1; gateways that run: 1$/)
  })

  it('finds versions that are too old', async () => {
    expect((await findings({ nodeVersion: '20.18.3' }))['node']).toMatchObject({ status: 'fail', advice: 'Install Node 20.19 or later.' })
    expect((await findings({ nodeVersion: '22.0.0' }))['node']).toMatchObject({ status: 'ok' })
    expect(judgePostgres(140_011)).toMatchObject({ status: 'fail', found: 'Postgres 14.11' })
    expect(judgePostgres(150_000)).toMatchObject({ status: 'ok' })
  })

  it('finds a database that does not answer, and asks it nothing more', async () => {
    const found = await findings({ url: 'postgres://nobody@127.0.0.1:1/nothing' })

    expect(found['database']).toMatchObject({
      status: 'fail',
      found: expect.stringContaining('ECONNREFUSED'),
      advice: expect.stringContaining('DATABASE_URL'),
    })
    expect(found['lag']).toMatchObject({ status: 'skipped' })
  })

  it('finds a clock that is wrong, either way', async () => {
    expect((await findings({ clock: () => Date.now() - 60_000 }))['clock']).toMatchObject({
      status: 'fail',
      found: expect.stringContaining('ms behind'),
    })
    expect((await findings({ clock: () => Date.now() + 60_000 }))['clock']).toMatchObject({
      status: 'fail',
      found: expect.stringContaining('ms ahead of'),
    })
  })

  it('finds settings that lose what was acknowledged', async () => {
    const found = await findings({ url: withOption(shop.database.url, '-c synchronous_commit=off') })

    expect(found['durability']).toMatchObject({
      status: 'fail',
      found: expect.stringContaining('synchronous_commit'),
      advice: expect.stringContaining('synchronous_commit = on'),
    })
  })

  it('finds that there may be too few connections', async () => {
    expect((await findings({ poolSize: 400 }))['connections']).toMatchObject({
      status: 'fail',
      advice: expect.stringContaining('lower SYNKVY_POOL_SIZE'),
    })
  })

  it('finds two URLs that lead to different databases', async () => {
    await using other = await createTestDatabase()

    expect((await findings({ directUrl: other.url }))['direct url']).toMatchObject({
      status: 'fail',
      found: expect.stringContaining('different databases'),
    })
  })
})

describe('the doctor of a database of its own', () => {
  let own: TestDatabase
  beforeAll(async () => {
    own = await createTestDatabase()
  })
  afterAll(async () => {
    await own[Symbol.asyncDispose]()
  })
  const sql = () => own.database.sql

  it('finds that no gateway runs', async () => {
    expect((await findings({ url: own.url }))['sequencer']).toMatchObject({ status: 'warn', advice: 'Start one: synkvy serve' })
  })

  it('finds rights that are missing, and a role that cannot migrate', async () => {
    const role = `limited_${process.pid}`
    await sql()`CREATE ROLE ${identifier(role)}`
    const url = withOption(own.url, `-c role=${role}`)

    expect((await findings({ url }))['rights']).toMatchObject({ status: 'fail', advice: expect.stringContaining(`TO ${role}`) })
    await sql()`GRANT ALL ON ALL TABLES IN SCHEMA public TO ${identifier(role)}`
    expect((await findings({ url }))['rights']).toMatchObject({ status: 'fail', found: expect.stringContaining('accounts_id_seq') })
    await sql()`GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO ${identifier(role)}`
    expect((await findings({ url }))['rights']).toMatchObject({ status: 'warn', found: expect.stringContaining('cannot migrate') })

    await sql()`DROP OWNED BY ${identifier(role)}`
    await sql()`DROP ROLE ${identifier(role)}`
  })

  it('finds triggers that are missing, disabled, or silent for what replication writes', async () => {
    await sql()`ALTER TABLE products ENABLE TRIGGER products_updated`
    await sql()`ALTER TABLE customers DISABLE TRIGGER customers_deleted`
    expect((await findings({ url: own.url }))['triggers']).toMatchObject({
      status: 'fail',
      found: expect.stringMatching(
        /products\.products_updated, customers\.customers_deleted|customers\.customers_deleted, products\.products_updated/,
      ),
      advice: expect.stringContaining('CALL enable_triggers_always()'),
    })
    await sql()`CALL enable_triggers_always()`
    expect((await findings({ url: own.url }))['triggers']).toMatchObject({ status: 'ok' })

    await sql()`DROP TRIGGER orders_inserted ON orders`
    expect((await findings({ url: own.url }))['triggers']).toMatchObject({
      status: 'fail',
      found: expect.stringContaining('orders.orders_inserted'),
    })
  })

  it('finds migrations that are missing', async () => {
    await sql()`DELETE FROM drizzle.__drizzle_migrations WHERE id = (SELECT max(id) FROM drizzle.__drizzle_migrations)`

    expect((await findings({ url: own.url }))['migrations']).toMatchObject({
      status: 'fail',
      found: expect.stringMatching(/^1 of \d+/),
      advice: expect.stringContaining('synkvy migrate'),
    })
  })

  it('finds changes that nobody numbers', async () => {
    await sql()`INSERT INTO inbox (account_id, subject, entity_id, revision) SELECT 1, 'PRODUCT', n, 1 FROM generate_series(1, 10001) n`

    expect((await findings({ url: own.url }))['inbox']).toMatchObject({ status: 'fail', found: expect.stringContaining('10001 changes') })
  })

  it('finds a replication slot that nobody reads', async () => {
    const name = `doctor_${process.pid}`
    await sql()`SELECT pg_create_physical_replication_slot(${name}, true)`

    expect((await findings({ url: own.url }))['replication slots']).toMatchObject({ status: 'warn', found: expect.stringContaining(name) })
    await sql()`SELECT pg_drop_replication_slot(${name})`
  })
})

describe('the doctor of a gateway', () => {
  it('finds that it does not move, and that it does not sequence', async () => {
    await using database = await createTestDatabase()
    const { sql } = database.database
    await using gateway = await startGateway(database)
    // Whoever holds this row keeps the sequencer from its work.
    await sql.begin(async (tx) => {
      await tx`SELECT 1 FROM sequencer FOR UPDATE`
      await sql`INSERT INTO inbox (account_id, subject, entity_id, revision) VALUES (1, 'PRODUCT', 1, 1)`
      expect((await findings({ url: database.url }))['sequencer']).toMatchObject({
        status: 'fail',
        found: expect.stringContaining('has not moved'),
      })
    })
    expect(gateway.url).toBeTruthy()
    await expect.poll(async () => (await findings({ url: database.url }))['sequencer'], { timeout: 10_000 }).toMatchObject({ status: 'ok' })

    // As after a promotion: nobody has taken this server up.
    await sql`UPDATE sequencer SET server_started = server_started - interval '1 hour'`
    expect((await findings({ url: database.url }))['sequencer']).toMatchObject({
      status: 'fail',
      found: expect.stringContaining('none sequences'),
    })
  })

  it('finds the view that has waited for longest', async () => {
    const { sql } = shop.database.database
    await createProducts(shop, ['late'], 1)
    const { viewId, key } = await createView(shop, 'Late')
    await expectData(shop.call('mutation ($id: ID!) { resendAllProducts(syncViewId: $id) { __typename } }', { id: viewId }))
    const stream = new Subscription(shop.connect(key), 'PRODUCT')
    await stream.readUntil((batch) => batch.resendComplete)
    await sql`UPDATE products SET title = 'later'`
    await stream.next()
    await sql`UPDATE feed SET at = at - interval '3 hours' WHERE subject = 'PRODUCT'`

    expect((await findings())['lag']).toMatchObject({
      status: 'warn',
      found: `The sync view ${viewId} of the account shop has had a change of PRODUCT waiting for 3 hours, and is connected.`,
      advice: expect.stringContaining('does not acknowledge'),
    })
  })
})

describe.runIf(hasPooler())('the doctor behind PgBouncer', () => {
  it('finds that the direct URL leads to it, and that it cuts transactions up', async () => {
    const server = new URL(shop.database.url)
    await using wire = await Wire.to(targetOf(shop.database.url))
    await using transaction = await startPooler(wire.port, server.username, 'transaction')
    await using statement = await startPooler(wire.port, server.username, 'statement')
    const through = (port: number) => `postgres://${server.username}@127.0.0.1:${port}${server.pathname}`

    const without = await findings({ url: through(transaction.port) })
    expect(without['direct url']).toMatchObject({
      status: 'fail',
      found: expect.stringContaining('DATABASE_URL leads to a pooler'),
      advice: expect.stringContaining('Set DATABASE_DIRECT_URL'),
    })
    const withDirect = await findings({ url: through(transaction.port), directUrl: shop.database.url, poolSize: 80 })
    expect(withDirect).toMatchObject({ 'direct url': { status: 'ok' }, pooler: { status: 'ok' }, connections: { status: 'ok' } })
    const cutUp = await findings({ url: through(statement.port), directUrl: shop.database.url })
    expect(cutUp['pooler']).toMatchObject({ status: 'fail', advice: expect.stringContaining('pool_mode = transaction') })
  })
})

async function startPooler(target: number, user: string, mode: string): Promise<AsyncDisposable & { readonly port: number }> {
  const [folder, port] = await Promise.all([mkdtemp(join(tmpdir(), 'synkvy-pooler-')), freePort()])
  const config = join(folder, 'pgbouncer.ini')
  const lines = [
    '[databases]',
    `* = host=127.0.0.1 port=${target} user=${user}`,
    '[pgbouncer]',
    'listen_addr = 127.0.0.1',
    `listen_port = ${port}`,
    'unix_socket_dir =',
    'auth_type = any',
    `pool_mode = ${mode}`,
    '',
  ]
  await writeFile(config, lines.join('\n'))
  // It refuses to run as root.
  const nobody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : undefined
  if (nobody !== undefined) for (const path of [folder, config]) await chown(path, nobody.uid, nobody.gid)
  const child = spawn('/usr/sbin/pgbouncer', ['-q', config], { ...nobody, stdio: 'ignore' })
  for (let tries = 0; tries < 100 && !(await isListening(port)); tries += 1) await sleep(50)
  return {
    port,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL')
      await rm(folder, { recursive: true, force: true })
    },
  }
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(true))
    socket.on('error', () => resolve(false))
    socket.on('connect', () => socket.destroy())
  })
}

describe('synkvy doctor', () => {
  const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
  const run = (env: NodeJS.ProcessEnv, ...args: readonly string[]) =>
    new Promise<{ readonly status: unknown; readonly out: string }>((resolve) => {
      execFile(process.execPath, ['--import', 'tsx', main, 'doctor', ...args], { env: { ...process.env, ...env } }, (error, out) =>
        resolve({ status: error === null ? 0 : error.code, out }),
      )
    })

  it('says in words, and for scripts, what it finds; changes nothing; and its exit status says whether something is to be mended', async () => {
    await using database = await createTestDatabase()
    await database.database.sql`DROP SCHEMA drizzle CASCADE`

    const inWords = await run({ DATABASE_URL: database.url })
    const forScripts = await run({ DATABASE_URL: database.url }, '--json')

    expect(inWords).toMatchObject({
      status: 2,
      out: expect.stringMatching(/FAIL {2}migrations[^]*→ Run "synkvy migrate"[^]*To be mended: \d/),
    })
    expect(JSON.parse(forScripts.out)).toContainEqual({
      check: 'migrations',
      status: 'fail',
      found: expect.any(String),
      advice: expect.any(String),
    })
    expect(forScripts.status).toBe(2)
    expect(await database.database.sql`SELECT to_regnamespace('drizzle')::text AS there`).toEqual([{ there: null }])
  })
})
