import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Webhook } from 'standardwebhooks'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createAccount } from '../../src/access/accounts.ts'
import { Subscription } from '../helpers/consumer.ts'
import { createTestDatabase } from '../helpers/database.ts'
import { createIntegration, createProducts, expectData, startGateway, startShop, type TestGateway } from '../helpers/gateway.ts'
import { numberOf } from '../helpers/ids.ts'

const settings = { SYNKVY_DOORBELL_NETWORKS: '127.0.0.1/32' }

let shop: Awaited<ReturnType<typeof startShop>>
beforeAll(async () => {
  shop = await startShop(settings)
})
afterAll(async () => {
  await shop[Symbol.asyncDispose]()
})

type Called = Pick<TestGateway, 'call'>

interface Call {
  readonly headers: Record<string, string>
  readonly body: string
  readonly path: string
}

/** Somebody's web server: keeps what it is called with, and answers as it is told. */
async function openDoor(answer: (response: ServerResponse, count: number) => void = (response) => void response.writeHead(204).end()) {
  const calls: Call[] = []
  const server = createServer((request, response) => {
    void readBody(request).then((body) => {
      const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]))
      calls.push({ headers, body, path: request.url ?? '' })
      return answer(response, calls.length)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address: AddressInfo | string | null = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return {
    calls,
    url: `http://127.0.0.1:${port}/bell`,
    port,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function readBody(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of request) text += String(chunk)
  return text
}

const create = 'mutation ($input: CreateSyncViewInput!) { createSyncView(input: $input) { syncView { id } doorbellSecret } }'

/** Products, and a view with a doorbell to which they are to be linked. */
async function createBelledView(name: string, doorbellUrl: string, handles: readonly string[] = [], gateway: Called = shop) {
  if (handles.length > 0) await createProducts(gateway, handles, 1)
  const integration = await createIntegration(gateway, name)
  const { createSyncView } = await expectData(gateway.call(create, { input: { name, doorbellUrl } }, integration.key))
  const viewId: string = createSyncView.syncView.id
  const secret: string = createSyncView.doorbellSecret
  return { ...integration, viewId, secret }
}

const link = (viewId: string, handles: readonly string[], gateway: Called = shop) =>
  expectData(
    gateway.call('mutation ($id: ID!, $products: [ProductBy!]!) { linkProducts(syncViewId: $id, products: $products) { linksCreated } }', {
      id: viewId,
      products: handles.map((handle) => ({ handle })),
    }),
  )

const rename = (handle: string, title: string, gateway: Called = shop) =>
  expectData(
    gateway.call('mutation ($input: [ProductInput!]!) { upsertProducts(input: $input) { products { id } } }', {
      input: [{ handle, title }],
    }),
  )

/** Pulls all that waits, and acknowledges it. */
async function pull(key: string, stream: 'productChanges' | 'stockChanges', gateway: Called = shop): Promise<void> {
  for (;;) {
    const data = await expectData(gateway.call(`{ ${stream} { cursor caughtUp changes { kind } } }`, {}, key))
    const { cursor, caughtUp, changes } = data[stream]
    if (changes.length > 0) {
      await expectData(gateway.call('mutation ($cursor: Cursor!) { acknowledge(cursor: $cursor) { __typename } }', { cursor }, key))
    }
    if (caughtUp) return
  }
}

async function doorbellOf(id: string, gateway: Called = shop) {
  const data = await expectData(
    gateway.call('query ($id: ID!) { syncView(id: $id) { doorbell { lastRungAt lastStatus lastError attempts nextAttemptAt } } }', { id }),
  )
  return data.syncView.doorbell
}

async function untilRung(door: { readonly calls: readonly Call[] }, times: number): Promise<void> {
  await expect.poll(() => door.calls.length, { timeout: 20_000 }).toBe(times)
}

/** Longer than it takes to look whether somebody is to be told. */
const aWhile = () => new Promise((resolve) => setTimeout(resolve, 3_500))

test('a doorbell is rung once, signed, when something waits and nobody is connected, and again when something new comes after that was fetched', async () => {
  await using door = await openDoor()
  const { viewId, key, secret } = await createBelledView('Rung', door.url, ['rung-1', 'rung-2'])
  await aWhile()
  expect(door.calls).toEqual([])

  await link(viewId, ['rung-1', 'rung-2'])
  await untilRung(door, 1)

  const [call] = door.calls
  expect(call?.path).toBe('/bell')
  expect(new Webhook(secret).verify(call?.body ?? '', call?.headers ?? {})).toEqual({
    type: 'sync_view.waiting',
    timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
    data: { syncViewId: viewId, streams: ['PRODUCT', 'STOCK'] },
  })
  expect(() =>
    new Webhook(`whsec_${Buffer.from('another secret').toString('base64')}`).verify(call?.body ?? '', call?.headers ?? {}),
  ).toThrow('No matching signature')
  await expect
    .poll(() => doorbellOf(viewId), { timeout: 20_000 })
    .toMatchObject({ lastStatus: 204, lastError: null, attempts: 1, nextAttemptAt: null })
  await aWhile()
  expect(door.calls).toHaveLength(1)

  await pull(key, 'productChanges')
  await aWhile()
  expect(door.calls).toHaveLength(1)
  await rename('rung-2', 'New')
  await untilRung(door, 2)
  expect(door.calls[1]?.headers['webhook-id']).not.toBe(call?.headers['webhook-id'])
  // Of the streams that it has opened by now.
  expect(JSON.parse(door.calls[1]?.body ?? '')).toMatchObject({ data: { streams: ['PRODUCT'] } })
  await shop.database.database
    .sql`UPDATE stock_levels SET on_hand = 7 WHERE variant_id = (SELECT id FROM variants WHERE sku = 'SKU-rung-1')`
  await aWhile()
  expect(door.calls).toHaveLength(2)
})

test("an order of somebody else's rings for who receives the whole shop's, and not for who receives its own", async () => {
  await using door = await openDoor()
  await createProducts(shop, ['rung-order'], 10)
  const own = await createBelledView('Receives its own', `${door.url}?own`)
  const all = await createBelledView('Receives all', `${door.url}?all`)
  await expectData(
    shop.call('mutation ($id: ID!) { updateSyncView(id: $id, input: { orderScope: ALL }) { syncView { id } } }', { id: all.viewId }),
  )
  const order = { externalId: 'rung', lines: [{ sku: 'SKU-rung-order', quantity: 1, unitPrice: { amount: '1', currency: 'SEK' } }] }

  await expectData(shop.call('mutation ($input: [OrderInput!]!) { upsertOrders(input: $input) { __typename } }', { input: [order] }))

  await expect.poll(() => door.calls.map(({ path }) => path), { timeout: 20_000 }).toContain('/bell?all')
  const told = door.calls.find(({ path }) => path === '/bell?all')
  expect(JSON.parse(told?.body ?? '{}').data).toEqual({ syncViewId: all.viewId, streams: ['ORDER'] })
  expect(door.calls.map(({ path }) => path)).not.toContain('/bell?own')
  for (const { viewId } of [own, all])
    await expectData(shop.call('mutation ($id: ID!) { deleteSyncView(id: $id) { deletedId } }', { id: viewId }))
})

test('while somebody is connected, or the view is paused, no bell rings; afterwards it does', async () => {
  await using door = await openDoor()
  const { viewId, key } = await createBelledView('Connected', door.url, ['connected-1'])
  const products = new Subscription(shop.connect(key), 'PRODUCT')
  await products.next()
  await link(viewId, ['connected-1'])
  await products.next()
  await aWhile()
  expect(door.calls).toEqual([])

  const pausing = (paused: boolean) =>
    expectData(
      shop.call('mutation ($id: ID!, $paused: Boolean) { updateSyncView(id: $id, input: { paused: $paused }) { doorbellSecret } }', {
        id: viewId,
        paused,
      }),
    )
  expect(await pausing(true)).toEqual({ updateSyncView: { doorbellSecret: null } })
  expect(await products.ended()).toBe('SYNC_VIEW_PAUSED')
  await aWhile()
  expect(door.calls).toEqual([])

  await pausing(false)
  await untilRung(door, 1)
})

test('a bell that failed is not rung again while somebody is connected, and is when that has not fetched everything', async () => {
  await using door = await openDoor((response) => void response.writeHead(500).end())
  const { viewId, key } = await createBelledView('Failed and connected', door.url, ['both-1'])
  await link(viewId, ['both-1'])
  await expect.poll(() => doorbellOf(viewId), { timeout: 20_000 }).toMatchObject({ lastStatus: 500 })
  const products = new Subscription(shop.connect(key), 'PRODUCT')
  await products.next()

  await aWhile()
  const { length } = door.calls
  await aWhile()
  expect(door.calls).toHaveLength(length)

  products.close()
  await expect.poll(() => door.calls.length, { timeout: 20_000 }).toBeGreaterThan(length)
})

test('a bell that fails is rung again, for the same, after a pause; what came of it is visible', async () => {
  let status = 302
  await using door = await openDoor((response) => {
    response.writeHead(status, { location: '/elsewhere' })
    // A body without an end is nobody's to read.
    if (status === 200) response.write('x'.repeat(100_000))
    else response.end('not now')
  })
  const { viewId } = await createBelledView('Failing', door.url, ['failing-1'])
  const untilIs = async (doorbell: object): Promise<void> => {
    await expect.poll(() => doorbellOf(viewId), { timeout: 30_000 }).toMatchObject(doorbell)
  }
  await link(viewId, ['failing-1'])

  await untilIs({ lastStatus: 302, lastError: expect.stringContaining('redirects'), nextAttemptAt: expect.any(String) })
  status = 500
  await untilIs({ lastStatus: 500, lastError: 'It answers 500.', nextAttemptAt: expect.any(String) })
  status = 200
  await untilIs({ lastStatus: 200, lastError: null, lastRungAt: expect.any(String), nextAttemptAt: null })

  expect(door.calls.length).toBeGreaterThanOrEqual(3)
  expect(new Set(door.calls.map(({ path }) => path))).toEqual(new Set(['/bell']))
  expect(new Set(door.calls.map(({ headers }) => headers['webhook-id'])).size).toBe(1)
})

test('the pause after a ring that nobody heeds is drawn from up to a bound that doubles, to an end, and begins anew when something is acknowledged', async () => {
  await using door = await openDoor()
  const { viewId, key } = await createBelledView('Unheeded', door.url, ['unheeded-1'])
  await link(viewId, ['unheeded-1'])
  await untilRung(door, 1)
  const { sql } = shop.database.database
  const id = numberOf(viewId)
  const bound = async (): Promise<number> => {
    const [row] = await sql<{ seconds: number }[]>`
      SELECT extract(epoch FROM next_attempt_at - last_rung_at)::float8 AS seconds FROM doorbells WHERE view_id = ${id}`
    return row?.seconds ?? 0
  }
  await expect.poll(() => doorbellOf(viewId), { timeout: 20_000 }).toMatchObject({ attempts: 1 })
  expect(await bound()).toBeLessThanOrEqual(2)

  // As after a thousand of them.
  await sql`UPDATE doorbells SET attempts = 1000, next_attempt_at = clock_timestamp() WHERE view_id = ${id}`
  await rename('unheeded-1', 'Once more')
  await untilRung(door, 2)
  await expect.poll(() => doorbellOf(viewId), { timeout: 20_000 }).toMatchObject({ attempts: 1001 })
  expect(await bound()).toBeGreaterThanOrEqual(0)
  expect(await bound()).toBeLessThanOrEqual(900)

  await pull(key, 'productChanges')
  await rename('unheeded-1', 'Heeded')
  await untilRung(door, 3)
  await expect.poll(() => doorbellOf(viewId), { timeout: 20_000 }).toMatchObject({ attempts: 1 })
})

test('while a bell is unanswered it is not rung again, whatever comes; then it is given up, and rung again', async () => {
  await using door = await openDoor((response, count) => {
    if (count > 1) response.writeHead(204).end()
  })
  const { viewId } = await createBelledView('Unanswered', door.url, ['unanswered-1'])
  await link(viewId, ['unanswered-1'])
  await untilRung(door, 1)

  for (let round = 0; round < 8; round += 1) {
    await rename('unanswered-1', `Round ${round}`)
    await new Promise((resolve) => setTimeout(resolve, 1_000))
    expect(door.calls).toHaveLength(1)
  }
  await expect.poll(() => doorbellOf(viewId), { timeout: 20_000 }).toMatchObject({ lastStatus: null, lastError: 'No answer within 10 s.' })
  await untilRung(door, 2)
})

test('of two gateways one rings; when it ends, the other does', async () => {
  await using database = await createTestDatabase()
  const first = await startGateway(database, settings)
  await using second = await startGateway(database, settings)
  await using door = await openDoor()
  const { viewId, key } = await createBelledView('Two', door.url, ['two-1'], first)
  await link(viewId, ['two-1'], first)
  for (let round = 1; round <= 3; round += 1) {
    await untilRung(door, round)
    await pull(key, 'productChanges', second)
    await rename('two-1', `Round ${round}`, second)
  }
  await untilRung(door, 4)
  await aWhile()
  expect(door.calls).toHaveLength(4)

  await pull(key, 'productChanges', second)
  await first[Symbol.asyncDispose]()
  await rename('two-1', 'For the other', second)
  await untilRung(door, 5)
  await aWhile()
  expect(door.calls).toHaveLength(5)
})

test('a bell that two gateways would ring is taken by one, and by the other when that has not ended', async () => {
  await using door = await openDoor()
  const { viewId } = await createBelledView('Taken', door.url, ['taken-1'])
  const { sql } = shop.database.database
  const id = numberOf(viewId)
  await link(viewId, ['taken-1'])
  await untilRung(door, 1)
  await expect.poll(() => doorbellOf(viewId), { timeout: 20_000 }).toMatchObject({ attempts: 1 })

  // As one does that rings.
  await sql`UPDATE doorbells SET turn = turn + 1, ringing_until = clock_timestamp() + interval '8 s', next_attempt_at = clock_timestamp() WHERE view_id = ${id}`
  await rename('taken-1', 'While it rings')
  await using other = await openDoor()
  const { viewId: otherId } = await createBelledView('Taken by nobody', other.url)
  await link(otherId, ['taken-1'])
  await untilRung(other, 1)
  expect(door.calls).toHaveLength(1)
  await untilRung(door, 2)

  // As one does that rings and then dies: it may have told nothing. Something moves that does not concern the view.
  await expect.poll(() => doorbellOf(viewId), { timeout: 20_000 }).toMatchObject({ attempts: 2 })
  await sql`UPDATE doorbells SET turn = turn + 1, waits = false, ringing_until = clock_timestamp() + interval '1 s' WHERE view_id = ${id}`
  await createProducts(shop, ['taken-aside'])
  await untilRung(door, 3)
})

describe('where doorbells may be', () => {
  test('an address that is not public is refused, and a name that leads to one is not called', async () => {
    await using database = await createTestDatabase()
    await using gateway = await startGateway(database)
    await using door = await openDoor()
    const { key } = await createIntegration(gateway, 'Refused')
    for (const doorbellUrl of [door.url, 'http://10.0.0.1/', 'http://[::1]/', 'http://169.254.169.254/latest/meta-data', 'ftp://x/', 'x']) {
      const { errors } = await gateway.call(create, { input: { name: 'Refused', doorbellUrl } }, key)
      expect(errors?.[0]?.extensions, doorbellUrl).toMatchObject({ code: 'BAD_USER_INPUT', inputPath: ['input', 'doorbellUrl'] })
    }

    const { viewId } = await createBelledView('Named', `http://localhost:${door.port}/`, ['named-1'], gateway)
    await link(viewId, ['named-1'], gateway)

    await expect
      .poll(() => doorbellOf(viewId, gateway), { timeout: 20_000 })
      .toMatchObject({
        lastStatus: null,
        lastError: expect.stringContaining('SYNKVY_DOORBELL_NETWORKS'),
        nextAttemptAt: expect.any(String),
      })
    expect(door.calls).toEqual([])
  })
})

describe('the secret', () => {
  test('is shown once: not to an unchanged repeat, and anew whenever a doorbell is given', async () => {
    await using door = await openDoor()
    const { key } = await createIntegration(shop, 'Secret')
    const input = { name: 'Secret', doorbellUrl: door.url }
    const first = (await expectData(shop.call(create, { input }, key))).createSyncView
    const again = (await expectData(shop.call(create, { input }, key))).createSyncView
    const update = async (doorbellUrl: string | null) => {
      const data = await expectData(
        shop.call(
          'mutation ($id: ID!, $url: String) { updateSyncView(id: $id, input: { doorbellUrl: $url }) { doorbellSecret syncView { doorbellUrl doorbell { attempts } } } }',
          { id: first.syncView.id, url: doorbellUrl },
        ),
      )
      return data.updateSyncView
    }

    expect(first.doorbellSecret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/)
    expect(again).toEqual({ syncView: first.syncView, doorbellSecret: null })
    const renewed = await update(door.url)
    expect(renewed).toEqual({
      doorbellSecret: expect.stringMatching(/^whsec_/),
      syncView: { doorbellUrl: door.url, doorbell: { attempts: 0 } },
    })
    expect(renewed.doorbellSecret).not.toBe(first.doorbellSecret)
    expect(await update(null)).toEqual({ doorbellSecret: null, syncView: { doorbellUrl: null, doorbell: null } })

    const { doorbellSecret } = await update(door.url)
    await createProducts(shop, ['secret-1'])
    await link(first.syncView.id, ['secret-1'])
    await untilRung(door, 1)
    const [call] = door.calls
    expect(() => new Webhook(doorbellSecret).verify(call?.body ?? '', call?.headers ?? {})).not.toThrow()
    expect(() => new Webhook(first.doorbellSecret).verify(call?.body ?? '', call?.headers ?? {})).toThrow('No matching signature')
  })
})

test('how a doorbell stands is for admins of the shop and for the own integration', async () => {
  await using door = await openDoor()
  const { viewId, key } = await createBelledView('Sealed', door.url)
  const stranger = await createIntegration(shop, 'Stranger')
  const other = await createAccount(shop.app.database, { slug: 'other', name: 'Other', currency: 'SEK', pricesIncludeTax: true })
  const node = async (by: string) =>
    (await expectData(shop.call('query ($id: ID!) { node(id: $id) { ... on SyncView { doorbell { attempts } } } }', { id: viewId }, by)))
      .node

  expect(await node(key)).toEqual({ doorbell: { attempts: 0 } })
  expect(await node(stranger.key)).toBeNull()
  expect(await node(other.adminKey ?? '')).toBeNull()
  expect(
    (await expectData(shop.call('{ viewer { syncView { doorbell { attempts } } } }', {}, key))).viewer.syncView.doorbell.attempts,
  ).toBe(0)
})
