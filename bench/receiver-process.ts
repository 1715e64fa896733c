import { WebSocket } from 'ws'
import { z } from 'zod'
import { sharedNow } from './clock.ts'

// A consumer of a resend: it parses each batch and acknowledges it, to the end. Of the floor: it answers each page with a word.

const config = z.object({
  url: z.string(),
  key: z.string().optional(),
  query: z.string().optional(),
  floorCount: z.number().optional(),
  stopsWhenLevel: z.boolean().default(false),
  /** It has enough then, though there is more. */
  most: z.number().default(Number.MAX_SAFE_INTEGER),
})
type Config = z.infer<typeof config>
const envelope = z.object({ config: config.optional() })

interface Message {
  readonly type?: string
  readonly rows?: readonly unknown[]
  readonly payload?: {
    readonly data?: { readonly productChanges?: Batch; readonly stockChanges?: Batch }
  }
}

interface Batch {
  readonly cursor: string
  readonly caughtUp?: boolean
  readonly resendComplete?: boolean
  readonly changes: readonly unknown[]
}

let given: Config | undefined

process.on('message', (received) => {
  const { config: asked } = envelope.parse(received)
  if (asked !== undefined) {
    given = asked
    process.send?.('ready')
  } else if (given !== undefined) void receive(given).then((answer) => process.send?.(answer))
})

function receive({
  url,
  key,
  query,
  floorCount,
  stopsWhenLevel,
  most,
}: Config): Promise<{ products: number; beganAt: number; endedAt: number }> {
  const isFloor = floorCount !== undefined
  const socket = isFloor ? new WebSocket(url) : new WebSocket(url, 'graphql-transport-ws')
  let products = 0
  let beganAt = sharedNow()
  let acknowledged = 0
  return new Promise((resolve, reject) => {
    let hasEnded = false
    const end = (): void => {
      if (hasEnded) return
      hasEnded = true
      const endedAt = sharedNow()
      // The last acknowledge is under way.
      setTimeout(() => {
        socket.close()
        resolve({ products, beganAt, endedAt })
      }, 200)
    }
    socket.once('error', reject)
    socket.once('open', () => {
      beganAt = sharedNow()
      socket.send(isFloor ? 'begin' : JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${key ?? ''}` } }))
    })
    socket.on('message', (data: Buffer) => {
      const { type, rows, payload }: Message = JSON.parse(data.toString())
      if (rows !== undefined) {
        products += rows.length
        if (rows.length === 0 || products >= (floorCount ?? 0)) end()
        else socket.send('next')
        return
      }
      if (type === 'connection_ack') socket.send(JSON.stringify({ id: 's', type: 'subscribe', payload: { query } }))
      if (type === 'ping') socket.send(JSON.stringify({ type: 'pong' }))
      if (type === 'error') reject(new Error(data.toString()))
      const batch = payload?.data?.productChanges ?? payload?.data?.stockChanges
      if (batch === undefined) return
      products += batch.changes.length
      acknowledged += 1
      if (batch.changes.length > 0) {
        const acknowledge = 'mutation ($cursor: Cursor!) { acknowledge(cursor: $cursor) { __typename } }'
        socket.send(
          JSON.stringify({
            id: `a${acknowledged}`,
            type: 'subscribe',
            payload: { query: acknowledge, variables: { cursor: batch.cursor } },
          }),
        )
      }
      if (batch.resendComplete === true || products >= most || (stopsWhenLevel && batch.caughtUp === true)) end()
    })
  })
}
