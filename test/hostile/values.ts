import fc, { type Arbitrary } from 'fast-check'
import {
  getNullableType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isObjectType,
  type GraphQLField,
  type GraphQLInputType,
} from 'graphql'
import { schema } from '../../schema/schema.ts'
import { operationOf, selectionOf } from '../helpers/selection.ts'

/** Names of what the shop has: what is hostile should get as far as it can. */
export interface Known {
  readonly ids: readonly string[]
  readonly cursors: readonly string[]
  readonly skus: readonly string[]
  readonly handles: readonly string[]
  /** Nothing hostile is among the values: what is left is what a caller might send. */
  readonly isCalm?: true
}

export const nastyTexts = [
  '',
  ' ',
  '\0',
  'a\0b',
  '\ud800',
  'x\udc00',
  '\udbff\ud800y',
  '\uFEFF',
  '\u2028',
  '\u202E',
  '\u0001\u001f\u007f',
  'ﷺ'.repeat(90),
  '👩‍👩‍👧‍👦',
  '%',
  '_',
  '\\',
  '\\\\',
  '%\\',
  "'",
  "'; DROP TABLE products; --",
  '"',
  '$1',
  '${x}',
  '{{x}}',
  '<script>',
  '../../etc/passwd',
  '\r\nSet-Cookie: x',
  '__proto__',
  'constructor',
  'toString',
  'null',
  'undefined',
  'NaN',
  '-0',
  '1e999',
  'Infinity',
  '[]',
  '{"a":1}',
  'true',
  '{}',
  '{',
  'NULL',
  '{a,b}',
  'x'.repeat(255),
  'x'.repeat(256),
  'é'.repeat(1_001),
  'x'.repeat(2_049),
  'x'.repeat(100_001),
] as const

const text: Arbitrary<string> = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...nastyTexts) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 40 }) },
  // Half surrogates among them.
  { weight: 1, arbitrary: fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 12 }).map((units) => String.fromCharCode(...units)) },
)

/** Written without quotes: numbers that JavaScript has not. */
const unquoted = (number: string): string => `@@${number}@@`
const numbers = [
  0,
  -0,
  1,
  -1,
  2,
  1000,
  1001,
  2 ** 31 - 1,
  -(2 ** 31),
  2 ** 31,
  2 ** 53,
  -(2 ** 53) - 2,
  0.5,
  1e308,
  unquoted('1e400'),
  unquoted('-1e-400'),
  unquoted('9'.repeat(400)),
]
const wrongKinds = [null, true, false, 0, '', [], {}, [[]], [null], { a: 1 }, { __proto__: 1 }, 'x']

const moments = [
  '2030-01-01T00:00:00Z',
  '0000-01-01T00:00:00Z',
  '0000-01-01T00:00:00+23:59',
  '0001-01-01T00:00:00Z',
  '9999-12-31T23:59:59.999999999Z',
  '9999-12-31T23:59:59-23:59',
  '1970-01-01T00:00:00Z',
  '2030-02-30T00:00:00Z',
  '2030-01-01',
  '2030-01-01T00:00:00',
  '2030-01-01T24:00:00Z',
  '2030-13-01T00:00:00Z',
  'now',
  'infinity',
]
const decimals = [
  '0',
  '0.00',
  '10.00',
  '-1',
  '-0',
  '1e5',
  '999999999999999999.999999',
  '9999999999999999999',
  '0.0000001',
  '00001.10',
  '1'.repeat(200),
  '1.',
  '.5',
  'NaN',
  '١',
]
const bigInts = [
  '0',
  '1',
  '-1',
  '9223372036854775807',
  '-9223372036854775807',
  '9223372036854775808',
  '9007199254740993',
  '1795567790438128',
  '1e3',
  '0x10',
  ' 1',
]
const strangeIds = [
  'Product:0',
  'Product:9007199254740991',
  'Product:9999999999999999',
  'Product:-1',
  'Product:1 ',
  'Product:',
  ':1',
  'Query:1',
  'constructor:1',
  'Product:1:2',
  'SyncView:1',
  'Variant:1',
].map((id) => Buffer.from(id).toString('base64'))
const urls = [
  'http://127.0.0.1:9/',
  'http://192.0.2.1/',
  'http://[::1]/',
  'http://localhost/',
  'ftp://192.0.2.1/',
  'http://0x7f.1/',
  'http://user:pw@192.0.2.1/',
  'http://',
  'javascript:alert(1)',
  '//192.0.2.1',
]

/** What a name suggests, so that a call goes deeper than its first check. */
function plausible(name: string, type: string, known: Known): Arbitrary<unknown> {
  if (type === 'ID') return fc.constantFrom(...known.ids)
  if (type === 'Cursor') return fc.constantFrom(...known.cursors)
  if (type === 'DateTime') return fc.constantFrom('2030-01-01T00:00:00Z', '2026-11-23T18:10:00+01:00')
  if (type === 'Decimal') return fc.constantFrom('0', '10.00', '199.5')
  if (type === 'BigInt') return fc.constantFrom('1', '1795567790438128')
  if (type === 'Boolean') return fc.boolean()
  if (type === 'Int') return name === 'waitSeconds' ? fc.constant(0) : fc.integer({ min: 1, max: 9 })
  const byName: Readonly<Record<string, readonly string[]>> = {
    sku: known.skus,
    handle: known.handles,
    location: ['default', 'default', 'default', 'other'],
    currency: ['SEK'],
    countryCode: ['SE'],
    doorbellUrl: urls,
  }
  return fc.constantFrom(...(byName[name] ?? ['text', 'Another text', 'a', 'Ett långt ord']))
}

