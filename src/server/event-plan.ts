import {
  defaultFieldResolver,
  getArgumentValues,
  getDirectiveValues,
  GraphQLIncludeDirective,
  GraphQLSkipDirective,
  isAbstractType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  Kind,
  visit,
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLField,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLResolveInfo,
  type GraphQLSchema,
  type NamedTypeNode,
  type OperationDefinitionNode,
  type SelectionNode,
  type SelectionSetNode,
  type ValueNode,
} from 'graphql'

// What a subscription asks of each of its events, found out once rather than with every event: which fields, read how and serialized how. (The idea is graphql-jit's, and that of
// "prepared queries" of databases.) A plan knows the usual way alone. Where anything else comes, an error, a null where there is none, a type that is known by the value, it gives
// up, and the event is executed by graphql-js, so that what is answered is always by the specification.

/** One event that is being executed. */
interface Run {
  readonly context: unknown
  /** As they were coerced. One object for all events of a subscription: what fields are given of them is kept by it. */
  readonly variables: Variables
  /** Values that are still being loaded; each puts itself where it belongs. */
  readonly loading: Promise<void>[]
}
export type Variables = Readonly<Record<string, unknown>>
type Source = Readonly<Record<string, unknown>>
type Answer = Record<string, unknown>
/** Gives the value of a field. */
type Read = (source: Source, run: Run) => unknown
/** Makes what is answered of a value. */
type Complete = (value: unknown, run: Run) => unknown

/** Executes an event. Undefined where it is not of the usual kind. */
export type EventPlan = (event: unknown, context: unknown, variables: Variables) => Answer | undefined | Promise<Answer | undefined>

/** Not the usual way. */
const unusual = new Error('an event that is not executed by its plan')

/** By what plans of one document differ: the operation, and the variables on which @skip and @include hang. */
export function planKey(document: DocumentNode, operation: OperationDefinitionNode, variables: Variables): string {
  const conditions = new Set<string>()
  const note = (value: ValueNode): void => void (value.kind === Kind.VARIABLE && conditions.add(value.name.value))
  visit(document, { Directive: ({ arguments: given = [] }) => given.forEach(({ value }) => note(value)) })
  return JSON.stringify([operation.name?.value, [...conditions].map((name) => variables[name])])
}

/** Plans an operation, for all variables of which `planKey` says the same. */
export function planEvents(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
  variables: Variables,
): EventPlan {
  const executeOne = planOperation(schema, document, operation, variables)
  return (event, context, ofSubscription) => {
    const run: Run = { context, variables: ofSubscription, loading: [] }
    try {
      const answer = executeOne(event, run)
      return run.loading.length === 0 ? answer : whenLoaded(answer, run.loading)
    } catch {
      return undefined
    }
  }
}

async function whenLoaded(answer: Answer, loading: Promise<void>[]): Promise<Answer | undefined> {
  try {
    // What has been loaded may have more to load in it.
    while (loading.length > 0) await Promise.all(loading.splice(0))
    return answer
  } catch {
    return undefined
  }
}

/** What fails when nobody waits for it any more, because something else has failed before, is not a fault of the process. */
function quiet(loading: Promise<void>): Promise<void> {
  loading.catch(() => {})
  return loading
}

type CompleteObject = (value: unknown, run: Run) => Answer

function planOperation(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
  variables: Variables,
): CompleteObject {
  try {
    const root = schema.getRootType(operation.operation) ?? raise(unusual)
    return new Planner(schema, document, operation, variables).object(root, [operation.selectionSet])
  } catch {
    // What cannot be planned graphql-js may execute, or say what is wrong.
    return () => raise(unusual)
  }
}

class Planner {
  readonly #schema: GraphQLSchema
  readonly #operation: OperationDefinitionNode
  readonly #fragments: Readonly<Record<string, FragmentDefinitionNode>>
  readonly #variables: Variables

