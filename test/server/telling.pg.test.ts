import { readFileSync } from 'node:fs'
import { Writable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'
import { readConfig } from '../../src/config.ts'
import { openDatabase } from '../../src/db/client.ts'
import { createLog } from '../../src/log.ts'
import { createHealth } from '../../src/server/health.ts'
import { readLags } from '../../src/sync/lag.ts'
import { targetOf, Wire } from '../faults/wire.ts'
import { Subscription } from '../helpers/consumer.ts'
import { createTestDatabase, untilSequenced } from '../helpers/database.ts'
import { adminKey, createProducts, createView, expectData, startGateway, startShop } from '../helpers/gateway.ts'
import { numberOf } from '../helpers/ids.ts'

/** A log that keeps its lines. */
function keptLog(env: Readonly<Record<string, string>> = {}) {
  const lines: string[] = []
  const destination = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      lines.push(...chunk.toString().trim().split('\n'))
      done()
    },
  })
  const log = createLog(readConfig({ LOG_LEVEL: 'trace', SYNKVY_ADMIN_KEY: adminKey, ...env }), destination)
  return { log, lines, find: (words: string) => lines.map((line) => JSON.parse(line)).filter(({ msg }) => msg === words) }
}

const kept = keptLog()
let shop: Awaited<ReturnType<typeof startShop>>
beforeAll(async () => {
  shop = await startShop({}, kept.log)
})
afterAll(async () => {
  await shop[Symbol.asyncDispose]()
})

const person = { name: 'Åsa Öberg-Nilsson', email: 'asa.oberg@example.com', phone: '+46701234567', line1: 'Storgatan 17b' }
const address = { name: person.name, line1: person.line1, city: 'Umeå', countryCode: 'SE' }
const customers = [{ externalId: 'K-1', name: person.name, email: person.email, phone: person.phone, address }]
const upsert = 'mutation ($input: [CustomerInput!]!) { upsertCustomers(input: $input) { customers { id } } }'

async function figures(url = shop.url): Promise<string> {
  return (await fetch(`${url}/metrics`)).text()
}
const figure = async (name: string) =>
  Number(new RegExp(`^${name.replaceAll(/[{}]/g, String.raw`\$&`)} (\\S+)$`, 'm').exec(await figures())?.[1])

