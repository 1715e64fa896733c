import fc from 'fast-check'
import {
  buildSchema,
  execute,
  getOperationAST,
  getVariableValues,
  isObjectType,
  parse,
  validate,
  type ExecutionResult,
  type GraphQLFieldResolver,
  type GraphQLSchema,
} from 'graphql'
import { expect, test } from 'vitest'
import { schema as publicSchema } from '../../schema/schema.ts'
import { planEvents, planKey, type EventPlan } from '../../src/server/event-plan.ts'
import { toState } from '../../src/sync/states.ts'

// A plan is held against graphql-js: of what a plan answers not a letter may differ, and it must answer whatever is of the usual kind. (Things in a list may be null, for graphql-js 16 lets
// go of what is still being loaded for one when another that may not be null has failed, and its rejection ends the process.)

const things = buildSchema(`
  enum Colour { RED BLUE }
  interface Named { name: String! }
  type Thing implements Named {
    name: String!  size: Int  colour: Colour!  tags: [String!]!  grid: [[Int]]  inner: Thing  inners: [Thing]!  given(of: Int = 3, what: [String!]): String
    loaded: Thing  loadedName: String!  odd: String  sound: String!  named: Named
  }
  type Query { none: String }
  type Subscription { thing(key: String): Thing! }`)

const resolvers: Readonly<Record<string, GraphQLFieldResolver<unknown, unknown>>> = {
  given: (_source, args) => JSON.stringify(args),
  loaded: async (source) => within(source, 'inner'),
  loadedName: async (source) => within(source, 'name'),
  sound: (source) => within(source, 'odd') ?? 'sound',
}
for (const [name, resolve] of Object.entries(resolvers)) {
  const field = fieldsOf(things, 'Thing')[name]
  if (field !== undefined) field.resolve = resolve
}
const root = fieldsOf(things, 'Subscription')['thing']
if (root !== undefined) root.resolve = (event) => event

function fieldsOf(schema: GraphQLSchema, name: string) {
  const type = schema.getType(name)
  if (!isObjectType(type)) throw new Error(`there is no type ${name}`)
  return type.getFields()
}

function within(source: unknown, name: string): unknown {
  return typeof source === 'object' && source !== null ? Reflect.get(source, name) : undefined
}

/** Values that are not of the usual kind, one of which an event may hold. */
const oddities: Readonly<Record<string, () => unknown>> = {
  'a value': () => 'odd',
  nothing: () => null,
  'an error': () => new Error('odd'),
  'a function': () => () => 'made',
  'a promise': async () => 'later',
  // oxlint-disable-next-line unicorn/no-thenable -- which is the point
  'something like a promise': () => ({ then: (resolve: (value: string) => void) => resolve('later') }),
  'a promise that is broken': () => {
    const broken = Promise.reject(new Error('broken'))
    // Where nobody asks for it.
    broken.catch(() => {})
    return broken
  },
}

/** How an event may look: each oddity is made anew for each execution. */
interface Shape {
  readonly name: string | null
  readonly size: number | null
  readonly colour: string
  readonly tags: readonly (string | null)[] | null
  readonly oddity: string
  readonly inners: readonly Shape[]
  readonly inner: Shape | null
}

const shapes = (isUsual: boolean) =>
  fc.letrec<{ shape: Shape }>((tie) => ({
    shape: fc.record({
      name: isUsual ? fc.string() : fc.option(fc.string(), { freq: 12 }),
      size: fc.option(isUsual ? fc.integer({ min: -9, max: 9 }) : fc.oneof(fc.integer({ min: -9, max: 9 }), fc.constant(0.5))),
      colour: fc.constantFrom('RED', 'BLUE', ...(isUsual ? [] : ['GREEN'])),
      tags: isUsual
        ? fc.array(fc.string(), { maxLength: 3 })
        : fc.option(fc.array(fc.option(fc.string(), { freq: 9 }), { maxLength: 3 }), { freq: 9 }),
      oddity: isUsual ? fc.constantFrom('a value', 'nothing', 'a promise') : fc.constantFrom(...Object.keys(oddities)),
      inners: fc.oneof({ depthSize: 'small' }, fc.constant([]), fc.array(tie('shape'), { maxLength: 2 })),
      inner: fc.oneof({ depthSize: 'small' }, fc.constant(null), tie('shape')),
    }),
  })).shape

