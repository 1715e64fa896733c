import { GraphQLError, isObjectType } from 'graphql'
import { pino } from 'pino'
import { schema } from '../../schema/schema.ts'
import { readConfig } from '../../src/config.ts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { showAndCount } from '../../src/server/yoga.ts'
import { adminKey, createProducts, createView, expectData, startShop } from '../helpers/gateway.ts'
import { answerOverSocket } from '../helpers/socket.ts'

// What the fuzzing of test/hostile has found, a small test each.

let shop: Awaited<ReturnType<typeof startShop>>
beforeAll(async () => {
  shop = await startShop()
})
afterAll(async () => {
  await shop[Symbol.asyncDispose]()
})

const codesOf = async (query: string, variables?: Record<string, unknown>) =>
  (await shop.call(query, variables)).errors?.map(({ extensions }) => extensions['code'])

describe('a fault of a call has a code', () => {
  test('where a variable is of another type', async () => {
    const { errors } = await shop.call('query ($first: Int) { products(first: $first) { totalCount } }', { first: 'x' })

    expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT', retryable: false } }])
  })

  test('where more of a variable is wrong than is told', async () => {
    const list = 'mutation ($products: [ProductBy!]!) { deleteProducts(products: $products) { deletedCount } }'

    expect(new Set(await codesOf(list, { products: Array.from({ length: 200 }, () => 1) }))).toEqual(new Set(['BAD_USER_INPUT']))
  })

  test('where a variable is null for an argument that is needed', async () => {
    expect(await codesOf('query ($id: ID = "x") { node(id: $id) { id } }', { id: null })).toEqual(['BAD_USER_INPUT'])
  })

  test.each(['variables=x', 'extensions=%7B', 'query=%7B__typename%7D&variables=%5B'])(
    'where a query string cannot be read: %s',
    async (query) => {
      const response = await fetch(`${shop.url}/graphql?${query}`, {
        headers: { accept: 'application/json', authorization: `Bearer ${adminKey}` },
      })

      expect(response.status).toBe(400)
      expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: 'BAD_USER_INPUT' } }] })
    },
  )

  test.each([
    'subscription { productChanges @skip(if: true) { cursor } }',
    'subscription { productChanges @include(if: false) { cursor } }',
    'subscription { ... @skip(if: true) { productChanges { cursor } } }',
    'subscription { ...a } fragment a on Subscription { ...b @include(if: false) } fragment b on Subscription { productChanges { cursor } }',
  ])('where nothing is left to subscribe to: %s', async (query) => {
    const { key } = await createView(shop, `Nothing ${query.length}`)
    const { errors } = await shop.call(query, {}, key)

    expect(errors?.map(({ message, extensions }) => [message, extensions['code']])).toEqual([
      [expect.stringContaining('may not depend on @skip or @include'), 'GRAPHQL_VALIDATION_FAILED'],
    ])
    expect((await answerOverSocket(shop.url, key, { query })).errors?.map(({ message }) => message)).toEqual([
      expect.stringContaining('may not depend on @skip or @include'),
    ])
  })

  test('where a form cannot be read', async () => {
    const response = await fetch(`${shop.url}/graphql`, {
      method: 'POST',
      body: new URLSearchParams({ query: '{ __typename }', variables: '{' }),
    })

    expect(response.status).toBe(400)
  })

  test.each(['{a'.repeat(20_000), `{ products(search: ${'['.repeat(20_000)}) { totalCount } }`])(
    'where it is too deep to be read (%#)',
    async (query) => {
      expect(await codesOf(query)).toEqual(['QUERY_TOO_COMPLEX'])
    },
  )
})