describe('the log', () => {
  it('holds neither keys, cookies, passwords, names nor addresses, whatever happens to them', async () => {
    const secret = 'synkvy_0123456789abcdefghijklmnopqrstuv'
    const { sql } = shop.database.database
    const { key } = await createView(shop, 'Marketplace')
    await expectData(shop.call(upsert, { input: customers }, key))
    const headers = { authorization: `Bearer ${key}`, cookie: 'session=4d1f7a9c8e', 'content-type': 'application/json' }
    await fetch(`${shop.url}/graphql`, {
      method: 'POST',
      headers,
      body: JSON.stringify({ query: `{ customers(search: "${person.email}") { nope } }` }),
    })
    await fetch(`${shop.url}/graphql`, {
      method: 'POST',
      headers: { ...headers, authorization: `Bearer ${secret}` },
      body: '{ "query": "{ viewer { id } }" }',
    })
    const stream = new Subscription(shop.connect(key), 'CUSTOMER')
    await stream.next()
    // A fault within, of each sort that quotes what it was given.
    await sql`CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not %, % of %', NEW.name, NEW.email, NEW.address; END $$`
    await sql`CREATE TRIGGER fails BEFORE UPDATE ON customers FOR EACH ROW EXECUTE FUNCTION fail()`
    const failed = await shop.call(upsert, { input: [{ ...customers[0], phone: '+46707654321' }] }, key)
    await sql`DROP TRIGGER fails ON customers`
    await sql`ALTER TABLE customers ADD CONSTRAINT short CHECK (length(name) < 5) NOT VALID`
    const refused = await shop.call(upsert, { input: [{ ...customers[0], phone: '+46707654321' }] }, key)
    await sql`ALTER TABLE customers DROP CONSTRAINT short`
    const database = new Error(`cannot reach postgres://synkvy:hunter2@db.example.org/shop with ${adminKey}`)
    kept.log.error({ err: database, headers, body: customers, authorization: `Bearer ${secret}` }, `could not answer ${person.email}`)
    kept.log.warn({ err: new Error('wrapped', { cause: JSON.parse.bind(null, '') }) }, 'odd')
    try {
      JSON.parse(person.name)
    } catch (error) {
      kept.log.error({ err: error }, 'could not be read')
    }

    expect([failed, refused].map(({ errors }) => errors?.[0]?.extensions['code'])).toEqual(['INTERNAL', 'INTERNAL'])
    expect(kept.find('an unexpected error').map(({ err }) => err.cause.code)).toEqual(['P0001', '23514'])
    const all = kept.lines.join('\n')
    expect(kept.lines.length).toBeGreaterThan(10)
    for (const forbidden of [
      ...Object.values(person),
      'Öberg',
      'Umeå',
      'K-1',
      key,
      secret,
      adminKey,
      'hunter2',
      '4d1f7a9c8e',
      '+46707654321',
    ])
      expect(all, forbidden).not.toContain(forbidden)
  })

  it('says in whose call something went wrong, by the id that the caller was answered', async () => {
    const { sql } = shop.database.database
    const { key } = await createView(shop, 'Warehouse')
    await sql`ALTER TABLE customers ADD CONSTRAINT short CHECK (length(name) < 5) NOT VALID`
    const response = await fetch(`${shop.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${key}`, 'x-request-id': 'proxy-4711' },
      body: JSON.stringify({ query: upsert, variables: { input: [{ externalId: 'x', name: 'too long' }] } }),
    })
    await sql`ALTER TABLE customers DROP CONSTRAINT short`
    const ids = { requestId: 'proxy-4711', accountId: expect.any(Number), userId: expect.any(Number), viewId: expect.any(Number) }

    expect(response.headers.get('x-request-id')).toBe('proxy-4711')
    expect(kept.find('an unexpected error').at(-1)).toMatchObject({ ...ids, level: 50 })
    expect(kept.find('an operation has ended').at(-1)).toMatchObject({ ...ids, kind: 'mutation', field: 'upsertCustomers' })
    const odd = await fetch(`${shop.url}/health/live`, { headers: { 'x-request-id': person.email } })
    expect(odd.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/)
  })

  it('names the operations of a socket by the socket, and its streams by their view', async () => {
    const { key, viewId } = await createView(shop, 'Sockets')
    const subscription = new Subscription(shop.connect(key), 'PRODUCT')
    await subscription.next()
    const id = numberOf(viewId)

    expect(kept.find('a stream is open').at(-1)).toMatchObject({ viewId: id, stream: 'PRODUCT', transport: 'WEBSOCKET' })
    subscription.close()
    await expect.poll(() => kept.find('a stream has ended').at(-1)).toMatchObject({ viewId: id })
  })
})

