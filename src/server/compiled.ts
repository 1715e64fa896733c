import { createSourceEventStream, type DocumentNode, type ExecutionArgs, type ExecutionResult } from 'graphql'
import { compileQuery, isCompiledQuery, type CompiledQuery } from 'graphql-jit'
import { isAsyncIterable, type Plugin } from 'graphql-yoga'

/** Compiled operations by document: the parser's cache hands out the same document for the same text, and lets it go when it has not been seen for long. */
const compiled = new WeakMap<DocumentNode, Map<string, CompiledQuery>>()

/**
 * Executes each event of a subscription by a function that was compiled for its document (graphql-jit), rather than by walking the document again. The source is
 * opened by graphql-js: graphql-jit would hand it the operation's variables for the field's arguments.
 */
export const compiledSubscriptions: Plugin = {
  onSubscribe: ({ setSubscribeFn }) => setSubscribeFn(subscribe),
}

async function subscribe(args: ExecutionArgs): Promise<AsyncIterableIterator<ExecutionResult> | ExecutionResult> {
  const operation = compile(args)
  if (!isCompiledQuery(operation)) return operation
  const source = await createSourceEventStream(args)
  if (!isAsyncIterable<unknown>(source)) return source
  return executeEach(source[Symbol.asyncIterator](), (event) => operation.query(event, args.contextValue, args.variableValues))
}

function compile({ schema, document, operationName }: ExecutionArgs): CompiledQuery | ExecutionResult {
  const ofDocument = compiled.get(document) ?? new Map<string, CompiledQuery>()
  compiled.set(document, ofDocument)
  const known = ofDocument.get(operationName ?? '')
  if (known !== undefined) return known
  const operation = compileQuery(schema, document, operationName ?? undefined)
  if (isCompiledQuery(operation)) ofDocument.set(operationName ?? '', operation)
  return operation
}

function executeEach(
  source: AsyncIterator<unknown>,
  execute: (event: unknown) => Promise<ExecutionResult> | ExecutionResult,
): AsyncIterableIterator<ExecutionResult> {
  const next = async (): Promise<IteratorResult<ExecutionResult>> => {
    try {
      const event = await source.next()
      return event.done === true ? { done: true, value: undefined } : { done: false, value: await execute(event.value) }
    } catch (error) {
      // Whoever is thrown an error does not call return.
      await source.return?.()
      throw error
    }
  }
  return {
    next,
    return: async () => {
      await source.return?.()
      return { done: true, value: undefined }
    },
    [Symbol.asyncIterator]() {
      return this
    },
  }
}
