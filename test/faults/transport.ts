import { createClient } from 'graphql-ws'
import { WebSocket } from 'ws'
import { z } from 'zod'

export type StreamName = 'PRODUCT' | 'STOCK' | 'ORDER' | 'CUSTOMER'
export type Transport = 'WEBSOCKET' | 'SSE' | 'PULL'

const head = 'cursor caughtUp resendId resendComplete'
/** What is kept of an order and of a customer, whether they come by a stream or are answered to who wrote them. */
export const orderFields = 'externalId number state customer { externalId } lines { sku quantity }'
export const customerFields = 'externalId name email'
const selections = {
  PRODUCT: `${head} changes { kind lane id: productId revision key: handle reason entity: product { handle title status variants { sku price { amount } } } }`,
  STOCK: `${head} changes { kind lane id: stockLevelId revision key: sku reason entity: stockLevel { onHand variant { sku } location { code } } }`,
  ORDER: `cursor caughtUp changes { kind lane id: orderId revision key: externalId reason entity: order { ${orderFields} } }`,
  CUSTOMER: `cursor caughtUp changes { kind lane id: customerId revision key: externalId reason entity: customer { ${customerFields} } }`,
} as const
const fields = { PRODUCT: 'productChanges', STOCK: 'stockChanges', ORDER: 'orderChanges', CUSTOMER: 'customerChanges' } as const

const subscriptions = (stream: StreamName): string =>
  `subscription ($afterCursor: Cursor, $size: Int!, $maxInFlight: Int!) { batch: ${fields[stream]}(afterCursor: $afterCursor, batchSize: $size, maxInFlight: $maxInFlight) { ${selections[stream]} } }`
const pulls = (stream: StreamName): string =>
  `query ($afterCursor: Cursor, $size: Int!) { batch: ${fields[stream]}(afterCursor: $afterCursor, first: $size, waitSeconds: 2) { ${selections[stream]} } }`

const changeShape = z.object({
  kind: z.enum(['UPSERT', 'REMOVE']),
  lane: z.enum(['LIVE', 'RESEND']),
  id: z.string(),
  revision: z.string().transform(BigInt),
  key: z.string(),
  reason: z.enum(['DELETED', 'UNLINKED']).nullable(),
  entity: z.record(z.string(), z.unknown()).nullable(),
})
const batchShape = z.object({
  cursor: z.string(),
  caughtUp: z.boolean(),
  resendId: z.string().nullable().default(null),
  resendComplete: z.boolean().default(false),
  changes: z.array(changeShape),
})
const answerShape = z.object({
  data: z.object({ batch: batchShape }).nullish(),
  errors: z.array(z.object({ message: z.string(), extensions: z.record(z.string(), z.unknown()).optional() })).optional(),
})

export type Batch = z.infer<typeof batchShape>
export type Change = z.infer<typeof changeShape>

/** Why a stream or a call ended: with a code of synkvy's, or without one where the network or the gateway was at fault. */
export class Ended extends Error {
  readonly code: string | undefined

  constructor(message: string, code?: string) {
    super(message)
    this.code = code
  }
}

export interface StreamRequest {
  readonly stream: StreamName
  readonly afterCursor: string | undefined
  readonly size: number
  readonly maxInFlight: number
}

/** Where a consumer calls, and as whom. */
export interface Door {
  readonly port: number
  readonly key: string
}

const silenceMs = 6_000
const patienceMs = 10_000

/** A stream over one of the three ways. Ends by throwing `Ended`, also when nothing at all comes for seconds. */
export function openStream(transport: Transport, door: Door, request: StreamRequest, signal: AbortSignal): AsyncGenerator<Batch> {
  if (transport === 'WEBSOCKET') return overWebSocket(door, request, signal)
  return transport === 'SSE' ? overEvents(door, request, signal) : byPulling(door, request, signal)
}

/** One that is given up while it connects says so when nobody listens any more. */
class QuietWebSocket extends WebSocket {
  constructor(...args: ConstructorParameters<typeof WebSocket>) {
    super(...args)
    this.on('error', () => {})
  }
}