describe('/metrics', () => {
  it('tells what waits for views, by stream, and nothing of an account', async () => {
    const { sql } = shop.database.database
    await createProducts(shop, ['m-1'], 5)
    const { key, viewId } = await createView(shop, 'Falls behind')
    const stream = new Subscription(shop.connect(key), 'PRODUCT', { maxInFlight: 1 })
    await stream.readUntil((batch) => batch.caughtUp)
    await expectData(shop.call('mutation ($id: ID!) { resendAllProducts(syncViewId: $id) { __typename } }', { id: viewId }))
    await stream.readUntil((batch) => batch.resendComplete)
    const lag = 'synkvy_lag_seconds{stream="PRODUCT",lane="LIVE",connected="yes"}'
    const stallsBefore = await figure('synkvy_window_stalls_total')
    await sql`UPDATE products SET title = 'changed'`
    await stream.next()
    await sql`UPDATE feed SET at = at - interval '100 seconds' WHERE subject = 'PRODUCT'`

    await expect.poll(() => figure(lag), { timeout: 15_000, interval: 500 }).toBeGreaterThan(99)
    expect(await figure(lag)).toBeLessThan(200)
    expect(await figure('synkvy_views_waiting{stream="PRODUCT",lane="LIVE",connected="yes"}')).toBe(1)
    expect(await figure('synkvy_changes_sent_total{stream="PRODUCT",lane="LIVE"}')).toBe(1)
    expect(await figure('synkvy_changes_sent_total{stream="PRODUCT",lane="RESEND"}')).toBe(1)
    expect(await figure('synkvy_streams_window_full')).toBe(1)
    expect(await figure('synkvy_window_stalls_total')).toBe(stallsBefore + 1)
    expect(await figure('synkvy_sequencer_node')).toBe(await figure('synkvy_node'))
    expect(await figure('synkvy_database_answers')).toBe(1)
    const text = await figures()
    for (const word of ['shop', 'Falls', 'm-1', key, 'SKU', 'K-1', person.name]) expect(text, word).not.toContain(word)
    const labels = new Set([...text.matchAll(/[{,](\w+)="/g)].map((match) => match[1]))
    expect([...labels].toSorted((a = '', b = '') => a.localeCompare(b))).toEqual(
      [
        'code',
        'connected',
        'field',
        'kind',
        'lane',
        'le',
        'major',
        'minor',
        'patch',
        'pool',
        'space',
        'state',
        'stream',
        'type',
        'version',
      ].filter((label) => labels.has(label)),
    )
  })

  it('does not call a paused view late, nor one that has nothing to do with what changed', async () => {
    const { sql } = shop.database.database
    const paused = await createView(shop, 'Is paused')
    const { key } = await createView(shop, 'Has no links')
    for (const view of [paused.key, key]) {
      const stream = new Subscription(shop.connect(view), 'STOCK')
      await stream.readUntil((batch) => batch.caughtUp)
    }
    const ofPaused = { id: paused.viewId }
    await expectData(
      shop.call('mutation ($id: ID!) { linkProducts(syncViewId: $id, products: [{ handle: "m-1" }]) { linksCreated } }', ofPaused),
    )
    await expectData(shop.call('mutation ($id: ID!) { updateSyncView(id: $id, input: { paused: true }) { syncView { id } } }', ofPaused))
    await sql`UPDATE stock_levels SET on_hand = on_hand + 1`
    await untilSequenced({ sql })

    expect((await readLags(sql)).filter(({ stream }) => stream === 'STOCK')).toEqual([])
    await sql`UPDATE sync_views SET paused = false`
    expect(await readLags(sql)).toContainEqual(expect.objectContaining({ stream: 'STOCK', lane: 'LIVE', isConnected: false, views: 1 }))
  })

  it('counts errors by their code, and operations by their field', async () => {
    const before = await figure('synkvy_errors_total{code="NOT_FOUND"}')
    await shop.call('{ syncView(id: "bm9wZTox") { id } }')
    await shop.call('mutation { cancelResend(syncViewId: "U3luY1ZpZXc6OTk5") { resend { id } } }')
    await shop.call('{ nope }')
    await shop.call('{ nope')

    expect(await figure('synkvy_errors_total{code="NOT_FOUND"}')).toBe((before || 0) + 1)
    expect(await figure('synkvy_errors_total{code="GRAPHQL_VALIDATION_FAILED"}')).toBeGreaterThan(0)
    expect(await figure('synkvy_errors_total{code="GRAPHQL_PARSE_FAILED"}')).toBeGreaterThan(0)
    expect(await figure('synkvy_operation_duration_seconds_count{kind="mutation",field="cancelResend"}')).toBe(1)
  })

  it('can be closed, or kept to an address of its own', async () => {
    await using database = await createTestDatabase()
    await using off = await startGateway(database, { SYNKVY_METRICS: 'off' })
    await using apart = await startGateway(database, { SYNKVY_METRICS: '127.0.0.1:0' })

    expect((await fetch(`${off.url}/metrics`)).status).toBe(404)
    expect(off.app.metricsUrl).toBeUndefined()
    expect((await fetch(`${apart.url}/metrics`)).status).toBe(404)
    expect(await (await fetch(apart.app.metricsUrl ?? '')).text()).toContain('synkvy_sequencer_leading')
    expect((await fetch((apart.app.metricsUrl ?? '').replace('/metrics', '/graphql'))).status).toBe(404)
    expect(() => readConfig({ SYNKVY_METRICS: 'somewhere' })).toThrow(/SYNKVY_METRICS/)
  })
})

test('every figure that an alert asks for is there, and every alert is explained', async () => {
  const rules = readFileSync(new URL('../../docs/alerts.yml', import.meta.url), 'utf8')
  const operations = readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8')
  const text = await figures()
  const known = new Set(
    [...text.matchAll(/^# TYPE (\S+)/gm)].flatMap(([, name]) => [name, `${name}_bucket`, `${name}_count`, `${name}_sum`]),
  )
  const exprs = [...rules.matchAll(/expr: (.*)/g)].map((match) => match[1] ?? '')
  const asked = exprs.flatMap((expr) => expr.match(/\b(?:synkvy|process|nodejs)_\w+/g) ?? [])
  const alerts = [...rules.matchAll(/alert: (\w+)/g)].map((match) => match[1])

  expect(asked.length).toBeGreaterThan(15)
  expect(asked.filter((name) => !known.has(name))).toEqual([])
  expect([...operations.matchAll(/^### (Synkvy\w+)$/gm)].map((match) => match[1])).toEqual(alerts)
})

describe('/health/ready', () => {
  const ready = async (url: string) => {
    const response = await fetch(`${url}/health/ready`)
    return [response.status, await response.text()] as const
  }

  it('says what is wrong: a migration is missing, or the database does not answer', async () => {
    await using database = await createTestDatabase()
    await using gateway = await startGateway(database)
    const { sql } = database.database
    expect(await ready(gateway.url)).toEqual([200, 'ready\n'])

    await sql`UPDATE drizzle.__drizzle_migrations SET created_at = created_at + 1 WHERE id = 2`
    expect(await ready(gateway.url)).toEqual([503, expect.stringContaining('migrations: 1 are missing')])
    await sql`UPDATE drizzle.__drizzle_migrations SET created_at = created_at - 1 WHERE id = 2`
    await sql`ALTER SCHEMA drizzle RENAME TO gone`
    expect(await ready(gateway.url)).toEqual([503, expect.stringContaining('are missing')])
    await sql`ALTER SCHEMA gone RENAME TO drizzle`
    expect(await ready(gateway.url)).toEqual([200, 'ready\n'])
    expect(await (await fetch(`${gateway.url}/health/live`)).text()).toBe('live\n')
  })
  it('says that nobody sequences, or that the database does not answer', async () => {
    await using idle = await createTestDatabase()
    const health = createHealth(idle.database, 0)
    expect(await health.look()).toEqual({ isReady: false, reasons: [expect.stringMatching(/^sequencer: no gateway has sequenced/)] })

    const nowhere = 'postgres://nobody@127.0.0.1:1/nothing'
    await using closed = openDatabase({ url: nowhere, directUrl: nowhere, poolSize: 2, timeoutMs: 1_000 })
    expect(await createHealth(closed).look()).toEqual({ isReady: false, reasons: ['database: Postgres does not answer.'] })
  })
})

test('where the database hangs, figures and health answer all the same, and ask it no more than once meanwhile', async () => {
  await using database = await createTestDatabase()
  const server = new URL(database.url)
  await using wire = await Wire.to(targetOf(database.url))
  const url = `postgres://${server.username}@127.0.0.1:${wire.port}${server.pathname}`
  await using gateway = await startGateway({ ...database, url })
  const answers = /^synkvy_database_answers (\d)$/m
  expect(answers.exec(await figures(gateway.url))?.[1]).toBe('1')

  wire.set('stalled')
  const looks = await Promise.all(Array.from({ length: 20 }, () => fetch(`${gateway.url}/health/ready`)))
  const waiting = gateway.app.database.pools()[0]?.waiting
  // The answer of before is good for five seconds.
  await expect.poll(async () => answers.exec(await figures(gateway.url))?.[1], { timeout: 20_000, interval: 1_000 }).toBe('0')
  wire.set('through')

  expect(looks.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 503))
  expect(waiting).toBe(0)
  await expect.poll(async () => (await fetch(`${gateway.url}/health/ready`)).status, { timeout: 20_000 }).toBe(200)
})
