import fc, { type Arbitrary } from 'fast-check'
import { GraphQLNonNull, isInputObjectType, isInputType, Kind, parse, typeFromAST } from 'graphql'
import { schema } from '../../schema/schema.ts'
import { mutatedDocuments } from './documents.ts'
import type { Frame, HttpInput } from './doors.ts'
import { nastyTexts, operationsOf, toJson, valuesOf, type Known } from './values.ts'

/** Who says that it calls. */
export interface Keys {
  readonly admin: string
  readonly system: string
  /** A system without a view. */
  readonly viewless: string
}

const json = 'application/json'

function post(body: string | Buffer, key: string, headers: Readonly<Record<string, string>> = {}): HttpInput {
  return { method: 'POST', path: '/graphql', headers: { 'content-type': json, authorization: `Bearer ${key}`, ...headers }, body }
}

function anyKey({ admin, system, viewless }: Keys): Arbitrary<string> {
  return fc.oneof(
    { weight: 12, arbitrary: fc.constant(admin) },
    { weight: 12, arbitrary: fc.constant(system) },
    { weight: 2, arbitrary: fc.constant(viewless) },
    { weight: 1, arbitrary: fc.constantFrom('', 'x', `${admin}x`, `synkvy_${'A'.repeat(43)}`) },
  )
}

/** Every field with every argument, by variables. */
export function operations(known: Known, keys: Keys): Arbitrary<HttpInput> {
  const call = fc.oneof({ weight: 2, arbitrary: operationsOf('Query', known) }, { weight: 3, arbitrary: operationsOf('Mutation', known) })
  return fc.tuple(call, anyKey(keys)).map(([{ query, variables }, key]) => post(toJson({ query, variables }), key))
}

export function streams(known: Known, keys: Keys): Arbitrary<HttpInput> {
  return fc
    .tuple(operationsOf('Subscription', known), anyKey(keys))
    .map(([{ query, variables }, key]) => post(toJson({ query, variables }), key, { accept: 'text/event-stream' }))
}

/** Documents that were real, with values for what they ask for. */
export function documents(real: readonly string[], known: Known, keys: Keys): Arbitrary<HttpInput> {
  const all = real.map((text) => ({ text, variables: variablesOf(text, known) }))
  return fc
    .constantFrom(...all)
    .chain(({ text, variables }) => fc.tuple(mutatedDocuments([text]), variables, anyKey(keys)))
    .map(([query, variables, key]) => post(toJson({ query, variables }), key))
}

function variablesOf(text: string, known: Known): Arbitrary<unknown> {
  const [operation] = parse(text).definitions
  if (operation?.kind !== Kind.OPERATION_DEFINITION) return fc.constant({})
  const parts = (operation.variableDefinitions ?? []).flatMap(({ variable, type }) => {
    const of = typeFromAST(schema, type)
    return isInputType(of) ? [[variable.name.value, valuesOf(of, variable.name.value, known)] as const] : []
  })
  return fc.record(Object.fromEntries(parts))
}

const good = '{"query":"{ viewer { name } }"}'

