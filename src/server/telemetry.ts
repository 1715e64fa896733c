import { getOperationAST, Kind, OperationTypeNode, type DocumentNode } from 'graphql'
import { isAsyncIterable, type Plugin } from 'graphql-yoga'
import type { Logger } from 'pino'
import type { Context } from '../../schema/context.ts'
import { SynkvyError } from '../errors.ts'
import type { Metrics } from './metrics.ts'

/** Whose call it is, as the log names it. */
interface CallIds {
  readonly requestId: string
  readonly accountId: number | undefined
  readonly userId: number | undefined
  readonly viewId: number | undefined
}

function idsOf({ requestId, caller }: Context): CallIds {
  return { requestId, accountId: caller?.accountId, userId: caller?.userId, viewId: caller?.syncViewId }
}

/** In whose call an error was thrown: what shows it to the caller, and logs it where it is a bug, is not told. */
const calls = new WeakMap<object, CallIds>()

/** The log for what is to be said of an error: with the ids of the call, where they are known. */
export function logOf(error: unknown, log: Logger): Logger {
  const ids = typeof error === 'object' && error !== null ? calls.get(error) : undefined
  return ids === undefined ? log : log.child(ids)
}

/** Measures operations, and notes whose call it is in which something goes wrong. */
export function telemetry(metrics: Metrics, log: Logger): Plugin<Context> {
  return {
    onParse:
      () =>
      ({ result }) => {
        // A refusal is counted where it is shown.
        if (result instanceof Error && !(result instanceof SynkvyError)) metrics.countError('GRAPHQL_PARSE_FAILED')
      },
    onValidate:
      () =>
      ({ valid }) => {
        if (!valid) metrics.countError('GRAPHQL_VALIDATION_FAILED')
      },
    onExecute: ({ args }) => {
      const began = performance.now()
      return {
        onExecuteDone: ({ result }) => {
          const { kind, field } = operationOf(args.document, args.operationName)
          const ms = performance.now() - began
          if (kind !== OperationTypeNode.SUBSCRIPTION) metrics.countOperation(kind, field, ms / 1000)
          const errors = isAsyncIterable(result) ? [] : (result.errors ?? [])
          const ids = idsOf(args.contextValue)
          for (const error of errors) calls.set(error, ids)
          const codes = errors.map(({ extensions }) => extensions['code'])
          log.debug({ ...ids, kind, field, durationMs: Math.round(ms), ...(codes.length === 0 ? {} : { codes }) }, 'an operation has ended')
        },
      }
    },
    onSubscribe: ({ args }) => ({
      onSubscribeError: ({ error }) => {
        if (typeof error === 'object' && error !== null) calls.set(error, idsOf(args.contextValue))
      },
    }),
  }
}

/** What an operation is, by words of the schema: what a client calls it may be anything. */
function operationOf(document: DocumentNode, name: string | null | undefined) {
  const operation = getOperationAST(document, name)
  const [first] = operation?.selectionSet.selections ?? []
  return { kind: operation?.operation ?? OperationTypeNode.QUERY, field: first?.kind === Kind.FIELD ? first.name.value : 'fragment' }
}
