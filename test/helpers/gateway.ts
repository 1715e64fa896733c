import { createClient, type Client } from 'graphql-ws'
import { pino, type Logger } from 'pino'
import { WebSocket } from 'ws'
import { startApp, type App } from '../../src/app.ts'
import { readConfig } from '../../src/config.ts'
import { createTestDatabase, type TestDatabase } from './database.ts'

export const adminKey = 'synkvy_test_admin_key_0123456789'

export interface GraphQLAnswer {
  // Each test asks its own question and knows the shape of its answer.
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly data: any
  readonly errors?: readonly {
    readonly message: string
    readonly path?: readonly (string | number)[]
    readonly extensions: Record<string, unknown>
  }[]
}

export interface TestGateway extends AsyncDisposable {
  readonly app: App
  readonly url: string
  /** Calls over HTTP. */
  readonly call: (query: string, variables?: Record<string, unknown>, key?: string) => Promise<GraphQLAnswer>
  /** A socket with a key. */
  readonly connect: (key: string) => Client
}

/** Tests call faster than anybody, and with many a bad key; those of limits set them. */
const unlimited = {
  SYNKVY_CALLS_PER_KEY: '9999999',
  SYNKVY_CALLS_PER_ADDRESS: '9999999',
  SYNKVY_ANONYMOUS_CALLS: '9999999',
  SYNKVY_FAILED_KEYS: '9999999',
}
const usual = { PORT: '0', SYNKVY_ACCOUNT: 'shop', SYNKVY_ADMIN_KEY: adminKey, SYNKVY_POOL_SIZE: '6', ...unlimited }
const usualLog = pino({ level: process.env['SYNKVY_TEST_LOG'] ?? 'silent' })

/** A gateway of its own on a database, for real: HTTP, sockets and all. `settings` are variables of docs/config.md beside the usual ones; it is on a port that is free unless they say which. */
export async function startGateway(
  database: TestDatabase,
  settings: Readonly<Record<string, string>> = {},
  log: Logger = usualLog,
): Promise<TestGateway> {
  const config = {
    ...readConfig({ ...usual, ...settings }),
    databaseUrl: database.url,
    databaseDirectUrl: database.url,
  }
  const app = await startApp(config, log)
  const clients: Client[] = []
  return {
    app,
    url: app.url,
    call: (query, variables = {}, key = adminKey) => callOver(app.url, query, variables, key),
    connect: (key) => {
      const client = connectTo(app.url, key)
      clients.push(client)
      return client
    },
    [Symbol.asyncDispose]: async () => {
      for (const client of clients) await client.dispose()
      await app[Symbol.asyncDispose]()
    },
  }
}

async function callOver(url: string, query: string, variables: Record<string, unknown>, key: string): Promise<GraphQLAnswer> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(key === '' ? {} : { authorization: `Bearer ${key}` }) },
    body: JSON.stringify({ query, variables }),
  })
  const answer: unknown = await response.json()
  if (typeof answer !== 'object' || answer === null) throw new Error('no GraphQL answer')
  return { data: undefined, ...answer }
}

function connectTo(url: string, key: string): Client {
  return createClient({
    url: `${url.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: { authorization: `Bearer ${key}` },
    retryAttempts: 0,
    lazy: true,
  })
}

/** A figure of /metrics by its name, with its labels as they stand there; NaN where there is none. */
export async function figureOf(url: string, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text()
  const line = text.split('\n').find((one) => one.startsWith(`${name} `))
  return Number(line?.slice(name.length))
}

/** A gateway on a fresh database, disposed of together. */
export async function startShop(
  settings?: Readonly<Record<string, string>>,
  log?: Logger,
): Promise<TestGateway & { readonly database: TestDatabase }> {
  const database = await createTestDatabase()
  const gateway = await startGateway(database, settings, log)
  return {
    ...gateway,
    database,
    [Symbol.asyncDispose]: async () => {
      await gateway[Symbol.asyncDispose]()
      await database[Symbol.asyncDispose]()
    },
  }
}

/** Makes an INTEGRATION user with a key. */
export async function createIntegration(
  gateway: Pick<TestGateway, 'call'>,
  name: string,
  key = adminKey,
): Promise<{ readonly userId: string; readonly key: string }> {
  const user = await gateway.call(
    `mutation ($name: String!) { createUser(input: { name: $name, kind: INTEGRATION }) { user { id } } }`,
    { name },
    key,
  )
  const userId: string = user.data.createUser.user.id
  const made = await gateway.call(`mutation ($userId: ID!) { createApiKey(userId: $userId) { secret } }`, { userId }, key)
  return { userId, key: made.data.createApiKey.secret }
}

/** An integration with its sync view. */
export async function createView(
  gateway: Pick<TestGateway, 'call'>,
  name: string,
  options: { readonly autoLink?: boolean; readonly orderScope?: 'OWN' | 'ALL'; readonly key?: string } = {},
): Promise<{ readonly viewId: string; readonly key: string; readonly userId: string }> {
  const integration = await createIntegration(gateway, name, options.key)
  const made = await gateway.call(
    `mutation ($input: CreateSyncViewInput!) { createSyncView(input: $input) { syncView { id } } }`,
    { input: { name, autoLink: options.autoLink ?? false, orderScope: options.orderScope ?? 'OWN' } },
    integration.key,
  )
  return { ...integration, viewId: made.data.createSyncView.syncView.id }
}

/** Makes products h1…hn, each with one variant Sn and, where `onHand` is given, stock of it. */
export async function createProducts(
  gateway: Pick<TestGateway, 'call'>,
  handles: readonly string[],
  onHand?: number,
  key = adminKey,
): Promise<void> {
  const input = handles.map((handle) => ({
    handle,
    title: `Title of ${handle}`,
    variants: [{ sku: `SKU-${handle}`, title: 'One', price: { amount: '10.00', currency: 'SEK' } }],
  }))
  await expectData(
    gateway.call(`mutation ($input: [ProductInput!]!) { upsertProducts(input: $input) { products { id } } }`, { input }, key),
  )
  if (onHand === undefined) return
  const stock = handles.map((handle) => ({ sku: `SKU-${handle}`, onHand }))
  await expectData(
    gateway.call(`mutation ($input: [SetStockInput!]!) { setStock(input: $input) { stockLevels { id } } }`, { input: stock }, key),
  )
}

/** The data of an answer that must have no errors. */
export async function expectData(answer: Promise<GraphQLAnswer>): Promise<GraphQLAnswer['data']> {
  const { data, errors } = await answer
  if (errors !== undefined) throw new Error(`refused: ${JSON.stringify(errors)}`)
  return data
}
