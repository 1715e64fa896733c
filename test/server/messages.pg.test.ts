import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { createAccount } from '../../src/access/accounts.ts'
import { identifier } from '../../src/db/sql.ts'
import { adminKey, createProducts, createView, startShop } from '../helpers/gateway.ts'

let shop: Awaited<ReturnType<typeof startShop>>
let key: string
beforeAll(async () => {
  shop = await startShop()
  await createProducts(shop, ['mine'], 3)
  key = (await createView(shop, 'Mine', { autoLink: true })).key
  const other = await createAccount(shop.app.database, { slug: 'other', name: 'Hemligheten AB', currency: 'SEK', pricesIncludeTax: true })
  await createProducts(shop, ['hemlig'], 7, other.adminKey)
})
afterAll(async () => {
  await shop[Symbol.asyncDispose]()
})

interface Asked {
  readonly query: string
  readonly variables?: Readonly<Record<string, unknown>>
}

async function post(asked: unknown, accept: string): Promise<string> {
  const response = await fetch(`${shop.url}/graphql`, {
    method: 'POST',
    signal: AbortSignal.timeout(30_000),
    headers: { accept, 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body: typeof asked === 'string' ? asked : JSON.stringify(asked),
  })
  return response.text()
}

/** All that a socket says until an operation is over. */
function overSocket(asked: unknown): Promise<string> {
  const socket = new WebSocket(`${shop.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws')
  let said = ''
  socket.on('open', () => socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${key}` } })))
  return new Promise((resolve) => {
    const end = (): void => (socket.terminate(), resolve(said))
    socket.on('close', (code, reason) => ((said += `${code} ${String(reason)}`), end()))
    socket.on('message', (data) => {
      said += String(data)
      const { type } = JSON.parse(String(data))
      if (type === 'connection_ack')
        socket.send(typeof asked === 'string' ? asked : JSON.stringify({ id: '1', type: 'subscribe', payload: asked }))
      else if (type === 'error' || type === 'complete') end()
    })
  })
}

async function inEveryWay(asked: unknown): Promise<readonly string[]> {
  return [await post(asked, 'application/json'), await post(asked, 'text/event-stream'), await overSocket(asked)]
}

/** Words of SQL and Postgres, of stacks and paths, of secrets, and of the other account. */
const telltale =
  /\b(SELECT|INSERT INTO|UPDATE \w+ SET|DELETE FROM|RETURNING|relation \\*"|column \\*"|constraint|violates|syntax error at|duplicate key|pg_\w+|api_keys|stock_levels|drizzle|Failed query|params:)\b|node_modules|\.[cm]?[jt]s:\d|\n\s+at |Hemligheten|Title of hemlig|hemlig_check|synkvy_test|secret_hash/

function look(answers: readonly string[]): void {
  for (const answer of answers) {
    expect(answer).toMatch(/"(errors|type":"error)"|^\d{4} |"message"|BAD_REQUEST|}4\d{3} /)
    expect(answer).not.toMatch(telltale)
  }
}

const scalars: readonly (readonly [string, string, readonly unknown[]])[] = [
  [
    'Cursor!',
    'mutation ($value: Cursor!) { acknowledge(cursor: $value) { __typename } }',
    ['', 'x', 'x'.repeat(2_000), 5, {}, null, '\u0000', "'; DROP TABLE users; --"],
  ],
  [
    'DateTime',
    'query ($value: DateTime) { orders(updatedAfter: $value) { totalCount } }',
    ['yesterday', '2026-02-30T00:00:00Z', '+275761-01-01T00:00:00Z', 5, {}, '0000-01-01T00:00:00Zx'],
  ],
  [
    'BigInt!',
    'mutation ($value: BigInt!) { reject(input: [{ id: "x", revision: $value, reason: "x" }]) { __typename } }',
    ['x', '9223372036854775808', 1.5, {}, '99999999999999999999', null],
  ],
  [
    'Decimal!',
    'mutation ($value: Decimal!) { upsertProducts(input: [{ handle: "d", title: "D", variants: [{ sku: "D", title: "D", price: { amount: $value, currency: "SEK" } }] }]) { __typename } }',
    ['x', '1e400', '9'.repeat(400), 5, {}, null, 'NaN'],
  ],
  [
    'ID!',
    'query ($value: ID!) { node(id: $value) { id } links(syncViewId: $value) { totalCount } }',
    ['', 'x', "'", 5, '\u0000', Buffer.from('Product:99999999999999999999').toString('base64'), {}],
  ],
  ['Int', 'query ($value: Int) { products(first: $value) { totalCount } }', [0, -1, 1e10, 1.5, 'x', 2_147_483_648, {}]],
  [
    'String!',
    'query ($value: String!) { products(search: $value, first: 0) { totalCount } }',
    ['\u0000', '\ud800', 'x'.repeat(100_000), 5, {}, null],
  ],
  [
    'Boolean!',
    'mutation ($value: Boolean!) { createSyncView(input: { name: "x", autoLink: $value }) { __typename } }',
    ['yes', 1, {}, null],
  ],
]

