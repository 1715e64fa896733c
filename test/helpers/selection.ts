import {
  getNamedType,
  isAbstractType,
  isLeafType,
  isNonNullType,
  isObjectType,
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLSchema,
} from 'graphql'

/** Chooses everything that a type has, as deep as `depth` allows, so that an answer shows all there is to see. A type is not gone into again below itself. */
export function selectionOf(schema: GraphQLSchema, type: GraphQLOutputType, depth: number, seen?: Set<string>): string {
  return select(schema, type, depth, [], seen)
}

function select(schema: GraphQLSchema, type: GraphQLOutputType, depth: number, above: readonly string[], seen?: Set<string>): string {
  const named = getNamedType(type)
  if (isLeafType(named)) return ''
  if (isAbstractType(named)) {
    const types = schema.getPossibleTypes(named)
    // Under a name of its own: what is called the same elsewhere is of another type there.
    const isTwofold = ({ name, type: own }: GraphQLField<unknown, unknown>): boolean =>
      types.some((other) => ![undefined, String(own)].includes(other.getFields()[name]?.type.toString()))
    const of = types.map((possible) => {
      const nameOf = (field: GraphQLField<unknown, unknown>) =>
        isTwofold(field) ? `${possible.name}_${field.name}: ${field.name}` : field.name
      return `... on ${possible.name} { ${fieldsOf(schema, possible, depth, above, seen, nameOf)} }`
    })
    return ` { __typename ${of.join(' ')} }`
  }
  return isObjectType(named) ? ` { ${fieldsOf(schema, named, depth, above, seen, (field) => field.name)} }` : ''
}

function fieldsOf(
  schema: GraphQLSchema,
  type: GraphQLObjectType,
  depth: number,
  above: readonly string[],
  seen: Set<string> | undefined,
  nameOf: (field: GraphQLField<unknown, unknown>) => string,
): string {
  const fields = Object.values(type.getFields()).filter((field) => {
    const named = getNamedType(field.type)
    return isLeafType(named) || (depth > 0 && !above.includes(named.name) && !field.args.some(isNeeded))
  })
  return fields
    .map((field) => {
      seen?.add(`${type.name}.${field.name}`)
      const page = field.args.some(({ name }) => name === 'first') ? '(first: 5)' : ''
      return `${nameOf(field)}${page}${select(schema, field.type, depth - 1, [...above, type.name], seen)}`
    })
    .join(' ')
}

function isNeeded({ type, defaultValue }: GraphQLArgument): boolean {
  return isNonNullType(type) && defaultValue === undefined
}

/** An operation of one root field with these of its arguments as variables. */
export function operationOf(
  kind: 'query' | 'mutation' | 'subscription',
  field: GraphQLField<unknown, unknown>,
  args: readonly string[],
  selection: string,
): string {
  const given = field.args.filter(({ name }) => args.includes(name))
  const variables = given.length === 0 ? '' : `(${given.map(({ name, type }) => `$${name}: ${String(type)}`).join(', ')})`
  const passed = given.length === 0 ? '' : `(${given.map(({ name }) => `${name}: $${name}`).join(', ')})`
  return `${kind} ${variables} { ${field.name}${passed}${selection} }`
}
