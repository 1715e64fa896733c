import type { IncomingMessage } from 'node:http'
import { renderGraphiQL } from '@graphql-yoga/render-graphiql'
import { GraphQLError } from 'graphql'
import { createYoga, isAsyncIterable, type Plugin } from 'graphql-yoga'
import type { Logger } from 'pino'
import { createLoaders, type Context } from '../../schema/context.ts'
import { Refusals } from '../../schema/refusals.ts'
import { schema } from '../../schema/schema.ts'
import type { Caller } from '../access/caller.ts'
import type { KeyUsage } from '../access/authenticate.ts'
import type { KeyWatch } from '../access/key-watch.ts'
import type { OpenDatabase } from '../db/client.ts'
import type { Limits } from '../config.ts'
import { SynkvyError } from '../errors.ts'
import { refusalOf } from '../refusal.ts'
import type { Sync } from '../sync/sync.ts'
import { sessionSecretOfCall } from './browser.ts'
import { documentText } from './documents.ts'
import type { Doorkeeper } from './doorkeeper.ts'
import type { Metrics } from './metrics.ts'
import { plannedSubscriptions } from './planned.ts'
import { queryLimits } from './query-limits.ts'
import { coded, isOfAnswer, isTooDeep, tooDeep, unreadable } from './request-faults.ts'
import { requestIdHeader } from './request-id.ts'
import { countedSubscriptions, unconditionalSubscriptions } from './subscriptions.ts'
import { logOf, telemetry } from './telemetry.ts'
import { TextCache } from './text-cache.ts'

/** What the doors of the gateway lead to. */
export interface ServerParts {
  readonly database: OpenDatabase
  readonly sync: Sync
  readonly keys: KeyWatch
  readonly keyUsage: KeyUsage
  readonly metrics: Metrics
  readonly log: Logger
  /** How many proxies stand before the gateway, for `addressOf`. */
  readonly trustedProxies: number
  readonly doorkeeper: Doorkeeper
  readonly limits: Limits
  readonly hasIntrospection: boolean
  readonly hasGraphiQL: boolean
}

/** Who calls, or why nobody does. */
interface Identity {
  readonly caller: Caller | undefined
  readonly refusal: SynkvyError | undefined
}

/** What a WebSocket's operation brings, where HTTP brings its request. */
export interface SocketContext {
  readonly socketCaller?: Caller
  readonly requestId?: string
  readonly onViewMade?: () => void
  /** The request, over HTTP. */
  readonly req?: IncomingMessage
  /** Where the caller is. */
  readonly address?: string | undefined
  /** Over HTTP: found out before the call is looked at. */
  identity?: Identity
  /** What is called, as Yoga has it of a request. */
  readonly params?: { readonly variables?: Record<string, unknown>; readonly operationName?: string }
}

const welcome = `# synkvy. Put your API key into the Headers below:
#   { "Authorization": "Bearer synkvy_…" }
query Welcome {
  viewer { name kind account { name } syncView { id name state } }
  products(first: 5) { totalCount nodes { handle title } }
}
`

export type Yoga = ReturnType<typeof createGraphQLServer>

/** GraphQL over HTTP and SSE, and GraphiQL for a browser, which needs nothing from elsewhere. */
export function createGraphQLServer(parts: ServerParts) {
  return createYoga<SocketContext, Context>({
    schema,
    graphqlEndpoint: '/graphql',
    landingPage: false,
    cors: false,
    graphiql: parts.hasGraphiQL && { title: 'synkvy', defaultQuery: welcome, shouldPersistHeaders: false },
    renderGraphiQL,
    logging: false,
    maxRequestBodySize: parts.limits.bodyBytes,
    extraParamNames: ['documentId'],
    parserAndValidationCache: { documentCache: new TextCache(), errorCache: new TextCache() },
    plugins: [
      unreadable,
      callers(parts),
      queryLimits(parts.limits, parts.metrics, parts.hasIntrospection),
      eachRefusal,
      telemetry(parts.metrics, parts.log),
      unconditionalSubscriptions,
      plannedSubscriptions,
      countedSubscriptions(parts.doorkeeper),
    ],
    maskedErrors: { maskError: (error) => showAndCount(error, parts) },
    context: (initial) => createContext(parts, initial, initial.request),
  })
}

/** Finds out over HTTP who calls, whether so soon, and which document is meant, before that is looked at. */
function callers(parts: ServerParts): Plugin<object, SocketContext> {
  return {
    onRequestParse: ({ serverContext }) => parts.doorkeeper.callFrom(serverContext.address),
    onParams: async ({ params, request, context, setParams }) => {
      const identity = await identify(parts, context)
      context.identity = identity
      parts.doorkeeper.callBy(identity.caller, context.address)
      const documentId = 'documentId' in params ? params.documentId : new URL(request.url).searchParams.get('documentId')
      const query = await documentText(parts.database, identity, { ...params, documentId })
      if (query !== undefined && query !== params.query) setParams({ ...params, query })
    },
  }
}