describe('whatever is wrong, no answer tells of what is inside, nor of anybody else', () => {
  test.each(
    scalars.flatMap(([type, query, values]) =>
      values.map((value) => [type, JSON.stringify(value).slice(0, 60), { query, variables: { value } }] as const),
    ),
  )('a bad %s: %s', async (_type, _shown, asked: Asked) => {
    look(await inEveryWay(asked))
  })

  test.each([
    ["another account's id", '{ links(syncViewId: "U3luY1ZpZXc6OTk=") { totalCount } }'],
    ['an article of another account', 'mutation { setStock(input: [{ sku: "SKU-hemlig", onHand: 1 }]) { __typename } }'],
    ['what only admins may', '{ users { nodes { name } } }'],
    ['a syntax error', '{ viewer {'],
    ['an unknown field', '{ hemligheter }'.replace('hemligheter', 'nothing')],
    ['no operation', 'fragment F on User { id }'],
    ['more than is there', 'mutation { adjustStock(input: [{ sku: "SKU-mine", delta: -99 }]) { __typename } }'],
    [
      "a SKU that is another product's",
      'mutation { upsertProducts(input: [{ handle: "new", title: "N", variants: [{ sku: "SKU-mine", title: "N", price: { amount: "1", currency: "SEK" } }] }]) { __typename } }',
    ],
    [
      'a SKU twice',
      'mutation { upsertProducts(input: [{ handle: "twice", title: "N", variants: [{ sku: "T", title: "N", price: { amount: "1", currency: "SEK" } }, { sku: "T", title: "N", price: { amount: "1", currency: "SEK" } }] }]) { __typename } }',
    ],
    ['a subscription twice in one', 'subscription { productChanges { cursor } stockChanges { cursor } }'],
  ])('%s', async (_name, query) => {
    look(await inEveryWay({ query }))
  })

  test.each(['{', '[]', 'null', '"x"', '{"query":5}', '{"type":"subscribe","id":"1"}', '{"type":"nothing"}', '\u0000'])(
    'a message that is none: %s',
    async (text) => {
      look(await inEveryWay(text))
    },
  )

  /** Does it while the database is broken, and mends that. */
  async function whileBroken(broken: PromiseLike<unknown>, mend: () => PromiseLike<unknown>, work: () => Promise<void>): Promise<void> {
    await broken
    try {
      await work()
    } finally {
      await mend()
    }
  }

  const everything = [
    '{ products { totalCount nodes { id variants { sku stockLevels { onHand } } } } }',
    '{ viewer { name syncView { name streams { pending } } } }',
    'mutation { upsertProducts(input: [{ handle: "broken", title: "B" }]) { products { id } } }',
    'mutation { adjustStock(input: [{ sku: "SKU-mine", delta: 1 }]) { __typename } }',
    'mutation { acknowledge(cursor: "AQ") { __typename } }',
  ]

  test.each(['products', 'variants', 'stock_levels', 'sync_views', 'users', 'checkpoints', 'inbox'])(
    'resolvers that cannot read or write %s',
    async (table) => {
      const { sql } = shop.database.database
      const [there, away] = [identifier(table), identifier(`${table}_away`)]
      await whileBroken(
        sql`ALTER TABLE ${there} RENAME TO ${away}`,
        () => sql`ALTER TABLE ${away} RENAME TO ${there}`,
        async () => {
          for (const query of everything) for (const answer of await inEveryWay({ query })) expect(answer).not.toMatch(telltale)
        },
      )
    },
  )

  test('a constraint and a trigger that refuse', async () => {
    const { sql } = shop.database.database
    await whileBroken(
      sql`ALTER TABLE products ADD CONSTRAINT hemlig_check CHECK (title <> 'Hemlig titel') NOT VALID`,
      () => sql`ALTER TABLE products DROP CONSTRAINT hemlig_check`,
      async () => {
        const query = 'mutation { upsertProducts(input: [{ handle: "broken", title: "Hemlig titel" }]) { products { id } } }'
        const answers = await inEveryWay({ query })
        look(answers)
        for (const answer of answers) expect(answer).toContain('INTERNAL')
      },
    )
  })

  test('a database that is away', async () => {
    const { sql } = shop.database.database
    const stop = () => sql`
      SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name LIKE 'synkvy%'`
    for (const query of everything) {
      await stop()
      for (const answer of await inEveryWay({ query })) expect(answer).not.toMatch(telltale)
    }
    await expect.poll(async () => (await shop.call('{ viewer { id } }', {}, adminKey)).errors).toBeUndefined()
  })
})