function toThing({ oddity, inner, inners, ...plain }: Shape): unknown {
  const made = { inner: inner && toThing(inner), inners: inners.map(toThing), grid: [[1, plain.size], null], odd: oddities[oddity]?.() }
  return { ...plain, ...made, named: null }
}

/** Documents over Thing: fields under other names, fragments, conditions, arguments. */
const selections = fc.letrec<{ selection: string; set: string }>((tie) => ({
  selection: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom('name', 'size', 'colour', 'tags', 'grid', '__typename', 'a: name', 'odd', 'sound', 'loadedName', 'named { name }'),
    fc.constantFrom('given', 'b: given(of: $number)', 'c: given(of: 7, what: ["x"])', 'd: given(what: [$text])', 'given'),
    fc.constantFrom(
      'name @skip(if: $yes)',
      'size @include(if: $yes)',
      'tags @include(if: true) @skip(if: $no)',
      '...Parts',
      '... on Named { name e: name }',
    ),
    tie('set').map((set) => `inner ${set}`),
    tie('set').map((set) => `loaded ${set}`),
    tie('set').map((set) => `inners ${set}`),
    tie('set').map((set) => `... on Thing ${set}`),
    tie('set').map((set) => `... @include(if: $no) ${set}`),
  ),
  set: fc.array(tie('selection'), { minLength: 1, maxLength: 5 }).map((parts) => `{ ${parts.join(' ')} }`),
})).set

const variablesAsked = fc.record({
  number: fc.option(fc.integer({ min: 0, max: 9 })),
  text: fc.string(),
  yes: fc.boolean(),
  no: fc.boolean(),
})

function documentOf(selection: string) {
  return parse(`
    subscription ($number: Int, $text: String!, $yes: Boolean!, $no: Boolean!) {
      thing ${selection} unused: thing @include(if: false) { given(of: $number, what: [$text]) size @skip(if: $yes) tags @skip(if: $no) ...Parts }
    }
    fragment Parts on Thing { colour inner { size a: name } }`)
}

function plan(
  schema: GraphQLSchema,
  text: ReturnType<typeof parse>,
  given: Record<string, unknown>,
): { readonly plan: EventPlan; readonly coerced: Record<string, unknown> } {
  const operation = getOperationAST(text)
  if (!operation) throw new Error('there is no operation')
  const { coerced, errors } = getVariableValues(schema, operation.variableDefinitions ?? [], given)
  if (coerced === undefined) throw errors[0]
  return { plan: planEvents(schema, text, operation, coerced), coerced }
}

async function both(selection: string, given: Record<string, unknown>, shape: Shape) {
  const document = documentOf(selection)
  const planned = plan(things, document, given)
  const usual: ExecutionResult = await execute({ schema: things, document, rootValue: toThing(shape), variableValues: given })
  return { usual, data: await planned.plan(toThing(shape), {}, planned.coerced) }
}

const isValid = (selection: string): boolean =>
  validate(things, documentOf(selection)).filter(({ message }) => !message.includes('one top level')).length === 0

test('what a plan answers graphql-js answers to the letter, whatever is asked of whatever event', async () => {
  await fc.assert(
    fc.asyncProperty(selections.filter(isValid), variablesAsked, shapes(false), async (selection, given, shape) => {
      const { usual, data } = await both(selection, given, shape)
      if (data !== undefined) expect(JSON.stringify({ data })).toBe(JSON.stringify(usual))
    }),
    { numRuns: 700 },
  )
})

test('of the usual kind is whatever has no errors in it', async () => {
  await fc.assert(
    fc.asyncProperty(selections.filter(isValid), variablesAsked, shapes(true), async (selection, given, shape) => {
      const { usual, data } = await both(selection, given, shape)
      expect(usual.errors).toBeUndefined()
      expect(JSON.stringify({ data })).toBe(JSON.stringify(usual))
    }),
    { numRuns: 700 },
  )
})

