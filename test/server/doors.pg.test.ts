import { connect as connectTcp } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createIntegration, createProducts, createView, expectData, figureOf, startGateway, startShop } from '../helpers/gateway.ts'
import { dial, open } from '../helpers/socket.ts'

let shop: Awaited<ReturnType<typeof startShop>>
beforeAll(async () => {
  shop = await startShop()
})
afterAll(async () => {
  await shop[Symbol.asyncDispose]()
})

const productStream = 'subscription { productChanges { cursor caughtUp } }'

function subscribeOverSse(key: string, url = shop.url, signal?: AbortSignal): Promise<Response> {
  return fetch(`${url}/graphql`, {
    method: 'POST',
    ...(signal === undefined ? {} : { signal }),
    headers: { 'content-type': 'application/json', accept: 'text/event-stream', authorization: `Bearer ${key}` },
    body: JSON.stringify({ query: productStream }),
  })
}

const figure = (name: string): Promise<number> => figureOf(shop.url, name)

async function expectNoStreams(): Promise<void> {
  await expect.poll(() => figure('synkvy_streams'), { timeout: 1_000 }).toBe(0)
}

/** Revokes a key; answers when that was. */
async function revoke(key: string): Promise<number> {
  const { viewer } = await expectData(shop.call('{ viewer { apiKeys { id } } }', {}, key))
  await expectData(shop.call('mutation ($id: ID!) { revokeApiKey(id: $id) { apiKey { id } } }', { id: viewer.apiKeys[0].id }))
  return Date.now()
}

async function createAdmin(name: string): Promise<string> {
  const { createUser } = await expectData(
    shop.call('mutation ($name: String!) { createUser(input: { name: $name, kind: ADMIN }) { user { id } } }', { name }),
  )
  const made = await expectData(
    shop.call('mutation ($userId: ID!) { createApiKey(userId: $userId) { secret } }', { userId: createUser.user.id }),
  )
  return made.createApiKey.secret
}

describe('a fault in one operation leaves the socket open', () => {
  test.each([
    ['a syntax error', '{ viewer {', 'GRAPHQL_PARSE_FAILED'],
    ['an unknown field', '{ nothing }', 'GRAPHQL_VALIDATION_FAILED'],
    ['an argument out of range', '{ products(first: 0) { totalCount } }', 'BAD_USER_INPUT'],
    ['a subscription that is refused', productStream, 'NO_SYNC_VIEW'],
  ])('%s', async (_name, query, code) => {
    const { key } = await createIntegration(shop, 'Faulty')
    const { socket, send, of } = await open(shop.url, key)

    send('bad', query)
    await expect.poll(() => of('bad').length).toBeGreaterThan(0)
    send('good', '{ viewer { name } }')
    await expect.poll(() => of('good')[0]?.payload?.data).toEqual({ viewer: { name: 'Faulty' } })

    const { type, payload } = of('bad')[0] ?? { type: 'none' }
    const [fault] = type === 'error' ? payload : payload.errors
    expect(fault.extensions).toMatchObject({ code })
    expect(fault.extensions).not.toHaveProperty('http')
    socket.close()
  })
})

