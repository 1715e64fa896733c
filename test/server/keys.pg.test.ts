import { buildSchema } from 'graphql'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { holdToRules, mutationRules } from '../../schema/mutation-rules.ts'
import { schema } from '../../schema/schema.ts'
import { createAccount } from '../../src/access/accounts.ts'
import { keyScopes } from '../../src/access/api-keys.ts'
import { roots } from '../helpers/calls.ts'
import { adminKey, createIntegration, createView, expectData, startShop, type GraphQLAnswer } from '../helpers/gateway.ts'
import { dial, withKey } from '../helpers/socket.ts'

let shop: Awaited<ReturnType<typeof startShop>>
let otherAdmin: string
beforeAll(async () => {
  shop = await startShop({ SYNKVY_TRUSTED_PROXIES: '1' })
  const other = await createAccount(shop.app.database, { slug: 'other', name: 'Other', currency: 'SEK', pricesIncludeTax: true })
  otherAdmin = other.adminKey ?? ''
})
afterAll(async () => {
  await shop[Symbol.asyncDispose]()
})

const limitsOfKey = 'apiKey { id prefix scopes addresses expiresAt revokedAt }'
const createKey = `mutation ($userId: ID!, $scopes: [KeyScope!], $addresses: [String!], $expiresAt: DateTime) {
  createApiKey(userId: $userId, scopes: $scopes, addresses: $addresses, expiresAt: $expiresAt) { secret ${limitsOfKey} } }`
const rotateKey = `mutation ($id: ID!, $overlapHours: Int, $expiresAt: DateTime) {
  rotateApiKey(id: $id, overlapHours: $overlapHours, expiresAt: $expiresAt) { secret ${limitsOfKey} replaced { id expiresAt revokedAt } } }`

async function makeKey(userId: string, limits: Record<string, unknown> = {}) {
  const { secret, apiKey } = (await expectData(shop.call(createKey, { userId, ...limits }))).createApiKey
  return { secret, ...apiKey }
}

async function adminId(): Promise<string> {
  return (await expectData(shop.call('{ viewer { id } }'))).viewer.id
}

const codeOf = (answer: GraphQLAnswer): unknown => answer.errors?.[0]?.extensions['code']

/** A call as a proxy passes it on that was called from there. */
async function callFrom(address: string | undefined, headers: Record<string, string>, query = '{ viewer { name } }', url = shop.url) {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(address === undefined ? {} : { 'x-forwarded-for': address }), ...headers },
    body: JSON.stringify({ query }),
  })
  return { status: response.status, text: await response.text() }
}

/** A socket as a proxy passes it on. */
function openSocket(headers: Record<string, string>, key?: string, url = shop.url) {
  return dial(url, { headers, init: key === undefined ? {} : withKey(key) })
}

describe('a rule', () => {
  test('is there for every mutation, and for nothing else', () => {
    expect(Object.keys(mutationRules).toSorted()).toEqual(Object.keys(schema.getMutationType()?.getFields() ?? {}).toSorted())
  })

  test('that is missing keeps the schema from being made', () => {
    const forgotten = buildSchema('type Query { a: Int } type Mutation { eraseEverything: Int }')

    expect(() => holdToRules(forgotten)).toThrow(/eraseEverything has no rule/)
  })
})