/** Bodies that are not what they should be, and what says what they are. */
export function bodies(keys: Keys): Arbitrary<HttpInput> {
  const strange = fc.constantFrom<unknown>(null, 1, '', [], {}, true, { a: 1 }, [[]], '{ viewer { name } }', ...nastyTexts.slice(0, 40))
  const requests = fc.record({ query: strange, variables: strange, operationName: strange, extensions: strange }, { requiredKeys: [] })
  const depth = fc.constantFrom(10, 1_000, 100_000)
  const texts: Arbitrary<string | Buffer> = fc.oneof(
    requests.map(toJson),
    fc.array(requests, { maxLength: 3 }).map(toJson),
    strange.map(toJson),
    fc.nat(good.length).map((length) => good.slice(0, length)),
    fc.tuple(depth, fc.constantFrom('[', '{"a":', '{"variables":', '{"query":[')).map(([times, part]) => part.repeat(times)),
    depth.map((times) => `{"query":"query ($a: [String!]) { __typename }","variables":{"a":${'['.repeat(times)}${']'.repeat(times)}}}`),
    fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
    fc
      .tuple(fc.nat(good.length), fc.uint8Array({ minLength: 1, maxLength: 4 }))
      .map(([at, bytes]) => Buffer.concat([Buffer.from(good.slice(0, at)), Buffer.from(bytes), Buffer.from(good.slice(at))])),
    fc.constantFrom(
      '\uFEFF' + good,
      `${good}${good}`,
      ` ${good} `,
      `${good}\0`,
      '{"query":"{ viewer { name } }","query":1}',
      '{"__proto__":{"query":"{ viewer { name } }"}}',
    ),
  )
  const types = fc.oneof(
    { weight: 3, arbitrary: fc.constant(json) },
    {
      weight: 2,
      arbitrary: fc.constantFrom(
        '',
        'text/plain',
        'application/graphql',
        'application/x-www-form-urlencoded',
        'multipart/form-data',
        'multipart/form-data; boundary=x',
        'application/json; charset=utf-16',
        'application/json;;;',
        'APPLICATION/JSON',
        'application/graphql-response+json',
        'x',
        '*/*',
        'application/json, text/plain',
        'multipart/form-data; boundary=',
      ),
    },
  )
  const accepts = fc.constantFrom(
    '*/*',
    '',
    'text/event-stream',
    'multipart/mixed',
    'application/graphql-response+json',
    'text/html',
    'x;q=9',
    'application/json;q=0',
    ',',
  )
  return fc
    .tuple(texts, types, accepts, fc.constantFrom('POST', 'POST', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'HEAD', 'TRACE'))
    .map(([body, type, accept, method]) => ({
      ...post(method === 'HEAD' || method === 'TRACE' ? '' : body, keys.admin, { 'content-type': type, accept }),
      method,
    }))
}

const paths = [
  '/graphql',
  '/graphql',
  '/graphql',
  '/graphql/',
  '/admin',
  '/admin/assets/x.js',
  '/admin/session',
  '/health/ready',
  '/metrics',
  '/',
  '/nothing',
]

/** Query strings. */
export function queryStrings(keys: Keys): Arbitrary<HttpInput> {
  const part = fc.oneof(
    fc.constantFrom('query', 'variables', 'operationName', 'extensions', 'query[]', '__proto__', '', 'q'),
    fc.string({ unit: 'binary', maxLength: 6 }),
  )
  const value = fc.oneof(
    fc.constantFrom(
      '{ viewer { name } }',
      '{__typename}',
      'mutation { __typename }',
      '{',
      'null',
      '[]',
      '{"a":1}',
      '%zz',
      '%00',
      '%ff%fe',
      '%ud800',
      '+',
      'x'.repeat(9_000),
      '&&&',
      '#',
      '===',
      ...nastyTexts.slice(0, 30),
    ),
    fc.string({ unit: 'binary', maxLength: 20 }),
  )
  const pair = fc
    .tuple(part, value, fc.boolean())
    .map(([name, text, isEncoded]) => (isEncoded ? `${encode(name)}=${encode(text)}` : `${plain(name)}=${plain(text)}`))
  return fc
    .tuple(
      fc.constantFrom(...paths),
      fc.array(pair, { maxLength: 5 }),
      fc.constantFrom('GET', 'GET', 'HEAD', 'POST'),
      fc.constantFrom('application/json', 'text/html', '*/*'),
    )
    .map(([path, pairs, method, accept]) => ({
      method,
      path: `${path}?${pairs.join('&')}`,
      headers: { authorization: `Bearer ${keys.admin}`, accept, 'x-request-id': pairs[0]?.slice(0, 80) ?? '' },
      body: '',
    }))
}

function encode(text: string): string {
  // Half a surrogate pair has no encoding.
  return encodeURIComponent(Buffer.from(text).toString())
}

