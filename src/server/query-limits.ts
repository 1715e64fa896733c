import {
  getNamedType,
  getNullableType,
  isInterfaceType,
  isListType,
  isObjectType,
  Kind,
  NoSchemaIntrospectionCustomRule,
  OperationTypeNode,
  parse,
  SchemaMetaFieldDef,
  TypeMetaFieldDef,
  validate,
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLSchema,
  type OperationDefinitionNode,
  type ParseOptions,
  type SelectionNode,
  type SelectionSetNode,
  type Source,
  type ValidationRule,
} from 'graphql'
import type { Plugin } from 'graphql-yoga'
import { usualPage } from '../../schema/connection.ts'
import type { Limits } from '../config.ts'
import { SynkvyError, type LimitName } from '../errors.ts'
import type { Metrics } from './metrics.ts'

type QueryLimits = Pick<Limits, 'depth' | 'cost' | 'aliases' | 'rootFields' | 'tokens'>

/** What an operation's context says of the call. */
interface Asked {
  readonly params?: { readonly variables?: unknown; readonly operationName?: unknown } | undefined
}

/**
 * Refuses operations that ask for too much before anything is done for them: by their text when that is parsed, since even to validate it takes its time, and by what they
 * cost when it is known to be valid. How often a fragment is spread costs nothing to count. Directives need no limit beside that of the tokens.
 */
export function queryLimits(limits: QueryLimits, { observeCost }: Pick<Metrics, 'observeCost'>, hasIntrospection: boolean): Plugin<Asked> {
  return {
    onParse: ({ setParseFn }) => setParseFn((source: string | Source, options?: ParseOptions) => parseWithin(limits, source, options)),
    onValidate: ({ params: { schema, documentAST }, context, addValidationRule, setValidationFn }) => {
      if (!hasIntrospection) {
        addValidationRule(NoSchemaIntrospectionCustomRule)
        setValidationFn((ofSchema: GraphQLSchema, document: DocumentNode, rules?: readonly ValidationRule[]) =>
          validate(ofSchema, document, rules, { hideSuggestions: true }),
        )
      }
      return ({ valid }) => {
        if (!valid) return
        const cost = costOf(schema, documentAST, context.params ?? {})
        observeCost(cost)
        if (cost > limits.cost) throw tooComplex('COST', limits.cost, cost)
      }
    },
  }
}

function parseWithin(limits: QueryLimits, source: string | Source, options: ParseOptions | undefined): DocumentNode {
  try {
    const document = parse(source, { ...options, maxTokens: limits.tokens })
    checkShape(limits, shapeOf(document))
    return document
  } catch (error) {
    // The parser goes as deep as the text does.
    if (error instanceof RangeError) throw tooComplex('DEPTH', limits.depth)
    if (error instanceof Error && error.message.includes(`${limits.tokens} tokens`)) throw tooComplex('TOKENS', limits.tokens)
    throw error
  }
}

function checkShape(limits: QueryLimits, { depth, aliases, fields }: Shape): void {
  if (depth > limits.depth) throw tooComplex('DEPTH', limits.depth, depth)
  if (aliases > limits.aliases) throw tooComplex('ALIASES', limits.aliases, aliases)
  if (fields > limits.rootFields) throw tooComplex('ROOT_FIELDS', limits.rootFields, fields)
}

const words = {
  DEPTH: 'fields within each other',
  COST: 'of cost: its fields, times the sizes of the pages around them',
  ALIASES: 'aliases',
  ROOT_FIELDS: 'root fields',
  TOKENS: 'tokens; what you send in belongs into variables',
} as const satisfies Partial<Record<LimitName, string>>

function tooComplex(limit: keyof typeof words, allowed: number, asked?: number): SynkvyError {
  const has = asked === undefined ? 'more' : String(asked)
  return new SynkvyError(
    'QUERY_TOO_COMPLEX',
    `This operation has ${has}, and ${allowed} are allowed: ${words[limit]}. Ask for less at once.`,
    {
      exceeded: { limit, allowed, ...(asked === undefined ? {} : { asked }) },
    },
  )
}

/** What a selection comes to, with all that is spread in it. */
interface Shape {
  readonly depth: number
  readonly aliases: number
  /** Fields of the selection itself, not those within them. */
  readonly fields: number
}

const nothing: Shape = { depth: 0, aliases: 0, fields: 0 }

/** Of each kind the most that one of the operations has. */
export function shapeOf(document: DocumentNode): Shape {
  const ofFragment = once(document, nothing, (fragment) => ofSet(fragment.selectionSet))
  const ofSelection = (node: SelectionNode): Shape => {
    if (node.kind === Kind.FRAGMENT_SPREAD) return ofFragment(node.name.value)
    const below = ofSet(node.selectionSet)
    if (node.kind === Kind.INLINE_FRAGMENT) return below
    const depth = 1 + (isIntrospection(node) ? 0 : below.depth)
    return { depth, aliases: below.aliases + (node.alias === undefined ? 0 : 1), fields: 1 }
  }
  const ofSet = (set: SelectionSetNode | undefined): Shape =>
    (set?.selections ?? []).map(ofSelection).reduce(
      (sum, one) => ({
        depth: Math.max(sum.depth, one.depth),
        aliases: sum.aliases + one.aliases,
        fields: sum.fields + one.fields,
      }),
      nothing,
    )
  return operationsOf(document)
    .map(({ selectionSet }) => ofSet(selectionSet))
    .reduce(
      (most, one) => ({
        depth: Math.max(most.depth, one.depth),
        aliases: Math.max(most.aliases, one.aliases),
        fields: Math.max(most.fields, one.fields),
      }),
      nothing,
    )
}