describe('the scopes of a key', () => {
  test('say what it may write: every mutation with every set of scopes, over HTTP', async () => {
    const { userId } = await createView(shop, 'Every scope')
    const sets = Array.from({ length: 2 ** keyScopes.length }, (_none, bits) => keyScopes.filter((_scope, index) => (bits >> index) & 1))
    const mutations = roots.filter(([name]) => name.startsWith('Mutation.'))
    for (const scopes of [...sets, null]) {
      const { secret } = await makeKey(userId, { scopes })
      for (const [name, query] of mutations) {
        const answer = await shop.call(query, {}, secret)
        const rule = mutationRules[name.split('.')[1] ?? '']
        const mayCall = rule === 'OWN' || (rule !== 'ADMIN' && (scopes === null || scopes.some((scope) => scope === rule)))
        expect(codeOf(answer) === 'FORBIDDEN', `${name} with ${scopes?.join() ?? 'all'}: ${JSON.stringify(answer)}`).toBe(!mayCall)
        if (!mayCall && rule !== 'ADMIN') expect(answer.errors?.[0]?.message).toContain(`the scope ${rule}`)
        expect(codeOf(answer)).not.toBe('UNAUTHENTICATED')
      }
    }
  })

  test('hold over WebSocket as well, and leave its own streams alone', async () => {
    const { userId } = await createView(shop, 'Reads')
    const { secret, scopes } = await makeKey(userId, { scopes: [] })
    const client = shop.connect(secret)
    const codes: unknown[] = []
    for (const query of ['mutation { setStock(input: [{ sku: "x", onHand: 1 }]) { __typename } }', '{ stockChanges { caughtUp } }'])
      for await (const { errors } of client.iterate({ query })) codes.push(errors?.[0]?.extensions?.['code'])

    expect(scopes).toEqual([])
    expect(codes).toEqual(['FORBIDDEN', undefined])
  })

  test('are read back, each once; null means everything', async () => {
    const { userId } = await createIntegration(shop, 'Scopes shown')

    expect((await makeKey(userId, { scopes: ['STOCK', 'ORDERS', 'STOCK'] })).scopes).toEqual(['STOCK', 'ORDERS'])
    expect((await makeKey(userId)).scopes).toBeNull()
  })

  test("are refused for an admin's key", async () => {
    const answer = await shop.call(createKey, { userId: await adminId(), scopes: ['STOCK'] })

    expect(answer.errors?.[0]?.extensions).toMatchObject({ code: 'BAD_USER_INPUT', inputPath: ['scopes'] })
  })
})

