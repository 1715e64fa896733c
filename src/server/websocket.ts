import type { IncomingMessage, Server } from 'node:http'
import {
  GraphQLError,
  type execute,
  type ExecutionArgs,
  type FormattedExecutionResult,
  type GraphQLFormattedError,
  type subscribe,
} from 'graphql'
import { CloseCode, type Context as SocketContext, type SubscribePayload } from 'graphql-ws'
import { WebSocketServer, type WebSocket } from 'ws'
import type { Credentials } from '../access/authenticate.ts'
import type { Caller } from '../access/caller.ts'
import { SynkvyError } from '../errors.ts'
import { requestIdHeader, requestIdOf } from './request-id.ts'
import { isDatabaseAway } from '../db/faults.ts'
import { addressOf, sessionSecretOf } from './browser.ts'
import { documentText } from './documents.ts'
import { serveTransport, type SocketStart } from './transport-ws.ts'
import { isGraphQLError, showAndCount, type ServerParts, type Yoga } from './yoga.ts'

const keepAliveMs = 12_000
/** How long a client may take to answer a close, before its connection is cut. */
const farewellMs = 800

/** Close codes of RFC 6455 that tell clients to come back. */
const tryAgainLater = 1013
/** Codes of our own: those of HTTP (429, 408) with a digit behind, for GraphQL over WebSocket has others for what they say, on some of which clients do not come back. */
const tooMany = 4290
const idle = 4080
const lookForIdleEveryMs = 5_000

/** What is kept of a socket beside the protocol's own state. */
interface SocketState extends SocketStart {
  /** Where its client is. */
  readonly address: string | undefined
  caller?: Caller
  /** By which its lines in the log are found. */
  requestId?: string
  operations?: number
  /** When an operation began or ended, or the socket was let in. */
  busyAt?: number
  credentials?: Credentials
  /** Why the socket may do nothing more, although it may still be open: its client need not answer a close. */
  refusal?: SynkvyError
  release?: () => void
}
type Opened = SocketContext<Record<string, unknown>, SocketState>

/** GraphQL over WebSocket, by the protocol graphql-transport-ws, on the same path as over HTTP. Dispose of it to say good-bye to every socket. */
export function serveWebSocket(server: Server, yoga: Yoga, parts: ServerParts): AsyncDisposable & { readonly socketCount: () => number } {
  const { limits, metrics } = parts
  const sockets = new WebSocketServer({ server, path: '/graphql', maxPayload: limits.messageBytes })
  const opened = new Set<Opened>()
  const transport = serveTransport<SocketState>(
    {
      connectionInitWaitTimeout: limits.socketInitSeconds * 1_000,
      // The library closes with 4403 for false.
      onConnect: (context) => {
        const { extra, connectionParams } = context
        extra.requestId = requestIdOf(extra.request.headers[requestIdHeader])
        extra.busyAt = Date.now()
        opened.add(context)
        return admit(parts, extra.socket, extra, credentialsOf(extra, connectionParams))
      },
      // Rather than onDisconnect, which is not called for a socket that closes while it is being admitted.
      onClose: (context, code) => {
        opened.delete(context)
        context.extra.release?.()
        if (code === CloseCode.ConnectionInitialisationTimeout) metrics.countLimited('SOCKET_INIT_SECONDS')
      },
      onSubscribe: (context, _id, payload) => prepare(parts, yoga, context, payload),
      onComplete: ({ extra }) => void (extra.busyAt = Date.now()),
      onNext: (_context, _id, _payload, _args, result) => toShown(result),
      // What has no code is the library's own, of an operation that is not there.
      onError: (_context, _id, _payload, errors) => errors.map((error) => withCode(withoutHttp(error), 'OPERATION_RESOLUTION_FAILURE')),
      execute: (args) => enveloped(args).execute(args),
      subscribe: (args) => enveloped(args).subscribe(args),
    },
    sockets,
    { keepAliveMs, log: parts.log },
    (start) => ({ ...start, address: addressOf(start.request, parts.trustedProxies) }),
  )
  sockets.on('connection', (socket, request) => receive(parts, socket, request))
  const idleMs = limits.socketIdleSeconds * 1_000
  const sweep = setInterval(() => closeIdle(opened, idleMs, metrics), Math.min(lookForIdleEveryMs, idleMs / 2))
  return {
    socketCount: () => sockets.clients.size,
    [Symbol.asyncDispose]: async () => {
      clearInterval(sweep)
      const cut = setTimeout(() => sockets.clients.forEach((socket) => socket.terminate()), farewellMs)
      await transport[Symbol.asyncDispose]()
      clearTimeout(cut)
    },
  }
}

/** Counts a socket for its address, and sees to it that what is wrong with one is logged like anything: the library would print it. */
function receive(parts: ServerParts, socket: WebSocket, request: IncomingMessage): void {
  socket.on('error', (error) => {
    // The socket closes by itself, with the code of the protocol for it: 1009 for a message that is too large, which its owner may look for in the log. What is no frame is not worth a line.
    const isTooLarge = 'code' in error && error.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH'
    if (isTooLarge) parts.metrics.countLimited('MESSAGE_BYTES')
    parts.log[isTooLarge ? 'info' : 'debug']({ err: error }, 'a socket has ended')
  })
  const address = addressOf(request, parts.trustedProxies)
  try {
    parts.doorkeeper.callFrom(address)
    socket.on('close', parts.doorkeeper.socketsOfAddresses.add(address ?? ''))
  } catch (error) {
    turnAway(parts, socket, undefined, error)
  }
}

