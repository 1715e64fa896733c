import { GraphQLError } from 'graphql'
import type { Plugin } from 'graphql-yoga'
import { SynkvyError } from '../errors.ts'

/** What cannot be read as a call is a fault of the call, whichever way it came: Yoga says so of JSON in a body alone. */
export const unreadable: Plugin = {
  onRequestParse: ({ requestParser, setRequestParser }) => {
    if (requestParser === undefined) return
    setRequestParser(async (request) => {
      try {
        return await requestParser(request)
      } catch (error) {
        if (error instanceof Error && error.name === 'GraphQLError') throw error
        throw new SynkvyError('BAD_USER_INPUT', 'The parameters of this call cannot be read: "variables" and "extensions" are JSON.', {
          cause: error,
        })
      }
    })
  },
}

/** Whether what parses or validates an operation, level by level, has come to the end of the stack. What a resolver throws has a path. */
export function isTooDeep(error: unknown): boolean {
  return error instanceof RangeError && error.message === 'Maximum call stack size exceeded'
}

export function tooDeep(cause: unknown): SynkvyError {
  return new SynkvyError('QUERY_TOO_COMPLEX', 'This operation is too deep to be read. Ask for less at once.', { cause })
}

/** A fault that graphql-js found in an operation's variables or arguments, with the code that it does not give it. That of its syntax, which has a position alone, gets one elsewhere. */
export function coded(error: GraphQLError): GraphQLError {
  const isOfSyntax = error.nodes === undefined && error.positions !== undefined
  if (error.extensions['code'] !== undefined || isOfSyntax) return error
  const { nodes = null, source = null, positions = null, path = null, originalError, extensions } = error
  return new GraphQLError(error.message, {
    nodes,
    source,
    positions,
    path,
    originalError: originalError ?? null,
    extensions: { code: 'BAD_USER_INPUT', retryable: false, ...extensions },
  })
}

/** Whether it is about what was answered rather than asked: a value that its type cannot show. Such an error is made without a place in the operation. */
export function isOfAnswer({ extensions, path, originalError }: GraphQLError): boolean {
  const isPlaced = originalError !== undefined && 'nodes' in originalError && originalError.nodes !== undefined
  return extensions['code'] === undefined && path !== undefined && !isPlaced
}