/** GraphiQL's own query goes deep; graphql-js sees to it that none goes deeper to no end. */
function isIntrospection({ name: { value } }: FieldNode): boolean {
  return value === '__schema' || value === '__type'
}

function operationsOf(document: DocumentNode): readonly OperationDefinitionNode[] {
  return document.definitions.filter((definition) => definition.kind === Kind.OPERATION_DEFINITION)
}

/** What is found of each fragment, once for all places where it is spread. Of one that spreads itself, which is not valid, `inCycle` is found there. */
function once<Found>(document: DocumentNode, inCycle: Found, find: (fragment: FragmentDefinitionNode) => Found): (name: string) => Found {
  const fragments = new Map<string, FragmentDefinitionNode>()
  for (const definition of document.definitions)
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition)
  const found = new Map<string, Found>()
  return (name) => {
    const before = found.get(name)
    if (before !== undefined) return before
    found.set(name, inCycle)
    const fragment = fragments.get(name)
    const now = fragment === undefined ? inCycle : find(fragment)
    found.set(name, now)
    return now
  }
}

/** What the fields of a selection cost: those that are there once, and those of its lists, for each of their items. */
interface Cost {
  readonly alone: number
  readonly each: number
}

const free: Cost = { alone: 0, each: 0 }
/** How long a list is taken to be that says nothing of its size; the schema's own are longer. */
const usualList = 10
const usualListOfSchema = 15
/** No page or batch is larger: what asks for more is refused by the field, in its own words. */
const largestPage = 1_000

/** What the operation of a valid document costs: a field 1, times the sizes of the pages and lists around it. */
export function costOf(schema: GraphQLSchema, document: DocumentNode, { variables, operationName }: NonNullable<Asked['params']>): number {
  const operations = operationsOf(document)
  const operation = operations.length === 1 ? operations[0] : operations.find(({ name }) => name?.value === operationName)
  if (operation === undefined) return 0
  const sizeOf = pageSizes(operation, variables)
  const ofFragment = once(document, free, ({ typeCondition, selectionSet }) =>
    ofSet(schema.getType(typeCondition.name.value), selectionSet),
  )
  const ofField = (type: GraphQLNamedType | undefined, node: FieldNode): Cost => {
    const field = fieldOf(type, node)
    if (field === undefined) return { alone: 1, each: 0 }
    const ofType = getNamedType(field.type)
    const below = ofSet(ofType, node.selectionSet)
    const inside = below.alone + below.each * (sizeOf(field, node) ?? listSize(ofType))
    return isListType(getNullableType(field.type)) ? { alone: 1, each: inside } : { alone: 1 + inside, each: 0 }
  }
  const ofSelection = (type: GraphQLNamedType | undefined, node: SelectionNode): Cost => {
    if (node.kind === Kind.FIELD) return ofField(type, node)
    if (node.kind === Kind.FRAGMENT_SPREAD) return ofFragment(node.name.value)
    return ofSet(node.typeCondition === undefined ? type : schema.getType(node.typeCondition.name.value), node.selectionSet)
  }
  const ofSet = (type: GraphQLNamedType | undefined, set: SelectionSetNode | undefined): Cost =>
    (set?.selections ?? [])
      .map((node) => ofSelection(type, node))
      .reduce((sum, one) => ({ alone: sum.alone + one.alone, each: sum.each + one.each }), free)
  const { alone, each } = ofSet(rootOf(schema, operation), operation.selectionSet)
  return alone + each * usualList
}

function rootOf(schema: GraphQLSchema, { operation }: OperationDefinitionNode): GraphQLNamedType | undefined {
  if (operation === OperationTypeNode.QUERY) return schema.getQueryType() ?? undefined
  if (operation === OperationTypeNode.MUTATION) return schema.getMutationType() ?? undefined
  return schema.getSubscriptionType() ?? undefined
}

function fieldOf(type: GraphQLNamedType | undefined, { name: { value } }: FieldNode): GraphQLField<unknown, unknown> | undefined {
  if (value === SchemaMetaFieldDef.name) return SchemaMetaFieldDef
  if (value === TypeMetaFieldDef.name) return TypeMetaFieldDef
  return isObjectType(type) || isInterfaceType(type) ? type.getFields()[value] : undefined
}

function listSize(type: GraphQLNamedType | undefined): number {
  return type?.name.startsWith('__') === true ? usualListOfSchema : usualList
}

/** Reads what size of page or batch a field asks for; of a field without such an argument nothing. */
function pageSizes(operation: OperationDefinitionNode, variables: unknown) {
  const given: ReadonlyMap<string, unknown> = new Map(Object.entries(variables ?? {}))
  const defaults = new Map(operation.variableDefinitions?.map(({ variable, defaultValue }) => [variable.name.value, defaultValue]))
  return (field: GraphQLField<unknown, unknown>, node: FieldNode): number | undefined => {
    const argument = field.args.find(({ name }) => name === 'first' || name === 'batchSize')
    if (argument === undefined) return undefined
    const value = node.arguments?.find(({ name }) => name.value === argument.name)?.value
    const literal = value?.kind === Kind.VARIABLE ? defaults.get(value.name.value) : value
    const named = value?.kind === Kind.VARIABLE ? given.get(value.name.value) : undefined
    const asked = named ?? (literal?.kind === Kind.INT ? Number(literal.value) : argument.defaultValue)
    return Math.min(largestPage, Math.max(0, typeof asked === 'number' ? asked : usualPage))
  }
}
