import type { IncomingMessage, Server } from 'node:http'
import {
  GraphQLError,
  type execute,
  type ExecutionArgs,
  type FormattedExecutionResult,
  type GraphQLFormattedError,
  type subscribe,
} from 'graphql'
import { CloseCode, type SubscribePayload } from 'graphql-ws'
import { WebSocketServer, type WebSocket } from 'ws'
import { authenticate, type Credentials } from '../access/authenticate.ts'
import type { Caller } from '../access/caller.ts'
import { SynkvyError } from '../errors.ts'
import { requestIdHeader, requestIdOf } from './request-id.ts'
import { isDatabaseAway } from '../db/faults.ts'
import { sessionSecretOf } from './browser.ts'
import { serveTransport, type SocketStart } from './transport-ws.ts'
import { isGraphQLError, showAndCount, type ServerParts, type Yoga } from './yoga.ts'

const largestMessage = 4 * 1024 * 1024
const keepAliveMs = 12_000
/** How long a client may take to answer a close, before its connection is cut. */
const farewellMs = 800

/** Close codes of RFC 6455 that tell clients to come back. */
const tryAgainLater = 1013

/** What is kept of a socket beside the protocol's own state. */
interface SocketState extends SocketStart {
  caller?: Caller
  /** By which its lines in the log are found. */
  requestId?: string
  operations?: number
  credentials?: Credentials
  /** Why the socket may do nothing more, although it may still be open: its client need not answer a close. */
  refusal?: SynkvyError
  release?: () => void
}

/** GraphQL over WebSocket, by the protocol graphql-transport-ws, on the same path as over HTTP. Dispose of it to say good-bye to every socket. */
export function serveWebSocket(server: Server, yoga: Yoga, parts: ServerParts): AsyncDisposable & { readonly socketCount: () => number } {
  const sockets = new WebSocketServer({ server, path: '/graphql', maxPayload: largestMessage })
  const transport = serveTransport<SocketState>(
    {
      // The library closes with 4403 for false.
      onConnect: ({ extra, connectionParams }) => {
        extra.requestId = requestIdOf(extra.request.headers[requestIdHeader])
        return admit(parts, extra.socket, extra, credentialsOf(extra.request, connectionParams))
      },
      // Rather than onDisconnect, which is not called for a socket that closes while it is being admitted.
      onClose: ({ extra }) => extra.release?.(),
      onSubscribe: ({ extra }, _id, payload) => prepare(parts, yoga, extra, payload),
      onNext: (_context, _id, _payload, _args, result) => toShown(result),
      // What has no code is the library's own, of an operation that is not there.
      onError: (_context, _id, _payload, errors) => errors.map((error) => withCode(withoutHttp(error), 'OPERATION_RESOLUTION_FAILURE')),
      execute: (args) => enveloped(args).execute(args),
      subscribe: (args) => enveloped(args).subscribe(args),
    },
    sockets,
    { keepAliveMs, log: parts.log },
    (start) => start,
  )
  return {
    socketCount: () => sockets.clients.size,
    [Symbol.asyncDispose]: async () => {
      const cut = setTimeout(() => sockets.clients.forEach((socket) => socket.terminate()), farewellMs)
      await transport[Symbol.asyncDispose]()
      clearTimeout(cut)
    },
  }
}

/** Lets a socket in whose key is good. */
async function admit(parts: ServerParts, socket: WebSocket, state: SocketState, credentials: Credentials): Promise<boolean> {
  try {
    state.caller = await authenticate(parts.database, credentials)
  } catch (error) {
    if (!(error instanceof SynkvyError)) turnAway(parts, socket, state, error)
    return false
  }
  if (socket.readyState !== socket.OPEN) return false
  state.credentials = credentials
  state.release = parts.keys.register(state.caller, (reason) => expel(socket, state, reason))
  return true
}

/** Not 4403, on which clients do not come back: the key may be good. */
function turnAway(parts: ServerParts, socket: WebSocket, state: SocketState, error: unknown): void {
  if (!isDatabaseAway(error)) parts.log.error({ err: error, requestId: state.requestId }, 'could not tell whose key a socket has')
  socket.close(tryAgainLater, 'The gateway cannot look at your key now. Connect again in a moment.')
}

