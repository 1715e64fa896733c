import type { GraphQLSchema } from 'graphql'

/** Several refusals of one call, travelling as one error: of a field that is never null the executor reports only the first. */
export class Refusals extends Error {
  override readonly name = 'Refusals'
  readonly all: readonly unknown[]

  constructor(cause: AggregateError) {
    super(cause.message, { cause })
    this.all = cause.errors
  }
}

/** Makes every mutation keep its refusals together, until they are taken apart for the answer. Changes the schema, and answers it. */
export function keepRefusalsTogether(schema: GraphQLSchema): GraphQLSchema {
  for (const field of Object.values(schema.getMutationType()?.getFields() ?? {})) {
    const { resolve } = field
    if (resolve === undefined) continue
    field.resolve = async (...args): Promise<unknown> => {
      try {
        return await resolve(...args)
      } catch (error) {
        throw error instanceof AggregateError ? new Refusals(error) : error
      }
    }
  }
  return schema
}
