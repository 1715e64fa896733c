import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createAccount } from '../../src/access/accounts.ts'
import { adminKey, createProducts, createView, expectData, startGateway, startShop, type GraphQLAnswer } from '../helpers/gateway.ts'
import { answerOverSocket } from '../helpers/socket.ts'

let shop: Awaited<ReturnType<typeof startShop>>
let bound: string
let other: string
beforeAll(async () => {
  shop = await startShop()
  const { userId } = await createView(shop, 'Bound')
  bound = await makeKey(userId)
  const account = await createAccount(shop.app.database, { slug: 'other', name: 'Other', currency: 'SEK', pricesIncludeTax: true })
  other = account.adminKey ?? ''
  await createProducts(shop, ['one'])
})
afterAll(async () => {
  await shop[Symbol.asyncDispose]()
})

const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex')

async function makeKey(userId: string): Promise<string> {
  const { createApiKey } = await expectData(
    shop.call(
      'mutation ($userId: ID!) { createApiKey(userId: $userId, trustedDocumentsOnly: true) { secret apiKey { trustedDocumentsOnly } } }',
      { userId },
    ),
  )
  expect(createApiKey.apiKey).toEqual({ trustedDocumentsOnly: true })
  return createApiKey.secret
}

function register(document: string, key = adminKey): Promise<GraphQLAnswer> {
  return shop.call('mutation ($document: String!) { registerDocument(document: $document) { hash } }', { document }, key)
}

type Payload = Readonly<Record<string, unknown>>

async function post(key: string | undefined, payload: Payload, accept = 'application/json'): Promise<GraphQLAnswer> {
  const response = await fetch(`${shop.url}/graphql`, {
    method: 'POST',
    headers: { accept, 'content-type': 'application/json', ...(key === undefined ? {} : { authorization: `Bearer ${key}` }) },
    body: JSON.stringify(payload),
  })
  return response.json()
}

async function get(key: string, params: Readonly<Record<string, string>>): Promise<GraphQLAnswer> {
  const response = await fetch(`${shop.url}/graphql?${new URLSearchParams(params).toString()}`, {
    headers: { authorization: `Bearer ${key}` },
  })
  return response.json()
}

const overSocket = (key: string, payload: Payload) => answerOverSocket(shop.url, key, payload)
const codesOf = ({ errors }: GraphQLAnswer) => errors?.map(({ extensions }) => extensions['code'])
const document = 'query ($handle: String!) { product(by: { handle: $handle }) { handle } }'
const hash = hashOf(document)
const variables = { handle: 'one' }
const answer = { product: { handle: 'one' } }

test('is called by its hash in every way, also by whom it was not registered for, and is good where its text is', async () => {
  expect(await expectData(register(document))).toEqual({ registerDocument: { hash } })
  expect(await expectData(register(document))).toEqual({ registerDocument: { hash } })

  const apq = { persistedQuery: { version: 1, sha256Hash: hash } }
  for (const key of [bound, adminKey]) {
    for (const payload of [
      { extensions: apq },
      { documentId: hash },
      { documentId: `sha256:${hash}` },
      { query: document },
      { query: document, extensions: apq },
    ]) {
      expect(await post(key, { ...payload, variables })).toEqual({ data: answer })
      expect((await overSocket(key, { ...payload, variables })).data).toEqual(answer)
    }
    const asText = { variables: JSON.stringify(variables) }
    expect(await get(key, { ...asText, extensions: JSON.stringify(apq) })).toEqual({ data: answer })
    expect(await get(key, { ...asText, documentId: hash })).toEqual({ data: answer })
  }
})

test('a subscription as well', async () => {
  const follow = 'subscription { productChanges { caughtUp } }'
  await expectData(register(follow))

  expect((await overSocket(bound, { extensions: { persistedQuery: { sha256Hash: hashOf(follow) } } })).data).toEqual({
    productChanges: { caughtUp: true },
  })
})

describe('a key that is bound to them', () => {
  test('may send nothing else, and nothing of it is done', async () => {
    const write = 'mutation { createSyncView(input: { name: "Not trusted" }) { syncView { id } } }'
    for (const query of ['{ viewer { id } }', write, '{ __schema { types { name } } }', `${document} `, '{'])
      for (const call of [post, overSocket]) {
        const refused = await call(bound, { query })
        expect(codesOf(refused)).toEqual(['FORBIDDEN'])
        expect(refused.errors?.[0]?.message).toContain('registerDocument')
      }
    expect(codesOf(await get(bound, { query: '{ viewer { id } }' }))).toEqual(['FORBIDDEN'])
    expect(await shop.database.database.sql`SELECT 1 FROM sync_views WHERE name = 'Not trusted'`).toHaveLength(0)
  })

  test('cannot sign in to the admin page, which would not be bound', async () => {
    const { viewer } = await expectData(shop.call('{ viewer { id } }'))
    const response = await fetch(`${shop.url}/admin/session`, {
      method: 'POST',
      headers: { origin: shop.url, 'content-type': 'application/json' },
      body: JSON.stringify({ key: await makeKey(viewer.id) }),
    })

    expect([response.status, await response.json()]).toMatchObject([403, { code: 'FORBIDDEN' }])
  })
})

