import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import pg from 'pg'
import { WebSocketServer } from 'ws'
import { z } from 'zod'

// The physical floor of latency: Postgres' NOTIFY carries the row, and what was notified is sent as it is to every socket.

const envelope = z.object({ config: z.object({ databaseUrl: z.string() }) })

process.on('message', (received) => {
  void start(envelope.parse(received).config.databaseUrl)
})

async function start(databaseUrl: string): Promise<void> {
  const server = createServer()
  const sockets = new WebSocketServer({ server })
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  client.on('notification', ({ payload }) => sockets.clients.forEach((socket) => socket.send(payload ?? '')))
  await client.query('LISTEN floor')
  server.listen(0, '127.0.0.1', () => {
    const address: AddressInfo | string | null = server.address()
    process.send?.(`ws://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`)
  })
}