describe('a subscription that waits for something to come', () => {
  test.each(['complete', 'close', 'terminate'] as const)('ends at once when the client says %s', async (how) => {
    const { key } = await createView(shop, `Ends by ${how}`)
    const { socket, send, complete, of } = await open(shop.url, key)
    send('1', productStream)
    await expect.poll(() => of('1').length).toBe(1)
    expect(await figure('synkvy_streams')).toBe(1)

    if (how === 'complete') complete('1')
    else socket[how]()

    await expectNoStreams()
    socket.terminate()
  })

  test('ends although the client goes while it is being opened', async () => {
    const { key } = await createView(shop, 'Ends early')
    for (const goes of ['complete', 'terminate'] as const) {
      const { socket, send, complete } = await open(shop.url, key)
      send('1', productStream)
      if (goes === 'complete') complete('1')
      else setImmediate(() => socket.terminate())
      await new Promise((resolve) => setTimeout(resolve, 100))
      await expectNoStreams()
      socket.terminate()
    }
  })

  test('ends at once when the client of Server-Sent Events goes', async () => {
    const { key } = await createView(shop, 'Ends by abort')
    const abort = new AbortController()
    const response = await subscribeOverSse(key, shop.url, abort.signal)
    await response.body?.getReader().read()
    expect(await figure('synkvy_streams')).toBe(1)

    abort.abort()

    await expectNoStreams()
  })

  test('over Server-Sent Events ends when its key is revoked', async () => {
    const { key } = await createView(shop, 'SSE revoked')
    const response = await subscribeOverSse(key)

    const revokedAt = await revoke(key)
    const text = await response.text()

    expect(Date.now() - revokedAt).toBeLessThan(1_000)
    expect(text).toMatch(/UNAUTHENTICATED[^]*event: complete/)
    await expectNoStreams()
  })

  test('is let go of when another takes over', async () => {
    const { key } = await createView(shop, 'Taken over')
    const { socket, send, of } = await open(shop.url, key)
    for (const id of ['1', '2', '3']) {
      send(id, productStream)
      await expect.poll(() => of(id).length).toBeGreaterThan(0)
    }

    await expect.poll(() => JSON.stringify([of('1'), of('2')]).match(/STREAM_TAKEN_OVER/g)?.length).toBe(2)
    expect(await figure('synkvy_streams')).toBe(1)
    socket.terminate()
    await expectNoStreams()
  })
})

test('a socket whose sync view was deleted can make another, and has it', async () => {
  const { key, viewId } = await createView(shop, 'First')
  const { socket, send, of } = await open(shop.url, key)
  send('before', '{ viewer { syncView { id } } }')
  await expect.poll(() => of('before')[0]?.payload?.data.viewer.syncView.id).toBe(viewId)
  await expectData(shop.call('mutation ($id: ID!) { deleteSyncView(id: $id) { deletedId } }', { id: viewId }))

  send('make', 'mutation { createSyncView(input: { name: "Second" }) { syncView { id } } }')
  await expect.poll(() => of('make').length).toBeGreaterThan(0)
  const id: unknown = of('make')[0]?.payload?.data.createSyncView.syncView.id
  send('after', `{ links(syncViewId: "${String(id)}") { totalCount } }`)

  await expect.poll(() => of('after')[0]?.payload).toEqual({ data: { links: { totalCount: 0 } } })
  socket.terminate()
})

test('a pull that waits ends when its caller goes', async () => {
  const { key } = await createView(shop, 'Pull')
  const abort = new AbortController()
  const pulling = fetch(`${shop.url}/graphql`, {
    method: 'POST',
    signal: abort.signal,
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body: JSON.stringify({ query: '{ productChanges(waitSeconds: 30) { cursor } }' }),
  }).catch(() => {})
  await expect.poll(() => figure('synkvy_streams')).toBe(1)

  abort.abort()

  await expectNoStreams()
  await pulling
})

test('a socket whose key is revoked does nothing more, even if its client takes no notice', async () => {
  const key = await createAdmin('Gone')
  const { socket, send } = await open(shop.url, key)
  const write = (name: string) => `mutation { createUser(input: { name: "${name}", kind: ADMIN }) { user { id } } }`
  const count = async (name: string) => (await shop.database.database.sql`SELECT 1 FROM users WHERE name = ${name}`).length
  socket.pause()
  send('early', write('In time'))
  await expect.poll(() => count('In time')).toBe(1)

  await revoke(key)
  await expect.poll(async () => (send('late', write('Late')), (await figure('synkvy_sockets')) === 0), { timeout: 2_000 }).toBe(true)
  const late = await count('Late')
  await new Promise((resolve) => setTimeout(resolve, 300))

  expect(await count('Late')).toBe(late)
  socket.terminate()
})

