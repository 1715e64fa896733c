import { readdirSync, readFileSync } from 'node:fs'
import { getIntrospectionQuery, Kind, parse, print, validate, type DocumentNode, type FragmentDefinitionNode } from 'graphql'
import { describe, expect, test } from 'vitest'
import { schema } from '../../schema/schema.ts'
import { documentOf, streams } from '../../src/client/shapes.ts'
import { readConfig } from '../../src/config.ts'
import { costOf, shapeOf } from '../../src/server/query-limits.ts'

const { limits } = readConfig({})
const cost = (text: string, variables?: Record<string, unknown>): number => costOf(schema, parse(text), { variables })

describe('what an operation costs', () => {
  test.each([
    ['{ viewer { name kind } }', 3],
    ['{ products(first: 500) { totalCount nodes { id } } }', 1 + 1 + 1 + 500],
    ['{ products { nodes { id } } }', 1 + 1 + 50],
    ['{ products(first: 10) { edges { node { variants { sku } } } } }', 1 + 1 + 10 * (1 + 1 + 10)],
    ['{ a: products(first: 10) { nodes { id } } b: products(first: 20) { nodes { id } } }', 12 + 22],
    ['{ products(first: 10) { ...P } } fragment P on ProductConnection { nodes { ...N } } fragment N on Product { id title }', 1 + 1 + 20],
    ['{ products(first: 10) { nodes { links(first: 10) { nodes { id } } } } }', 1 + 1 + 10 * (1 + 1 + 10)],
    ['{ node(id: "x") { ... on Product { title tags } } }', 3],
    ['subscription { stockChanges(batchSize: 100) { cursor changes { sku stockLevel { available } } } }', 1 + 1 + 1 + 100 * 3],
    ['subscription { stockChanges { changes { sku } } }', 1 + 1 + 500],
    ['subscription { syncViewStatuses { id } }', 1 + 10],
    // What is out of bounds the field refuses, in its own words.
    ['{ products(first: 2000000000) { nodes { id } } }', 1 + 1 + 1_000],
    ['{ products(first: -5) { nodes { id } } }', 1 + 1],
  ])('%s', (text, expected) => {
    expect(cost(text)).toBe(expected)
  })

  test('a page whose size is a variable: as it is given, or as it is where it is not', () => {
    const text = 'query ($first: Int = 20) { products(first: $first) { nodes { id } } }'

    expect([cost(text, { first: 7 }), cost(text), cost(text.replace(' = 20', '')), cost(text, { first: 'many' })]).toEqual([9, 22, 52, 52])
  })

  test('counts the operation that is meant', () => {
    const document = parse('query A { viewer { id } } query B { products { nodes { id } } }')

    expect(['A', 'B', 'C'].map((operationName) => costOf(schema, document, { operationName }))).toEqual([2, 52, 0])
  })
})

describe('however often fragments are spread, it is counted at once', () => {
  const doubled = (levels: number, on: string, last: string) =>
    Array.from(
      { length: levels },
      (_, level) => `fragment F${level} on ${on} { ${level === levels - 1 ? last : `...F${level + 1} ...F${level + 1}`} }`,
    )

  test('2 to the power of 200 fields', () => {
    const text = `{ viewer { ...F0 } } ${doubled(201, 'User', 'a: name').join(' ')}`

    expect(shapeOf(parse(text))).toEqual({ depth: 2, aliases: 2 ** 200, fields: 1 })
    expect(cost(text)).toBe(2 ** 200 + 1)
  })

  test('in a cycle, which is not valid', () => {
    const text = '{ viewer { ...A } } fragment A on User { name ...B } fragment B on User { b: name ...A }'

    expect(shapeOf(parse(text))).toEqual({ depth: 2, aliases: 1, fields: 1 })
    expect(cost(text)).toBeLessThan(10)
    expect(validate(schema, parse(text)).map(({ message }) => message)).toContainEqual(expect.stringContaining('itself'))
  })
})

const root = new URL('../../', import.meta.url)

function filesOf(folder: string): readonly string[] {
  return readdirSync(new URL(folder, root), { recursive: true, encoding: 'utf8' }).map((name) => `${folder}/${name}`)
}

