import { connect as connectTcp } from 'node:net'
import { getIntrospectionQuery } from 'graphql'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { pino } from 'pino'
import { WebSocket } from 'ws'
import {
  adminKey,
  createIntegration,
  createView,
  expectData,
  figureOf,
  startGateway,
  startShop,
  type GraphQLAnswer,
  type TestGateway,
} from '../helpers/gateway.ts'
import { answerOverSocket, dial, open, withKey } from '../helpers/socket.ts'

let shop: Awaited<ReturnType<typeof startShop>>
beforeAll(async () => {
  shop = await startShop()
})
afterAll(async () => {
  await shop[Symbol.asyncDispose]()
})

/** A second gateway on the same shop, with limits of its own. */
const withLimits = (settings: Readonly<Record<string, string>>) => startGateway(shop.database, settings)

async function limited({ url }: Pick<TestGateway, 'url'>, limit: string): Promise<number> {
  return (await figureOf(url, `synkvy_limited_total{limit="${limit}"}`)) || 0
}

type Call = (gateway: TestGateway, query: string) => Promise<GraphQLAnswer>

/** The three ways of an operation. Each answers what GraphQL answers first. */
const ways: Readonly<Record<string, Call>> = {
  HTTP: ({ call }, query) => call(query),
  SSE: async ({ url }, query) => {
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'text/event-stream', authorization: `Bearer ${adminKey}` },
      body: JSON.stringify({ query }),
    })
    const text = await response.text()
    return JSON.parse(/^data: ?(\{.*)$/m.exec(text)?.[1] ?? text)
  },
  WebSocket: ({ url }, query) => answerOverSocket(url, adminKey, { query }),
}

describe('an operation that goes to the limit is carried out, and one over it is not', () => {
  const operations = [
    ['DEPTH', { SYNKVY_QUERY_DEPTH: '3' }, '{ products { nodes { id } } }', '{ products { nodes { variants { id } } } }', 3, 4],
    ['COST', { SYNKVY_QUERY_COST: '12' }, '{ products(first: 10) { nodes { id } } }', '{ products(first: 11) { nodes { id } } }', 12, 13],
    ['ALIASES', { SYNKVY_QUERY_ALIASES: '2' }, '{ viewer { a: id b: id } }', '{ viewer { a: id b: id c: id } }', 2, 3],
    [
      'ROOT_FIELDS',
      { SYNKVY_QUERY_ROOT_FIELDS: '2' },
      '{ viewer { id } account { id } }',
      '{ viewer { id } account { id } __typename }',
      2,
      3,
    ],
    ['TOKENS', { SYNKVY_QUERY_TOKENS: '8' }, '{ viewer { id name kind } }', '{ viewer { id name kind __typename } }', 8, undefined],
  ] as const

  describe.each(operations)('%s', (limit, settings, allowed, refused, most, asked) => {
    test.each(Object.entries(ways))('over %s', async (_way, call) => {
      await using gateway = await withLimits(settings)

      expect((await call(gateway, allowed)).errors).toBeUndefined()
      const { data, errors } = await call(gateway, refused)

      expect(data ?? null).toBeNull()
      expect(errors).toMatchObject([{ extensions: { code: 'QUERY_TOO_COMPLEX', retryable: false, limit, allowed: most } }])
      expect(errors?.[0]?.extensions['asked']).toBe(asked)
      expect(errors?.[0]?.message).toContain(String(most))
      // Also of one that was refused before.
      await call(gateway, refused)
      expect(await limited(gateway, limit)).toBe(2)
    })
  })

  test('a mutation over it has done nothing', async () => {
    await using gateway = await withLimits({ SYNKVY_QUERY_ROOT_FIELDS: '2' })
    const make = (name: string) => `${name}: createUser(input: { name: "${name}", kind: INTEGRATION }) { user { id } }`

    const { errors } = await gateway.call(`mutation { ${make('Anna')} ${make('Berit')} ${make('Cilla')} }`)

    expect(errors).toMatchObject([{ extensions: { limit: 'ROOT_FIELDS', asked: 3 } }])
    expect(await shop.database.database.sql`SELECT 1 FROM users WHERE name IN ('Anna', 'Berit', 'Cilla')`).toHaveLength(0)
  })

  test('what it costs counts the page that a variable names, and fragments wherever they are spread', async () => {
    await using gateway = await withLimits({ SYNKVY_QUERY_COST: '50' })
    const query = 'query ($first: Int) { products(first: $first) { ...P } } fragment P on ProductConnection { nodes { id } }'

    expect((await gateway.call(query, { first: 48 })).errors).toBeUndefined()
    expect((await gateway.call(query, { first: 49 })).errors).toMatchObject([{ extensions: { limit: 'COST', asked: 51 } }])
    const text = await (await fetch(`${gateway.url}/metrics`)).text()
    expect(text).toMatch(/synkvy_query_cost_count 2/)
  })

  test('one so deep that it cannot be read is refused like any', async () => {
    const codes = async (query: string) => (await shop.call(query)).errors?.map(({ extensions }) => extensions['code'])

    expect(await codes('{ a'.repeat(4_900))).toEqual(['QUERY_TOO_COMPLEX'])
    expect(await codes(`{ product(by: { sku: ${'['.repeat(9_900)} }) { id } }`)).toEqual([
      expect.stringMatching(/QUERY_TOO_COMPLEX|GRAPHQL_PARSE_FAILED/),
    ])
  })
})

