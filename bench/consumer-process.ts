import { WebSocket } from 'ws'
import { z } from 'zod'
import { sharedNow } from './clock.ts'

// A process with consumers in it: each parses what arrives and notes when. Speaks graphql-transport-ws, or nothing at all where `query` is left out.

const config = z.object({ url: z.string(), keys: z.array(z.string()), query: z.string().optional() })

/** The number that was written, and when it had been parsed here. */
const arrivals: number[] = []
let acknowledged = 0

const rows = z.array(z.object({ stockLevel: z.object({ onHand: z.number() }).nullable() }))
const message = z.object({
  type: z.string().optional(),
  onHand: z.number().optional(),
  payload: z
    .object({
      data: z
        .object({
          stockChanges: z.object({ cursor: z.string().optional(), onHand: z.number().optional(), changes: rows.optional() }).optional(),
        })
        .nullish(),
    })
    .passthrough()
    .optional(),
})

function open(url: string, key: string, query: string | undefined): Promise<void> {
  const socket = query === undefined ? new WebSocket(url) : new WebSocket(url, 'graphql-transport-ws')
  return new Promise((resolve, reject) => {
    socket.once('error', reject)
    socket.once('open', () => {
      if (query === undefined) resolve()
      else socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${key}` } }))
    })
    socket.on('message', (data: Buffer) => {
      const { type, onHand, payload } = message.parse(JSON.parse(data.toString()))
      if (type === 'connection_ack') socket.send(JSON.stringify({ id: 's', type: 'subscribe', payload: { query } }))
      if (type === 'ping') socket.send(JSON.stringify({ type: 'pong' }))
      if (type === 'error') reject(new Error(data.toString()))
      const at = sharedNow()
      if (onHand !== undefined) arrivals.push(onHand, at)
      const batch = payload?.data?.stockChanges
      if (batch === undefined) return
      if (batch.onHand !== undefined) arrivals.push(batch.onHand, at)
      for (const { stockLevel } of batch.changes ?? []) if (stockLevel !== null) arrivals.push(stockLevel.onHand, at)
      if (batch.cursor !== undefined && (batch.changes?.length ?? 0) > 0) acknowledge(socket, batch.cursor)
      resolve()
    })
    // Who has nothing to tell says nothing at first.
    if (query?.includes('cursor') !== true) setTimeout(resolve, 500)
  })
}

function acknowledge(socket: WebSocket, cursor: string): void {
  acknowledged += 1
  const query = 'mutation ($cursor: Cursor!) { acknowledge(cursor: $cursor) { __typename } }'
  socket.send(JSON.stringify({ id: `a${acknowledged}`, type: 'subscribe', payload: { query, variables: { cursor } } }))
}

const envelope = z.object({ config: config.optional() })

process.on('message', (received) => {
  const { config: given } = envelope.parse(received)
  // A question is what has arrived since the last.
  if (given === undefined) process.send?.(arrivals.splice(0))
  else void Promise.all(given.keys.map((key) => open(given.url, key, given.query))).then(() => process.send?.('ready'))
})
