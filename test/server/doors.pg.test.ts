import { connect as connectTcp } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { adminKey, createIntegration, createProducts, createView, expectData, startShop } from '../helpers/gateway.ts'

let shop: Awaited<ReturnType<typeof startShop>>
beforeAll(async () => {
  shop = await startShop()
})
afterAll(async () => {
  await shop[Symbol.asyncDispose]()
})

interface Message {
  readonly id?: string
  readonly type: string
  // Each test asks its own question and knows the shape of its answer.
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly payload?: any
}

/** A socket by hand, past its acknowledgement: what a client library would hide can be seen. */
async function open(key = adminKey) {
  const socket = new WebSocket(`${shop.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws')
  const messages: Message[] = []
  const closed = new Promise<number>((resolve) => socket.on('close', resolve))
  socket.on('message', (data) => messages.push(JSON.parse(String(data))))
  socket.on('open', () => socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${key}` } })))
  const send = (id: string, query: string) => socket.send(JSON.stringify({ id, type: 'subscribe', payload: { query } }))
  await expect.poll(() => messages.some(({ type }) => type === 'connection_ack')).toBe(true)
  const of = (id: string) => messages.filter((message) => message.id === id)
  return { socket, closed, send, of }
}

const figure = async (name: string): Promise<number> => {
  const text = await (await fetch(`${shop.url}/metrics`)).text()
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1])
}

const productStream = 'subscription { productChanges { cursor caughtUp } }'

describe('a fault in one operation leaves the socket open', () => {
  test.each([
    ['a syntax error', '{ viewer {', 'GRAPHQL_PARSE_FAILED'],
    ['an unknown field', '{ nothing }', 'GRAPHQL_VALIDATION_FAILED'],
    ['an argument out of range', '{ products(first: 0) { totalCount } }', 'BAD_USER_INPUT'],
    ['a subscription that is refused', productStream, 'NO_SYNC_VIEW'],
  ])('%s', async (_name, query, code) => {
    const { key } = await createIntegration(shop, 'Faulty')
    const { socket, send, of } = await open(key)

    send('bad', query)
    await expect.poll(() => of('bad').length).toBeGreaterThan(0)
    send('good', '{ viewer { name } }')
    await expect.poll(() => of('good')[0]?.payload?.data).toEqual({ viewer: { name: 'Faulty' } })

    const [answer] = of('bad')
    const [fault] = answer?.type === 'error' ? answer.payload : answer?.payload.errors
    expect(fault.extensions.code, JSON.stringify(fault)).toBe(code)
    expect(fault.extensions.http).toBeUndefined()
    socket.close()
  })
})

describe('a subscription that waits for something to come', () => {
  test.each(['complete', 'close', 'terminate'] as const)('ends at once when the client says %s', async (how) => {
    const { key } = await createView(shop, `Ends by ${how}`)
    const { socket, send, of } = await open(key)
    send('1', productStream)
    await expect.poll(() => of('1').length).toBe(1)
    expect(await figure('synkvy_streams')).toBe(1)

    if (how === 'complete') socket.send(JSON.stringify({ id: '1', type: 'complete' }))
    else socket[how]()

    await expect.poll(() => figure('synkvy_streams'), { timeout: 1_000 }).toBe(0)
    socket.terminate()
  })

  test('ends at once when the client of Server-Sent Events goes', async () => {
    const { key } = await createView(shop, 'Ends by abort')
    const abort = new AbortController()
    const response = await subscribeOverSse(key, abort.signal)
    await response.body?.getReader().read()
    expect(await figure('synkvy_streams')).toBe(1)

    abort.abort()

    await expect.poll(() => figure('synkvy_streams'), { timeout: 1_000 }).toBe(0)
  })

  test('over Server-Sent Events ends when its key is revoked', async () => {
    const { key } = await createView(shop, 'SSE revoked')
    const response = await subscribeOverSse(key)

    const revokedAt = await revoke(key)
    const text = await response.text()

    expect(Date.now() - revokedAt).toBeLessThan(1_500)
    expect(text).toMatch(/UNAUTHENTICATED[^]*event: complete/)
  })
})

function subscribeOverSse(key: string, signal?: AbortSignal): Promise<Response> {
  return fetch(`${shop.url}/graphql`, {
    method: 'POST',
    ...(signal === undefined ? {} : { signal }),
    headers: { 'content-type': 'application/json', accept: 'text/event-stream', authorization: `Bearer ${key}` },
    body: JSON.stringify({ query: productStream }),
  })
}

