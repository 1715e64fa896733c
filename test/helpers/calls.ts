import {
  getNamedType,
  isEnumType,
  isInputObjectType,
  isNonNullType,
  isObjectType,
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLInputType,
} from 'graphql'
import { schema } from '../../schema/schema.ts'

/** A literal that a type takes, so that a field can be called whatever it wants. */
function literal(type: GraphQLInputType): string {
  const named = getNamedType(type)
  const text = String(type)
  if (text.startsWith('[')) return `[${literal(named)}]`
  if (isInputObjectType(named)) {
    const fields = Object.values(named.getFields())
    const needed = named.isOneOf ? fields.slice(1, 2) : fields.filter((field) => isNonNullType(field.type))
    return `{ ${needed.map((field) => `${field.name}: ${literal(field.type)}`).join(', ')} }`
  }
  if (isEnumType(named)) return named.getValues()[0]?.name ?? ''
  const literals: Readonly<Record<string, string>> = {
    ID: '"UHJvZHVjdDox"',
    Int: '1',
    Boolean: 'true',
    Decimal: '"1.00"',
    BigInt: '"1"',
    Cursor: '"AQ"',
    DateTime: '"2030-01-01T00:00:00Z"',
  }
  return literals[named.name] ?? '"x"'
}

function callOf(kind: string, field: GraphQLField<unknown, unknown>): string {
  const needed = field.args.filter((arg: GraphQLArgument) => isNonNullType(arg.type))
  const args = needed.length === 0 ? '' : `(${needed.map((arg: GraphQLArgument) => `${arg.name}: ${literal(arg.type)}`).join(', ')})`
  const selection = isObjectType(getNamedType(field.type)) || !('serialize' in getNamedType(field.type)) ? ' { __typename }' : ''
  return `${kind} { ${field.name}${args}${selection} }`
}

/** Every root field by its name, with a call of it that has all that it needs. */
export const roots = (['Query', 'Mutation', 'Subscription'] as const).flatMap((name) => {
  const type = schema.getType(name)
  return isObjectType(type)
    ? Object.values(type.getFields()).map((field) => [`${name}.${field.name}`, callOf(name.toLowerCase(), field)] as const)
    : []
})
