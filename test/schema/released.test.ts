import { readFileSync } from 'node:fs'
import { buildSchema, DangerousChangeType, findBreakingChanges, findDangerousChanges, type GraphQLSchema } from 'graphql'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { schema } from '../../schema/schema.ts'

const read = (name: string): string => readFileSync(new URL(`../../schema/${name}`, import.meta.url), 'utf8')

const declared = z
  .array(z.strictObject({ change: z.string().min(1), reason: z.string().min(20) }))
  .parse(JSON.parse(read('breaking-changes.json')))

/** What breaks a client that was written for `before`: what is gone or changed, and a default that is another. */
function breaking(before: GraphQLSchema, after: GraphQLSchema): readonly string[] {
  const otherDefaults = findDangerousChanges(before, after).filter(({ type }) => type === DangerousChangeType.ARG_DEFAULT_VALUE_CHANGE)
  return [...findBreakingChanges(before, after), ...otherDefaults].map(({ description }) => description)
}

test('what would break a client since the last release is declared in schema/breaking-changes.json, with a reason, and nothing else is', () => {
  expect(declared.map(({ change }) => change)).toEqual(breaking(buildSchema(read('released.graphql')), schema))
})

test('a field that is gone, an argument that is required, and another default are noticed', () => {
  const before = buildSchema('type Query { a(x: Int = 1, y: Int): Int b: Int }')
  const after = buildSchema('type Query { a(x: Int = 2, y: Int!): Int }')

  expect(breaking(before, after)).toEqual([
    'Query.b was removed.',
    'Query.a arg y has changed type from Int to Int!.',
    'Query.a arg x has changed defaultValue from 1 to 2.',
  ])
  expect(breaking(after, after)).toEqual([])
})