/** What may stand in the first line of a request. */
function plain(text: string): string {
  return text.replaceAll(/[^!-~]/g, '')
}

/** Bytes that are hardly HTTP. */
export function rawRequests(keys: Keys): Arbitrary<Buffer> {
  const body = good
  const line = fc.constantFrom(
    'POST /graphql HTTP/1.1',
    'GET /graphql HTTP/1.1',
    'GET / HTTP/1.0',
    'GET /',
    'POST  /graphql  HTTP/1.1',
    'post /graphql http/1.1',
    'BREW /graphql HTTP/1.1',
    'CONNECT x:1 HTTP/1.1',
    'GET http://[/graphql HTTP/1.1',
    'GET * HTTP/1.1',
    'POST //graphql HTTP/1.1',
    'POST /graphql HTTP/9.9',
    'PRI * HTTP/2.0',
    'GET /graphql?query={__typename} HTTP/1.1',
    '\r\nGET / HTTP/1.1',
    'GET /%00 HTTP/1.1',
    'GET /admin/../../etc/passwd HTTP/1.1',
    'GET /admin/%2e%2e/x HTTP/1.1',
    'POST /admin/session HTTP/1.1',
    'DELETE /admin/session HTTP/1.1',
    'GET /health/ready HTTP/1.1',
  )
  const header = fc.constantFrom(
    'Host: x',
    'Host: x',
    'Host: :::',
    'Host: a\r\nHost: b',
    'Host:',
    `Authorization: Bearer ${keys.admin}`,
    'Authorization: Bearer',
    'Authorization: Basic x',
    `Authorization: ${'x'.repeat(9_000)}`,
    `Content-Length: ${body.length}`,
    `Content-Length: ${body.length}`,
    'Content-Length: 5',
    'Content-Length: -1',
    'Content-Length: 99999999999999999999',
    'Content-Length: 1\r\nContent-Length: 2',
    'Content-Length: x',
    'Transfer-Encoding: chunked',
    'Transfer-Encoding: gzip, chunked',
    'Transfer-Encoding: chunked, chunked',
    'Content-Type: application/json',
    'Content-Type: application/json',
    'Content-Encoding: gzip',
    'Expect: 100-continue',
    'Expect: x',
    'Connection: close',
    'Connection: Upgrade\r\nUpgrade: websocket',
    'Connection: Upgrade\r\nUpgrade: h2c',
    'Sec-WebSocket-Key: x',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Protocol: graphql-transport-ws',
    'Sec-WebSocket-Protocol: ,,',
    'Sec-WebSocket-Extensions: permessage-deflate; x',
    'Cookie: synkvy_session=x; =; synkvy_session',
    'Origin: null',
    'Origin: http://x',
    'Sec-Fetch-Site: same-origin',
    'X-Forwarded-For: ,,',
    'X-Forwarded-Host: x',
    'X-Request-Id: \u00ff',
    ': x',
    'x',
    'X-Long: ' + 'x'.repeat(20_000),
    ' folded: x',
    'A\0: b',
    'A: \0',
    'Accept: text/event-stream',
    'Accept-Encoding: br, gzip',
  )
  const rest = fc.constantFrom(
    body,
    '',
    `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`,
    'ffffffffff\r\nx',
    '-1\r\n\r\n',
    '0\r\n\r\n',
    '\0\0\0',
    '{"key":"x"}',
    '5;ext=\r\nhello\r\n',
    `${body}GET / HTTP/1.1\r\nHost: x\r\n\r\n`,
  )
  const request = fc
    .tuple(line, fc.array(header, { maxLength: 7 }), rest)
    .map(([first, headers, more]) => Buffer.from([first, ...headers, '', more].join('\r\n'), 'latin1'))
  const bent = fc.tuple(request, fc.nat(), fc.nat(255)).map(([bytes, at, byte]) => {
    const copy = Buffer.from(bytes)
    copy.writeUInt8(byte, at % copy.length)
    return copy
  })
  return fc.oneof(
    { weight: 4, arbitrary: request },
    { weight: 2, arbitrary: bent },
    { weight: 1, arbitrary: fc.array(request, { minLength: 2, maxLength: 4 }).map((several) => Buffer.concat(several)) },
    { weight: 1, arbitrary: fc.uint8Array({ minLength: 1, maxLength: 300 }).map((bytes) => Buffer.from(bytes)) },
  )
}

