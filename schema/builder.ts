import SchemaBuilder from '@pothos/core'
import RelayPlugin from '@pothos/plugin-relay'
import { isObjectType, type GraphQLNamedType, type GraphQLObjectType } from 'graphql'
import { SynkvyError } from '../src/errors.ts'
import { readGlobalId } from '../src/global-id.ts'
import { requireCaller, type Context } from './context.ts'

/** Whether a type is one of those that can be fetched again by their id. */
export function isNodeType(type: GraphQLNamedType | undefined): type is GraphQLObjectType {
  return isObjectType(type) && type.getInterfaces().some(({ name }) => name === 'Node')
}

/** The builder of the schema: Pothos with its Relay plugin, fields non-null unless they say otherwise. */
export const builder = new SchemaBuilder<{
  Context: Context
  DefaultFieldNullability: false
  DefaultEdgesNullability: { list: false; items: false }
  DefaultNodeNullability: false
  Scalars: {
    ID: { Input: string; Output: string | number }
    Cursor: { Input: string; Output: string }
    DateTime: { Input: Date; Output: Date }
    Decimal: { Input: string; Output: string }
    BigInt: { Input: bigint; Output: bigint }
  }
  Connection: { totalCount: () => Promise<number> }
}>({
  plugins: [RelayPlugin],
  defaultFieldNullability: false,
  relay: {
    nodesOnConnection: { description: 'The things themselves, without their cursors.' },
    nodeTypeOptions: { description: 'Something that can be fetched again by its id.' },
    nodeQueryOptions: {
      description: "Anything with an id that you may see; null for what is not there, another account's things among them.",
      args: { id: { description: 'The id, as it was given to you.' } },
      resolve: (_root, args, context, info, resolveNode) => {
        requireCaller(context)
        return isNodeType(info.schema.getType(args.id.typename)) ? resolveNode(args.id) : null
      },
    },
    decodeGlobalID: readGlobalId,
    nodesQueryOptions: false,
    idFieldOptions: { description: 'Its id: opaque, unique over all types.' },
    pageInfoFieldOptions: { description: 'Where this page stands.' },
    pageInfoTypeOptions: { description: 'Where a page of a connection stands.' },
    hasNextPageFieldOptions: { description: 'There is more after this page.' },
    hasPreviousPageFieldOptions: { description: 'Always false: pages are read forwards.' },
    startCursorFieldOptions: { description: 'The cursor of the first thing of this page.' },
    endCursorFieldOptions: { description: 'The cursor of the last thing of this page: give it as `after` to get the next.' },
    edgesFieldOptions: { description: 'The things with their cursors.', nullable: { list: false, items: false } },
    nodeFieldOptions: { description: 'The thing itself.', nullable: false },
    cursorFieldOptions: { description: 'Its place in the connection: give it as `after`.' },
  },
})

/** What the builder knows of its types, for functions that are generic over them. */
export type SchemaTypes = typeof builder extends PothosSchemaTypes.SchemaBuilder<infer Types> ? Types : never

builder.queryType({ description: 'What can be asked. Every field needs an API key.' })
builder.mutationType({
  description: 'What can be changed. Every field needs an API key. A call is all or nothing: nothing of a refused one is stored.',
})
builder.subscriptionType({ description: 'What can be followed. Every field needs an API key.' })

/** The number in a global id of this type. Throws NOT_FOUND for an id of anything else, in the words of what is not there. */
export function idOf(
  typename: string,
  id: { readonly typename: string; readonly id: string },
  inputPath: readonly (string | number)[],
): number {
  const number = Number(id.id)
  if (id.typename === typename && Number.isSafeInteger(number) && number > 0) return number
  throw new SynkvyError('NOT_FOUND', `This is not the id of a ${typename} in your account.`, { inputPath })
}

/** The number in what a node is looked up by; 0, which is nothing's id, where it is none. */
export function nodeNumber(id: string): number {
  const number = Number(id)
  return Number.isSafeInteger(number) ? number : 0
}

/** A list argument that was given, or undefined where it was null or left out. */
export function given<Value>(value: Value | null | undefined): Value | undefined {
  return value ?? undefined
}

/** What something refers to. Between the reading of the one and of the other it may have been deleted: NOT_FOUND. */
export function stillThere<Row>(row: Row | undefined, what: string): Row {
  if (row !== undefined) return row
  throw new SynkvyError('NOT_FOUND', `${what} has just been deleted.`)
}
