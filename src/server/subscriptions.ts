import { GraphQLError, Kind, OperationTypeNode, type ASTVisitor, type ExecutionResult, type ValidationContext } from 'graphql'
import { isAsyncIterable, type Plugin } from 'graphql-yoga'
import type { Context } from '../../schema/context.ts'
import type { Caller } from '../access/caller.ts'
import { SynkvyError } from '../errors.ts'
import type { Doorkeeper } from './doorkeeper.ts'

/**
 * Counts what each key has subscribed to, over whatever way, and refuses what is too much. Each batch that is sent, but for the first, gives a call back, for the acknowledge
 * that will come: a first one any subscription brings, so that to subscribe over and over would cost nothing.
 */
export function countedSubscriptions(doorkeeper: Doorkeeper): Plugin<Context> {
  return {
    onSubscribe: ({ args: { contextValue }, subscribeFn, setSubscribeFn }) => {
      const { caller, address } = contextValue
      // What is refused by the field itself.
      if (caller === undefined) return
      const release = enter(doorkeeper, caller)
      if (release instanceof SynkvyError) {
        setSubscribeFn(() => ({ errors: [new GraphQLError(release.message, { originalError: release })] }))
        return
      }
      setSubscribeFn(async (args): Promise<AsyncIterable<ExecutionResult> | ExecutionResult> => {
        try {
          const result = await subscribeFn(args)
          if (isAsyncIterable<ExecutionResult>(result)) return follow(result, release, () => doorkeeper.owesCall(caller, address))
          release()
          return result
        } catch (error) {
          release()
          throw error
        }
      })
    },
  }
}

/** Refuses subscriptions whose field may be left out, as GraphQL's edition of September 2025 does: where nothing is left to subscribe to graphql-js fails. */
export const unconditionalSubscriptions: Plugin = {
  onValidate: ({ addValidationRule }) => addValidationRule(noConditions),
}

function noConditions(context: ValidationContext): ASTVisitor {
  return {
    OperationDefinition: ({ operation, selectionSet }) => {
      if (operation !== OperationTypeNode.SUBSCRIPTION) return
      const selections = [...selectionSet.selections]
      const spread = new Set<string>()
      // What is found in fragments joins the list while it is gone through.
      for (const selection of selections) {
        const conditions = selection.directives?.filter(({ name }) => name.value === 'skip' || name.value === 'include') ?? []
        if (conditions.length > 0) {
          const message =
            'A subscription has one field, which may not depend on @skip or @include. Leave the directive out, or do not subscribe.'
          context.reportError(new GraphQLError(message, { nodes: conditions }))
        }
        if (selection.kind === Kind.INLINE_FRAGMENT) selections.push(...selection.selectionSet.selections)
        if (selection.kind !== Kind.FRAGMENT_SPREAD || spread.has(selection.name.value)) continue
        spread.add(selection.name.value)
        selections.push(...(context.getFragment(selection.name.value)?.selectionSet.selections ?? []))
      }
    },
  }
}

/** What counts the subscription no more, or why there may not be one more. */
function enter(doorkeeper: Doorkeeper, { keyId }: Caller): (() => void) | SynkvyError {
  try {
    return doorkeeper.subscriptionsOfKeys.add(keyId)
  } catch (error) {
    if (error instanceof SynkvyError) return error
    throw error
  }
}

function follow(source: AsyncIterable<ExecutionResult>, release: () => void, owe: () => void): AsyncIterableIterator<ExecutionResult> {
  const iterator = source[Symbol.asyncIterator]()
  let isFirst = true
  let isOver = false
  const end = (): void => {
    if (!isOver) release()
    isOver = true
  }
  return {
    next: async () => {
      try {
        const step = await iterator.next()
        if (step.done === true) end()
        else if (!isFirst) owe()
        isFirst = false
        return step
      } catch (error) {
        end()
        throw error
      }
    },
    return: async () => {
      end()
      await iterator.return?.()
      return { done: true, value: undefined }
    },
    [Symbol.asyncIterator]() {
      return this
    },
  }
}
