import { readFileSync } from 'node:fs'
import { buildSchema, DangerousChangeType, findBreakingChanges, findDangerousChanges } from 'graphql'
import { expect, test } from 'vitest'
import { schema } from '../../schema/schema.ts'

const contract = buildSchema(readFileSync(new URL('contract.graphql', import.meta.url), 'utf8'))

test('the schema holds everything that external systems rely on, with the same types', () => {
  expect(findBreakingChanges(contract, schema)).toEqual([])
})

test('no default of an argument is another than external systems rely on', () => {
  const changed = findDangerousChanges(contract, schema).filter(({ type }) => type === DangerousChangeType.ARG_DEFAULT_VALUE_CHANGE)

  expect(changed).toEqual([])
})
