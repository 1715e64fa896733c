import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { advisoryLocks } from '../../src/db/locks.ts'
import { Subscription } from '../helpers/consumer.ts'
import { createTestDatabase, type TestDatabase, untilSequenced } from '../helpers/database.ts'
import { adminKey, createProducts, createView, expectData, startGateway, type TestGateway } from '../helpers/gateway.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(async () => {
  await database[Symbol.asyncDispose]()
})

/** A gateway as a process of its own, which can be killed. */
async function spawnGateway(): Promise<ChildProcess> {
  const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
  const child = spawn(process.execPath, ['--import', 'tsx', main, 'serve'], {
    env: { ...process.env, PORT: '0', DATABASE_URL: database.url, SYNKVY_ACCOUNT: 'shop', SYNKVY_ADMIN_KEY: adminKey, LOG_LEVEL: 'info' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let text = ''
  await new Promise<void>((resolve, reject) => {
    const hear = (chunk: Buffer): void => {
      text += chunk.toString()
      if (text.includes('"msg":"sequencing"')) resolve()
    }
    child.stdout.on('data', hear)
    child.stderr.on('data', hear)
    child.once('exit', () => reject(new Error(`the gateway ended: ${text}`)))
  })
  return child
}

async function hasEnded(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
}

const setOnHand = (onHand: number) =>
  database.database.sql`UPDATE stock_levels SET on_hand = ${onHand} WHERE variant_id = (SELECT id FROM variants WHERE sku = 'SKU-crash-1')`

test('a change that commits while the gateway that sequences is killed or stopped arrives by another', async () => {
  const leader = await spawnGateway()
  await using gateway: TestGateway = await startGateway(database)
  await createProducts(gateway, ['crash-1'], 1)
  const { viewId, key } = await createView(gateway, 'Crash')
  await expectData(gateway.call('mutation ($viewId: ID!) { resendAllProducts(syncViewId: $viewId) { __typename } }', { viewId }))
  const stock = new Subscription(gateway.connect(key), 'STOCK')
  await stock.readUntil((batch) => batch.caughtUp)

  leader.kill('SIGKILL')
  await setOnHand(2)
  expect((await stock.readUntil((batch) => batch.changes.length > 0)).at(-1)).toMatchObject({ entity: { onHand: 2 } })

  await hasEnded(leader)
})

test('a gateway that is stopped while it leads is deposed, and numbers nothing when it wakes up', async () => {
  const leader = await spawnGateway()
  await using gateway: TestGateway = await startGateway(database)
  const { viewId, key } = await createView(gateway, 'Stopped')
  await expectData(gateway.call('mutation ($viewId: ID!) { resendAllProducts(syncViewId: $viewId) { __typename } }', { viewId }))
  const stock = new Subscription(gateway.connect(key), 'STOCK')
  await stock.readUntil((batch) => batch.caughtUp)
  const termBefore = await readTerm()

  leader.kill('SIGSTOP')
  await setOnHand(3)
  expect((await stock.readUntil((batch) => batch.changes.length > 0)).at(-1)).toMatchObject({ entity: { onHand: 3 } })
  leader.kill('SIGCONT')
  await setOnHand(4)
  expect((await stock.readUntil((batch) => batch.changes.some((change) => change.entity?.['onHand'] === 4))).length).toBeGreaterThan(0)

  expect(await readTerm()).toBe(termBefore + 1)
  const fenced = await database.database.sql`SELECT * FROM sequence_batch(${termBefore}, 100, 0, 0)`
  expect(fenced).toHaveLength(0)
  leader.kill('SIGKILL')
  await hasEnded(leader)
}, 90_000)

test('a gateway that leads and is held up for a moment is not deposed, however often writers ring', async () => {
  const leader = await spawnGateway()
  await using _follower: TestGateway = await startGateway(database)
  const { sql } = database.database
  const termBefore = await readTerm()

  await sql.begin(async (tx) => {
    await tx`SELECT * FROM sequencer FOR UPDATE`
    await setOnHand(20)
    expect((await sql`SELECT 1 FROM inbox`).length).toBeGreaterThan(0)
    for (let count = 0; count < 30; count += 1) {
      await sql`SELECT pg_notify('synkvy_inbox', '')`
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  })
  await untilSequenced({ sql })

  expect(await readTerm()).toBe(termBefore)
  leader.kill('SIGKILL')
  await hasEnded(leader)
}, 90_000)

test('sessions that Postgres ends come back, and nothing is missed', async () => {
  await using gateway: TestGateway = await startGateway(database)
  const { viewId, key } = await createView(gateway, 'Sessions')
  await expectData(gateway.call('mutation ($viewId: ID!) { resendAllProducts(syncViewId: $viewId) { __typename } }', { viewId }))
  const stock = new Subscription(gateway.connect(key), 'STOCK')
  await stock.readUntil((batch) => batch.caughtUp)

  await database.database.sql`
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name LIKE 'synkvy%'`
  for (let onHand = 10; onHand < 15; onHand += 1) await setOnHand(onHand)

  await stock.readUntil((batch) => batch.changes.some((change) => change.entity?.['onHand'] === 14))
})

async function readTerm(): Promise<number> {
  const [row] = await database.database.sql<{ term: number }[]>`SELECT term FROM sequencer`
  return row?.term ?? 0
}

test('no session, lock or listener is left behind by gateways that have stopped', async () => {
  const { sql } = database.database
  await expect
    .poll(
      async () => {
        const [row] = await sql<{ locks: number }[]>`
          SELECT count(*) AS locks FROM pg_locks WHERE locktype = 'advisory' AND classid IN (${advisoryLocks.node}, ${advisoryLocks.sequencer})
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`
        return row?.locks
      },
      { timeout: 20_000 },
    )
    .toBe(0)
})
