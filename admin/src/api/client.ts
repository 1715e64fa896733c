import { Client, cacheExchange, fetchExchange, mapExchange, subscriptionExchange } from '@urql/core'
import { createClient as createSocket, type FormattedExecutionResult } from 'graphql-ws'
import { Followed, type ConnectionState } from './connection.ts'
import { codeOf } from './errors.ts'

const endpoint = '/graphql'
const forbidden = 4403
/** The first tries come quickly: most gateways that are restarted are back within seconds. */
const longestWaitMs = 5_000
/** How long silence may last before the connection is taken for lost. */
const pingEveryMs = 10_000
const pongWithinMs = 5_000

/** The way to the gateway: calls over HTTP, subscriptions over one WebSocket. The session's cookie goes along by itself. */
export interface Api {
  /** Tells one session's from another's. */
  readonly id: number
  readonly client: Client
  readonly connection: Followed<ConnectionState>
  readonly close: () => void
}

/** NONE: nobody was signed in. OVER: somebody was, until it was signed out elsewhere, expired, or its key was revoked. */
export type SessionEnd = 'NONE' | 'OVER'

let opened = 0

/** `onEnd` hears that nobody is signed in, or not any more. Nothing is connected before something is asked for. */
export function openApi(onEnd: (end: SessionEnd) => void): Api {
  const connection = new Followed<ConnectionState>('CONNECTING')
  let wasSignedIn = false
  const onSignedOut = (): void => onEnd(wasSignedIn ? 'OVER' : 'NONE')
  const socket = openSocket(connection, onSignedOut)
  const client = new Client({
    url: endpoint,
    preferGetMethod: false,
    exchanges: [
      mapExchange({
        onError: (error) => codeOf(error) === 'UNAUTHENTICATED' && onSignedOut(),
        // Of a refusal the gateway says null, where the client's types say undefined.
        onResult: (result) => {
          wasSignedIn ||= Boolean(result.data)
          return { ...result, data: result.data ?? undefined }
        },
      }),
      cacheExchange,
      fetchExchange,
      subscriptionExchange({
        forwardSubscription: ({ query, variables }) => ({
          subscribe: (sink) => {
            const next = ({ data, errors }: FormattedExecutionResult) =>
              sink.next({ data: data ?? null, ...(errors === undefined ? {} : { errors }) })
            const unsubscribe = socket.subscribe({ query: query ?? '', variables }, { ...sink, next })
            return { unsubscribe }
          },
        }),
      }),
    ],
  })
  opened += 1
  return { id: opened, client, connection, close: () => void socket.dispose() }
}

function openSocket(connection: Followed<ConnectionState>, onSignedOut: () => void) {
  let pong: ReturnType<typeof setTimeout> | undefined
  const socket = createSocket({
    url: () => `${location.origin.replace(/^http/, 'ws')}${endpoint}`,
    keepAlive: pingEveryMs,
    retryAttempts: Number.POSITIVE_INFINITY,
    retryWait: (retries) => waitToRetry(Math.min(longestWaitMs, 250 * 2 ** retries) * (0.5 + Math.random() / 2)),
    shouldRetry: (closed) => !isForbidden(closed),
    on: {
      connected: () => connection.set('CONNECTED'),
      closed: (closed) => {
        clearTimeout(pong)
        if (isForbidden(closed)) onSignedOut()
        // A socket that nobody needs any more closes by itself, cleanly.
        else if (!isNormal(closed)) connection.set('LOST')
      },
      ping: (received) => {
        // A network that has gone says nothing.
        if (!received) pong = setTimeout(() => socket.terminate(), pongWithinMs)
      },
      pong: () => clearTimeout(pong),
    },
  })
  return socket
}

/** Waits, but no longer than until the machine is back on its network. */
function waitToRetry(ms: number): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer)
      removeEventListener('online', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    addEventListener('online', done)
  })
}

function codeOfClose(closed: unknown): number | undefined {
  return typeof closed === 'object' && closed !== null && 'code' in closed && typeof closed.code === 'number' ? closed.code : undefined
}

function isForbidden(closed: unknown): boolean {
  return codeOfClose(closed) === forbidden
}

function isNormal(closed: unknown): boolean {
  return codeOfClose(closed) === 1000
}
