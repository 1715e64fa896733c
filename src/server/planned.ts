import {
  createSourceEventStream,
  execute,
  getOperationAST,
  getVariableValues,
  type DocumentNode,
  type ExecutionArgs,
  type ExecutionResult,
  type OperationDefinitionNode,
} from 'graphql'
import { isAsyncIterable, type Plugin } from 'graphql-yoga'
import { planEvents, planKey, type EventPlan, type Variables } from './event-plan.ts'

/** Plans by document: the parser's cache hands out the same document for the same text, and lets it go when it has not been seen for long. */
const plans = new WeakMap<DocumentNode, Map<string, EventPlan>>()
/** How many ways of one document are kept at once. */
const mostPlans = 16

/** Executes each event of a subscription by a plan that was made once, rather than by walking the document with each. */
export const plannedSubscriptions: Plugin = {
  onSubscribe: ({ setSubscribeFn }) => setSubscribeFn(subscribe),
}

async function subscribe(args: ExecutionArgs): Promise<AsyncIterableIterator<ExecutionResult> | ExecutionResult> {
  const source = await createSourceEventStream(args)
  if (!isAsyncIterable<unknown>(source)) return source
  return executeEach(source[Symbol.asyncIterator](), executorOf(args))
}

type Execute = (event: unknown) => Promise<ExecutionResult> | ExecutionResult

function executorOf(args: ExecutionArgs): Execute {
  const executeUsually: Execute = (event) => execute({ ...args, rootValue: event })
  const { schema, document, operationName, variableValues } = args
  const operation = getOperationAST(document, operationName)
  if (!operation) return executeUsually
  const { coerced } = getVariableValues(schema, operation.variableDefinitions ?? [], variableValues ?? {})
  if (coerced === undefined) return executeUsually
  const plan = planOf(args, operation, coerced)
  return (event) => {
    const data = plan(event, args.contextValue, coerced)
    if (data instanceof Promise) return data.then((loaded) => (loaded === undefined ? executeUsually(event) : { data: loaded }))
    return data === undefined ? executeUsually(event) : { data }
  }
}

function planOf({ schema, document }: ExecutionArgs, operation: OperationDefinitionNode, variables: Variables): EventPlan {
  const ofDocument = plans.get(document) ?? new Map<string, EventPlan>()
  plans.set(document, ofDocument)
  const key = planKey(document, operation, variables)
  const known = ofDocument.get(key)
  if (known !== undefined) return known
  const plan = planEvents(schema, document, operation, variables)
  if (ofDocument.size >= mostPlans) ofDocument.clear()
  ofDocument.set(key, plan)
  return plan
}

function executeEach(source: AsyncIterator<unknown>, executeOne: Execute): AsyncIterableIterator<ExecutionResult> {
  const next = async (): Promise<IteratorResult<ExecutionResult>> => {
    try {
      const event = await source.next()
      return event.done === true ? { done: true, value: undefined } : { done: false, value: await executeOne(event.value) }
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
