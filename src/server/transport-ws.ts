import type { IncomingMessage } from 'node:http'
import { CloseCode, handleProtocols, makeServer, type ServerOptions } from 'graphql-ws'
import type { Logger } from 'pino'
import type { WebSocket, WebSocketServer } from 'ws'

/** What is kept of a socket from its beginning on. */
export interface SocketStart extends Record<PropertyKey, unknown> {
  readonly socket: WebSocket
  readonly request: IncomingMessage
}

interface TransportOptions {
  /** How often a client is pinged; one that has not answered by the next time is cut off. */
  readonly keepAliveMs: number
  readonly log: Logger
}

/**
 * Speaks graphql-transport-ws on sockets, by graphql-ws. Its own way of doing so writes to the console whatever a client gets wrong, takes what only a server says for
 * a fault of the server, and loses sight of an operation whose id is used again at once.
 */
export function serveTransport<State extends SocketStart>(
  options: ServerOptions<Record<string, unknown>, State>,
  sockets: WebSocketServer,
  { keepAliveMs, log }: TransportOptions,
  begin: (start: SocketStart) => State,
): AsyncDisposable {
  const protocol = makeServer(options)
  sockets.options.handleProtocols = handleProtocols
  sockets.on('error', (error) => log.error({ err: error }, 'the WebSocket server has failed'))
  sockets.on('connection', (socket, request) => {
    // What is no frame was answered with a close code of RFC 6455; a connection that breaks is closed as well.
    socket.on('error', () => {})
    const stopPinging = keepAlive(socket, keepAliveMs)
    const fail = (error: unknown): void => {
      if (socket.readyState !== socket.OPEN) return
      log.error({ err: error }, 'a message on a socket has failed')
      socket.close(CloseCode.InternalServerError, 'Internal server error')
    }
    const closed = protocol.opened(
      {
        protocol: socket.protocol,
        send: (text) => sendTo(socket, text),
        close: (code, reason) => socket.close(code, reason),
        onMessage: (handle) => {
          const take = inTurn(socket, handle)
          // Text or not, what comes is a Buffer.
          socket.on('message', (data) => void take(Buffer.isBuffer(data) ? data.toString() : '').catch(fail))
        },
      },
      begin({ socket, request }),
    )
    socket.once('close', (code, reason) => {
      stopPinging()
      void closed(code, String(reason)).catch(fail)
    })
  })
  return {
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets.clients) socket.close(1001, 'Going away')
      sockets.removeAllListeners()
      await new Promise<void>((resolve) => sockets.close(() => resolve()))
    },
  }
}

/** Resolves when there is room for more. What cannot be sent any more is nobody's: the socket has gone. */
function sendTo(socket: WebSocket, text: string): Promise<void> {
  if (socket.readyState !== socket.OPEN) return Promise.resolve()
  return new Promise((resolve) => socket.send(text, () => resolve()))
}

function keepAlive(socket: WebSocket, everyMs: number): () => void {
  let isAlive = true
  socket.on('pong', () => void (isAlive = true))
  const timer = setInterval(() => {
    if (!isAlive) return socket.terminate()
    isAlive = false
    if (socket.readyState === socket.OPEN) socket.ping()
  }, everyMs)
  return () => clearInterval(timer)
}

/** What is done under an id. */
interface Work {
  /** Its client wants no more of it, so the id is free. */
  isCompleted: boolean
  ended: Promise<void>
}

const saidByServers: readonly unknown[] = ['connection_ack', 'next', 'error']

/**
 * Hands messages on. A client may use an id again as soon as it has completed it; graphql-ws would take the operation that is still ending, or being opened, and the new one for
 * each other. So the new one waits.
 */
function inTurn(socket: WebSocket, handle: (text: string) => Promise<void>): (text: string) => Promise<void> {
  const works = new Map<string, Work>()
  const begin = async (id: string, text: string): Promise<void> => {
    const before = works.get(id)
    const work: Work = { isCompleted: false, ended: Promise.resolve() }
    const isWanted = (): boolean => !work.isCompleted && socket.readyState === socket.OPEN
    // Where it is in use still, the socket is closed with 4409.
    work.ended = before?.isCompleted === true ? before.ended.then(() => (isWanted() ? handle(text) : undefined)) : handle(text)
    works.set(id, work)
    try {
      await work.ended
    } finally {
      if (works.get(id) === work) works.delete(id)
    }
  }
  return async (text) => {
    const { type, id } = readMessage(text)
    if (saidByServers.includes(type)) return socket.close(CloseCode.BadRequest, 'Invalid message received')
    if (typeof id !== 'string') return handle(text)
    if (type === 'subscribe') return begin(id, text)
    const work = works.get(id)
    if (type === 'complete' && work !== undefined) work.isCompleted = true
    return handle(text)
  }
}

/** What a message is and what it is about. Whether it is one at all is for graphql-ws to say. */
function readMessage(text: string): { readonly type?: unknown; readonly id?: unknown } {
  try {
    const message: unknown = JSON.parse(text)
    return typeof message === 'object' && message !== null ? message : {}
  } catch {
    return {}
  }
}