  constructor(schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode, variables: Variables) {
    this.#schema = schema
    this.#operation = operation
    this.#variables = variables
    this.#fragments = Object.fromEntries(
      document.definitions.flatMap((one) => (one.kind === Kind.FRAGMENT_DEFINITION ? [[one.name.value, one]] : [])),
    )
  }

  object(type: GraphQLObjectType, selections: readonly SelectionSetNode[]): CompleteObject {
    const fields = [...this.#collect(type, selections)].map(([key, nodes]) => ({ key, ...this.#field(type, nodes) }))
    const mayBeOther = !isNothing(type.isTypeOf)
    return (source, run) => {
      if (mayBeOther || !isSource(source) || source instanceof Error) throw unusual
      const answer: Answer = {}
      for (const { key, read, complete } of fields) {
        const value = read(source, run)
        if (isPromise(value)) {
          // Fields stand in the order in which they were asked for.
          answer[key] = null
          run.loading.push(quiet(value.then((loaded) => void (answer[key] = complete(loaded, run)))))
        } else answer[key] = complete(value, run)
      }
      return answer
    }
  }

  #field(type: GraphQLObjectType, nodes: readonly FieldNode[]): { readonly read: Read; readonly complete: Complete } {
    const [node] = nodes
    if (node === undefined) throw unusual
    if (node.name.value === '__typename') return { read: () => type.name, complete: (name) => name }
    const field = type.getFields()[node.name.value]
    if (field === undefined) throw unusual
    return { read: this.#read(type, field, nodes, node), complete: this.#complete(field.type, nodes) }
  }

  #read(type: GraphQLObjectType, field: GraphQLField<unknown, unknown>, nodes: readonly FieldNode[], node: FieldNode): Read {
    const { name, resolve } = field
    if (resolve === undefined || resolve === defaultFieldResolver) {
      return (source) => {
        const value = source[name]
        if (typeof value === 'function') throw unusual
        return value
      }
    }
    const argumentsOf = readArguments(field, node)
    const info = this.#info(type, field, nodes)
    return (source, run) => resolve(source, argumentsOf(run.variables), run.context, info)
  }

  /** What a resolver is told of its field. Who asks for what is of one event is executed the usual way. */
  #info(parentType: GraphQLObjectType, { name, type }: GraphQLField<unknown, unknown>, nodes: readonly FieldNode[]): GraphQLResolveInfo {
    return {
      fieldName: name,
      fieldNodes: nodes,
      returnType: type,
      parentType,
      schema: this.#schema,
      fragments: this.#fragments,
      operation: this.#operation,
      get path(): never {
        throw unusual
      },
      get rootValue(): never {
        throw unusual
      },
      get variableValues(): never {
        throw unusual
      },
    }
  }

  #complete(type: GraphQLOutputType, nodes: readonly FieldNode[]): Complete {
    if (isNonNullType(type)) {
      const complete = this.#complete(type.ofType, nodes)
      return (value, run) => complete(value, run) ?? raise(unusual)
    }
    if (isListType(type)) {
      const complete = this.#complete(type.ofType, nodes)
      return (value, run) => (isNothing(value) ? null : completeList(value, complete, run))
    }
    if (isLeafType(type)) return (value) => (isNothing(value) ? null : (type.serialize(value) ?? raise(unusual)))
    // Of which type it is would have to be asked of each value.
    if (!isObjectType(type)) return (value) => (isNothing(value) ? null : raise(unusual))
    const complete = this.object(
      type,
      nodes.flatMap(({ selectionSet }) => selectionSet ?? []),
    )
    return (value, run) => (isNothing(value) ? null : complete(value, run))
  }

  /** The fields that are asked of a type, by their names in the answer. Each fragment is gone through once, or they could double with each that is in another. */
  #collect(type: GraphQLObjectType, selections: readonly SelectionSetNode[]): ReadonlyMap<string, readonly FieldNode[]> {
    const fields = new Map<string, FieldNode[]>()
    const seen = new Set<string>()
    const nodes = selections.flatMap((one) => one.selections).toReversed()
    for (let node = nodes.pop(); node !== undefined; node = nodes.pop()) {
      if (!this.#isIncluded(node)) continue
      if (node.kind === Kind.FIELD) {
        const key = node.alias?.value ?? node.name.value
        // To write it is to say what an object inherits.
        if (key === '__proto__') throw unusual
        fields.set(key, [...(fields.get(key) ?? []), node])
        continue
      }
      if (node.kind === Kind.FRAGMENT_SPREAD && seen.has(node.name.value)) continue
      if (node.kind === Kind.FRAGMENT_SPREAD) seen.add(node.name.value)
      const fragment = node.kind === Kind.INLINE_FRAGMENT ? node : this.#fragments[node.name.value]
      if (fragment !== undefined && this.#isOf(type, fragment.typeCondition)) nodes.push(...fragment.selectionSet.selections.toReversed())
    }
    return fields
  }

  #isIncluded(node: SelectionNode): boolean {
    const { if: isSkipped } = getDirectiveValues(GraphQLSkipDirective, node, this.#variables) ?? {}
    const { if: isIncluded } = getDirectiveValues(GraphQLIncludeDirective, node, this.#variables) ?? {}
    return isSkipped !== true && isIncluded !== false
  }

  #isOf(type: GraphQLObjectType, condition: NamedTypeNode | undefined): boolean {
    if (condition === undefined) return true
    const named = this.#schema.getType(condition.name.value)
    return named === type || (isAbstractType(named) && this.#schema.isSubType(named, type))
  }
}

/** What a field is given. Where it hangs on variables that is found out once for a subscription. */
function readArguments(field: GraphQLField<unknown, unknown>, node: FieldNode): (variables: Variables) => Record<string, unknown> {
  let hasVariables = false
  visit(node, { Variable: () => void (hasVariables = true), SelectionSet: () => false })
  if (!hasVariables) {
    const given = getArgumentValues(field, node)
    return () => given
  }
  const known = new WeakMap<Variables, Record<string, unknown>>()
  return (variables) => {
    const given = known.get(variables) ?? getArgumentValues(field, node, variables)
    known.set(variables, given)
    return given
  }
}

function completeList(values: unknown, complete: Complete, run: Run): readonly unknown[] {
  if (!Array.isArray(values)) throw unusual
  return values.map((value) => complete(value, run))
}

function isSource(value: unknown): value is Source {
  return typeof value === 'object' && value !== null
}

function isNothing(value: unknown): value is null | undefined {
  return value === null || value === undefined
}

function isPromise(value: unknown): value is Promise<unknown> {
  if (!isSource(value) || typeof value['then'] !== 'function') return false
  return value instanceof Promise || raise(unusual)
}

function raise(error: Error): never {
  throw error
}
