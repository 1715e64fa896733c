import { isObjectType, type GraphQLSchema } from 'graphql'
import { globalId } from '../src/global-id.ts'

/**
 * Makes every node write its id at once. Pothos' resolver of it is asynchronous: a promise for each thing of a batch, all of which a stream would wait for. Changes the
 * schema, and answers it.
 */
export function writeIdsAtOnce(schema: GraphQLSchema): GraphQLSchema {
  for (const type of Object.values(schema.getTypeMap())) {
    if (!isObjectType(type) || !type.getInterfaces().some(({ name }) => name === 'Node')) continue
    const { id } = type.getFields()
    if (id !== undefined) id.resolve = (node: { readonly id: number }) => globalId(type.name, node.id)
  }
  return schema
}