/** The GraphQL that stands in a text, between whatever quotes. */
function documentsIn(text: string): readonly DocumentNode[] {
  const quoted = [...text.matchAll(/(```graphql|"""|[`'"])\s*((?:query|mutation|subscription|fragment|\{)[^`]*?)(```|\1)/g)].map(
    ([, , inside]) => inside ?? '',
  )
  return quoted.flatMap((inside) => {
    try {
      return [parse(inside)]
    } catch {
      return []
    }
  })
}

/** Every operation that is written for callers to make, with the fragments that it spreads. */
function operationsOfClients(): readonly (readonly [string, string])[] {
  const files = [
    ...filesOf('admin/src'),
    ...filesOf('examples'),
    ...filesOf('docs'),
    ...filesOf('src/client'),
    ...filesOf('src/cli'),
    'src/server/yoga.ts',
  ]
  const found = files
    .filter((file) => /\.(tsx?|py|md|sh)$/.test(file))
    .flatMap((file) => documentsIn(readFileSync(new URL(file, root), 'utf8')).map((document) => [file, document] as const))
  const fragments = new Map<string, FragmentDefinitionNode>()
  for (const [, { definitions }] of found)
    for (const definition of definitions) if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition)
  const withFragments = (text: string): string => {
    const missing = [...fragments].filter(([name]) => text.includes(`...${name}`) && !text.includes(`fragment ${name} `))
    return missing.length === 0 ? text : withFragments([text, ...missing.map(([, fragment]) => print(fragment))].join('\n'))
  }
  return found
    .filter(([, { definitions }]) => definitions.some(({ kind }) => kind === Kind.OPERATION_DEFINITION))
    .map(([file, document]) => [file, withFragments(print(document))] as const)
    .filter(([, text]) => validate(schema, parse(text)).length === 0)
}

const ofClients = [
  ...operationsOfClients(),
  ...Object.values(streams).map((stream) => ['the kit', documentOf(stream, stream.usual)] as const),
  ['GraphiQL', getIntrospectionQuery({ descriptions: true, inputValueDeprecation: true, schemaDescription: true, specifiedByUrl: true })],
  [
    'all of a page',
    '{ products(first: 250) { nodes { id title variants { sku barcode price { amount } stockLevels { location { code } onHand reserved available } } } } }',
  ],
] as const

describe('what clients ask for stays far below the limits', () => {
  test('it was found', () => {
    const files = new Set(ofClients.map(([file]) => file))

    expect(ofClients.length).toBeGreaterThan(35)
    for (const file of ['examples/pull.py', 'examples/graphql-ws.ts', 'admin/src/sync-views/view.ts', 'admin/src/products/product.tsx'])
      expect(files).toContain(file)
  })

  test.each(ofClients)('%s: %s', (_file, text) => {
    const shape = shapeOf(parse(text))

    expect(shape.depth).toBeLessThanOrEqual(limits.depth / 2)
    expect(shape.aliases).toBeLessThanOrEqual(limits.aliases / 10)
    expect(shape.fields).toBeLessThanOrEqual(limits.rootFields / 10)
    expect(() => parse(text, { maxTokens: limits.tokens / 10 })).not.toThrow()
    expect(cost(text)).toBeLessThanOrEqual(limits.cost / 5)
    // The largest batches that there are.
    expect(cost(text, { batchSize: 1_000 })).toBeLessThanOrEqual(limits.cost / 2)
  })

  test.each([
    '{ products(first: 250) { nodes { links(first: 250) { nodes { product { links(first: 250) { nodes { id } } } } } } } }',
    '{ products(first: 250) { nodes { variants { product { variants { product { variants { product { variants { sku } } } } } } } } } }',
    `{ ${Array.from({ length: 50 }, (_, index) => `a${index}: products(first: 250) { nodes { variants { stockLevels { variant { product { title } } } } } }`).join(' ')} }`,
    `{ ${Array.from({ length: 50 }, (_, index) => `a${index}: __schema { types { name fields { name args { name type { name ofType { name ofType { name } } } } type { name ofType { name ofType { name } } } } } }`).join(' ')} }`,
  ])('an explosion does not: %s', (text) => {
    expect(cost(text)).toBeGreaterThan(limits.cost)
  })
})