/** The key is no longer good, so the socket does nothing more, whether or not its client takes notice. */
function expel(socket: WebSocket, state: SocketState, reason: SynkvyError): void {
  if (state.refusal !== undefined) return
  state.refusal = reason
  socket.close(CloseCode.Forbidden, reason.message)
  setTimeout(() => socket.terminate(), farewellMs).unref()
}

/** What is to be executed, or why it is not: a fault of one operation must not close the socket, on which others depend. */
async function prepare(
  parts: ServerParts,
  yoga: Yoga,
  state: SocketState,
  payload: SubscribePayload,
): Promise<ExecutionArgs | readonly GraphQLError[]> {
  try {
    return await toExecutionArgs(parts, yoga, state, payload)
  } catch (error) {
    return [toGraphQLError(showAndCount(error, parts))]
  }
}

async function toExecutionArgs(parts: ServerParts, yoga: Yoga, state: SocketState, { query, operationName, variables }: SubscribePayload) {
  const socketCaller = await callerNow(parts, state)
  // The view of before may have been deleted meanwhile; without one the next operation reads the caller again.
  const onViewMade = (): void => void (state.caller = { ...socketCaller, syncViewId: undefined })
  state.operations = (state.operations ?? 0) + 1
  const requestId = `${state.requestId ?? ''}/${state.operations}`
  const { schema, execute, subscribe, contextFactory, parse, validate } = yoga.getEnveloped({
    socketCaller,
    requestId,
    onViewMade,
    req: state.request,
  })
  const document = parse(query)
  const errors = validate(schema, document)
  if (errors.length > 0) return errors
  const contextValue = await contextFactory()
  return { schema, document, operationName, variableValues: variables, contextValue, rootValue: { execute, subscribe } }
}

/** As the library takes it. What has no code of its own here could not be parsed. */
function toGraphQLError(error: Error): GraphQLError {
  if (!isGraphQLError(error)) return new GraphQLError(error.message)
  const { nodes = null, source = null, positions = null, extensions } = error
  return new GraphQLError(error.message, { nodes, source, positions, extensions: { code: 'GRAPHQL_PARSE_FAILED', ...extensions } })
}

/** What an operation answers, in so far as it matters here. */
interface Answer {
  readonly data?: Record<string, unknown> | null | undefined
  readonly errors?: readonly GraphQLError[] | undefined
}

/** A result with errors as it is shown; undefined for one without, which is shown as it is. */
function toShown({ data, errors }: Answer): FormattedExecutionResult | undefined {
  if (errors === undefined) return undefined
  return { ...(data === undefined ? {} : { data }), errors: errors.map(withoutHttp) }
}

/** The status that HTTP would answer is nothing to a socket. */
function withoutHttp(error: GraphQLError): GraphQLFormattedError {
  const { extensions, ...rest } = error.toJSON()
  const { http: _http, ...shown } = extensions ?? {}
  return { ...rest, extensions: shown }
}

function withCode(error: GraphQLFormattedError, code: string): GraphQLFormattedError {
  return { ...error, extensions: { code, ...error.extensions } }
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

/** A key in what the client says, or the cookie that its browser brought. */
function credentialsOf(request: IncomingMessage, params: Readonly<Record<string, unknown>> | undefined): Credentials {
  const [, value] = Object.entries(params ?? {}).find(([name]) => name.toLowerCase() === 'authorization') ?? []
  return { authorization: typeof value === 'string' ? value : undefined, sessionSecret: sessionSecretOf(request.headers) }
}

/** The socket's caller. An integration that has no sync view yet may have made one meanwhile. */
async function callerNow(parts: ServerParts, state: SocketState): Promise<Caller> {
  const { caller, refusal } = state
  if (refusal !== undefined) throw refusal
  if (caller === undefined) throw new SynkvyError('UNAUTHENTICATED', 'This connection has sent no API key.')
  if (caller.kind === 'ADMIN' || caller.syncViewId !== undefined) return caller
  state.caller = await authenticate(parts.database, state.credentials ?? {})
  return state.caller
}
