import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import {
  boundedRevisions,
  connect,
  selection,
  SynkvyClientError,
  type CustomerChange,
  type OrderChange,
  type ProductChange,
  type StockChange,
  type SynkvyClient,
} from '../../src/client/connect.ts'
import { freePort } from '../faults/postgres-server.ts'
import { GatewayProcess } from '../faults/gateway-process.ts'
import { Wire } from '../faults/wire.ts'
import { adminKey, createIntegration, createProducts, createView, expectData, startShop } from '../helpers/gateway.ts'

let shop: Awaited<ReturnType<typeof startShop>>
const clients: SynkvyClient[] = []
beforeAll(async () => {
  shop = await startShop()
})
afterEach(async () => {
  for (const client of clients.splice(0)) await client.close()
})
afterAll(async () => {
  await shop[Symbol.asyncDispose]()
})

function open(key: string, url = shop.url, webSocket?: typeof WebSocket): SynkvyClient {
  const client = connect({ url, key, webSocket })
  clients.push(client)
  return client
}

const names = (prefix: string, count: number): readonly string[] => Array.from({ length: count }, (_, index) => `${prefix}-${index}`)

/** A view with products of its own linked to it. */
async function createLinkedView(name: string, handles: readonly string[], onHand?: number) {
  await createProducts(shop, handles, onHand)
  const view = await createView(shop, name)
  const products = handles.map((handle) => ({ handle }))
  await expectData(
    shop.call('mutation ($id: ID!, $products: [ProductBy!]!) { linkProducts(syncViewId: $id, products: $products) { linksCreated } }', {
      id: view.viewId,
      products,
    }),
  )
  return view
}

const rename = (handle: string, title: string) =>
  expectData(
    shop.call('mutation ($input: [ProductInput!]!) { upsertProducts(input: $input) { products { id } } }', { input: [{ handle, title }] }),
  )

const setOnHand = (handle: string, onHand: number) =>
  shop.database.database
    .sql`UPDATE stock_levels SET on_hand = ${onHand} WHERE variant_id = (SELECT id FROM variants WHERE sku = ${`SKU-${handle}`})`

async function statusOf(viewId: string, stream: string): Promise<{ pending: number; connected: boolean }> {
  const data = await expectData(
    shop.call('query ($id: ID!) { syncView(id: $id) { streams { stream pending connected } } }', { id: viewId }),
  )
  return data.syncView.streams.find((one: { stream: string }) => one.stream === stream)
}
async function untilNothingIsPending(viewId: string, stream: string): Promise<void> {
  await expect.poll(async () => (await statusOf(viewId, stream)).pending, { timeout: 20_000 }).toBe(0)
}

/** What ended a stream. */
const endOf = (following: Promise<unknown>): Promise<unknown> =>
  following.then(
    () => 'resolved',
    (error: unknown) => error,
  )

const quietly = { onError: () => {} }

test('products and stock arrive typed over one socket, and are acknowledged when the handler has resolved', async () => {
  const { viewId, key } = await createLinkedView('Both', names('both', 3), 5)
  const products: ProductChange[] = []
  const levels: StockChange[] = []
  const client = open(key)

  void client.products(({ changes }) => void products.push(...changes))
  void client.stock(({ changes }) => void levels.push(...changes))
  await expect.poll(() => products.length + levels.length, { timeout: 20_000 }).toBe(6)
  await rename('both-1', 'Renamed')
  await expect.poll(() => products.at(-1)?.product?.title, { timeout: 20_000 }).toBe('Renamed')

  expect(products.at(-1)).toMatchObject({ kind: 'UPSERT', lane: 'LIVE', handle: 'both-1', revision: expect.any(BigInt), reason: null })
  expect(products[0]?.product?.variants).toMatchObject([{ sku: 'SKU-both-0', price: { amount: '10.00', currency: 'SEK' } }])
  expect(levels.map(({ sku, stockLevel }) => [sku, stockLevel?.available])).toEqual(names('SKU-both', 3).map((sku) => [sku, 5]))
  await untilNothingIsPending(viewId, 'PRODUCT')
  await untilNothingIsPending(viewId, 'STOCK')
})

test('a consumer asks for fields of its own choosing, and a wrong one ends the stream', async () => {
  const { key } = await createLinkedView('Chosen', names('chosen', 1))
  const titles: (string | undefined)[] = []
  const client = open(key)

  void client.products(({ changes }) => void titles.push(...changes.map(({ product }) => product?.title)), {
    selection: selection<{ readonly title: string }>('title'),
  })
  await expect.poll(() => titles, { timeout: 20_000 }).toEqual(['Title of chosen-0'])

  expect(await endOf(open(key).stock(() => {}, { selection: selection('colour') }))).toMatchObject({ retryable: false })
})

