import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openDatabase, type OpenDatabase } from '../../src/db/client.ts'
import { isDatabaseAway } from '../../src/db/faults.ts'
import { listen } from '../../src/db/listener.ts'
import { targetOf, Wire } from '../faults/wire.ts'
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts'

let here: TestDatabase
let wire: Wire
let database: OpenDatabase
beforeAll(async () => {
  here = await createTestDatabase()
  await here.database.sql`CREATE TABLE written (what text)`
  wire = await Wire.to(targetOf(here.url))
  database = openOver(wire.port)
})
afterAll(async () => {
  await database[Symbol.asyncDispose]()
  await wire[Symbol.asyncDispose]()
  await here[Symbol.asyncDispose]()
})

function openOver(port: number): OpenDatabase {
  const { username, pathname } = new URL(here.url)
  const url = `postgres://${username}@127.0.0.1:${port}${pathname}`
  return openDatabase({ url, directUrl: url, poolSize: 3, timeoutMs: 1_500 })
}

/** The number of Postgres' process, as it tells it when a connection is made (its message BackendKeyData). */
function processIdIn(answer: Buffer): number {
  const begin = 'K\0\0\0\x0c'
  return answer.readInt32BE(answer.indexOf(begin) + begin.length)
}

const written = () => here.database.sql<{ what: string }[]>`SELECT what FROM written`

test('a connection that is lost in a transaction takes all of it along, and nothing of it is done on another', async () => {
  for (const moment of ['between two statements', 'in the middle of one'] as const) {
    const fault: unknown = await database.sql
      .begin(async (tx) => {
        await tx`INSERT INTO written VALUES ('first')`
        if (moment === 'between two statements') wire.cutOnce()
        else setTimeout(() => wire.cutOnce(), 100)
        await sleep(moment === 'between two statements' ? 100 : 0)
        await tx`SELECT pg_sleep(0.5)`.catch(() => {})
        await tx`INSERT INTO written VALUES ('second')`.catch(() => {})
      })
      .catch((error: unknown) => error)

    expect(isDatabaseAway(fault)).toBe(true)
    expect(await written()).toEqual([])
    expect(await database.sql`SELECT 1 AS one`).toEqual([{ one: 1 }])
  }
})

test('an answer that does not come is given up, and so is its connection', async () => {
  await database.sql`SELECT 1`
  wire.set('half-open')
  const faults = await Promise.all(Array.from({ length: 6 }, () => database.sql`SELECT 1`.catch((error: unknown) => error)))
  wire.set('through')

  expect(faults.filter((fault) => !Array.isArray(fault)).every(isDatabaseAway)).toBe(true)
  await expect.poll(() => database.sql`SELECT 1 AS one`.catch(() => []), { timeout: 10_000 }).toEqual([{ one: 1 }])
})

test('a connection that is ended in the moment in which it is made costs its statement, and not the process', async () => {
  const uncaught: unknown[] = []
  const onUncaught = (error: unknown): void => void uncaught.push(error)
  process.on('uncaughtException', onUncaught)
  // What the server says of the connection arrives together with its end.
  let answers: Buffer[] | undefined = []
  await using door = createServer((near) => {
    const target = targetOf(here.url)
    const far = typeof target === 'number' ? connect(target, '127.0.0.1') : connect(target)
    near.pipe(far)
    far.on('data', (answer) => (answers === undefined ? near.write(answer) : answers.push(answer)))
    far.on('end', () => near.end(Buffer.concat(answers ?? [])))
    for (const socket of [near, far]) socket.on('error', () => {})
  }).listen(0, '127.0.0.1')
  await once(door, 'listening')
  const address = door.address()
  await using toEnd = openOver(typeof address === 'object' && address !== null ? address.port : 0)
  const ended = toEnd.sql`SELECT 1`.catch((error: unknown) => error)
  const isReady = 'Z\0\0\0\x05I'
  await expect.poll(() => Buffer.concat(answers ?? []).includes(isReady)).toBe(true)
  await here.database.sql`SELECT pg_terminate_backend(${processIdIn(Buffer.concat(answers))})`

  expect(isDatabaseAway(await ended)).toBe(true)
  answers = undefined
  expect(await toEnd.sql`SELECT 1 AS one`).toEqual([{ one: 1 }])
  process.off('uncaughtException', onUncaught)
  expect(uncaught).toEqual([])
})

test('one who listens over a connection that has died, without a word, listens again and looks what was missed', async () => {
  let rung = 0
  await using _listening = await listen(database, { some_channel: () => void (rung += 1) })
  wire.set('half-open')
  await here.database.sql`SELECT pg_notify('some_channel', '')`
  await sleep(200)
  expect(rung).toBe(0)
  wire.set('through')

  await expect.poll(() => rung, { timeout: 15_000 }).toBeGreaterThan(0)
  const before = rung
  await here.database.sql`SELECT pg_notify('some_channel', '')`
  await expect.poll(() => rung, { timeout: 5_000 }).toBeGreaterThan(before)
})
