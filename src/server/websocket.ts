import type { Server } from 'node:http'
import type { execute, ExecutionArgs, subscribe } from 'graphql'
import { CloseCode } from 'graphql-ws'
import { useServer } from 'graphql-ws/use/ws'
import { WebSocketServer } from 'ws'
import { authenticate } from '../access/authenticate.ts'
import type { Caller } from '../access/caller.ts'
import { SynkvyError } from '../errors.ts'
import type { ServerParts, Yoga } from './yoga.ts'

const largestMessage = 4 * 1024 * 1024
const keepAliveMs = 12_000

/** What is kept of a socket beside the protocol's own state. */
type SocketState = Record<PropertyKey, unknown> & {
  caller?: Caller
  authorization?: string
  release?: () => void
}

/** GraphQL over WebSocket, by the protocol graphql-transport-ws, on the same path as over HTTP. Dispose of it to say good-bye to every socket. */
export function serveWebSocket(server: Server, yoga: Yoga, parts: ServerParts): AsyncDisposable & { readonly socketCount: () => number } {
  const sockets = new WebSocketServer({ server, path: '/graphql', maxPayload: largestMessage })
  const disposable = useServer<Record<string, unknown>, SocketState>(
    {
      onConnect: async (context) => {
        const authorization = authorizationOf(context.connectionParams)
        const caller = await identify(parts, authorization)
        // The library closes with 4403 for this.
        if (caller === undefined) return false
        const state = context.extra
        state.caller = caller
        if (authorization !== undefined) state.authorization = authorization
        const { socket } = context.extra
        state.release = parts.keys.register(caller, (reason) => socket.close(CloseCode.Forbidden, reason.message))
        return true
      },
      onDisconnect: (context) => context.extra.release?.(),
      onSubscribe: async (context, _id, params) => {
        const { schema, execute, subscribe, contextFactory, parse, validate } = yoga.getEnveloped({
          socketCaller: await callerNow(parts, context.extra),
        })
        const document = parse(params.query)
        const errors = validate(schema, document)
        if (errors.length > 0) return errors
        return {
          schema,
          document,
          operationName: params.operationName,
          variableValues: params.variables,
          contextValue: await contextFactory(),
          rootValue: { execute, subscribe },
        }
      },
      execute: (args) => enveloped(args).execute(args),
      subscribe: (args) => enveloped(args).subscribe(args),
    },
    sockets,
    keepAliveMs,
  )
  return {
    socketCount: () => sockets.clients.size,
    [Symbol.asyncDispose]: async () => {
      await disposable.dispose()
      for (const socket of sockets.clients) socket.terminate()
    },
  }
}

/** Yoga's own execute and subscribe, with all that Yoga does around them. */
interface Enveloped {
  readonly execute: (args: ExecutionArgs) => ReturnType<typeof execute>
  readonly subscribe: (args: ExecutionArgs) => ReturnType<typeof subscribe>
}

function enveloped(args: ExecutionArgs): Enveloped {
  const root: unknown = args.rootValue
  if (isEnveloped(root)) return root
  throw new Error('an operation without what executes it')
}

function isEnveloped(root: unknown): root is Enveloped {
  return typeof root === 'object' && root !== null && 'execute' in root && 'subscribe' in root
}

function authorizationOf(params: Readonly<Record<string, unknown>> | undefined): string | undefined {
  const [, value] = Object.entries(params ?? {}).find(([name]) => name.toLowerCase() === 'authorization') ?? []
  return typeof value === 'string' ? value : undefined
}

async function identify(parts: ServerParts, authorization: string | undefined): Promise<Caller | undefined> {
  try {
    return await authenticate(parts.database, authorization)
  } catch (error) {
    if (error instanceof SynkvyError) return undefined
    throw error
  }
}

/** The socket's caller. An integration that has no sync view yet may have made one meanwhile. */
async function callerNow(parts: ServerParts, state: SocketState): Promise<Caller> {
  const { caller } = state
  if (caller === undefined) throw new SynkvyError('UNAUTHENTICATED', 'This connection has sent no API key.')
  if (caller.kind === 'ADMIN' || caller.syncViewId !== undefined) return caller
  state.caller = await authenticate(parts.database, state.authorization)
  return state.caller
}
