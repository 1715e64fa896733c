import type { GraphQLSchema } from 'graphql'
import { globalId } from '../src/global-id.ts'
import { isNodeType } from './builder.ts'

/**
 * Makes every node write its id at once. Pothos' resolver of it is asynchronous: a promise for each thing of a batch, all of which a stream would wait for. Changes the
 * schema, and answers it.
 */
export function writeIdsAtOnce(schema: GraphQLSchema): GraphQLSchema {
  for (const type of Object.values(schema.getTypeMap())) {
    const id = isNodeType(type) ? type.getFields()['id'] : undefined
    if (id !== undefined) id.resolve = (node: { readonly id: number }) => globalId(type.name, node.id)
  }
  return schema
}