test('a REMOVE says why, and the first batch comes although nothing waits', async () => {
  const { viewId, key } = await createLinkedView('Removed', names('removed', 1))
  const changes: ProductChange[] = []
  const seen: boolean[] = []

  void open(key).products((batch) => {
    seen.push(batch.caughtUp)
    changes.push(...batch.changes)
  })
  await expect.poll(() => seen.at(-1), { timeout: 20_000 }).toBe(true)
  await expectData(
    shop.call('mutation ($id: ID!) { unlinkProducts(syncViewId: $id, products: [{ handle: "removed-0" }]) { linksRemoved } }', {
      id: viewId,
    }),
  )

  await expect.poll(() => changes.at(-1), { timeout: 20_000 }).toMatchObject({ kind: 'REMOVE', reason: 'UNLINKED', product: null })
})

describe('a handler that throws', () => {
  test('gets the same batch again after a pause, is told of to onError, and nothing is skipped or acknowledged meanwhile', async () => {
    const handles = names('throws', 6)
    const { viewId, key } = await createLinkedView('Throws', handles)
    const stored: string[] = []
    const told: unknown[] = []
    let failures = 0

    void open(key).products(
      async ({ changes }) => {
        if (stored.length === 2 && failures < 2) {
          expect((await statusOf(viewId, 'PRODUCT')).pending).toBe(4)
          failures += 1
          throw new Error('the disk is full')
        }
        stored.push(...changes.map(({ handle }) => handle))
      },
      { batchSize: 2, onError: (error, retryInMs) => told.push(error, retryInMs) },
    )
    await expect.poll(() => stored.length, { timeout: 20_000 }).toBe(6)

    expect(stored).toEqual(handles)
    expect(told).toEqual([new Error('the disk is full'), expect.any(Number), new Error('the disk is full'), expect.any(Number)])
    await untilNothingIsPending(viewId, 'PRODUCT')
  })

  test('gets what has changed meanwhile where the connection was lost meanwhile', async () => {
    const { viewId, key } = await createLinkedView('Throws cut', names('throws-cut', 1))
    await using wire = await Wire.to(Number(new URL(shop.url).port))
    const titles: string[] = []
    const told: unknown[] = []
    let isBroken = true

    void open(key, `http://127.0.0.1:${wire.port}`).products(
      ({ changes }) => {
        if (isBroken && changes.length > 0) throw new Error('not now')
        titles.push(...changes.map(({ product }) => product?.title ?? ''))
      },
      { onError: (error) => told.push(error) },
    )
    await expect.poll(async () => (await statusOf(viewId, 'PRODUCT')).connected, { timeout: 20_000 }).toBe(true)
    await rename('throws-cut-0', 'As it is now')
    wire.cutOnce()
    await expect.poll(() => told.some((error) => error instanceof SynkvyClientError), { timeout: 20_000 }).toBe(true)
    isBroken = false

    await expect.poll(() => titles.at(-1), { timeout: 20_000 }).toBe('As it is now')
    expect(titles).not.toContain('Title of throws-cut-0')
    await untilNothingIsPending(viewId, 'PRODUCT')
  })
})

test('what is strictly older than what is known is dropped, and what is as old is not', async () => {
  const { viewId, key } = await createLinkedView('Revisions', names('revisions', 3))
  const known = boundedRevisions(1_000)
  const first: ProductChange[] = []
  const stop = new AbortController()
  const following = open(key).products(({ changes }) => void first.push(...changes), {
    signal: stop.signal,
    revisions: { known: known.known, remember: () => {} },
  })
  await expect.poll(() => first.length, { timeout: 20_000 }).toBe(3)
  stop.abort()
  await following
  const [older, same] = first
  await known.remember(
    new Map([
      [older?.id ?? '', (older?.revision ?? 0n) + (1n << 60n)],
      [same?.id ?? '', same?.revision ?? 0n],
    ]),
  )
  await expectData(shop.call('mutation ($id: ID!) { resendAllProducts(syncViewId: $id, confirm: true) { __typename } }', { id: viewId }))
  const again: string[] = []

  void open(key).products(({ changes }) => void again.push(...changes.map(({ handle }) => handle)), { revisions: known })
  await expect.poll(() => again.includes('revisions-2'), { timeout: 20_000 }).toBe(true)

  expect(again).toContain('revisions-1')
  expect(again).not.toContain('revisions-0')
  await untilNothingIsPending(viewId, 'PRODUCT')
})