/** Revokes a key; answers when that was. */
async function revoke(key: string): Promise<number> {
  const { viewer } = await expectData(shop.call('{ viewer { apiKeys { id } } }', {}, key))
  await expectData(shop.call('mutation ($id: ID!) { revokeApiKey(id: $id) { apiKey { id } } }', { id: viewer.apiKeys[0].id }))
  return Date.now()
}

test('a socket whose key is revoked does nothing more, even if its client takes no notice', async () => {
  const { userId } = (await expectData(shop.call('mutation { createUser(input: { name: "Gone", kind: ADMIN }) { user { id } } }')))
    .createUser.user.id
    ? {
        userId: (await expectData(shop.call('mutation { createUser(input: { name: "Gone", kind: ADMIN }) { user { id } } }'))).createUser
          .user.id,
      }
    : { userId: '' }
  const made = await expectData(shop.call('mutation ($userId: ID!) { createApiKey(userId: $userId) { secret } }', { userId }))
  const { socket, send } = await open(made.createApiKey.secret)

  socket.pause()
  await revoke(made.createApiKey.secret)
  await new Promise((resolve) => setTimeout(resolve, 1_000))
  send('late', 'mutation { createUser(input: { name: "Too late", kind: ADMIN }) { user { id } } }')
  await new Promise((resolve) => setTimeout(resolve, 500))

  const late = await shop.database.database.sql`SELECT 1 FROM users WHERE name = 'Too late'`
  expect(late).toHaveLength(0)
  socket.terminate()
})

test('malformed calls are answered in words, and leave the gateway as it was', async () => {
  const code = async (query: string) => (await shop.call(query)).errors?.[0]?.extensions['code']
  const nothing = Buffer.from('Nothing:1').toString('base64')

  expect(await code('{')).toBe('GRAPHQL_PARSE_FAILED')
  expect(await code('{ nothing }')).toBe('GRAPHQL_VALIDATION_FAILED')
  for (const id of ['garbage', nothing, 'UHJvZHVjdA==']) {
    expect(['BAD_USER_INPUT', 'NOT_FOUND', undefined], id).toContain(await code(`{ node(id: "${id}") { id } }`))
    expect(['BAD_USER_INPUT', 'NOT_FOUND', undefined], id).toContain(await code(`{ product(by: { id: "${id}" }) { id } }`))
    expect(['BAD_USER_INPUT', 'NOT_FOUND'], id).toContain(await code(`{ resendPlan(syncViewId: "${id}") { productCount } }`))
    expect(['BAD_USER_INPUT', 'NOT_FOUND'], id).toContain(await code(`{ links(syncViewId: "${id}") { totalCount } }`))
  }
  for (const query of [
    '{ products(search: "\\u0000") { nodes { id } totalCount } }',
    '{ product(by: { handle: "\\u0000" }) { id } }',
    '{ product(by: { sku: "\\u0000" }) { id } }',
    'mutation { createUser(input: { name: "\\u0000", kind: ADMIN }) { user { id } } }',
    'mutation { adjustStock(input: [{ sku: "x", delta: 1, location: "\\u0000" }]) { __typename } }',
    'mutation { adjustStock(input: [{ sku: "x", delta: 1 }], idempotencyKey: "\\u0000") { __typename } }',
    'mutation { setStock(input: [{ sku: "\\u0000", onHand: 1 }]) { __typename } }',
    'mutation { deleteProducts(products: [{ handle: "\\u0000" }]) { __typename } }',
    'mutation { deleteProducts(products: []) { __typename } }',
    'mutation { acknowledge(cursor: "\\u0000") { __typename } }',
  ])
    expect(['BAD_USER_INPUT', 'NOT_FOUND', 'NO_SYNC_VIEW', 'INVALID_CURSOR', undefined], query).toContain(await code(query))
  const { viewId, key } = await createView(shop, 'Malformed')
  for (const query of [
    `{ links(syncViewId: "${viewId}", search: "\\u0000") { nodes { id } totalCount } }`,
    `mutation { updateSyncView(id: "${viewId}", input: { name: "a\\u0000" }) { __typename } }`,
    `mutation { updateSyncView(id: "${viewId}", input: { system: "a\\u0000" }) { __typename } }`,
    `mutation { updateSyncView(id: "${viewId}", input: { doorbellUrl: "a\\u0000" }) { __typename } }`,
    `mutation { linkProducts(syncViewId: "${viewId}", products: []) { __typename } }`,
    `mutation { unlinkProducts(syncViewId: "${viewId}", products: []) { __typename } }`,
    `mutation { linkProducts(syncViewId: "${viewId}", products: [{ handle: "\\u0000" }]) { __typename } }`,
  ])
    expect(['BAD_USER_INPUT', 'NOT_FOUND', undefined], query).toContain(await code(query))
  expect((await shop.call('{ productChanges(waitSeconds: 31) { cursor } }', {}, key)).errors?.[0]?.extensions).toMatchObject({
    code: 'BAD_USER_INPUT',
    inputPath: ['waitSeconds'],
  })
})