async function createContext(
  parts: ServerParts,
  { socketCaller, requestId, onViewMade, address, identity }: SocketContext,
  request: Request | undefined,
): Promise<Context> {
  const { database, sync, keys, keyUsage, log } = parts
  const { caller, refusal } = identity ?? { caller: socketCaller, refusal: undefined }
  if (caller !== undefined) keyUsage.note(caller)
  // Resolvers reach nothing of another account, whatever they ask. Without a caller they see nothing.
  const own = database.forAccount(caller?.accountId ?? 0)
  let loaders: ReturnType<Context['loaders']> | undefined
  return {
    requestId: requestId ?? request?.headers.get(requestIdHeader) ?? '',
    caller,
    refusal,
    database: own,
    sync,
    keys,
    log,
    transport: socketCaller === undefined ? 'SSE' : 'WEBSOCKET',
    address,
    gone: socketCaller === undefined ? request?.signal : undefined,
    onViewMade,
    loaders: () => (loaders ??= createLoaders(own, caller?.accountId ?? 0)),
    mostDocuments: parts.limits.trustedDocuments,
  }
}

/** Introspection needs no key, so a refusal is kept until a field asks who calls. */
async function identify({ doorkeeper }: ServerParts, { req, address }: SocketContext): Promise<Identity> {
  try {
    const credentials = req && { authorization: req.headers.authorization, sessionSecret: sessionSecretOfCall(req) }
    return { caller: await doorkeeper.authenticate({ ...credentials, address }), refusal: undefined }
  } catch (error) {
    const refusal = refusalOf(error)
    if (refusal === undefined) throw error
    return { caller: undefined, refusal }
  }
}

/** Shows each refusal of a call as an error of its own. It comes before the masking, which is done one by one. */
const eachRefusal: Plugin = {
  onExecute: () => ({
    onExecuteDone: ({ result, setResult }) => {
      if (isAsyncIterable(result) || result.errors === undefined) return
      setResult({ ...result, errors: result.errors.flatMap(takeApart) })
    },
  }),
}

function takeApart(error: GraphQLError): readonly GraphQLError[] {
  const original = error.originalError
  if (!(original instanceof Refusals)) return [error]
  return original.all.map((one) => {
    const refusal = one instanceof Error ? one : new Error(String(one))
    return new GraphQLError(refusal.message, { ...placeOf(error), originalError: refusal })
  })
}

/** What a caller is shown, counted by its code, and by the limit that it is over. */
export function showAndCount(
  error: unknown,
  {
    log,
    metrics,
    limits,
    hasIntrospection,
  }: Pick<ServerParts, 'log' | 'limits' | 'hasIntrospection'> & { readonly metrics: Pick<Metrics, 'countError' | 'countLimited'> },
): Error {
  const shown = withoutHint(showError(error, logOf(error, log), limits), hasIntrospection)
  metrics.countError(isGraphQLError(shown) ? shown.extensions['code'] : undefined)
  const refusal = isGraphQLError(shown) ? shown.originalError : undefined
  if (refusal instanceof SynkvyError && refusal.exceeded !== undefined) metrics.countLimited(refusal.exceeded.limit)
  return shown
}

/** Where the schema is not to be asked for, neither is it guessed at. */
function withoutHint(error: Error, hasIntrospection: boolean): Error {
  if (hasIntrospection || !isGraphQLError(error) || !/ Did you mean /.test(error.message)) return error
  return new GraphQLError(error.message.replace(/ Did you mean [^]*$/, ''), { ...placeOf(error), extensions: error.extensions })
}

/** What a caller is shown: refusals as they are, faults of the query as they are, and of everything else nothing but that it is logged. */
function showError(error: unknown, log: Logger, limits: Limits): Error {
  const original = isGraphQLError(error) ? error.originalError : undefined
  const cause = original ?? error
  const refusal = refusalOf(cause)
  if (refusal !== undefined) return withPath(refusal, error)
  // Yoga's own word for it.
  if (isGraphQLError(error) && error.extensions['code'] === 'REQUEST_ENTITY_TOO_LARGE') return withPath(tooLarge(limits), error)
  if (isTooDeep(error)) return withPath(tooDeep(error), error)
  if (isGraphQLError(error) && (original === undefined || isGraphQLError(original)) && !isOfAnswer(error)) return coded(error)
  log.error({ err: cause }, 'an unexpected error')
  return new GraphQLError('Something went wrong in synkvy. It has been logged.', {
    ...placeOf(error),
    extensions: { code: 'INTERNAL', retryable: false, http: { status: 500 } },
  })
}

function withPath(refusal: SynkvyError, error: unknown): GraphQLError {
  return new GraphQLError(refusal.message, { ...placeOf(error), originalError: refusal, extensions: refusal.extensions })
}

function tooLarge({ bodyBytes }: Limits): SynkvyError {
  return new SynkvyError('REQUEST_TOO_LARGE', `The body of a call may have ${bodyBytes} bytes, and this one has more. Send less at once.`, {
    exceeded: { limit: 'BODY_BYTES', allowed: bodyBytes },
  })
}

/** By its name: the executor may have been loaded with a copy of graphql of its own. */
export function isGraphQLError(error: unknown): error is GraphQLError {
  return error instanceof Error && error.name === 'GraphQLError'
}

function placeOf(error: unknown) {
  return isGraphQLError(error) ? { nodes: error.nodes ?? null, path: error.path ?? null } : {}
}