test('the memory of revisions keeps the latest and no more', async () => {
  const memory = boundedRevisions(2)
  await memory.remember(
    new Map([
      ['a', 1n],
      ['b', 1n],
    ]),
  )
  await memory.remember(new Map([['a', 2n]]))
  await memory.remember(new Map([['c', 1n]]))

  expect([...(await memory.known(['a', 'b', 'c', 'd']))]).toEqual([
    ['a', 2n],
    ['c', 1n],
  ])
})

describe('connections that are lost', () => {
  test('a consumer whose socket is cut again and again gets every later state, and never an older one', async () => {
    const { viewId, key } = await createLinkedView('Cut', names('cut', 1), 0)
    await using wire = await Wire.to(Number(new URL(shop.url).port))
    const onHand: (number | undefined)[] = []
    void open(key, `ws://127.0.0.1:${wire.port}/graphql`).stock(
      ({ changes }) => void onHand.push(...changes.map(({ stockLevel }) => stockLevel?.onHand)),
      quietly,
    )

    for (let round = 1; round <= 6; round += 1) {
      await setOnHand('cut-0', round)
      wire.cutOnce()
      await expect.poll(() => onHand.at(-1), { timeout: 20_000 }).toBe(round)
    }

    expect(onHand).toEqual(onHand.toSorted((a = 0, b = 0) => a - b))
    await untilNothingIsPending(viewId, 'STOCK')
  })

  test('a gateway that is killed, and later stopped, serves its consumers on as soon as it can', async () => {
    const { viewId, key } = await createLinkedView('Killed', names('killed', 2), 0)
    const env = { DATABASE_URL: shop.database.url, SYNKVY_ACCOUNT: 'shop', SYNKVY_ADMIN_KEY: adminKey }
    await using gateway = new GatewayProcess(await freePort(), env)
    await gateway.untilReady()
    const onHand = new Map<string, number | undefined>()
    const told: unknown[] = []
    void open(key, gateway.url).stock(({ changes }) => changes.forEach(({ sku, stockLevel }) => onHand.set(sku, stockLevel?.onHand)), {
      onError: (error) => told.push(error),
    })
    await expect.poll(() => onHand.size, { timeout: 20_000 }).toBe(2)

    gateway.signal('SIGKILL')
    await gateway.ended()
    await setOnHand('killed-1', 7)
    await gateway.untilReady()
    await expect.poll(() => onHand.get('SKU-killed-1'), { timeout: 40_000 }).toBe(7)
    await untilNothingIsPending(viewId, 'STOCK')

    // It holds its sockets, and answers nothing: the consumer must find that out by itself.
    const before = told.length
    gateway.signal('SIGSTOP')
    await expect.poll(() => told.length, { timeout: 50_000 }).toBeGreaterThan(before)
    await setOnHand('killed-1', 8)
    gateway.signal('SIGCONT')
    await expect.poll(() => onHand.get('SKU-killed-1'), { timeout: 50_000 }).toBe(8)
    expect(told.every((error) => error instanceof SynkvyClientError && error.code === 'CONNECTION_LOST')).toBe(true)
  }, 180_000)
})

describe('what must not be tried again', () => {
  test('a newer subscription of the same stream takes over: the older ends with STREAM_TAKEN_OVER and does not come back', async () => {
    const { key } = await createLinkedView('Taken over', names('taken', 1))
    let isServed = false
    const older = endOf(open(key).products(() => void (isServed = true), quietly))
    await expect.poll(() => isServed, { timeout: 20_000 }).toBe(true)
    const batches: number[] = []

    const newer = open(key).products(({ changes }) => void batches.push(changes.length), quietly)

    expect(await older).toMatchObject({ code: 'STREAM_TAKEN_OVER', retryable: false })
    expect(await older).toBeInstanceOf(SynkvyClientError)
    await rename('taken-0', 'For the newer')
    await expect.poll(() => batches.includes(1), { timeout: 20_000 }).toBe(true)
    expect(await Promise.race([newer, Promise.resolve('still served')])).toBe('still served')
  })

  test('a key that is unknown, or is revoked while the stream is served, ends it with UNAUTHENTICATED', async () => {
    expect(await endOf(open('synkvy_unknown').products(() => {}, quietly))).toMatchObject({ code: 'UNAUTHENTICATED', retryable: false })
    const { key, userId } = await createLinkedView('Revoked', names('revoked', 1))
    let isServed = false
    const ended = endOf(open(key).products(() => void (isServed = true), quietly))
    await expect.poll(() => isServed, { timeout: 20_000 }).toBe(true)

    const { node } = await expectData(shop.call('query ($id: ID!) { node(id: $id) { ... on User { apiKeys { id } } } }', { id: userId }))
    await expectData(shop.call('mutation ($id: ID!) { revokeApiKey(id: $id) { apiKey { id } } }', { id: node.apiKeys[0].id }))

    expect(await ended).toMatchObject({ code: 'UNAUTHENTICATED', retryable: false })
  })

  test('a user without a sync view, a cursor of another view and a batch size out of range end the stream with their codes', async () => {
    const without = await createIntegration(shop, 'Without a view')
    const { key } = await createLinkedView('Refused', names('refused', 1))
    const other = await createLinkedView('Other', names('refused-other', 1))
    let cursor = ''
    void open(other.key).products((batch) => void (cursor = batch.cursor))
    await expect.poll(() => cursor, { timeout: 20_000 }).not.toBe('')

    expect(await endOf(open(without.key).products(() => {}, quietly))).toMatchObject({ code: 'NO_SYNC_VIEW' })
    expect(await endOf(open(key).products(() => {}, { ...quietly, afterCursor: cursor }))).toMatchObject({ code: 'INVALID_CURSOR' })
    expect(await endOf(open(key).products(() => {}, { ...quietly, batchSize: 5_000 }))).toMatchObject({ code: 'BAD_USER_INPUT' })
  })
})

