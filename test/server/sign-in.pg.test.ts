import { afterAll, beforeAll, expect, test } from 'vitest'
import { untilOneWaits } from '../helpers/database.ts'
import { adminKey, createIntegration, expectData, startShop, type GraphQLAnswer } from '../helpers/gateway.ts'
import { dial } from '../helpers/socket.ts'
import { numberOf } from '../helpers/ids.ts'

let shop: Awaited<ReturnType<typeof startShop>>
beforeAll(async () => {
  shop = await startShop()
})
afterAll(async () => {
  await shop[Symbol.asyncDispose]()
})

type Headers_ = Readonly<Record<string, string>>

/** As a page of the gateway asks for it. */
async function changeSession(method: string, body: unknown, headers: Headers_ = {}): Promise<Response> {
  return fetch(`${shop.url}/admin/session`, {
    method,
    headers: { origin: shop.url, 'content-type': 'application/json', ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
}

async function signIn(key: string): Promise<string> {
  const response = await changeSession('POST', { key })
  expect(response.status).toBe(204)
  return response.headers.get('set-cookie')?.split(';', 1)[0] ?? ''
}

async function whoIs(headers: Headers_, method = 'POST'): Promise<GraphQLAnswer> {
  const query = '{ viewer { name kind } }'
  const url = method === 'GET' ? `${shop.url}/graphql?query=${encodeURIComponent(query)}` : `${shop.url}/graphql`
  const body = method === 'GET' ? {} : { body: headers['content-type'] === 'application/graphql' ? query : JSON.stringify({ query }) }
  const response = await fetch(url, { method, headers: { 'content-type': 'application/json', ...headers }, ...body })
  const answer: unknown = await response.json()
  return { data: undefined, ...(typeof answer === 'object' ? answer : {}) }
}

/** A socket that brings a cookie and no key. */
const openSocket = (headers: Headers_) => dial(shop.url, { headers, init: {} })

async function makeAdminKey(expiresAt?: Date): Promise<{ readonly id: string; readonly secret: string }> {
  const { viewer } = await expectData(shop.call('{ viewer { id } }'))
  const made = await expectData(
    shop.call(
      'mutation ($userId: ID!, $expiresAt: DateTime) { createApiKey(userId: $userId, expiresAt: $expiresAt) { secret apiKey { id } } }',
      {
        userId: viewer.id,
        expiresAt: expiresAt?.toISOString(),
      },
    ),
  )
  return { id: made.createApiKey.apiKey.id, secret: made.createApiKey.secret }
}

test("an admin's key is exchanged for a cookie that no script can read, with an end, of which only a hash is kept", async () => {
  const response = await changeSession('POST', { key: adminKey })
  const cookie = response.headers.get('set-cookie') ?? ''

  expect(cookie).toMatch(/^synkvy_session=[\w-]{43}; Path=\/; Expires=.+ GMT; HttpOnly; SameSite=Strict$/)
  const rows = await shop.database.database.sql<{ row: string }[]>`SELECT to_json(s)::text AS row FROM sessions s`
  expect(rows.some(({ row }) => row.includes(cookie.slice(15, 58)))).toBe(false)
  const overHttps = await changeSession('POST', { key: adminKey }, { 'x-forwarded-proto': 'https' })
  expect(overHttps.headers.get('set-cookie')).toContain('; Secure')
})

test('the cookie is good for calls and sockets of the page, beside which a key still counts first', async () => {
  const headers = { cookie: await signIn(adminKey), origin: shop.url }

  expect((await whoIs(headers)).data).toEqual({ viewer: { name: 'Admin', kind: 'ADMIN' } })
  expect(await openSocket(headers).acknowledged).toBe(true)
  const { key } = await createIntegration(shop, 'Beside a cookie')
  expect((await whoIs({ ...headers, authorization: `Bearer ${key}` })).data.viewer.name).toBe('Beside a cookie')
  expect((await whoIs({ ...headers, authorization: 'Bearer unknown' })).errors?.[0]?.extensions['code']).toBe('UNAUTHENTICATED')
})

test('the cookie is nothing to what another site makes the browser send', async () => {
  const cookie = await signIn(adminKey)
  const foreign = { cookie, origin: 'https://elsewhere.example' }
  const refused = async (headers: Headers_, method = 'POST') => (await whoIs(headers, method)).errors?.[0]?.extensions['code']

  expect(await refused(foreign)).toBe('UNAUTHENTICATED')
  expect(await refused({ cookie })).toBe('UNAUTHENTICATED')
  expect(await refused({ cookie, origin: 'null' })).toBe('UNAUTHENTICATED')
  expect(await refused({ cookie, origin: shop.url, 'content-type': 'application/graphql' })).toBe('UNAUTHENTICATED')
  expect(await refused({ cookie, origin: shop.url }, 'GET')).toBe('UNAUTHENTICATED')
  expect(await openSocket(foreign).closed).toBe(4403)
  expect(await openSocket({ cookie }).closed).toBe(4403)
  expect((await changeSession('POST', { key: adminKey }, { origin: 'https://elsewhere.example' })).status).toBe(403)
  expect((await changeSession('DELETE', undefined, foreign)).status).toBe(403)
  expect((await whoIs({ cookie, origin: shop.url })).data.viewer.kind).toBe('ADMIN')
})

test('a page behind a proxy that gives the host another name is known by the name that the proxy passes on', async () => {
  const cookie = await signIn(adminKey)

  const headers = { cookie, origin: 'https://shop.example', 'x-forwarded-host': 'shop.example' }

  expect((await whoIs(headers)).data.viewer.kind).toBe('ADMIN')
})

test("an integration's key, an unknown one and none do not sign in, each with its reason", async () => {
  const { key } = await createIntegration(shop, 'Fortnox')
  const refusal = async (body: unknown) => {
    const response = await changeSession('POST', body)
    expect(response.headers.get('set-cookie')).toBeNull()
    return [response.status, await response.json()] as const
  }

  expect(await refusal({ key })).toEqual([403, { code: 'FORBIDDEN', message: expect.stringContaining('"Fortnox"') }])
  expect(await refusal({ key: 'synkvy_unknown' })).toMatchObject([401, { code: 'UNAUTHENTICATED' }])
  expect(await refusal({})).toMatchObject([400, { code: 'BAD_USER_INPUT' }])
  expect(await refusal({ key: 'x'.repeat(10_000) })).toMatchObject([400, { code: 'BAD_USER_INPUT' }])
})

test('signing out ends the session, closes its sockets within a second, and leaves other sessions of the key alone', async () => {
  const [mine, other] = [await signIn(adminKey), await signIn(adminKey)]
  const [socket, otherSocket] = [openSocket({ cookie: mine, origin: shop.url }), openSocket({ cookie: other, origin: shop.url })]
  await Promise.all([socket.acknowledged, otherSocket.acknowledged])

  const response = await changeSession('DELETE', undefined, { cookie: mine })
  const signedOutAt = Date.now()

  expect(response.headers.get('set-cookie')).toMatch(/^synkvy_session=; .*Expires=Thu, 01 Jan 1970/)
  expect(await socket.closed).toBe(4403)
  expect(Date.now() - signedOutAt).toBeLessThan(1_000)
  expect((await whoIs({ cookie: mine, origin: shop.url })).errors?.[0]?.extensions['code']).toBe('UNAUTHENTICATED')
  expect((await whoIs({ cookie: other, origin: shop.url })).data.viewer.kind).toBe('ADMIN')
  const stillOpen = await Promise.race([otherSocket.closed, new Promise((resolve) => setTimeout(resolve, 700, 'open'))])
  expect(stillOpen).toBe('open')
})

test('a session ends when its key is revoked or expires, and when its own time is over', async () => {
  const [revoked, expiring, over] = [await makeAdminKey(), await makeAdminKey(new Date(Date.now() + 2_500)), await makeAdminKey()]
  const cookies = [await signIn(revoked.secret), await signIn(expiring.secret), await signIn(over.secret)]
  const { sql } = shop.database.database
  await sql`UPDATE sessions SET expires_at = now() + interval '2500 ms' WHERE id = (SELECT max(id) FROM sessions)`
  const sockets = cookies.map((cookie) => openSocket({ cookie, origin: shop.url }))
  expect(await Promise.all(sockets.map(({ acknowledged }) => acknowledged))).toEqual([true, true, true])

  await expectData(shop.call('mutation ($id: ID!) { revokeApiKey(id: $id) { apiKey { id } } }', { id: revoked.id }))

  expect(await Promise.all(sockets.map(({ closed }) => closed))).toEqual([4403, 4403, 4403])
  for (const cookie of cookies) expect((await whoIs({ cookie, origin: shop.url })).errors?.[0]?.extensions['code']).toBe('UNAUTHENTICATED')
})

test('a key that is deleted while it is exchanged opens nothing', async () => {
  const { sql } = shop.database.database
  const { id, secret } = await makeAdminKey()
  const keyId = numberOf(id)
  const { asked } = await sql.begin(async (tx) => {
    await tx`SELECT 1 FROM api_keys WHERE id = ${keyId} FOR UPDATE`
    const exchange = changeSession('POST', { key: secret })
    // It has seen the key, and waits for what becomes of it.
    await untilOneWaits(shop.database.database)
    await tx`DELETE FROM api_keys WHERE id = ${keyId}`
    return { asked: exchange }
  })

  const response = await asked
  expect(response.status).toBe(401)
  expect(response.headers.get('set-cookie')).toBeNull()
})