/** Messages of graphql-transport-ws, and what is like them. */
export function messages(known: Known, documentsOf: Arbitrary<string>): Arbitrary<readonly (string | Buffer)[]> {
  const id = fc.constantFrom<unknown>('1', '2', '3', '__proto__', '', 1, null, 'x'.repeat(300))
  const type = fc.constantFrom<unknown>(
    'subscribe',
    'subscribe',
    'complete',
    'complete',
    'ping',
    'pong',
    'connection_init',
    'connection_ack',
    'next',
    'error',
    'start',
    '',
    null,
    1,
    '__proto__',
  )
  const operation = fc
    .oneof(operationsOf('Subscription', known), operationsOf('Query', known))
    .map(({ query, variables }) => ({ query, variables }))
  const payload = fc.oneof<Arbitrary<unknown>[]>(
    operation,
    documentsOf.map((query) => ({ query })),
    fc.constantFrom<unknown>(null, '', 1, [], {}, { query: 1 }, { query: '' }, { query: '{', variables: [] }),
  )
  const whole = fc.record({ id: fc.constantFrom('1', '2', '3'), type: fc.constant('subscribe'), payload: operation })
  const strange = fc.record({ id, type, payload }, { requiredKeys: [] })
  const complete = fc.constantFrom('1', '2', '3').map((of) => ({ id: of, type: 'complete' }))
  const message: Arbitrary<string | Buffer> = fc.oneof(
    { weight: 8, arbitrary: whole.map(toJson) },
    { weight: 4, arbitrary: complete.map(toJson) },
    { weight: 2, arbitrary: strange.map(toJson) },
    { weight: 1, arbitrary: fc.tuple(strange.map(toJson), fc.nat()).map(([text, length]) => text.slice(0, length % (text.length + 1))) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 30 }).map((bytes) => Buffer.from(bytes)) },
    { weight: 1, arbitrary: fc.constantFrom('['.repeat(100_000), '{"type":'.repeat(9_000), '\0', 'null', '"ping"') },
  )
  return fc.array(message, { minLength: 1, maxLength: 10 })
}

/** Frames: bad opcodes, reserved bits, lengths that are not so, pieces of nothing. */
export function frames(): Arbitrary<readonly Frame[]> {
  const payloads = fc.oneof(
    fc.constantFrom('{"type":"ping"}', '{"type":"connection_init"}', '', '\u0003\u00e8', 'x'.repeat(126)).map((text) => Buffer.from(text)),
    fc.uint8Array({ maxLength: 130 }).map((bytes) => Buffer.from(bytes)),
  )
  const frame = fc.record<Frame>({
    first: fc.oneof(fc.constantFrom(0x81, 0x82, 0x01, 0x80, 0x00, 0x88, 0x89, 0x8a, 0x09, 0x08), fc.nat(255)),
    isMasked: fc.oneof({ weight: 5, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }),
    length: fc.oneof(
      { weight: 5, arbitrary: fc.constant(undefined) },
      { weight: 1, arbitrary: fc.constantFrom(0, 1, 125, 126, 65_535, 65_536, 5_000_000, 2 ** 31, 2n ** 63n, 2n ** 64n - 1n) },
    ),
    payload: payloads,
  })
  return fc.array(frame, { minLength: 1, maxLength: 3 })
}

/** Several things in one call, each under a name of its own, any of which may be wrong: all are stored or none. */
export interface Bundle {
  readonly table: 'products' | 'customers' | 'orders' | 'locations'
  readonly names: readonly string[]
  readonly input: HttpInput
}

