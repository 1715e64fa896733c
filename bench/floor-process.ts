import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import pg from 'pg'
import { WebSocketServer, type WebSocket } from 'ws'
import { z } from 'zod'

// The physical floor: Postgres' NOTIFY carries the row, and what was notified is sent as it is, to every socket or to those of the views that it names.

const envelope = z.object({ config: z.object({ databaseUrl: z.string() }) })
const told = z.object({ views: z.array(z.number()).nullable() })

process.on('message', (received) => {
  void start(envelope.parse(received).config.databaseUrl)
})

async function start(databaseUrl: string): Promise<void> {
  const server = createServer()
  const sockets = new WebSocketServer({ server })
  const byView = new Map<number, WebSocket>()
  sockets.on('connection', (socket, { url = '' }) => byView.set(Number(new URLSearchParams(url.slice(2)).get('view')), socket))
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  client.on('notification', ({ payload = '' }) => {
    const { views } = told.parse(JSON.parse(payload))
    const concerned = views === null ? sockets.clients : views.flatMap((view) => byView.get(view) ?? [])
    concerned.forEach((socket) => socket.send(payload))
  })
  await client.query('LISTEN floor')
  server.listen(0, '127.0.0.1', () => {
    const address: AddressInfo | string | null = server.address()
    process.send?.(`ws://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}/`)
  })
}