describe('what is malformed is answered in words', () => {
  const codesOf = async (query: string, key?: string) =>
    (await shop.call(query, {}, key)).errors?.map(({ extensions }) => extensions['code'])
  const unknown = ['garbage', 'UHJvZHVjdA==', Buffer.from('Nothing:1').toString('base64'), Buffer.from('Query:1').toString('base64'), '']

  test.each(unknown)('the id "%s" is of nothing', async (id) => {
    expect(await expectData(shop.call(`{ node(id: "${id}") { id } product(by: { id: "${id}" }) { id } }`))).toEqual({
      node: null,
      product: null,
    })
    expect(await codesOf(`{ resendPlan(syncViewId: "${id}") { productCount } }`)).toEqual(['NOT_FOUND'])
    expect(await codesOf(`{ links(syncViewId: "${id}") { totalCount } }`)).toEqual(['NOT_FOUND'])
  })

  test('a query, and a moment that there is not', async () => {
    expect(await codesOf('{')).toEqual(['GRAPHQL_PARSE_FAILED'])
    expect(await codesOf('{ nothing }')).toEqual(['GRAPHQL_VALIDATION_FAILED'])
    const expiry = (at: string) => codesOf(`mutation { createApiKey(userId: "x", expiresAt: "${at}") { secret } }`)
    for (const at of ['2040-02-30T00:00:00Z', '2040-01-01T24:00:00Z', '2040-01-01', '2040-01-01T00:00:00'])
      expect(await expiry(at), at).toEqual(['BAD_USER_INPUT'])
    expect(await expiry('2040-02-29T23:59:59.5+05:30')).toEqual(['NOT_FOUND'])
  })

  test.each([
    '{ products(search: "\\u0000") { nodes { id } totalCount } }',
    '{ product(by: { handle: "\\u0000" }) { id } }',
    '{ product(by: { sku: "\\u0000" }) { id } }',
    'mutation { createUser(input: { name: "\\u0000", kind: ADMIN }) { user { id } } }',
    'mutation { adjustStock(input: [{ sku: "x", delta: 1, location: "\\u0000" }]) { __typename } }',
    'mutation { adjustStock(input: [{ sku: "x", delta: 1 }], idempotencyKey: "\\u0000") { __typename } }',
    'mutation { setStock(input: [{ sku: "\\u0000", onHand: 1 }]) { __typename } }',
    'mutation { deleteProducts(products: [{ handle: "\\u0000" }]) { __typename } }',
    'mutation { acknowledge(cursor: "\\u0000") { __typename } }',
    '{ links(syncViewId: "VIEW", search: "\\u0000") { nodes { id } totalCount } }',
    'mutation { updateSyncView(id: "VIEW", input: { name: "a\\u0000" }) { __typename } }',
    'mutation { updateSyncView(id: "VIEW", input: { system: "a\\u0000" }) { __typename } }',
    'mutation { updateSyncView(id: "VIEW", input: { doorbellUrl: "a\\u0000" }) { __typename } }',
    'mutation { linkProducts(syncViewId: "VIEW", products: [{ handle: "\\u0000" }]) { __typename } }',
  ])('%s', async (query) => {
    const { viewId } = await createView(shop, 'Malformed')

    expect(await codesOf(query.replace('VIEW', viewId))).not.toContainEqual('INTERNAL')
  })

  test('lists of none and of more than 1 000 items, with the place', async () => {
    const { viewId } = await createView(shop, 'Lists')
    const thousands = `[${Array.from({ length: 1_001 }, () => '{ handle: "x" }').join()}]`
    for (const products of ['[]', thousands])
      for (const call of ['deleteProducts(', `linkProducts(syncViewId: "${viewId}", `, `unlinkProducts(syncViewId: "${viewId}", `]) {
        const { errors } = await shop.call(`mutation { ${call}products: ${products}) { __typename } }`)
        expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT', inputPath: ['products'] } }])
      }
  })

  test('every bad item of a list, with its place', async () => {
    const { errors } = await shop.call(
      `mutation { upsertProducts(input: [{ handle: "", title: "A" }, { handle: "ok" }, { handle: "b", title: "" }]) { products { id } } }`,
    )

    expect(errors).toMatchObject([
      { path: ['upsertProducts'], extensions: { code: 'BAD_USER_INPUT', retryable: false, inputPath: ['input', 0, 'handle'] } },
      { path: ['upsertProducts'], extensions: { code: 'BAD_USER_INPUT', retryable: false, inputPath: ['input', 2, 'title'] } },
    ])
  })

  test('HTTP that is none, without a word of what is inside', async () => {
    const raw = (text: string) =>
      new Promise<string>((resolve) => {
        let answer = ''
        const socket = connectTcp(Number(new URL(shop.url).port), '127.0.0.1', () => socket.end(text))
        socket.on('data', (data) => (answer += String(data)))
        socket.on('close', () => resolve(answer))
        socket.on('error', () => resolve(answer))
      })
    const bad = (start: string, host: string) => raw(`${start} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)

    expect(await bad('GET /graphql', 'bad host')).toMatch(/^HTTP\/1.1 400[^]*The Host header/)
    expect(await bad('GET /graphql', ':::')).toMatch(/^HTTP\/1.1 400[^]*The Host header/)
    for (const answer of [await bad('GET http://[/graphql', 'x'), await bad('GET /graphql?query=%zz', 'x'), await raw('nonsense\r\n\r\n')])
      expect(answer).not.toMatch(/node_modules|\.[jt]s:\d/)
    expect((await shop.call('{ viewer { name } }')).errors).toBeUndefined()
  })
})

test('an unexpected error says nothing of itself, whichever way it comes, and leaves the socket open', async () => {
  await createProducts(shop, ['masked'], 1)
  const { viewId } = await createView(shop, 'Masked')
  const { sql } = shop.database.database
  const { socket, send, of } = await open(shop.url)
  send('sub', `subscription { syncViewStatus(syncViewId: "${viewId}") { id } }`)
  await expect.poll(() => of('sub').length).toBe(1)

  await sql`ALTER TABLE sync_views RENAME COLUMN name TO hidden`
  await expect.poll(() => of('sub').length, { timeout: 5_000 }).toBeGreaterThan(1)
  const answer = await shop.call(`query ($id: ID!) { syncView(id: $id) { name } }`, { id: viewId })
  await sql`ALTER TABLE sync_views RENAME COLUMN hidden TO name`

  expect(answer.errors).toMatchObject([{ extensions: { code: 'INTERNAL' } }])
  expect(of('sub')[1]).toMatchObject({ type: 'error', payload: [{ extensions: { code: 'INTERNAL' } }] })
  expect(JSON.stringify([of('sub'), answer.errors])).not.toMatch(/hidden|sync_views|select|does not exist/i)
  send('good', '{ viewer { name } }')
  await expect.poll(() => of('good').length).toBeGreaterThan(0)
  socket.close()
})

describe('a gateway that stops', () => {
  test('says good-bye to sockets and streams, and waits for no one who does not answer', async () => {
    const { key } = await createView(shop, 'Stopping')
    const { key: pulls } = await createView(shop, 'Stopping, by pull')
    const gateway = await startGateway(shop.database)
    const [polite, stuck] = [await open(gateway.url), await open(gateway.url)]
    stuck.socket.pause()
    const streaming = await subscribeOverSse(key, gateway.url)
    const pulling = gateway.call('{ productChanges(waitSeconds: 30) { caughtUp } }', {}, pulls)
    await expect.poll(async () => (await (await fetch(`${gateway.url}/metrics`)).text()).includes('synkvy_streams 2')).toBe(true)

    const begun = Date.now()
    await gateway[Symbol.asyncDispose]()

    expect(Date.now() - begun).toBeLessThan(3_000)
    expect(await polite.closed).toBe(1001)
    expect(await streaming.text()).toMatch(/SERVICE_UNAVAILABLE[^]*event: complete/)
    expect(await pulling).toEqual({ data: { productChanges: { caughtUp: true } } })
    stuck.socket.terminate()
  })
})

test('a socket that comes while the database is away is told to come again, not that its key is bad', async () => {
  const { sql } = shop.database.database
  await sql`ALTER TABLE api_keys RENAME TO api_keys_away`
  const { closed } = dial(shop.url)
  const code = await closed
  await sql`ALTER TABLE api_keys_away RENAME TO api_keys`

  expect(code).toBe(1013)
})

test('a message that is too large ends its socket alone', async () => {
  const { socket, closed } = await open(shop.url)
  socket.send('x'.repeat(5 * 1024 * 1024))

  expect(await closed).toBe(1009)
  expect((await shop.call('{ viewer { name } }')).errors).toBeUndefined()
})
