import { once } from 'node:events'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { createClient, type Client } from 'graphql-ws'
import { WebSocket } from 'ws'
import { createApiKey } from '../../access/api-keys.ts'
import { createUser, usersOfAccount, type UserRow } from '../../access/users.ts'
import { startApp, type App } from '../../app.ts'
import { upsertProducts } from '../../catalog/products.ts'
import { setStock } from '../../catalog/stock.ts'
import { chunks } from '../../catalog/write.ts'
import { readConfig, type Config } from '../../config.ts'
import { ProgressLine } from '../progress.ts'
import { untilStopped } from '../stop.ts'
import { sampleCatalogue, sampleStock } from './sample-catalogue.ts'
import { follow, operate } from './system.ts'
import { createLog } from '../../log.ts'

const systems = ['ERP Fortnox', 'POS Göteborg'] as const
const itemsAtOnce = 500

/** `synkvy demo`: a gateway with a sample shop, two systems connected to it as real ones would be, a resend, and sales that go on until Ctrl-C. */
export async function demo(): Promise<void> {
  const config = await demoConfig()
  const app = await startApp(config, createLog(config))
  const stopped = untilStopped()
  const clients: Client[] = []
  try {
    await fillShop(app)
    const adminKey = await keyOf(app, await adminOf(app))
    say(introduction(app, adminKey))
    const admin = connect(app, adminKey, clients)
    const pos = await connectSystems(app, admin, clients)
    await sell(pos, admin, stopped)
  } finally {
    for (const client of clients) await client.dispose()
    await app[Symbol.asyncDispose]()
  }
}

/** A data folder of its own, and the usual port or, where that is taken, any other. */
async function demoConfig(): Promise<Config> {
  const { env } = process
  const config = readConfig({
    ...env,
    DATA_DIR: env['DATA_DIR'] ?? '.synkvy-demo',
    LOG_LEVEL: env['LOG_LEVEL'] ?? 'error',
    SYNKVY_ACCOUNT: env['SYNKVY_ACCOUNT'] ?? 'nordanvind',
  })
  if (await isFree(config)) return config
  say(`Port ${config.port} is taken; another is used.`)
  return { ...config, port: 0 }
}

async function isFree({ host, port }: Config): Promise<boolean> {
  const probe = createServer()
  try {
    probe.listen(port, host)
    await once(probe, 'listening')
    return true
  } catch {
    return false
  } finally {
    probe.close()
  }
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}

/** The same catalogue again changes nothing; stock is set once, since it is sold from then on. */
async function fillShop(app: App): Promise<void> {
  const author = { accountId: app.first.account.id }
  const products = sampleCatalogue()
  const [there] = await app.database.sql`SELECT 1 FROM products WHERE account_id = ${author.accountId} LIMIT 1`
  say(`The shop: Nordanvind Friluft, ${products.length} products.`)
  for (const some of chunks(products, itemsAtOnce)) await upsertProducts(app.database, author, some)
  if (there !== undefined) return
  for (const some of chunks(sampleStock(products), itemsAtOnce)) await setStock(app.database, author, some)
}

async function adminOf(app: App): Promise<UserRow> {
  const users = await usersOfAccount(app.database, app.first.account.id)
  const admin = users.find((user) => user.kind === 'ADMIN')
  return admin ?? createUser(app.database, app.first.account.id, { name: 'Admin', kind: 'ADMIN' })
}

async function integrationOf(app: App, name: string): Promise<UserRow> {
  const users = await usersOfAccount(app.database, app.first.account.id)
  return users.find((user) => user.name === name) ?? createUser(app.database, app.first.account.id, { name, kind: 'INTEGRATION' })
}

/** Secrets are not kept, so every start makes new ones. */
async function keyOf(app: App, user: UserRow): Promise<string> {
  return (await createApiKey(app.database, user.accountId, user.id)).secret
}

function introduction(app: App, adminKey: string): string {
  return `
Open the admin page:  ${app.url}/admin
and sign in with:     ${adminKey}

Two systems connect now, as a real ERP and a real POS would. Ctrl-C ends the demo.
`
}

function connect(app: App, key: string, clients: Client[]): Client {
  const client = createClient({
    url: `${app.url.replace(/^http/, 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: { authorization: `Bearer ${key}` },
    retryAttempts: 0,
  })
  clients.push(client)
  return client
}

/** Step 1, by each system: its sync view. Step 2, by an admin: "Resend all products". Then both follow. Answers the POS' connection. */
async function connectSystems(app: App, admin: Client, clients: Client[]): Promise<Client> {
  let pos = admin
  const level = systems.map(async (name) => {
    const client = connect(app, await keyOf(app, await integrationOf(app, name)), clients)
    if (name === 'POS Göteborg') pos = client
    const made = await operate(
      client,
      `mutation ($name: String!) { createSyncView(input: { name: $name, system: $name, autoLink: true }) { syncView { id } } }`,
      { name },
    )
    const viewId = made['createSyncView']?.syncView?.id ?? ''
    await operate(admin, `mutation ($viewId: ID!) { resendAllProducts(syncViewId: $viewId) { __typename } }`, { viewId })
    await follow(client, name, new ProgressLine())
  })
  await Promise.all(level)
  return pos
}

/** Something is sold every second or so, and now and then a price changes. */
async function sell(pos: Client, admin: Client, stopped: Promise<void>): Promise<void> {
  const products = sampleCatalogue()
  const variants = products.flatMap((product) => (product.variants ?? []).map((variant) => ({ product, variant })))
  const over = new AbortController()
  void endWith(stopped, over)
  say('\nBoth are level. Now the POS sells, and each change is shown where it arrives; the POS is not sent its own.\n')
  for (let sale = 1; !over.signal.aborted; sale += 1) {
    const { product, variant } = variants[Math.floor(Math.random() * variants.length)] ?? {}
    if (product === undefined || variant === undefined) return
    await trade(sale, pos, admin, { handle: product.handle, sku: variant.sku, amount: variant.price?.amount ?? '0' })
    await sleep(400 + Math.random() * 1200)
  }
}

async function endWith(stopped: Promise<void>, over: AbortController): Promise<void> {
  await stopped
  over.abort()
}

async function trade(sale: number, pos: Client, admin: Client, item: { handle: string; sku: string; amount: string }): Promise<void> {
  if (sale % 6 === 0) {
    const tags = ['kampanj', `vecka-${1 + (sale % 52)}`]
    await operate(
      admin,
      `mutation ($handle: String!, $tags: [String!]) { upsertProducts(input: [{ handle: $handle, tags: $tags }]) { __typename } }`,
      { handle: item.handle, tags },
    )
    return
  }
  await operate(
    pos,
    `mutation ($sku: String!) { adjustStock(input: [{ sku: $sku, location: "butik-goteborg", delta: -1 }]) { __typename } }`,
    { sku: item.sku },
    { mayFail: true },
  )
  // An order from the web shop: an admin's write reaches both.
  if (sale % 3 === 0) {
    await operate(
      admin,
      `mutation ($sku: String!) { adjustStock(input: [{ sku: $sku, delta: -1 }]) { __typename } }`,
      { sku: item.sku },
      { mayFail: true },
    )
  }
}