describe('a key that is limited to addresses', () => {
  const limited = { addresses: ['203.0.113.7', '10.1.0.0/16', '2001:DB8::/32'] }

  test('is good from these, and from nowhere else: over HTTP, SSE and WebSocket', async () => {
    const { userId } = await createView(shop, 'Limited')
    const key = await makeKey(userId, limited)
    expect(key.addresses).toEqual(['203.0.113.7', '10.1.0.0/16', '2001:db8::/32'])
    const authorization = `Bearer ${key.secret}`
    const accept = 'text/event-stream'

    for (const address of ['203.0.113.7', '10.1.255.1', '2001:db8::1', '198.51.100.9, 203.0.113.7']) {
      expect(await callFrom(address, { authorization }), address).toEqual({ status: 200, text: expect.stringContaining('"Limited"') })
      expect((await callFrom(address, { authorization, accept })).text).toContain('"Limited"')
      const socket = openSocket({ 'x-forwarded-for': address }, key.secret)
      expect(await socket.acknowledged).toBe(true)
      socket.socket.close()
    }
    for (const address of ['203.0.113.8', '10.2.0.1', '2001:db9::1', '203.0.113.7, 198.51.100.9', 'unknown', undefined]) {
      const { status, text } = await callFrom(address, { authorization })
      expect([status, text]).toEqual([401, expect.stringContaining('may not be used from this address')])
      expect(text).toContain('UNAUTHENTICATED')
      expect((await callFrom(address, { authorization, accept }, 'subscription { stockChanges { caughtUp } }')).text).toContain(
        'UNAUTHENTICATED',
      )
      expect(await openSocket(address === undefined ? {} : { 'x-forwarded-for': address }, key.secret).closed).toBe(4403)
    }
  })

  test('is held against the connection where no proxy is trusted, whatever the header says', async () => {
    await using direct = await startShop()
    const { viewer } = await expectData(direct.call('{ viewer { id } }'))
    const make = async (addresses: readonly string[]) =>
      (await expectData(direct.call(createKey, { userId: viewer.id, addresses }))).createApiKey.secret
    const [here, elsewhere] = [await make(['127.0.0.0/8', '::1']), await make(['203.0.113.7'])]

    expect((await callFrom('203.0.113.7', { authorization: `Bearer ${here}` }, undefined, direct.url)).status).toBe(200)
    expect((await callFrom('203.0.113.7', { authorization: `Bearer ${elsewhere}` }, undefined, direct.url)).status).toBe(401)
    expect(await openSocket({ 'x-forwarded-for': '203.0.113.7' }, elsewhere, direct.url).closed).toBe(4403)
  })

  test('signs in from these alone, and so does what it has signed in', async () => {
    const { secret } = await makeKey(await adminId(), limited)
    const signIn = (address: string) =>
      fetch(`${shop.url}/admin/session`, {
        method: 'POST',
        headers: { origin: shop.url, 'content-type': 'application/json', 'x-forwarded-for': address },
        body: JSON.stringify({ key: secret }),
      })
    const refused = await signIn('198.51.100.9')
    expect([refused.status, await refused.json()]).toMatchObject([401, { code: 'UNAUTHENTICATED' }])
    const cookie = (await signIn('203.0.113.7')).headers.get('set-cookie')?.split(';', 1)[0] ?? ''
    const page = { cookie, origin: shop.url }

    expect((await callFrom('10.1.2.3', page)).text).toContain('"Admin"')
    expect((await callFrom('198.51.100.9', page)).status).toBe(401)
    const socket = openSocket({ ...page, 'x-forwarded-for': '10.1.2.3' })
    expect(await socket.acknowledged).toBe(true)
    socket.socket.close()
    expect(await openSocket({ ...page, 'x-forwarded-for': '198.51.100.9' }).closed).toBe(4403)
  })

  test('shows the address that it is held against', async () => {
    const { key, viewId } = await createView(shop, 'Shown')
    const abort = new AbortController()
    const response = await fetch(`${shop.url}/graphql`, {
      method: 'POST',
      signal: abort.signal,
      headers: {
        'content-type': 'application/json',
        accept: 'text/event-stream',
        authorization: `Bearer ${key}`,
        'x-forwarded-for': '192.0.2.66, 203.0.113.7',
      },
      body: JSON.stringify({ query: 'subscription { stockChanges { caughtUp } }' }),
    })
    const shown = async () =>
      (
        await expectData(shop.call('query ($id: ID!) { syncView(id: $id) { streams { connection { address } } } }', { id: viewId }))
      ).syncView.streams.flatMap((stream: { connection: unknown }) => stream.connection ?? [])

    await expect.poll(shown).toEqual([{ address: '203.0.113.7' }])
    abort.abort()
    await response.text().catch(() => {})
  })

  test('is refused where an address is none', async () => {
    const userId = await adminId()
    const inputPathOf = async (addresses: readonly string[]) => (await shop.call(createKey, { userId, addresses })).errors?.[0]?.extensions

    expect(await inputPathOf(['10.0.0.0/8', 'office'])).toMatchObject({ code: 'BAD_USER_INPUT', inputPath: ['addresses', 1] })
    expect(await inputPathOf([])).toMatchObject({ code: 'BAD_USER_INPUT', inputPath: ['addresses'] })
    expect(await inputPathOf(Array.from({ length: 101 }, () => '10.0.0.1'))).toMatchObject({ code: 'BAD_USER_INPUT' })
  })
})