function closeIdle(opened: ReadonlySet<Opened>, idleMs: number, metrics: ServerParts['metrics']): void {
  for (const { extra, subscriptions } of opened) {
    const isIdle = Object.keys(subscriptions).length === 0 && Date.now() - (extra.busyAt ?? 0) >= idleMs
    if (!isIdle || extra.socket.readyState !== extra.socket.OPEN) continue
    metrics.countLimited('SOCKET_IDLE_SECONDS')
    closeFirmly(extra.socket, idle, 'This connection has had no operation for long. Open another when you need one.')
  }
}

/** Lets a socket in whose key is good. */
async function admit(parts: ServerParts, socket: WebSocket, state: SocketState, credentials: Credentials): Promise<boolean> {
  try {
    state.caller = await parts.doorkeeper.authenticate(credentials)
    if (socket.readyState !== socket.OPEN) return false
    const forget = parts.doorkeeper.socketsOfKeys.add(state.caller.keyId)
    const unregister = parts.keys.register(state.caller, (reason) => expel(socket, state, reason))
    state.release = () => {
      forget()
      unregister()
    }
  } catch (error) {
    const isBadKey = error instanceof SynkvyError && error.code !== 'RATE_LIMITED'
    if (!isBadKey) turnAway(parts, socket, state.requestId, error)
    return false
  }
  state.credentials = credentials
  return true
}

/** Not 4403, on which clients do not come back: the key may be good. */
function turnAway(parts: ServerParts, socket: WebSocket, requestId: string | undefined, error: unknown): void {
  if (error instanceof SynkvyError && error.exceeded !== undefined) {
    parts.metrics.countLimited(error.exceeded.limit)
    return closeFirmly(socket, tooMany, error.message)
  }
  if (!isDatabaseAway(error)) parts.log.error({ err: error, requestId }, 'could not tell whose key a socket has')
  socket.close(tryAgainLater, 'The gateway cannot look at your key now. Connect again in a moment.')
}

/** The key is no longer good, so the socket does nothing more, whether or not its client takes notice. */
function expel(socket: WebSocket, state: SocketState, reason: SynkvyError): void {
  if (state.refusal !== undefined) return
  state.refusal = reason
  closeFirmly(socket, CloseCode.Forbidden, reason.message)
}

/** Its client need not answer. A reason has 123 bytes at most. */
function closeFirmly(socket: WebSocket, code: number, reason: string): void {
  socket.close(code, reason.slice(0, 120))
  setTimeout(() => socket.terminate(), farewellMs).unref()
}

/** What is to be executed, or why it is not: a fault of one operation must not close the socket, on which others depend. */
async function prepare(
  parts: ServerParts,
  yoga: Yoga,
  { extra, subscriptions }: Opened,
  payload: SubscribePayload,
): Promise<ExecutionArgs | readonly GraphQLError[]> {
  try {
    extra.busyAt = Date.now()
    parts.doorkeeper.operationOf(Object.keys(subscriptions).length)
    return await toExecutionArgs(parts, yoga, extra, payload)
  } catch (error) {
    return [toGraphQLError(showAndCount(error, parts))]
  }
}

async function toExecutionArgs(parts: ServerParts, yoga: Yoga, state: SocketState, payload: SubscribePayload) {
  const { address } = state
  parts.doorkeeper.callFrom(address)
  const socketCaller = await callerNow(parts, state)
  parts.doorkeeper.callBy(socketCaller, address)
  const { operationName, variables } = payload
  const query = (await documentText(parts.database, { caller: socketCaller, refusal: undefined }, payload)) ?? payload.query
  // The view of before may have been deleted meanwhile; without one the next operation reads the caller again.
  const onViewMade = (): void => void (state.caller = { ...socketCaller, syncViewId: undefined })
  state.operations = (state.operations ?? 0) + 1
  const requestId = `${state.requestId ?? ''}/${state.operations}`
  const { schema, execute, subscribe, contextFactory, parse, validate } = yoga.getEnveloped({
    socketCaller,
    requestId,
    onViewMade,
    address,
    params: { ...(variables ? { variables } : {}), ...(operationName ? { operationName } : {}) },
  })
  const document = parse(query)
  const errors = validate(schema, document)
  if (errors.length > 0) return errors
  const contextValue = await contextFactory()
  return { schema, document, operationName, variableValues: variables, contextValue, rootValue: { execute, subscribe } }
}

/** As the library takes it. */
function toGraphQLError(error: Error): GraphQLError {
  if (!isGraphQLError(error)) return new GraphQLError(error.message)
  const { nodes = null, source = null, positions = null, extensions } = error
  return new GraphQLError(error.message, { nodes, source, positions, extensions })
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
function credentialsOf({ request, address }: SocketState, params: Readonly<Record<string, unknown>> | undefined): Credentials {
  const [, value] = Object.entries(params ?? {}).find(([name]) => name.toLowerCase() === 'authorization') ?? []
  return {
    authorization: typeof value === 'string' ? value : undefined,
    sessionSecret: sessionSecretOf(request.headers),
    address,
  }
}

/** The socket's caller. An integration that has no sync view yet may have made one meanwhile. */
async function callerNow(parts: ServerParts, state: SocketState): Promise<Caller> {
  const { caller, refusal, credentials } = state
  if (refusal !== undefined) throw refusal
  if (caller === undefined || credentials === undefined) throw new SynkvyError('UNAUTHENTICATED', 'This connection has sent no API key.')
  if (caller.kind === 'ADMIN' || caller.syncViewId !== undefined) return caller
  state.caller = await parts.doorkeeper.authenticate(credentials)
  return state.caller
}
