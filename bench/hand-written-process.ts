import { setMaxListeners } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createPubSub, createSchema, createYoga } from 'graphql-yoga'
import { useServer } from 'graphql-ws/use/ws'
import pg from 'pg'
import { WebSocketServer } from 'ws'
import { z } from 'zod'

// What people write by hand: GraphQL Yoga with createPubSub, fed by LISTEN; each subscriber reads the row that changed for itself.

const envelope = z.object({ config: z.object({ databaseUrl: z.string() }) })
const told = z.object({ id: z.number(), views: z.array(z.number()).nullable() })

// Where a subscriber falls 1 024 events behind, publishing throws out of the event target's hands, and the server would end. It is let live, without that event.
process.on('uncaughtException', (error) => {
  if (error.name !== 'RepeaterOverflowError') throw error
})

process.on('message', (received) => {
  void start(envelope.parse(received).config.databaseUrl)
})

async function start(databaseUrl: string): Promise<void> {
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 10 })
  const eventTarget = new EventTarget()
  setMaxListeners(0, eventTarget)
  const pubSub = createPubSub<{ stock: [view: string, id: number] }>({ eventTarget })
  const listener = new pg.Client({ connectionString: databaseUrl })
  await listener.connect()
  listener.on('notification', ({ payload = '' }) => {
    const { id, views } = told.parse(JSON.parse(payload))
    for (const view of views ?? ['all']) pubSub.publish('stock', String(view), id)
  })
  await listener.query('LISTEN hand_written')

  const schema = createSchema({
    typeDefs:
      'type StockLevel { id: ID! onHand: Int! } type Query { ok: Boolean } type Subscription { stockChanges(view: Int): StockLevel! }',
    resolvers: {
      Subscription: {
        stockChanges: {
          subscribe: (_root: unknown, { view }: { readonly view: number | null }) => pubSub.subscribe('stock', String(view ?? 'all')),
          resolve: async (id: number) => {
            const { rows } = await pool.query<{ id: number; onHand: number }>({
              name: 'level',
              text: 'SELECT id, on_hand AS "onHand" FROM bench_hand_written.levels WHERE id = $1',
              values: [id],
            })
            return rows[0]
          },
        },
      },
    },
  })
  const yoga = createYoga({ schema })
  const server = createServer((request, response) => void yoga(request, response))
  useServer({ schema }, new WebSocketServer({ server, path: '/graphql' }))
  server.listen(0, '127.0.0.1', () => {
    const address: AddressInfo | string | null = server.address()
    process.send?.(`ws://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}/graphql`)
  })
}
