import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { serveAdminPage, type AdminPage } from './admin-page.ts'
import { addressOf } from './browser.ts'
import { answerSession } from './sign-in.ts'
import { createGraphQLServer, type ServerParts } from './yoga.ts'
import { serveWebSocket } from './websocket.ts'
import { ConfigError, type Limits, type MetricsPlace } from '../config.ts'
import { SynkvyError } from '../errors.ts'
import { Doorkeeper } from './doorkeeper.ts'
import { createHealth, type Readiness } from './health.ts'
import { createMetrics, type Metrics, type Swept } from './metrics.ts'
import { requestIdHeader, requestIdOf } from './request-id.ts'

/** How long requests that are under way may take when the gateway stops. */
const finishWithinMs = 5_000
const sweepEveryMs = 50

export interface HttpServer extends AsyncDisposable {
  /** Where it can be reached, without a slash at the end. */
  readonly url: string
  /** Where the figures can be reached; undefined where they are not served. */
  readonly metricsUrl: string | undefined
}

/** Where the doors are. */
interface Address {
  readonly host: string
  readonly port: number
  readonly metrics: MetricsPlace
}

/** Opens the gateway's doors: /graphql, /admin, /health/live, /health/ready, /metrics. */
export async function startServer(given: Omit<ServerParts, 'metrics' | 'doorkeeper'> & Swept, address: Address): Promise<HttpServer> {
  const metrics = createMetrics({ ...given, socketCount: () => sockets.socketCount() })
  const parts = { ...given, metrics, doorkeeper: new Doorkeeper(given.database, given.limits) }
  const health = createHealth(parts.database)
  const yoga = createGraphQLServer(parts)
  const adminPage = serveAdminPage()
  const server = createServer(timeLimits(parts.limits), (request, response) => {
    const path = pathOf(request)
    const requestId = requestIdOf(request.headers[requestIdHeader])
    request.headers[requestIdHeader] = requestId
    response.setHeader(requestIdHeader, requestId)
    if (path === '/graphql' && isHost(request.headers.host))
      void yoga(request, response, { address: addressOf(request, parts.trustedProxies) })
    else if (path === '/admin/session') void answerSession(parts, request, response)
    else void answer({ health, adminPage, metrics: address.metrics === 'on' ? metrics : undefined }, path, request, response)
  })
  server.on('clientError', (error, socket) => cut(error, socket, metrics))
  const figures = typeof address.metrics === 'object' ? await serveMetrics(metrics, address.metrics) : undefined
  await listen(server, address).catch((error: unknown) => {
    figures?.close()
    throw error
  })
  // After listening: a port that is taken is no fault of the sockets. Nothing can have connected yet.
  const sockets = serveWebSocket(server, yoga, parts)
  const url = urlOf(server, address.host)
  return {
    url,
    metricsUrl: figures?.url ?? (address.metrics === 'on' ? `${url}/metrics` : undefined),
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      figures?.close()
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

const longestHeaderMs = 10_000
const largestHeader = 16_384

/** Who sends its request slowly, or at length, holds nothing but its own connection, and not for long. */
function timeLimits({ requestSeconds }: Limits) {
  const requestTimeout = requestSeconds * 1_000
  const headersTimeout = Math.min(longestHeaderMs, requestTimeout)
  return { requestTimeout, headersTimeout, connectionsCheckingInterval: Math.min(2_000, requestTimeout / 4), maxHeaderSize: largestHeader }
}

/** Answers what is no request, or none in time, as Node does by itself, and counts it. */
function cut(error: Error, socket: Duplex, metrics: Metrics): void {
  const code = 'code' in error ? error.code : undefined
  const isSlow = code === 'ERR_HTTP_REQUEST_TIMEOUT'
  const isLong = code === 'HPE_HEADER_OVERFLOW'
  if (isSlow) metrics.countLimited('REQUEST_SECONDS')
  if (isLong) metrics.countLimited('HEADER_BYTES')
  const status = isSlow ? '408 Request Timeout' : isLong ? '431 Request Header Fields Too Large' : '400 Bad Request'
  if (socket.writable) socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\n\r\n`)
  else socket.destroy()
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

/** The figures at an address of their own, which may be one that the internet does not reach. */
async function serveMetrics(metrics: Metrics, address: { readonly host: string; readonly port: number }) {
  const server = createServer((request, response) => {
    const send = sender(request, response)
    if (pathOf(request) === '/metrics') void sendMetrics(metrics, send)
    else send(404, 'Here is nothing but /metrics.\n')
  })
  await listen(server, address)
  const close = (): void => {
    server.close()
    server.closeAllConnections()
  }
  return { url: `${urlOf(server, address.host)}/metrics`, close }
}

const index = `synkvy is running.

  /graphql        GraphQL: POST, Server-Sent Events, WebSocket (graphql-transport-ws); in a browser GraphiQL
  /admin          the admin page: Settings / API / Sync views
  /health/live    this process answers
  /health/ready   it can serve; else 503, and why it cannot
  /metrics        figures for Prometheus, where they are served here
`

function pathOf(request: IncomingMessage): string {
  return (request.url ?? '/').split('?', 1)[0] ?? '/'
}

type Send = (status: number, text: string, contentType?: string) => void

function sender(request: IncomingMessage, response: ServerResponse): Send {
  return (status, text, contentType = 'text/plain; charset=utf-8') => {
    response.writeHead(status, { 'content-type': contentType }).end(request.method === 'HEAD' ? undefined : text)
  }
}

/** What is at the doors beside GraphQL. */
interface Answered {
  readonly health: ReturnType<typeof createHealth>
  readonly adminPage: AdminPage
  readonly metrics: Metrics | undefined
}

async function answer(
  { health, adminPage, metrics }: Answered,
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const send = sender(request, response)
  if (path === '/graphql') return send(400, 'The Host header of this call is no host.\n')
  if (request.method !== 'GET' && request.method !== 'HEAD') return send(405, 'Only GET is answered here.\n')
  if (path === '/admin' || path.startsWith('/admin/')) return adminPage(path, request, response)
  if (path === '/') {
    if (request.headers.accept?.includes('text/html') === true) return void response.writeHead(302, { location: '/admin' }).end()
    return send(200, index)
  }
  if (path === '/health/live') return send(200, 'live\n')
  if (path === '/health/ready') return sendReadiness(await health.look(), send)
  if (path === '/metrics' && metrics !== undefined) return sendMetrics(metrics, send)
  send(404, `There is nothing at ${path}.\n\n${index}`)
}

function sendReadiness({ isReady, reasons }: Readiness, send: Send): void {
  if (isReady) send(200, 'ready\n')
  else send(503, `${reasons.join('\n')}\n`)
}

async function sendMetrics(metrics: Metrics, send: Send): Promise<void> {
  send(200, await metrics.text(), metrics.contentType)
}