describe('messages', () => {
  const post = (url: string, body: string | ReadableStream) =>
    fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${adminKey}` },
      body,
      ...(typeof body === 'string' ? {} : { duplex: 'half' }),
    })
  const make = (name: string, bytes: number) => {
    const start = JSON.stringify({ query: `mutation { createUser(input: { name: "${name}", kind: INTEGRATION }) { user { name } } }` })
    return start.padEnd(bytes)
  }
  const chunked = (text: string) =>
    new ReadableStream({
      start: (controller) => {
        for (let at = 0; at < text.length; at += 500) controller.enqueue(new TextEncoder().encode(text.slice(at, at + 500)))
        controller.close()
      },
    })

  test.each([
    ['with its length', (text: string) => text],
    ['in chunks', chunked],
  ])('a body may have so many bytes, %s', async (way, send) => {
    await using gateway = await withLimits({ SYNKVY_BODY_BYTES: '2000' })

    expect(await (await post(gateway.url, send(make(`Fits ${way}`, 2_000)))).json()).toMatchObject({ data: { createUser: {} } })
    const response = await post(gateway.url, send(make(`Does not fit ${way}`, 2_001)))

    expect(response.status).toBe(413)
    expect(await response.json()).toMatchObject({
      errors: [{ extensions: { code: 'REQUEST_TOO_LARGE', limit: 'BODY_BYTES', allowed: 2_000 } }],
    })
    expect(await shop.database.database.sql`SELECT 1 FROM users WHERE name = ${`Does not fit ${way}`}`).toHaveLength(0)
    expect(await limited(gateway, 'BODY_BYTES')).toBe(1)
  })

  test('several operations in one body are refused', async () => {
    const one = { query: '{ viewer { id } }' }
    const response = await post(shop.url, JSON.stringify([one, one]))

    expect(response.status).toBe(400)
    expect(await response.text()).toMatch(/Batching is not supported/)
  })

  test('a message over a socket may have so many bytes; one that has more ends its socket with 1009, and a line in the log', async () => {
    const lines: string[] = []
    await using gateway = await startGateway(
      shop.database,
      { SYNKVY_MESSAGE_BYTES: '2000' },
      pino({}, { write: (line: string) => lines.push(line) }),
    )
    const { socket, of, closed } = await open(gateway.url)
    const message = (id: string, bytes: number) =>
      JSON.stringify({ id, type: 'subscribe', payload: { query: '{ viewer { id } }' } }).padEnd(bytes)

    socket.send(message('fits', 2_000))
    await expect.poll(() => of('fits')[0]?.payload?.data).toBeDefined()
    socket.send(message('more', 2_001))

    expect(await closed).toBe(1009)
    expect(await limited(gateway, 'MESSAGE_BYTES')).toBe(1)
    expect(lines.some((line) => line.includes('a socket has ended'))).toBe(true)
    expect((await gateway.call('{ viewer { id } }')).errors).toBeUndefined()
  })

  const raw = (url: string, text: string) =>
    new Promise<string>((resolve) => {
      let answer = ''
      const socket = connectTcp(Number(new URL(url).port), '127.0.0.1', () => socket.write(text))
      socket.on('data', (data) => (answer += String(data)))
      socket.on('close', () => resolve(answer))
      socket.on('error', () => resolve(answer))
    })

  test('who does not send a request to its end is cut off', async () => {
    await using gateway = await withLimits({ SYNKVY_REQUEST_SECONDS: '1' })

    expect(
      await raw(gateway.url, 'POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{'),
    ).toMatch(/^HTTP\/1.1 408/)
    expect(await raw(gateway.url, 'POST /graphql HTTP/1.1\r\nHost: x\r\n')).toMatch(/^HTTP\/1.1 408/)
    expect(await limited(gateway, 'REQUEST_SECONDS')).toBe(2)
  })

  test('headers may have 16 KiB', async () => {
    const before = await limited(shop, 'HEADER_BYTES')
    const get = (bytes: number) =>
      raw(shop.url, `GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX: ${'x'.repeat(bytes)}\r\n\r\n`)

    expect(await get(16_000)).toMatch(/^HTTP\/1.1 200/)
    expect(await get(17_000)).toMatch(/^HTTP\/1.1 431/)
    expect(await limited(shop, 'HEADER_BYTES')).toBe(before + 1)
  })
})

describe('sockets', () => {
  test('one that does not say who it is is closed', async () => {
    await using gateway = await withLimits({ SYNKVY_SOCKET_INIT_SECONDS: '1' })

    expect(await dial(gateway.url, { init: null }).closed).toBe(4408)
    await expect.poll(() => limited(gateway, 'SOCKET_INIT_SECONDS')).toBe(1)
  })

  test('one without an operation is closed after a while, and one with a subscription is not', async () => {
    await using gateway = await withLimits({ SYNKVY_SOCKET_IDLE_SECONDS: '1' })
    const busy = await open(gateway.url)
    busy.send('1', 'subscription { syncViewStatuses { id } }')
    await expect.poll(() => busy.of('1').length).toBe(1)
    const idle = await open(gateway.url)

    const { code, reason } = await idle.farewell
    expect([code, reason]).toEqual([4080, expect.stringContaining('no operation')])
    expect(busy.socket.readyState).toBe(WebSocket.OPEN)
    expect(await limited(gateway, 'SOCKET_IDLE_SECONDS')).toBe(1)

    busy.complete('1')
    expect(await busy.closed).toBe(4080)
  })

  test('a key may have so many, and has one more when one of them has gone', async () => {
    await using gateway = await withLimits({ SYNKVY_SOCKETS_PER_KEY: '2' })
    const { key } = await createIntegration(shop, 'Has sockets')
    const [first] = [await open(gateway.url, key), await open(gateway.url, key)]

    const third = dial(gateway.url, { init: withKey(key) })
    expect(await third.farewell).toEqual({ code: 4290, reason: expect.stringContaining('2 are allowed') })
    expect(third.messages).toEqual([])
    await open(gateway.url)
    expect(await limited(gateway, 'SOCKETS_PER_KEY')).toBe(1)

    first?.socket.close()
    await first?.closed
    await open(gateway.url, key)
  })

  test('an address may have so many, and has one more when one of them has gone', async () => {
    await using gateway = await withLimits({ SYNKVY_SOCKETS_PER_ADDRESS: '2' })
    const [first] = [await open(gateway.url), dial(gateway.url, { init: null })]

    const third = dial(gateway.url)
    expect(await third.farewell).toEqual({ code: 4290, reason: expect.stringContaining('2 are allowed') })
    expect(third.messages).toEqual([])
    expect(await limited(gateway, 'SOCKETS_PER_ADDRESS')).toBe(1)

    first?.socket.close()
    await first?.closed
    await open(gateway.url)
  })

  test('so many operations may be under way on one', async () => {
    await using gateway = await withLimits({ SYNKVY_OPERATIONS_PER_SOCKET: '2' })
    const { send, of, complete, socket } = await open(gateway.url)
    const follow = 'subscription { syncViewStatuses { id } }'
    send('1', follow)
    send('2', follow)
    await expect.poll(() => of('1').length + of('2').length).toBe(2)

    send('3', '{ viewer { id } }')
    await expect.poll(() => of('3').length).toBe(1)
    expect(of('3')[0]).toMatchObject({
      type: 'error',
      payload: [
        { extensions: { code: 'RATE_LIMITED', limit: 'OPERATIONS_PER_SOCKET', allowed: 2, retryAfterSeconds: expect.any(Number) } },
      ],
    })
    complete('1')
    send('4', '{ viewer { id } }')
    await expect.poll(() => of('4')[0]?.payload?.data).toBeDefined()
    expect(await limited(gateway, 'OPERATIONS_PER_SOCKET')).toBe(1)
    socket.close()
  })

  test('a key may have so many subscriptions, over whatever way', async () => {
    await using gateway = await withLimits({ SYNKVY_SUBSCRIPTIONS_PER_KEY: '2' })
    const follow = 'subscription { syncViewStatuses { id } }'
    const one = await open(gateway.url)
    one.send('1', follow)
    const abort = new AbortController()
    const stream = () =>
      fetch(`${gateway.url}/graphql`, {
        method: 'POST',
        signal: abort.signal,
        headers: { 'content-type': 'application/json', accept: 'text/event-stream', authorization: `Bearer ${adminKey}` },
        body: JSON.stringify({ query: follow }),
      })
    const second = await stream()
    await second.body?.getReader().read()

    const refused = { extensions: { code: 'RATE_LIMITED', limit: 'SUBSCRIPTIONS_PER_KEY', allowed: 2 } }
    one.send('3', follow)
    await expect.poll(() => one.of('3')[0]).toMatchObject({ type: 'next', payload: { errors: [refused] } })
    expect(await (await stream()).text()).toMatch(/SUBSCRIPTIONS_PER_KEY/)
    expect(await limited(gateway, 'SUBSCRIPTIONS_PER_KEY')).toBe(2)

    abort.abort()
    await expect
      .poll(async () => (one.send(`4-${Math.random()}`, follow), one.messages.at(-1)?.payload?.data?.syncViewStatuses))
      .toBeDefined()
    one.socket.close()
  })
})

describe('calls', () => {
  const head = (response: Response) => [response.status, Number(response.headers.get('retry-after'))]
  const fetchAs = (url: string, key: string | undefined, query = '{ __typename }') =>
    fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(key === undefined ? {} : { authorization: `Bearer ${key}` }) },
      body: JSON.stringify({ query }),
    })

  test('a key may make so many, and others are not held up by it', async () => {
    await using gateway = await withLimits({ SYNKVY_CALLS_PER_KEY: '18' })
    for (const _ of [1, 2]) expect((await fetchAs(gateway.url, adminKey)).status).toBe(200)
    const { send, of } = await open(gateway.url)
    send('1', '{ viewer { id } }')
    await expect.poll(() => of('1')[0]?.payload?.data).toBeDefined()

    const response = await fetchAs(
      gateway.url,
      adminKey,
      'mutation { createUser(input: { name: "Too often", kind: ADMIN }) { user { id } } }',
    )
    expect(head(response)).toEqual([429, expect.any(Number)])
    const { errors } = JSON.parse(await response.text())
    const seconds = Number(response.headers.get('retry-after'))
    expect(seconds).toBeGreaterThan(0)
    expect(errors).toMatchObject([
      { extensions: { code: 'RATE_LIMITED', retryable: true, limit: 'CALLS_PER_KEY', allowed: 18, retryAfterSeconds: seconds } },
    ])
    send('2', '{ viewer { id } }')
    await expect.poll(() => of('2')[0]).toMatchObject({ type: 'error', payload: [{ extensions: { limit: 'CALLS_PER_KEY' } }] })

    expect(await shop.database.database.sql`SELECT 1 FROM users WHERE name = 'Too often'`).toHaveLength(0)
    expect(await limited(gateway, 'CALLS_PER_KEY')).toBe(2)
    const { key } = await createIntegration(shop, 'Calls now and then')
    expect((await fetchAs(gateway.url, key)).status).toBe(200)
  })

  test('an address may make so many, whatever its keys, sign-ins and new sockets among them', async () => {
    await using gateway = await withLimits({ SYNKVY_CALLS_PER_ADDRESS: '18' })
    for (const key of [adminKey, undefined]) expect((await fetchAs(gateway.url, key)).status).toBe(200)
    const { socket } = await open(gateway.url)

    expect(head(await fetchAs(gateway.url, adminKey))).toEqual([429, expect.any(Number)])
    const signIn = await fetch(`${gateway.url}/admin/session`, {
      method: 'POST',
      headers: { origin: gateway.url, 'content-type': 'application/json' },
      body: JSON.stringify({ key: adminKey }),
    })
    expect(head(signIn)).toEqual([429, expect.any(Number)])
    expect(await signIn.json()).toMatchObject({ code: 'RATE_LIMITED' })
    expect(await dial(gateway.url).closed).toBe(4290)
    expect(await limited(gateway, 'CALLS_PER_ADDRESS')).toBe(3)
    socket.close()
  })

  test('an address may make so many without a key', async () => {
    await using gateway = await withLimits({ SYNKVY_ANONYMOUS_CALLS: '12' })
    const introspect = () => fetchAs(gateway.url, undefined, getIntrospectionQuery())

    expect([(await introspect()).status, (await introspect()).status, (await introspect()).status]).toEqual([200, 200, 429])
    expect((await fetchAs(gateway.url, adminKey)).status).toBe(200)
    expect(await limited(gateway, 'ANONYMOUS_CALLS')).toBe(1)
  })

  test('a batch that is sent pays for its acknowledge, but to subscribe is paid for', async () => {
    await using gateway = await withLimits({ SYNKVY_CALLS_PER_KEY: '12' })
    const { key } = await createView(shop, 'Acknowledges', { autoLink: true })
    const { send, of, socket } = await open(gateway.url, key)
    send('stream', 'subscription { productChanges(batchSize: 1, maxInFlight: 1) { cursor changes { handle } } }')
    await expect.poll(() => of('stream').length).toBe(1)
    const handles = Array.from({ length: 8 }, (_, index) => `paid-${index}`)
    await expectData(
      shop.call('mutation ($input: [ProductInput!]!) { upsertProducts(input: $input) { products { id } } }', {
        input: handles.map((handle) => ({ handle, title: handle })),
      }),
    )
    for (let batch = 1; batch <= handles.length; batch += 1) {
      await expect.poll(() => of('stream').length).toBe(batch + 1)
      send(`ack ${batch}`, `mutation { acknowledge(cursor: "${of('stream').at(-1)?.payload.data.productChanges.cursor}") { __typename } }`)
      await expect.poll(() => of(`ack ${batch}`)[0]?.payload).toEqual({ data: { acknowledge: { __typename: 'AcknowledgePayload' } } })
    }

    for (const id of ['a', 'b', 'c']) {
      send(id, 'subscription { stockChanges { cursor } }')
      await expect.poll(() => of(id).length).toBeGreaterThan(0)
    }
    expect(of('c')[0]).toMatchObject({ type: 'error', payload: [{ extensions: { limit: 'CALLS_PER_KEY' } }] })
    socket.close()
  })
})

describe('who tries keys', () => {
  const unknown = (index: number) => `synkvy_${String(index).padStart(43, 'x')}`

  test('is looked up ten times a minute, by whatever door, and then not at all; keys that were good lately get in', async () => {
    await using gateway = await withLimits({ SYNKVY_FAILED_KEYS: '10' })
    const { key } = await createIntegration(shop, 'Was here before')
    await expectData(gateway.call('{ viewer { id } }', {}, key))
    const codeOf = async (secret: string) => (await gateway.call('{ viewer { id } }', {}, secret)).errors?.[0]?.extensions['code']
    const signIn = (secret: string) =>
      fetch(`${gateway.url}/admin/session`, {
        method: 'POST',
        headers: { origin: gateway.url, 'content-type': 'application/json' },
        body: JSON.stringify({ key: secret }),
      })

    for (let index = 0; index < 8; index += 1) expect(await codeOf(unknown(index))).toBe('UNAUTHENTICATED')
    expect(await dial(gateway.url, { init: withKey(unknown(8)) }).closed).toBe(4403)
    expect((await signIn(unknown(9))).status).toBe(401)

    const { errors } = await gateway.call('{ viewer { id } }', {}, unknown(10))
    expect(errors).toMatchObject([{ extensions: { code: 'RATE_LIMITED', limit: 'FAILED_KEYS', allowed: 10, retryAfterSeconds: 1 } }])
    const refused = await signIn(unknown(11))
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '1'])
    expect(await dial(gateway.url, { init: withKey(unknown(12)) }).closed).toBe(4290)
    expect(await limited(gateway, 'FAILED_KEYS')).toBe(3)
    await expectData(gateway.call('{ viewer { id } }', {}, key))

    // A good key that is new gets in when the wait is over.
    await expect.poll(() => codeOf(adminKey)).toBeUndefined()
  })

  test('does not reach the database', async () => {
    await using gateway = await withLimits({ SYNKVY_FAILED_KEYS: '1' })
    await gateway.call('{ viewer { id } }', {}, unknown(1))
    const { sql } = shop.database.database
    await sql`ALTER TABLE api_keys RENAME TO api_keys_away`
    const { errors } = await gateway.call('{ viewer { id } }', {}, unknown(2))
    await sql`ALTER TABLE api_keys_away RENAME TO api_keys`

    expect(errors).toMatchObject([{ extensions: { code: 'RATE_LIMITED' } }])
  })
})

describe('introspection and GraphiQL', () => {
  const browser = { accept: 'text/html' }

  test('are there', async () => {
    expect(
      (await shop.call(getIntrospectionQuery({ descriptions: true, inputValueDeprecation: true, schemaDescription: true }), {}, '')).errors,
    ).toBeUndefined()
    expect(await (await fetch(`${shop.url}/graphql`, { headers: browser })).text()).toContain('<!doctype html>')
    expect((await shop.call('{ viewr { id } }')).errors?.[0]?.message).toContain('Did you mean')
  })

  test('can be switched off, and then nothing is guessed at either', async () => {
    await using gateway = await withLimits({ SYNKVY_INTROSPECTION: 'off', SYNKVY_GRAPHIQL: 'off' })

    for (const [way, call] of Object.entries(ways))
      for (const query of ['{ __schema { types { name } } }', '{ __type(name: "Product") { name } }', getIntrospectionQuery()])
        expect((await call(gateway, query)).errors?.[0]?.extensions['code'], way).toBe('GRAPHQL_VALIDATION_FAILED')
    expect((await gateway.call('{ viewer { __typename } }')).errors).toBeUndefined()
    expect(await (await fetch(`${gateway.url}/graphql`, { headers: browser })).text()).not.toContain('<!doctype html>')
    const faulty = [
      ['{ viewr { id } }', {}],
      ['{ viewer { nam } }', {}],
      ['{ products(frst: 1) { totalCount } }', {}],
      ['query ($input: CreateUserInputt!) { viewer { id } }', {}],
      ['mutation { createUser(input: { nam: "x", kind: ADMN }) { user { id } } }', {}],
      ['mutation ($input: CreateUserInput!) { createUser(input: $input) { user { id } } }', { input: { name: 'x', kind: 'ADMN' } }],
      [
        'mutation ($input: CreateUserInput!) { createUser(input: $input) { user { id } } }',
        { input: { name: 'x', kind: 'ADMIN', kin: 1 } },
      ],
    ] as const
    for (const [query, variables] of faulty) {
      const { errors } = await gateway.call(query, variables)
      expect(errors?.length).toBeGreaterThan(0)
      expect(JSON.stringify(errors)).not.toMatch(/did you mean/i)
    }
  })
})