test('conditions that differ are plans that differ, and other variables are not', () => {
  const document = documentOf('{ name @skip(if: $yes) given(of: $number) }')
  const operation = getOperationAST(document)
  if (!operation) throw new Error('there is no operation')
  const key = (given: Record<string, unknown>) => planKey(document, operation, given)
  expect(key({ yes: true, no: false, number: 1 })).toBe(key({ yes: true, no: false, number: 2 }))
  expect(key({ yes: true, no: false })).not.toBe(key({ yes: false, no: false }))
})

test('fragments that would double with each other are gone through once', () => {
  const depth = 40
  const fragments = Array.from(
    { length: depth },
    (_, at) => `fragment F${at} on Thing { ...F${at + 1} inner { ...F${at + 1} } ...F${at + 1} }`,
  )
  const text = `subscription { thing(key: "x") { ...F0 } } ${fragments.join(' ')} fragment F${depth} on Thing { name }`
  const { plan: planned, coerced } = plan(things, parse(text), {})
  expect(JSON.stringify(planned({ name: 'A', inner: null }, {}, coerced))).toBe('{"thing":{"name":"A","inner":null}}')
})

test('a field may be called what objects inherit', async () => {
  const selection = '{ __proto__: inner { name } constructor: name }'
  const shape = { name: 'A', size: 1, colour: 'RED', tags: [], oddity: 'nothing', inners: [] }
  const { usual, data } = await both(
    selection,
    { number: 1, text: '', yes: true, no: false },
    { ...shape, inner: { ...shape, inner: null } },
  )
  expect(data).toBeUndefined()
  expect(JSON.stringify(usual)).toBe('{"data":{"thing":{"__proto__":{"name":"A"},"constructor":"A"}}}')
})

test('a batch of products or of stock is answered at once, without a promise', () => {
  const moment = '2026-11-27T04:42:03.123456+00:00'
  type Stock = Parameters<typeof toState.STOCK>[0]
  const level: Stock[1] = [4, 3, 2, 1, 10, 2, 7, moment, 'default', 'Default']
  const variant: Stock[2] = [3, 2, 1, 'SKU', 'M', null, '499.00', 'SEK', '599.00', null, 450, [{ name: 'Size', value: 'M' }]]
  const [tags, imageUrls]: [string[], string[]] = [['warm'], []]
  const raw: Parameters<typeof toState.PRODUCT>[0] = [
    ...([1, 2, 'jacket', 'Jacket', null, 'Vendor', null] as const),
    tags,
    'ACTIVE',
    imageUrls,
    ...([false, 5, moment, moment, [variant], [level]] as const),
  ]
  const product = toState.PRODUCT(raw)
  const variantFields = 'id sku title barcode price { amount currency } compareAtPrice { amount } weightGrams options { name value }'
  const levelFields = 'id onHand reserved available revision updatedAt location { id code name }'
  const productFields = `id handle title description vendor productType tags status imageUrls allowBackorder revision updatedAt
    variants { ${variantFields} available stockLevels { ${levelFields} variant { id } } }`
  const batch = <Entity>(entity: Entity) => {
    const change = {
      kind: 'UPSERT',
      lane: 'RESEND',
      id: 2,
      revision: 5n,
      entity,
      reason: undefined,
      key: 'key',
      locationCode: 'default',
      externalId: 'A',
    }
    return { cursor: 'cursor', caughtUp: true, resendId: 1, resendComplete: false, changes: [change] }
  }
  const answer = (text: string, event: unknown) => {
    const { plan: ofText, coerced } = plan(publicSchema, parse(text), {})
    return ofText(event, { sync: { epoch: 1 } }, coerced)
  }
  const head = '__typename cursor caughtUp resendId resendComplete'

  const products = answer(
    `subscription { productChanges { ${head} changes { kind lane productId revision reason handle externalId product { ${productFields} } } } }`,
    batch(product),
  )
  const stock = answer(
    `subscription { stockChanges { ${head} changes { kind lane stockLevelId revision reason sku locationCode stockLevel { ${levelFields} variant { ${variantFields} } } } } }`,
    batch(toState.STOCK([1, level, variant])),
  )

  expect(products).toMatchObject({
    productChanges: { changes: [{ product: { variants: [{ available: 8, stockLevels: [{ onHand: 10 }] }] } }] },
  })
  expect(stock).toMatchObject({ stockChanges: { changes: [{ stockLevel: { available: 8, variant: { sku: 'SKU' } } }] } })
})
