import { setTimeout as sleep } from 'node:timers/promises'
import { WebSocket } from 'ws'
import { z } from 'zod'
import { sharedNow } from './clock.ts'

// A process with consumers in it: each parses what arrives and notes when. Speaks graphql-transport-ws, or nothing at all where `query` is left out. It acknowledges
// as the protocol allows: the latest cursor, at most every `acknowledgeEveryMs`; 0 is every batch at once.

const config = z.object({
  url: z.string(),
  keys: z.array(z.string()),
  query: z.string().optional(),
  acknowledgeEveryMs: z.number().default(500),
})

/** What is looked at in a message. This is the consumer's side and runs as often as messages come, so it is not checked any further. */
interface Message {
  readonly type?: string
  readonly onHand?: number
  readonly payload?: { readonly data?: { readonly stockChanges?: Batch } }
}
interface Batch {
  readonly onHand?: number
  readonly level?: { readonly onHand: number }
  readonly cursor?: string
  readonly caughtUp?: boolean
  readonly changes?: readonly { readonly stockLevel: { readonly onHand: number } | null }[]
}

/** The number that was written, and when it had been parsed here. */
const arrivals: number[] = []
let acknowledged = 0

function open(urlOfAll: string, key: string, queryOfAll: string | undefined, acknowledgeEveryMs: number): Promise<void> {
  const url = urlOfAll.replace('%KEY%', key)
  const query = queryOfAll?.replace('%KEY%', key)
  const socket = query === undefined ? new WebSocket(url) : new WebSocket(url, 'graphql-transport-ws')
  return new Promise((resolve, reject) => {
    const acknowledge = acknowledger(socket, acknowledgeEveryMs)
    // Later there is nobody to tell: what a server that has died does not send is missed among what arrives.
    socket.on('error', reject)
    socket.once('open', () => {
      if (query === undefined) resolve()
      else socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${key}` } }))
    })
    socket.on('message', (data: Buffer) => {
      const { type, onHand, payload }: Message = JSON.parse(data.toString())
      if (type === 'connection_ack') socket.send(JSON.stringify({ id: 's', type: 'subscribe', payload: { query } }))
      if (type === 'ping') socket.send(JSON.stringify({ type: 'pong' }))
      if (type === 'error') reject(new Error(data.toString()))
      const at = sharedNow()
      if (onHand !== undefined) arrivals.push(onHand, at)
      const batch = payload?.data?.stockChanges
      if (batch === undefined) return
      if (batch.onHand !== undefined) arrivals.push(batch.onHand, at)
      if (batch.level !== undefined) arrivals.push(batch.level.onHand, at)
      for (const { stockLevel } of batch.changes ?? []) if (stockLevel !== null) arrivals.push(stockLevel.onHand, at)
      if (batch.cursor !== undefined && (batch.changes?.length ?? 0) > 0) acknowledge(batch.cursor)
      if (batch.caughtUp === true) resolve()
    })
    // Who has nothing to tell says nothing at first.
    if (query?.includes('cursor') !== true) setTimeout(resolve, 500)
  })
}

function acknowledger(socket: WebSocket, everyMs: number): (cursor: string) => void {
  const query = 'mutation ($cursor: Cursor!) { acknowledge(cursor: $cursor) { __typename } }'
  let latest = ''
  let timer: NodeJS.Timeout | undefined
  const send = (): void => {
    timer = undefined
    acknowledged += 1
    if (socket.readyState !== socket.OPEN) return
    socket.send(JSON.stringify({ id: `a${acknowledged}`, type: 'subscribe', payload: { query, variables: { cursor: latest } } }))
  }
  return (cursor) => {
    latest = cursor
    if (everyMs === 0) send()
    else timer ??= setTimeout(send, everyMs)
  }
}

async function openAll({ url, keys, query, acknowledgeEveryMs }: z.infer<typeof config>): Promise<void> {
  for (let from = 0; from < keys.length; from += 50) {
    await Promise.all(keys.slice(from, from + 50).map((key) => open(url, key, query, acknowledgeEveryMs)))
    await sleep(1)
  }
}

const envelope = z.object({ config: config.optional() })

process.on('message', (received) => {
  const { config: given } = envelope.parse(received)
  // A question is what has arrived since the last.
  if (given === undefined) process.send?.(Float64Array.from(arrivals.splice(0, arrivals.length)))
  else void openAll(given).then(() => process.send?.('ready'))
})