test('orders and customers arrive with all that the kit asks for, and what is called is answered over the same socket', async () => {
  await createProducts(shop, ['sold-1'], 5)
  const marketplace = await createView(shop, 'Sells by the kit')
  const warehouse = await createView(shop, 'Ships by the kit', { orderScope: 'ALL' })
  const seller = open(marketplace.key)
  const shipper = open(warehouse.key)
  const [orders, customers, shipped]: [OrderChange[], CustomerChange[], OrderChange[]] = [[], [], []]
  void shipper.orders((batch) => void orders.push(...batch.changes), quietly)
  void shipper.customers((batch) => void customers.push(...batch.changes), quietly)
  void seller.orders((batch) => void shipped.push(...batch.changes), quietly)
  await expect.poll(async () => (await statusOf(marketplace.viewId, 'ORDER')).connected, { timeout: 20_000 }).toBe(true)

  await seller.call(
    'mutation { upsertCustomers(input: [{ externalId: "k1", name: "Åsa", address: { line1: "Storgatan 1", city: "Göteborg", countryCode: "SE" } }]) { __typename } }',
  )
  const lines = [{ sku: 'SKU-sold-1', quantity: 2, unitPrice: { amount: '10', currency: 'SEK' } }]
  await seller.call('mutation ($input: [OrderInput!]!) { upsertOrders(input: $input) { __typename } }', {
    input: [{ externalId: 'kit-1', customerExternalId: 'k1', lines }],
  })
  await expect.poll(() => orders.find(({ externalId }) => externalId === 'kit-1'), { timeout: 20_000 }).toBeDefined()
  const order = orders.find(({ externalId }) => externalId === 'kit-1')
  await shipper.call('mutation ($id: ID!) { setOrderState(id: $id, state: SHIPPED) { __typename } }', { id: order?.id })

  expect(order).toMatchObject({
    kind: 'UPSERT',
    order: { state: 'PLACED', total: { amount: '20.00' }, customer: { name: 'Åsa' }, lines: [{ variant: { sku: 'SKU-sold-1' } }] },
  })
  await expect.poll(() => customers.map((change) => change.customer?.address?.city), { timeout: 20_000 }).toContain('Göteborg')
  await expect.poll(() => shipped.map((change) => change.order?.state), { timeout: 20_000 }).toEqual(['SHIPPED'])
  await untilNothingIsPending(marketplace.viewId, 'ORDER')
})

test('a paused view is waited for', async () => {
  const { viewId, key } = await createLinkedView('Paused', names('paused', 1))
  const pausing = (paused: boolean) =>
    expectData(
      shop.call('mutation ($id: ID!, $paused: Boolean) { updateSyncView(id: $id, input: { paused: $paused }) { syncView { id } } }', {
        id: viewId,
        paused,
      }),
    )
  await pausing(true)
  const handles: string[] = []
  const told: unknown[] = []
  void open(key).products(({ changes }) => void handles.push(...changes.map(({ handle }) => handle)), {
    onError: (error) => told.push(error),
  })
  await expect.poll(() => told.length, { timeout: 20_000 }).toBeGreaterThan(0)

  expect(told[0]).toMatchObject({ code: 'SYNC_VIEW_PAUSED', retryable: true })
  await pausing(false)
  await expect.poll(() => handles, { timeout: 40_000 }).toEqual(['paused-0'])
})