async function* overWebSocket(door: Door, request: StreamRequest, signal: AbortSignal): AsyncGenerator<Batch> {
  const client = createClient({
    url: `ws://127.0.0.1:${door.port}/graphql`,
    webSocketImpl: QuietWebSocket,
    connectionParams: { authorization: `Bearer ${door.key}` },
    retryAttempts: 0,
    keepAlive: 2_000,
    on: { ping: (received) => !received && awaitPong(), pong: (received) => received && clearTimeout(pongTimer) },
  })
  let pongTimer: NodeJS.Timeout | undefined
  const awaitPong = (): void => {
    clearTimeout(pongTimer)
    pongTimer = setTimeout(() => client.terminate(), silenceMs - 2_000)
  }
  const connecting = setTimeout(() => client.terminate(), silenceMs)
  const stop = (): void => void client.dispose()
  signal.addEventListener('abort', stop)
  try {
    for await (const answer of client.iterate({ query: subscriptions(request.stream), variables: { ...request } })) {
      clearTimeout(connecting)
      yield batchOf(answer)
    }
  } catch (error) {
    throw toEnded(error)
  } finally {
    signal.removeEventListener('abort', stop)
    clearTimeout(connecting)
    clearTimeout(pongTimer)
    void client.dispose()
    client.terminate()
  }
}

async function* overEvents(door: Door, request: StreamRequest, signal: AbortSignal): AsyncGenerator<Batch> {
  const silence = new AbortController()
  const watch = setTimeout(() => silence.abort(), 20_000)
  const stop = (): void => silence.abort()
  signal.addEventListener('abort', stop)
  try {
    const response = await post(
      door,
      { query: subscriptions(request.stream), variables: { ...request } },
      silence.signal,
      'text/event-stream',
    )
    let text = ''
    const decoder = new TextDecoder()
    for await (const chunk of response.body ?? []) {
      watch.refresh()
      text += decoder.decode(chunk, { stream: true })
      const events = text.split('\n\n')
      text = events.pop() ?? ''
      for (const event of events) {
        const data = /^data: ?(.*)$/m.exec(event)?.[1]
        if (data !== undefined && data !== '') yield batchOf(JSON.parse(data))
      }
    }
  } catch (error) {
    throw toEnded(error)
  } finally {
    clearTimeout(watch)
    signal.removeEventListener('abort', stop)
    silence.abort()
  }
}

async function* byPulling(door: Door, request: StreamRequest, signal: AbortSignal): AsyncGenerator<Batch> {
  let { afterCursor } = request
  try {
    while (!signal.aborted) {
      const response = await post(
        door,
        { query: pulls(request.stream), variables: { ...request, afterCursor } },
        AbortSignal.timeout(patienceMs),
      )
      const batch = batchOf(await response.json())
      afterCursor = batch.cursor
      yield batch
    }
  } catch (error) {
    throw toEnded(error)
  }
}

async function post(door: Door, body: unknown, signal: AbortSignal, accept = 'application/json'): Promise<Response> {
  return fetch(`http://127.0.0.1:${door.port}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept, authorization: `Bearer ${door.key}` },
    body: JSON.stringify(body),
    signal,
  })
}

function batchOf(answer: unknown): Batch {
  const { data, errors } = answerShape.parse(answer)
  const [error] = errors ?? []
  if (error !== undefined) throw new Ended(error.message, codeOf(error.extensions))
  if (!data) throw new Ended('an answer without data')
  return data.batch
}

function codeOf(extensions: Record<string, unknown> | undefined): string | undefined {
  const code = extensions?.['code']
  return typeof code === 'string' ? code : undefined
}

const gqlErrors = z.array(z.object({ message: z.string(), extensions: z.record(z.string(), z.unknown()).optional() })).min(1)

function toEnded(error: unknown): Ended {
  if (error instanceof Ended) return error
  if (error instanceof z.ZodError) throw error
  const errors = gqlErrors.safeParse(error)
  if (errors.success) return new Ended(errors.data[0]?.message ?? '', codeOf(errors.data[0]?.extensions))
  const cause = error instanceof Error && error.cause instanceof Error ? `: ${error.cause.message}` : ''
  return new Ended(error instanceof Error ? `${error.message}${cause}` : 'the connection ended')
}

const plainAnswer = z.object({
  data: z.record(z.string(), z.unknown()).nullish(),
  errors: gqlErrors.optional(),
})

/** A query or mutation. Throws `Ended` when it is refused or gets no answer: it may then have been carried out all the same. */
export async function call(door: Door, query: string, variables: Record<string, unknown> = {}): Promise<Record<string, unknown>> {
  try {
    const response = await post(door, { query, variables }, AbortSignal.timeout(patienceMs))
    const { data, errors } = plainAnswer.parse(await response.json())
    const [error] = errors ?? []
    if (error !== undefined) throw new Ended(error.message, codeOf(error.extensions))
    return data ?? {}
  } catch (error) {
    throw toEnded(error)
  }
}