test('a value that its type cannot show is a fault of the gateway: it is logged, and says nothing of itself', () => {
  const lines: string[] = []
  const log = pino({ level: 'error' }, { write: (line: string) => void lines.push(line) })
  const original = new GraphQLError('Int cannot represent 4294967296')
  const shown = showAndCount(new GraphQLError(original.message, { path: ['x'], originalError: original }), {
    log,
    metrics: { countError: () => {}, countLimited: () => {} },
    limits: readConfig({}).limits,
    hasIntrospection: true,
  })

  expect(shown).toMatchObject({ extensions: { code: 'INTERNAL' } })
  expect(lines).toHaveLength(1)
})

test.each(['0000-01-01T00:00:00Z', '0001-01-01T00:00:00+23:59', '9999-12-31T23:59:59-23:59'])(
  'the moment %s is refused, since it cannot be stored',
  async (placedAt) => {
    const order = 'mutation ($input: [OrderInput!]!) { upsertOrders(input: $input) { orders { placedAt } } }'

    expect(await codesOf(order, { input: [{ externalId: 'moment', placedAt }] })).toEqual(['BAD_USER_INPUT'])
    expect(
      (await expectData(shop.call(order, { input: [{ externalId: 'moment', placedAt: '0001-01-01T00:00:00Z' }] }))).upsertOrders.orders,
    ).toEqual([{ placedAt: '0001-01-01T00:00:00.000Z' }])
  },
)

describe('absurd stock', () => {
  const most = 2 ** 31 - 1
  const set = (sku: string, onHand: number, location = 'default') =>
    expectData(
      shop.call('mutation ($input: [SetStockInput!]!) { setStock(input: $input) { __typename } }', { input: [{ sku, onHand, location }] }),
    )

  test('of several lines that are too much together is refused', async () => {
    await createProducts(shop, ['absurd'], 1)
    await expectData(shop.call('mutation { upsertProducts(input: [{ handle: "absurd", allowBackorder: true }]) { __typename } }'))
    const line = { sku: 'SKU-absurd', quantity: most - 10, unitPrice: { amount: '1', currency: 'SEK' } }

    const { errors } = await shop.call('mutation ($input: [OrderInput!]!) { upsertOrders(input: $input) { __typename } }', {
      input: [{ externalId: 'absurd', lines: [line, line] }],
    })

    expect(errors?.[0]?.extensions).toMatchObject({ code: 'BAD_USER_INPUT', inputPath: ['input', 0, 'lines', 0, 'quantity'] })
  })

  test('is shown as far as an Int goes', async () => {
    await createProducts(shop, ['heap'], 1)
    await expectData(shop.call('mutation { upsertProducts(input: [{ handle: "heap", allowBackorder: true }]) { __typename } }'))
    await set('SKU-heap', -most)
    for (const location of ['default', 'other']) await set('SKU-heap', most, location)

    const { product } = await expectData(
      shop.call(
        '{ product(by: { handle: "heap" }) { variants { available stockLevels { available movements(first: 1) { nodes { onHandDelta } } } } } }',
      ),
    )

    expect(product.variants).toEqual([
      {
        available: most,
        stockLevels: [
          { available: most, movements: { nodes: [{ onHandDelta: most }] } },
          { available: most, movements: { nodes: [{ onHandDelta: most }] } },
        ],
      },
    ])
  })
})

test.each([
  ['Variant', 'product', { productId: 1 }],
  ['StockLevel', 'variant', { variantId: 1 }],
  ['Link', 'syncView', { viewId: 1 }],
  ['Link', 'product', { productId: 1 }],
  ['SyncView', 'user', { userId: 1 }],
])('what was deleted while it was being read is not there: %s.%s', async (name, field, parent) => {
  const type = schema.getType(name)
  const resolve = isObjectType(type) ? type.getFields()[field]?.resolve : undefined
  if (resolve === undefined) throw new Error('there is no such field')
  const gone = { load: () => Promise.resolve() }
  const loaders = { product: gone, variant: gone, syncView: gone, user: gone }

  await expect(Reflect.apply(resolve, undefined, [parent, {}, { loaders: () => loaders }])).rejects.toMatchObject({ code: 'NOT_FOUND' })
})
