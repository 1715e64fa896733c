import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createSchema } from 'graphql-yoga'
import { useServer } from 'graphql-ws/use/ws'
import { WebSocketServer } from 'ws'

// The floor of a view that waits: graphql-ws with a subscription that has one event and then none.

process.once('message', () => {
  const schema = createSchema({
    typeDefs: 'type Batch { cursor: String caughtUp: Boolean } type Query { ok: Boolean } type Subscription { stockChanges: Batch! }',
    resolvers: { Subscription: { stockChanges: { subscribe: waiting, resolve: () => ({ cursor: 'none', caughtUp: true }) } } },
  })
  const server = createServer()
  useServer({ schema }, new WebSocketServer({ server, path: '/graphql' }))
  server.listen(0, '127.0.0.1', () => {
    const address: AddressInfo | string | null = server.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    process.send?.({ url: `ws://127.0.0.1:${port}/graphql`, pid: process.pid })
  })
})

function waiting(): AsyncIterableIterator<unknown> {
  let isFirst = true
  return {
    next: () => {
      if (!isFirst) return new Promise(() => {})
      isFirst = false
      return Promise.resolve({ done: false, value: {} })
    },
    return: () => Promise.resolve({ done: true, value: undefined }),
    [Symbol.asyncIterator]() {
      return this
    },
  }
}