describe('a key that is rotated', () => {
  const rotate = async (id: string, more: Record<string, unknown> = {}) =>
    (await expectData(shop.call(rotateKey, { id, ...more }))).rotateApiKey
  const hoursFromNow = (moment: string): number => (Date.parse(moment) - Date.now()) / 3_600_000

  test('has another of the same user, scopes and addresses in its place, and is good for a day more', async () => {
    const { userId } = await createIntegration(shop, 'Rotated')
    const old = await makeKey(userId, { scopes: ['STOCK'], addresses: ['0.0.0.0/0'] })
    const { secret, apiKey, replaced } = await rotate(old.id)

    expect(apiKey).toMatchObject({ scopes: ['STOCK'], addresses: ['0.0.0.0/0'], expiresAt: null, revokedAt: null })
    expect(replaced).toEqual({ id: old.id, expiresAt: expect.any(String), revokedAt: null })
    expect(hoursFromNow(replaced.expiresAt)).toBeCloseTo(24, 1)
    for (const key of [secret, old.secret])
      expect((await callFrom('192.0.2.1', { authorization: `Bearer ${key}` })).text).toContain('"Rotated"')
  })

  test('without an overlap is revoked at once, and its socket closed', async () => {
    const { userId } = await createIntegration(shop, 'At once')
    const old = await makeKey(userId)
    const socket = openSocket({}, old.secret)
    expect(await socket.acknowledged).toBe(true)
    const { secret, replaced } = await rotate(old.id, { overlapHours: 0 })

    expect(replaced.revokedAt).not.toBeNull()
    expect(await socket.closed).toBe(4403)
    expect(codeOf(await shop.call('{ viewer { name } }', {}, old.secret))).toBe('UNAUTHENTICATED')
    expect((await shop.call('{ viewer { name } }', {}, secret)).data.viewer.name).toBe('At once')
  })

  test('keeps an end that comes before the overlap is over, and has its socket closed then', async () => {
    const { userId } = await createIntegration(shop, 'Ends before')
    const old = await makeKey(userId, { expiresAt: new Date(Date.now() + 2_000).toISOString() })
    const socket = openSocket({}, old.secret)
    expect(await socket.acknowledged).toBe(true)
    const { replaced, secret } = await rotate(old.id, { overlapHours: 1 })

    expect(replaced.expiresAt).toBe(old.expiresAt)
    expect(await socket.closed).toBe(4403)
    expect((await shop.call('{ viewer { name } }', {}, secret)).data.viewer.name).toBe('Ends before')
  })

  test('that has no end gets one, which its sockets are told of', async () => {
    const { userId } = await createIntegration(shop, 'Gets an end')
    const old = await makeKey(userId)
    const socket = openSocket({}, old.secret)
    expect(await socket.acknowledged).toBe(true)
    await rotate(old.id)
    const { sql } = shop.database.database
    await sql`UPDATE api_keys SET expires_at = now() + interval '1 second' WHERE prefix = ${old.prefix}`

    expect(await socket.closed).toBe(4403)
  })

  test('gives the new one the end that was asked for', async () => {
    const { userId } = await createIntegration(shop, 'New end')
    const { id } = await makeKey(userId)

    expect((await rotate(id, { expiresAt: '2090-01-01T00:00:00Z' })).apiKey.expiresAt).toBe('2090-01-01T00:00:00.000Z')
  })

  test('is refused where it is no longer good, to other accounts, and for what is no overlap', async () => {
    const { userId, key } = await createIntegration(shop, 'Refused')
    const { id } = await makeKey(userId)
    const rotating = async (more: Record<string, unknown> = {}, secret = adminKey) =>
      codeOf(await shop.call(rotateKey, { id, ...more }, secret))

    expect(await rotating({}, key)).toBe('FORBIDDEN')
    expect(await rotating({}, otherAdmin)).toBe('NOT_FOUND')
    for (const overlapHours of [-1, 8_761]) expect(await rotating({ overlapHours })).toBe('BAD_USER_INPUT')
    expect(await rotating({ expiresAt: '2020-01-01T00:00:00Z' })).toBe('BAD_USER_INPUT')
    expect(await rotating({ overlapHours: 0 })).toBeUndefined()
    expect(await rotating()).toBe('CONFLICT')
    const keys = await expectData(shop.call('query ($id: ID!) { node(id: $id) { ... on User { apiKeys { revokedAt } } } }', { id: userId }))
    expect(keys.node.apiKeys.map(({ revokedAt }: { revokedAt: unknown }) => revokedAt === null)).toEqual([true, false, true])
  })
})
