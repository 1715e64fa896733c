import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { serveAdminPage, type AdminPage } from './admin-page.ts'
import { answerSession } from './sign-in.ts'
import { createGraphQLServer, type ServerParts } from './yoga.ts'
import { serveWebSocket } from './websocket.ts'
import { ConfigError } from '../config.ts'
import { SynkvyError } from '../errors.ts'

const readyWithinMs = 2_000
/** How long requests that are under way may take when the gateway stops. */
const finishWithinMs = 5_000
const sweepEveryMs = 50

export interface HttpServer extends AsyncDisposable {
  /** Where it can be reached, without a slash at the end. */
  readonly url: string
}

/** Opens the gateway's doors: /graphql, /admin, /health/live, /health/ready, /metrics. */
export async function startServer(parts: ServerParts, address: { readonly host: string; readonly port: number }): Promise<HttpServer> {
  const yoga = createGraphQLServer(parts)
  const adminPage = serveAdminPage()
  const server = createServer((request, response) => {
    const path = (request.url ?? '/').split('?', 1)[0] ?? '/'
    if (path === '/graphql' && isHost(request.headers.host)) void yoga(request, response)
    else if (path === '/admin/session') void answerSession(parts, request, response)
    else void answer({ ...parts, adminPage }, path, request, response, () => sockets.socketCount())
  })
  await listen(server, address)
  // After listening: a port that is taken is no fault of the sockets. Nothing can have connected yet.
  const sockets = serveWebSocket(server, yoga, parts)
  return {
    url: urlOf(server, address.host),
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      await sockets[Symbol.asyncDispose]()
      parts.keys.endAll(new SynkvyError('SERVICE_UNAVAILABLE', 'The gateway is stopping. Connect again in a moment.'))
      // A connection becomes idle, and would be kept, when its last request is answered.
      const sweep = setInterval(() => server.closeIdleConnections(), sweepEveryMs)
      const timer = setTimeout(() => server.closeAllConnections(), finishWithinMs)
      await closed
      clearInterval(sweep)
      clearTimeout(timer)
      await yoga.dispose()
    },
  }
}

function listen(server: Server, { host, port }: { readonly host: string; readonly port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    const refuse = (error: Error): void => reject(explainListening(error, host, port))
    server.once('error', refuse)
    server.listen(port, host, () => {
      server.off('error', refuse)
      resolve()
    })
  })
}

function explainListening(error: Error, host: string, port: number): Error {
  const code = 'code' in error ? error.code : undefined
  if (code === 'EADDRINUSE') return new ConfigError(`Port ${port} of ${host} is taken. Stop what listens there, or set PORT to another.`)
  if (code === 'EACCES') return new ConfigError(`Port ${port} needs rights that this process does not have. Set PORT to another.`)
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND')
    return new ConfigError(`${host} is not an address of this machine. Set HOST to one.`)
  return error
}

/** Whether a URL can be made of it; what follows takes that for granted. */
function isHost(host: string | undefined): boolean {
  return host === undefined || URL.canParse(`http://${host}/`)
}

function urlOf(server: Server, host: string): string {
  const address: AddressInfo | string | null = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const shown = host === '0.0.0.0' || host === '::' ? 'localhost' : host
  return `http://${shown.includes(':') ? `[${shown}]` : shown}:${port}`
}

const index = `synkvy is running.

  /graphql        GraphQL: POST, Server-Sent Events, WebSocket (graphql-transport-ws); in a browser GraphiQL
  /admin          the admin page: Settings / API / Sync views
  /health/live    this process answers
  /health/ready   and so does the database
  /metrics        figures for Prometheus
`

async function answer(
  parts: ServerParts & { readonly adminPage: AdminPage },
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
  socketCount: () => number,
): Promise<void> {
  const send = (status: number, text: string): void => {
    response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(request.method === 'HEAD' ? undefined : text)
  }
  if (path === '/graphql') return send(400, 'The Host header of this call is no host.\n')
  if (request.method !== 'GET' && request.method !== 'HEAD') return send(405, 'Only GET is answered here.\n')
  if (path === '/admin' || path.startsWith('/admin/')) return parts.adminPage(path, request, response)
  switch (path) {
    case '/':
      if (request.headers.accept?.includes('text/html') === true) return void response.writeHead(302, { location: '/admin' }).end()
      return send(200, index)
    case '/health/live':
      return send(200, 'live\n')
    case '/health/ready':
      return (await isDatabaseThere(parts)) ? send(200, 'ready\n') : send(503, 'The database does not answer.\n')
    case '/metrics':
      return send(200, metrics(parts, socketCount()))
    default:
      return send(404, `There is nothing at ${path}.\n\n${index}`)
  }
}

async function isDatabaseThere({ database }: ServerParts): Promise<boolean> {
  const late = new Promise<false>((resolve) => setTimeout(() => resolve(false), readyWithinMs).unref())
  return Promise.race([
    database.sql`SELECT 1`.then(
      () => true,
      () => false,
    ),
    late,
  ])
}

/** Prometheus' text format. */
function metrics({ sync }: ServerParts, socketCount: number): string {
  const { isLeading, streams, head } = sync.figures
  const gauges = [
    ['synkvy_sequencer_leading', 'Whether this gateway sequences.', isLeading ? 1 : 0],
    ['synkvy_feed_head', 'The last feed position that this gateway has offered.', head],
    ['synkvy_streams', 'Streams that this gateway serves.', streams],
    ['synkvy_sockets', 'WebSockets that are open.', socketCount],
    ['process_resident_memory_bytes', 'Resident memory.', process.memoryUsage().rss],
    ['process_uptime_seconds', 'Since when this process runs.', process.uptime()],
  ] as const
  return gauges.map(([name, help, value]) => `# HELP ${name} ${help}\n# TYPE ${name} gauge\n${name} ${value}\n`).join('')
}
