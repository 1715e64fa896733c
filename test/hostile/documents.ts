import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import fc, { type Arbitrary } from 'fast-check'
import { Kind, parse, print, validate, visit, type DefinitionNode, type DocumentNode, type FragmentDefinitionNode } from 'graphql'
import { schema } from '../../schema/schema.ts'
import { documentOf, streams } from '../../src/client/shapes.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** The documents that the admin page, the kit and the examples send: as they stand in their sources. */
export function realDocuments(): readonly string[] {
  const texts = [...sourcesIn('admin/src'), ...sourcesIn('examples')].flatMap(documentsIn)
  const definitions = texts.flatMap(definitionsIn)
  const fragments = definitions.filter((definition) => definition.kind === Kind.FRAGMENT_DEFINITION)
  const operations = definitions.filter((definition) => definition.kind === Kind.OPERATION_DEFINITION)
  const kit = Object.values(streams).map((shape) => documentOf(shape, shape.usual))
  const whole = operations.map((operation) => print(withFragments(operation, fragments)))
  // Whoever waits for something to come is not stuck.
  const all = [...whole, ...kit].map((text) => text.replace(/waitSeconds: \d+/, 'waitSeconds: 0'))
  return [...new Set(all)].filter((text) => validate(schema, parse(text)).length === 0)
}

function sourcesIn(folder: string): readonly string[] {
  return readdirSync(`${root}/${folder}`, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(tsx?|py|sh)$/.test(name))
    .map((name) => readFileSync(`${root}/${folder}/${name}`, 'utf8'))
}

/** What stands in quotes and begins like a document. */
function documentsIn(source: string): readonly string[] {
  const quoted = [...source.matchAll(/(`|"""|"|')\s*((?:query|mutation|subscription|fragment|\{)[^`]*?)\1/g)]
  return quoted.map(([, , text]) => text ?? '')
}

function definitionsIn(text: string): readonly DefinitionNode[] {
  try {
    return parse(text).definitions
  } catch {
    return []
  }
}

function withFragments(operation: DefinitionNode, fragments: readonly FragmentDefinitionNode[]): DocumentNode {
  const used = new Map<string, DefinitionNode>()
  const take = (definition: DefinitionNode): void =>
    void visit(definition, {
      // Masking is the admin page's own: the gateway does not know it.
      Directive: (node) => (node.name.value === '_unmask' ? null : undefined),
      FragmentSpread: ({ name }) => {
        const fragment = fragments.find((one) => one.name.value === name.value)
        if (fragment === undefined || used.has(name.value)) return
        used.set(name.value, fragment)
        take(fragment)
      },
    })
  take(operation)
  const unmasked = visit({ kind: Kind.DOCUMENT, definitions: [operation, ...used.values()] } as const, {
    Directive: (node) => (node.name.value === '_unmask' ? null : undefined),
  })
  return unmasked
}

const words = [
  '',
  '{',
  '}',
  '(',
  ')',
  '[',
  ']',
  ':',
  '!',
  '=',
  '@',
  '...',
  '|',
  '&',
  '$',
  ',',
  '#',
  '"',
  '"""',
  '\\',
  '\0',
  '\uFEFF',
  '\u2028',
  'null',
  'true',
  '-0',
  '0.0',
  '1e400',
  '-2147483649',
  '9007199254740993',
  '"\\ud800"',
  '"\\u0000"',
  '"\\u{110000}"',
  '""""""',
  '__typename',
  '__schema { types { name fields { name type { name ofType { name } } } } }',
  '__type(name: "Query") { name }',
  'on Query',
  '@skip(if: true)',
  '@include(if: $x)',
  '@deprecated',
  '@oneOf',
  '@defer',
  '@stream(initialCount: 0)',
  '@nothing(a: [1, { b: 2 }])',
  'query',
  'mutation',
  'subscription',
  'fragment F on Product { ...F }',
  '...F',
  'extend',
  'type',
  'input',
  '__proto__',
  'constructor',
  '{ viewer { name } }',
  'first: 999999',
  'id: "UHJvZHVjdDox"',
  'a: viewer { name } b: viewer { name }',
  '🦊',
  'é',
]

/** Deeply within itself. */
const nesting: Arbitrary<(text: string) => string> = fc
  .tuple(fc.constantFrom('{a', '[', '(a:{', '{a{', '...on Query{', '{a(b:[['), fc.constantFrom(10, 200, 3_000, 20_000))
  .map(
    ([part, times]) =>
      (text) =>
        `${text.slice(0, text.length / 2)}${part.repeat(times)}`,
  )

const edits: Arbitrary<(text: string) => string> = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(fc.nat(), fc.constantFrom(...words)).map(([at, word]) => atToken(at, () => word)) },
  { weight: 3, arbitrary: fc.tuple(fc.nat(), fc.constantFrom(...words)).map(([at, word]) => atToken(at, (token) => `${token} ${word}`)) },
  { weight: 2, arbitrary: fc.nat().map((at) => atToken(at, (token) => `${token} ${token}`)) },
  { weight: 2, arbitrary: fc.nat().map((at) => (text: string) => text.slice(0, at % (text.length + 1))) },
  { weight: 2, arbitrary: fc.tuple(fc.nat(), fc.string({ unit: 'binary', maxLength: 8 })).map(([at, more]) => insertAt(at, more)) },
  { weight: 1, arbitrary: fc.tuple(fc.nat(), fc.nat()).map(([from, to]) => swapTokens(from, to)) },
  { weight: 1, arbitrary: fc.integer({ min: 2, max: 30 }).map((times) => (text: string) => `${text} `.repeat(times)) },
  { weight: 1, arbitrary: nesting },
)

/** Documents that were real before a few things happened to them. */
export function mutatedDocuments(documents: readonly string[]): Arbitrary<string> {
  return fc
    .tuple(fc.constantFrom(...documents), fc.array(edits, { minLength: 0, maxLength: 4 }))
    .map(([document, made]) => made.reduce((text, edit) => edit(text), document).slice(0, 100_000))
}

const token = /[A-Za-z_]\w*|\$\w+|"[^"]*"|\d+|\.\.\.|\S/g

function atToken(at: number, change: (token: string) => string): (text: string) => string {
  return (text) => {
    const tokens = [...text.matchAll(token)]
    const chosen = tokens[at % Math.max(tokens.length, 1)]
    if (chosen === undefined) return change('')
    return `${text.slice(0, chosen.index)}${change(chosen[0])}${text.slice(chosen.index + chosen[0].length)}`
  }
}

function insertAt(at: number, more: string): (text: string) => string {
  return (text) => `${text.slice(0, at % (text.length + 1))}${more}${text.slice(at % (text.length + 1))}`
}

function swapTokens(from: number, to: number): (text: string) => string {
  return (text) => {
    const tokens = [...text.matchAll(token)].map(([one]) => one)
    const [a, b] = [from % Math.max(tokens.length, 1), to % Math.max(tokens.length, 1)]
    return tokens.map((one, index) => (index === a ? tokens[b] : index === b ? tokens[a] : one)).join(' ')
  }
}