describe('what is not registered', () => {
  test('is not found, also where another account has registered it', async () => {
    const theirs = '{ viewer { name kind } }'
    await expectData(register(theirs, other))

    for (const call of [post, overSocket])
      for (const named of [
        { documentId: hashOf(theirs) },
        { extensions: { persistedQuery: { sha256Hash: hashOf(theirs) } } },
        { documentId: "x'" },
      ])
        for (const key of [bound, adminKey]) expect(codesOf(await call(key, named))).toEqual(['PERSISTED_QUERY_NOT_FOUND'])
    expect(codesOf(await post(bound, { query: theirs }))).toEqual(['FORBIDDEN'])
    expect(codesOf(await post(undefined, { documentId: hash }))).toEqual(['UNAUTHENTICATED'])
    const { trustedDocuments } = await expectData(shop.call('{ trustedDocuments { totalCount nodes { hash document } } }', {}, other))
    expect(trustedDocuments).toEqual({ totalCount: 1, nodes: [{ hash: hashOf(theirs), document: theirs }] })
    const remove = 'mutation ($hash: String!) { deleteDocument(hash: $hash) { hash } }'
    expect(codesOf(await shop.call(remove, { hash }, other))).toEqual(['NOT_FOUND'])
  })

  test('a text with another hash is refused', async () => {
    expect(codesOf(await post(adminKey, { query: '{ viewer { id } }', documentId: hash }))).toEqual(['BAD_USER_INPUT'])
  })

  test('what is malformed is no document', async () => {
    for (const payload of [
      { documentId: 5 },
      { extensions: { persistedQuery: 'x' } },
      { extensions: { persistedQuery: { sha256Hash: 5 } } },
      {},
    ])
      expect((await post(adminKey, payload)).errors).toHaveLength(1)
  })
})

test('only what can be carried out is registered, and only by admins', async () => {
  for (const text of ['{', '{ nothing }', '', 'fragment F on User { id }', `{ viewer { ${'id '.repeat(40_000)} } }`])
    expect((await register(text)).errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT', inputPath: ['document'] } }])
  const { key } = await createView(shop, 'No admin')
  expect(codesOf(await register('{ viewer { kind } }', key))).toEqual(['FORBIDDEN'])
  expect(codesOf(await shop.call('{ trustedDocuments { totalCount } }', {}, key))).toEqual(['FORBIDDEN'])
  expect(codesOf(await shop.call(`mutation { deleteDocument(hash: "${hash}") { hash } }`, {}, key))).toEqual(['FORBIDDEN'])
})

test('one that is deleted is called no more', async () => {
  const text = '{ viewer { name } }'
  await expectData(register(text))
  expect(codesOf(await post(bound, { documentId: hashOf(text) }))).toBeUndefined()

  await expectData(shop.call('mutation ($hash: String!) { deleteDocument(hash: $hash) { hash } }', { hash: hashOf(text) }))

  expect(codesOf(await post(bound, { documentId: hashOf(text) }))).toEqual(['PERSISTED_QUERY_NOT_FOUND'])
  expect(codesOf(await post(bound, { query: text }))).toEqual(['FORBIDDEN'])
})

test('an account may have so many, however many are registered at once', async () => {
  const { sql } = shop.database.database
  const count = async () =>
    (await sql`SELECT 1 FROM trusted_documents t JOIN accounts a ON a.id = t.account_id WHERE a.slug = 'shop'`).length
  const most = (await count()) + 2
  await using gateway = await startGateway(shop.database, { SYNKVY_TRUSTED_DOCUMENTS: String(most) })
  const answers = await Promise.all(
    Array.from({ length: 30 }, (_, index) => `name${index}`).map((name) =>
      gateway.call('mutation ($document: String!) { registerDocument(document: $document) { hash } }', {
        document: `query ${name} { viewer { id } }`,
      }),
    ),
  )

  expect(answers.flatMap((one) => codesOf(one) ?? [])).toEqual(Array.from({ length: 28 }, () => 'CONFLICT'))
  expect(answers.find(({ errors }) => errors)?.errors?.[0]?.extensions).toMatchObject({
    limit: 'TRUSTED_DOCUMENTS',
    allowed: most,
    asked: most + 1,
  })
  expect(await count()).toBe(most)
})