test('one batch is handled at a time, in order; no more than the window waits; and acknowledges of what was handled meanwhile are one', async () => {
  const handles = names('window', 40)
  const { viewId, key } = await createLinkedView('Window', handles)
  const sent: string[] = []
  class Counting extends WebSocket {
    override send(data: string): void {
      sent.push(data)
      super.send(data)
    }
  }
  const stored: string[] = []
  let atOnce = 0
  let letGo = (): void => {}
  const held = new Promise<void>((resolve) => (letGo = resolve))

  void open(key, shop.url, Counting).products(
    async ({ changes }) => {
      atOnce += 1
      expect(atOnce).toBe(1)
      await held
      stored.push(...changes.map(({ handle }) => handle))
      atOnce -= 1
    },
    { batchSize: 1, maxInFlight: 3, onError: (error) => expect.fail(String(error)) },
  )
  await expect.poll(async () => (await statusOf(viewId, 'PRODUCT')).connected, { timeout: 20_000 }).toBe(true)
  letGo()
  await expect.poll(() => stored.length, { timeout: 20_000 }).toBe(40)
  await untilNothingIsPending(viewId, 'PRODUCT')

  expect(stored).toEqual(handles)
  expect(sent.filter((message) => message.includes('"maxInFlight":3'))).toHaveLength(1)
  expect(sent.filter((message) => message.includes('acknowledge(')).length).toBeLessThan(40)
})

test('an acknowledge that cannot be written for a while is asked again after pauses, and the batch does not come again', async () => {
  const { viewId, key } = await createLinkedView('Unwritten', names('unwritten', 2))
  const { sql } = shop.database.database
  await sql`CREATE FUNCTION away() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no room' USING ERRCODE = 'disk_full'; END $$`
  const sent: string[] = []
  class Counting extends WebSocket {
    override send(data: string): void {
      sent.push(data)
      super.send(data)
    }
  }
  const stored: string[] = []
  const told: unknown[] = []

  void open(key, shop.url, Counting).products(
    async ({ changes }) => {
      await sql`CREATE OR REPLACE TRIGGER away BEFORE UPDATE ON checkpoints FOR EACH ROW EXECUTE FUNCTION away()`
      stored.push(...changes.map(({ handle }) => handle))
    },
    { onError: (error) => told.push(error) },
  )
  const asked = () => sent.filter((message) => message.includes('acknowledge(')).length
  await expect.poll(asked, { timeout: 20_000 }).toBeGreaterThan(2)
  await new Promise((resolve) => setTimeout(resolve, 1_000))
  const askedWhileAway = asked()
  await sql`DROP TRIGGER away ON checkpoints`
  await untilNothingIsPending(viewId, 'PRODUCT')

  // Without pauses it would be hundreds.
  expect(askedWhileAway).toBeLessThan(40)
  expect(stored).toEqual(names('unwritten', 2))
  expect(told).toEqual([])
})

test('a stream that is stopped lets the handler end, acknowledges what it has stored, and takes no more', async () => {
  const { viewId, key } = await createLinkedView('Stopped', names('stopped', 4))
  await using wire = await Wire.to(Number(new URL(shop.url).port))
  wire.set('slow')
  const stop = new AbortController()
  const stored: string[] = []

  await open(key, `http://127.0.0.1:${wire.port}`).products(
    async ({ changes }) => {
      stop.abort()
      await new Promise((resolve) => setTimeout(resolve, 50))
      stored.push(...changes.map(({ handle }) => handle))
    },
    { batchSize: 2, signal: stop.signal },
  )

  expect(stored).toEqual(['stopped-0', 'stopped-1'])
  expect((await statusOf(viewId, 'PRODUCT')).pending).toBe(2)
})

test('a mutation is called over the same socket, with bigints among its variables, and refused with the code and the place', async () => {
  const { key } = await createView(shop, 'Calls')
  const client = open(key)

  const { viewer } = await client.call<{ readonly viewer: { readonly name: string } }>('{ viewer { name } }')
  const refusal = await endOf(
    client.call('mutation ($input: [ProductInput!]!) { upsertProducts(input: $input) { products { id } } }', {
      input: [
        { handle: 'calls-0', title: 'New' },
        { handle: 'calls-1', title: 'Not there yet', ifRevision: 2n },
      ],
    }),
  )

  expect(viewer.name).toBe('Calls')
  expect(refusal).toBeInstanceOf(SynkvyClientError)
  expect(refusal).toMatchObject({ code: 'CONFLICT', retryable: false, inputPath: ['input', 1, 'ifRevision'] })
  expect(() => connect({ url: 'ftp://127.0.0.1', key })).toThrow(TypeError)
})
