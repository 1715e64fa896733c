import { createClient, type Client } from 'graphql-ws'
import { WebSocket } from 'ws'
import { z } from 'zod'
import { SynkvyError } from '../errors.ts'
import { untilStopped } from './stop.ts'

type StreamName = keyof typeof documents

export interface WatchOptions {
  readonly url: string
  readonly key: string
  readonly stream: StreamName | 'all'
  /** One JSON value a change, for machines. */
  readonly json?: boolean
}

const documents = {
  product: `subscription { batch: productChanges { cursor caughtUp resendComplete changes { kind lane id: productId revision key: handle reason
    product { title status variants { sku price { amount currency } available } } } } }`,
  stock: `subscription { batch: stockChanges { cursor caughtUp resendComplete changes { kind lane id: stockLevelId revision key: sku locationCode reason
    stockLevel { onHand reserved available } } } }`,
  order: `subscription { batch: orderChanges { cursor caughtUp changes { kind lane id: orderId revision key: externalId reason
    order { number state total { amount currency } lines { sku quantity } } } } }`,
  customer: `subscription { batch: customerChanges { cursor caughtUp changes { kind lane id: customerId revision key: externalId reason
    customer { name } } } }`,
} as const
const names = ['product', 'stock', 'order', 'customer'] as const

const change = z.looseObject({
  kind: z.string(),
  lane: z.string(),
  key: z.string(),
  locationCode: z.string().optional(),
  reason: z.string().nullable(),
  product: z.object({ title: z.string(), variants: z.array(z.object({ sku: z.string(), available: z.number() })) }).nullish(),
  stockLevel: z.object({ onHand: z.number(), reserved: z.number(), available: z.number() }).nullish(),
  order: z
    .object({
      number: z.string(),
      state: z.string(),
      total: z.object({ amount: z.string(), currency: z.string() }),
      lines: z.array(z.object({ sku: z.string(), quantity: z.number() })),
    })
    .nullish(),
  customer: z.object({ name: z.string() }).nullish(),
})
const batch = z.object({ cursor: z.string(), caughtUp: z.boolean(), changes: z.array(change) })
type WatchedChange = z.infer<typeof change>

/** `synkvy watch`: connects as a consumer, prints a line for each change, and acknowledges as it goes. */
export async function watch(options: WatchOptions): Promise<void> {
  const client = createClient({
    url: `${options.url.replace(/^http/, 'ws').replace(/\/$/, '')}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: { authorization: `Bearer ${options.key}` },
    retryAttempts: Number.POSITIVE_INFINITY,
    shouldRetry: (closed) => !(isClose(closed) && closed.code === 4403),
    on: { connected: () => void process.stderr.write(`connected to ${options.url}\n`) },
  })
  const wanted = options.stream === 'all' ? names : [options.stream]
  const ended = Promise.race(wanted.map((name) => follow(client, name, options.json === true)))
  await Promise.race([ended, untilStopped()])
  await client.dispose()
}

function isClose(value: unknown): value is { readonly code: number } {
  return typeof value === 'object' && value !== null && 'code' in value && typeof value.code === 'number'
}

async function follow(client: Client, name: StreamName, asJson: boolean): Promise<void> {
  try {
    for await (const { data, errors } of client.iterate<{ batch: unknown }>({ query: documents[name] })) {
      if (errors !== undefined) throw new SynkvyError('BAD_USER_INPUT', errors.map((error) => error.message).join('\n'))
      const received = batch.parse(data?.batch)
      for (const one of received.changes)
        process.stdout.write(`${asJson ? JSON.stringify({ stream: name, ...one }) : describe(name, one)}\n`)
      if (received.changes.length > 0) await acknowledge(client, received.cursor)
      if (received.caughtUp && !asJson) process.stderr.write(`${name}: level\n`)
    }
  } catch (error) {
    throw explain(error)
  }
}

async function acknowledge(client: Client, cursor: string): Promise<void> {
  const document = { query: 'mutation ($cursor: Cursor!) { acknowledge(cursor: $cursor) { __typename } }', variables: { cursor } }
  for await (const { errors } of client.iterate(document)) {
    if (errors !== undefined) throw new SynkvyError('BAD_USER_INPUT', errors.map((error) => error.message).join('\n'))
  }
}

function describe(name: string, one: WatchedChange): string {
  const head = `${new Date().toISOString().slice(11, 23)}  ${name.padEnd(7)}  ${one.lane.padEnd(6)}  ${one.kind}`
  if (one.product)
    return `${head}  ${one.key}  ${one.product.title}  (${one.product.variants.map((variant) => `${variant.sku}: ${variant.available}`).join(', ')})`
  if (one.stockLevel)
    return `${head}  ${one.key} @ ${one.locationCode ?? ''}  ${one.stockLevel.available} available (${one.stockLevel.onHand} on hand)`
  if (one.order)
    return `${head}  ${one.key}  ${one.order.state}  ${one.order.total.amount} ${one.order.total.currency}  (${one.order.lines.map(({ sku, quantity }) => `${quantity} × ${sku}`).join(', ')})`
  if (one.customer) return `${head}  ${one.key}  ${one.customer.name}`
  return `${head}  ${one.key}  ${(one.reason ?? '').toLowerCase()}`
}

/** What ended the watching, in words. */
function explain(error: unknown): Error {
  if (isClose(error)) {
    const message =
      error.code === 4403
        ? 'The gateway does not take this key. Is it revoked, expired, or of another gateway?'
        : `The connection was closed (${error.code}).`
    return new SynkvyError('UNAUTHENTICATED', message)
  }
  if (Array.isArray(error))
    return new SynkvyError('BAD_USER_INPUT', error.map((one: unknown) => (one instanceof Error ? one.message : messageOf(one))).join('\n'))
  return error instanceof Error ? error : new Error(String(error))
}

function messageOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : String(error)
}