test('every bad item of a list is named with its place', async () => {
  const input = [
    { handle: 'ok', title: 'Ok', variants: [{ sku: 'OK', price: { amount: '1', currency: 'SEK' } }] },
    { handle: '' },
    { handle: 'no-title' },
  ]
  const { errors } = await shop.call('mutation ($input: [ProductInput!]!) { upsertProducts(input: $input) { products { id } } }', { input })

  expect(errors?.length).toBeGreaterThan(1)
  for (const error of errors ?? []) {
    expect(error.extensions).toMatchObject({ code: 'BAD_USER_INPUT', retryable: false })
    expect(error.path).toEqual(['upsertProducts'])
  }
  expect(errors?.map((error) => (error.extensions['inputPath'] as unknown[]).slice(0, 2))).toEqual(
    expect.arrayContaining([
      ['input', 1],
      ['input', 2],
    ]),
  )
})

test('what is not HTTP as it should be does no harm', async () => {
  const raw = (text: string) =>
    new Promise<string>((resolve) => {
      const socket = connectTcp(Number(new URL(shop.url).port), '127.0.0.1', () => socket.write(text))
      let answer = ''
      socket.on('data', (data) => (answer += String(data)))
      socket.on('close', () => resolve(answer))
      socket.on('error', () => resolve(answer))
      setTimeout(() => socket.destroy(), 700)
    })
  for (const text of [
    'GET /graphql HTTP/1.1\r\nHost: bad host\r\nConnection: close\r\n\r\n',
    'GET /graphql HTTP/1.1\r\nHost: :::\r\nConnection: close\r\n\r\n',
    'GET http://[/graphql HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
    'GET /graphql?query=%zz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
    'POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{',
    'POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1\r\nConnection: close\r\n\r\n{',
    'GET /graphql HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n',
    'nonsense\r\n\r\n',
  ])
    console.log(JSON.stringify(text.slice(0, 60)), JSON.stringify((await raw(text)).slice(0, 200)))
  const { socket, closed } = await open()
  socket.send('x'.repeat(5 * 1024 * 1024))
  expect(await closed).toBe(1009)
  expect((await shop.call('{ viewer { name } }')).errors).toBeUndefined()
})

test('an unexpected error says nothing of itself, whichever way it comes', async () => {
  await createProducts(shop, ['masked'], 1)
  const { viewId } = await createView(shop, 'Masked')
  const { sql } = shop.database.database
  const { socket, send, of, closed } = await open()
  send('sub', `subscription { syncViewStatus(syncViewId: "${viewId}") { id } }`)
  await expect.poll(() => of('sub').length).toBe(1)
  await sql`ALTER TABLE sync_views RENAME COLUMN name TO title_of_it`
  await expect.poll(() => of('sub').length, { timeout: 5_000 }).toBeGreaterThan(1)
  const answer = await shop.call(`query ($id: ID!) { syncView(id: $id) { name } }`, { id: viewId })
  await sql`ALTER TABLE sync_views RENAME COLUMN title_of_it TO name`

  console.log(JSON.stringify(of('sub')), JSON.stringify(answer))
  expect(answer.errors).toMatchObject([{ extensions: { code: 'INTERNAL' } }])
  expect(JSON.stringify([of('sub'), answer])).not.toMatch(/column|title_of_it|select/i)
  send('good', '{ viewer { name } }')
  await expect.poll(() => of('good').length).toBeGreaterThan(0)
  socket.close()
  await closed
})