function hostile(name: string, type: string, known: Known): Arbitrary<unknown> {
  // Whoever waits for half a minute is not stuck.
  const suits = name === 'waitSeconds' ? numbers.filter((number) => typeof number !== 'number' || number <= 0 || number > 30) : numbers
  const special: Readonly<Record<string, readonly unknown[]>> = {
    ID: [...strangeIds, ...known.ids, ...known.ids.map((id) => `${id}=`), ...nastyTexts.slice(0, 20)],
    Cursor: [
      ...known.cursors.map((cursor) => `${cursor}A`),
      ...known.cursors.map((cursor) => cursor.slice(1)),
      'AQ',
      '',
      'x'.repeat(1_001),
    ],
    Int: suits,
    Float: suits,
    BigInt: [...bigInts, ...suits],
    Decimal: [...decimals, ...suits],
    DateTime: moments,
    Boolean: ['true', 1, 'yes'],
  }
  const those = special[type]
  const wrong = name === 'waitSeconds' ? wrongKinds.filter((value) => value !== true) : wrongKinds
  return fc.oneof(
    { weight: 4, arbitrary: name === 'doorbellUrl' ? fc.constantFrom(...urls) : those === undefined ? text : fc.constantFrom(...those) },
    { weight: 1, arbitrary: fc.constantFrom<unknown>(...wrong) },
  )
}

function isShort(value: unknown): boolean {
  return (JSON.stringify(value)?.length ?? 0) < 2_000
}

/** Values of an input type: most parts as they should be, some as nobody should send them. */
export function valuesOf(type: GraphQLInputType, name: string, known: Known): Arbitrary<unknown> {
  const seldom = known.isCalm ? 0 : 1
  if (!isNonNullType(type))
    return fc.oneof(
      { weight: 3, arbitrary: fc.constant(undefined) },
      { weight: seldom, arbitrary: fc.constant(null) },
      { weight: 6, arbitrary: givenOf(getNullableType(type), name, known) },
    )
  return fc.oneof(
    { weight: 40, arbitrary: givenOf(type.ofType, name, known) },
    { weight: seldom, arbitrary: fc.constantFrom<unknown>(...wrongKinds.slice(name === 'waitSeconds' ? 9 : 0)) },
  )
}

function givenOf(type: GraphQLInputType, name: string, known: Known): Arbitrary<unknown> {
  const seldom = known.isCalm ? 0 : 1
  if (isListType(type)) {
    const item = valuesOf(type.ofType, name, known)
    return fc.oneof(
      { weight: 30, arbitrary: fc.array(item, { minLength: 1, maxLength: 3 }) },
      { weight: seldom, arbitrary: fc.constant([]) },
      { weight: seldom, arbitrary: item },
      {
        weight: seldom,
        arbitrary: fc
          .tuple(item, fc.constantFrom(251, 1_001))
          .map(([one, times]) => (isShort(one) ? Array.from({ length: times }, () => one) : [one])),
      },
    )
  }
  if (isInputObjectType(type)) {
    const fields = Object.values(type.getFields())
    const parts = Object.fromEntries(fields.map((field) => [field.name, valuesOf(field.type, field.name, known)]))
    if (type.isOneOf)
      return fc.oneof(
        ...fields.map((field) => givenOf(getNullableType(field.type), field.name, known).map((value) => ({ [field.name]: value }))),
        fc.record(parts),
      )
    return fc.oneof(
      { weight: 20, arbitrary: fc.record(parts) },
      { weight: seldom, arbitrary: fc.record({ ...parts, unknown: fc.constant(1), __proto__: fc.constant(1) }) },
    )
  }
  if (isEnumType(type)) {
    const names = type.getValues().map((value) => value.name)
    return fc.oneof(
      { weight: 12, arbitrary: fc.constantFrom(...names) },
      { weight: seldom, arbitrary: fc.constantFrom<unknown>(...names.map((one) => one.toLowerCase()), '', 0, null) },
    )
  }
  const scalar = isNonNullType(type) ? '' : String(type)
  return fc.oneof({ weight: 14, arbitrary: plausible(name, scalar, known) }, { weight: seldom, arbitrary: hostile(name, scalar, known) })
}

/** A call of a root field. */
interface Operation {
  readonly field: string
  readonly query: string
  readonly variables: Readonly<Record<string, unknown>>
}

/** Calls of every field of a root type, with every argument. */
export function operationsOf(name: 'Query' | 'Mutation' | 'Subscription', known: Known): Arbitrary<Operation> {
  const type = schema.getType(name)
  if (!isObjectType(type)) throw new Error(`there is no ${name}`)
  const kind = name === 'Query' ? 'query' : name === 'Mutation' ? 'mutation' : 'subscription'
  return fc.oneof(...Object.values(type.getFields()).map((field) => callsOf(kind, field, known)))
}

function callsOf(kind: 'query' | 'mutation' | 'subscription', field: GraphQLField<unknown, unknown>, known: Known): Arbitrary<Operation> {
  const args = field.args.map((arg) => arg.name)
  const query = operationOf(kind, field, args, selectionOf(schema, field.type, 2))
  const variables = Object.fromEntries(field.args.map((arg) => [arg.name, valuesOf(arg.type, arg.name, known)]))
  return fc.record(variables).map((values) => ({ field: field.name, query, variables: values }))
}

/** As JSON, with the numbers that JavaScript has not. */
export function toJson(value: unknown): string {
  return JSON.stringify(value).replaceAll(/"@@([^"@]+)@@"/g, '$1')
}