const bundled = [
  { table: 'products', field: 'upsertProducts', type: 'ProductInput', named: 'handle' },
  { table: 'customers', field: 'upsertCustomers', type: 'CustomerInput', named: 'externalId' },
  { table: 'orders', field: 'upsertOrders', type: 'OrderInput', named: 'externalId' },
  { table: 'locations', field: 'setStock', type: 'SetStockInput', named: 'location' },
] as const

export function bundles(known: Known, keys: Keys, prefix: string): Arbitrary<Bundle> {
  let made = 0
  const kinds = bundled.map(({ table, field, type, named }) => {
    const of = schema.getType(type)
    if (!isInputObjectType(of)) throw new Error(`there is no ${type}`)
    const query = `mutation ($input: [${type}!]!) { ${field}(input: $input) { __typename } }`
    const needed = new GraphQLNonNull(of)
    const calm = valuesOf(needed, type, { ...known, isCalm: true }).map((item) => ({ ...asObject(item), ...fresh(table) }))
    const item = fc.oneof({ weight: 5, arbitrary: calm }, { weight: 1, arbitrary: valuesOf(needed, type, known) })
    return fc.array(item, { minLength: 1, maxLength: 5 }).map((items): Bundle => {
      const names = items.map(() => `${prefix}-${(made += 1)}`)
      const input = items.map((one, index) => (typeof one === 'object' && one !== null ? { ...one, [named]: names[index] } : one))
      return { table, names, input: post(toJson({ query, variables: { input } }), keys.admin) }
    })
  })
  return fc.oneof(...kinds)
}

function asObject(value: unknown): object {
  return typeof value === 'object' && value !== null ? value : {}
}

/** As something new may be sent in: without what must fit to something that is there. */
function fresh(table: Bundle['table']): Readonly<Record<string, unknown>> {
  const without = { ifRevision: undefined, variants: undefined, customerExternalId: undefined, expectedOnHand: undefined }
  return table === 'products' ? { ...without, title: 'New' } : without
}

/** A cursor with a bit turned round, cut off, made longer or spelt otherwise. */
export function bentCursors(cursors: readonly string[]): Arbitrary<string> {
  const bend = fc.oneof(
    { weight: 4, arbitrary: fc.nat().map((bit) => (bytes: Buffer) => flipped(bytes, bit).toString('base64url')) },
    { weight: 1, arbitrary: fc.nat().map((length) => (bytes: Buffer) => bytes.toString('base64url').slice(0, length % bytes.length)) },
    {
      weight: 1,
      arbitrary: fc.string({ minLength: 1, maxLength: 5 }).map((more) => (bytes: Buffer) => `${bytes.toString('base64url')}${more}`),
    },
    {
      weight: 1,
      arbitrary: fc.constantFrom('=', '==', '\n', ' ', '\0').map((more) => (bytes: Buffer) => `${bytes.toString('base64url')}${more}`),
    },
    {
      weight: 1,
      arbitrary: fc.tuple(fc.nat(), fc.nat()).map(
        ([a, b]) =>
          (bytes: Buffer) =>
            flipped(flipped(bytes, a), b + 1).toString('base64url'),
      ),
    },
    {
      weight: 1,
      arbitrary: fc.uint8Array({ minLength: 1, maxLength: 140 }).map((bytes) => () => Buffer.from(bytes).toString('base64url')),
    },
  )
  return fc
    .tuple(fc.constantFrom(...cursors), bend)
    .map(([cursor, how]) => [cursor, how(Buffer.from(cursor, 'base64url'))] as const)
    .filter(([cursor, bent]) => bent !== cursor)
    .map(([, bent]) => bent)
}

export function flipped(bytes: Buffer, bit: number): Buffer {
  const copy = Buffer.from(bytes)
  const at = bit % (copy.length * 8)
  copy.writeUInt8(copy.readUInt8(at >> 3) ^ (1 << (at & 7)), at >> 3)
  return copy
}
