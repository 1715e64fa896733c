import type { IncomingMessage } from 'node:http'
import { renderGraphiQL } from '@graphql-yoga/render-graphiql'
import { GraphQLError } from 'graphql'
import { createYoga, isAsyncIterable, type Plugin } from 'graphql-yoga'
import type { Logger } from 'pino'
import { createLoaders, type Context } from '../../schema/context.ts'
import { Refusals } from '../../schema/refusals.ts'
import { schema } from '../../schema/schema.ts'
import type { Caller } from '../access/caller.ts'
import { authenticate, type KeyUsage } from '../access/authenticate.ts'
import type { KeyWatch } from '../access/key-watch.ts'
import type { Database } from '../db/client.ts'
import { isDatabaseAway, postgresFault } from '../db/faults.ts'
import { SynkvyError } from '../errors.ts'
import type { Sync } from '../sync/sync.ts'
import { addressOf, sessionSecretOfCall } from './browser.ts'
import { compiledSubscriptions } from './compiled.ts'
import type { Metrics } from './metrics.ts'
import { coded, isOfAnswer, isTooDeep, tooDeep, unreadable } from './request-faults.ts'
import { requestIdHeader } from './request-id.ts'
import { logOf, telemetry } from './telemetry.ts'

/** What the doors of the gateway lead to. */
export interface ServerParts {
  readonly database: Database
  readonly sync: Sync
  readonly keys: KeyWatch
  readonly keyUsage: KeyUsage
  readonly metrics: Metrics
  readonly log: Logger
}

/** What a WebSocket's operation brings, where HTTP brings its request. */
export interface SocketContext {
  readonly socketCaller?: Caller
  readonly requestId?: string
  readonly onViewMade?: () => void
  /** The request: over WebSocket that which opened the socket. */
  readonly req?: IncomingMessage
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
    graphiql: { title: 'synkvy', defaultQuery: welcome, shouldPersistHeaders: false },
    renderGraphiQL,
    logging: false,
    plugins: [unreadable, eachRefusal, telemetry(parts.metrics, parts.log), compiledSubscriptions],
    maskedErrors: { maskError: (error) => showAndCount(error, parts) },
    context: (initial) => createContext(parts, initial, initial.request),
  })
}

async function createContext(
  parts: ServerParts,
  { socketCaller, requestId, onViewMade, req }: SocketContext,
  request: Request | undefined,
): Promise<Context> {
  const { database, sync, keys, keyUsage } = parts
  const { caller, refusal } = socketCaller === undefined ? await identify(database, req) : { caller: socketCaller, refusal: undefined }
  if (caller !== undefined) keyUsage.note(caller)
  return {
    requestId: requestId ?? request?.headers.get(requestIdHeader) ?? '',
    caller,
    refusal,
    database,
    sync,
    keys,
    transport: socketCaller === undefined ? 'SSE' : 'WEBSOCKET',
    address: req && addressOf(req),
    gone: socketCaller === undefined ? request?.signal : undefined,
    onViewMade,
    loaders: createLoaders(database, caller?.accountId ?? 0),
  }
}

/** Introspection needs no key, so a refusal is kept until a field asks who calls. */
async function identify(
  database: Database,
  request: IncomingMessage | undefined,
): Promise<{ caller: Caller | undefined; refusal: SynkvyError | undefined }> {
  try {
    const credentials = request && { authorization: request.headers.authorization, sessionSecret: sessionSecretOfCall(request) }
    return { caller: await authenticate(database, credentials ?? {}), refusal: undefined }
  } catch (error) {
    if (error instanceof SynkvyError) return { caller: undefined, refusal: error }
    if (isDatabaseAway(error)) return { caller: undefined, refusal: databaseAway(error) }
    throw error
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

/** What a caller is shown, counted by its code. */
export function showAndCount(
  error: unknown,
  { log, metrics }: { readonly log: Logger; readonly metrics: Pick<Metrics, 'countError'> },
): Error {
  const shown = showError(error, logOf(error, log))
  metrics.countError(isGraphQLError(shown) ? shown.extensions['code'] : undefined)
  return shown
}

/** What a caller is shown: refusals as they are, faults of the query as they are, and of everything else nothing but that it is logged. */
function showError(error: unknown, log: Logger): Error {
  const original = isGraphQLError(error) ? error.originalError : undefined
  const cause = original ?? error
  if (cause instanceof SynkvyError) return withPath(cause, error)
  if (isDatabaseAway(cause)) return withPath(databaseAway(cause), error)
  if (isUnstorable(cause)) return withPath(unstorable(cause), error)
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

/** By its name: the executor may have been loaded with a copy of graphql of its own. */
export function isGraphQLError(error: unknown): error is GraphQLError {
  return error instanceof Error && error.name === 'GraphQLError'
}

function placeOf(error: unknown) {
  return isGraphQLError(error) ? { nodes: error.nodes ?? null, path: error.path ?? null } : {}
}

function databaseAway(cause: unknown): SynkvyError {
  return new SynkvyError(
    'SERVICE_UNAVAILABLE',
    'The database is away. Call again in a moment: every call may be repeated (adjustStock with an idempotencyKey).',
    {
      cause,
    },
  )
}

/** Whether Postgres refused a character: NUL is one that GraphQL strings may hold and its texts may not. */
function isUnstorable(error: unknown): boolean {
  return ['22021', '22P05'].includes(postgresFault(error)?.code ?? '')
}

function unstorable(cause: unknown): SynkvyError {
  return new SynkvyError('BAD_USER_INPUT', 'A text of this call holds a character that cannot be stored, such as NUL. Leave it out.', {
    cause,
  })
}
