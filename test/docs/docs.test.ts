import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { printedSchema, printedTypes } from '../../schema/printed.ts'
import { schema } from '../../schema/schema.ts'
import { configDocument, readConfig } from '../../src/config.ts'
import { errorCatalogue } from '../../src/errors.ts'

const read = (name: string): string => readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8')

test('docs/config.md says what the configuration is', () => {
  expect(read('docs/config.md')).toBe(configDocument())
})

test('docs/errors.md has a heading for every error code, in order', () => {
  const headings = [...read('docs/errors.md').matchAll(/^## (\w+)$/gm)].map((match) => match[1])

  expect(headings).toEqual([...Object.keys(errorCatalogue), 'INTERNAL'])
})

test('schema/schema.graphql is the schema as it is printed', () => {
  expect(read('schema/schema.graphql')).toBe(printedSchema())
})

test("the admin page's types are those of the schema", () => {
  expect(read('admin/src/api/schema.d.ts')).toBe(printedTypes())
})

test('every type, field, argument and value of the schema has a description', () => {
  const undescribed = Object.values(schema.getTypeMap()).flatMap((type) => {
    if (type.name.startsWith('__') || ['String', 'Int', 'Float', 'Boolean', 'ID'].includes(type.name)) return []
    const fields = 'getFields' in type ? Object.values(type.getFields()) : 'getValues' in type ? type.getValues() : []
    const named = fields.flatMap((field) => [
      ...(field.description ? [] : [`${type.name}.${field.name}`]),
      ...('args' in field
        ? field.args
            .filter((arg: { description?: string | null }) => !arg.description)
            .map((arg: { name: string }) => `${type.name}.${field.name}(${arg.name})`)
        : []),
    ])
    return [...(type.description ? [] : [type.name]), ...named]
  })

  expect(undescribed).toEqual([])
})

test('a start with a bad configuration names every faulty variable at once', () => {
  const bad = { PORT: 'many', LOG_LEVEL: 'loud', DATABASE_URL: 'mysql://x', SYNKVY_ADMIN_KEY: 'short', SYNKVY_POOLSIZE: '3' }

  expect(() => readConfig(bad)).toThrow(/PORT[^]*DATABASE_URL[^]*LOG_LEVEL[^]*SYNKVY_ADMIN_KEY[^]*SYNKVY_POOLSIZE/)
  expect(() => readConfig({ PORT: 'many', DATABASE_DIRECT_URL: 'postgres://x/y' })).toThrow(/PORT: must be[^]*DATABASE_DIRECT_URL: needs/)
  expect(() => readConfig({ SYNKVY_ADMIN_KEY: 'no header can carry such a key' })).toThrow(/SYNKVY_ADMIN_KEY: must/)
  expect(() => readConfig({ SYNKVY_DOORBELL_NETWORKS: '10.0.0.0/8,everywhere' })).toThrow(/SYNKVY_DOORBELL_NETWORKS: must/)
  expect(readConfig({ SYNKVY_DOORBELL_NETWORKS: '10.0.0.0/8, ::1/128' })).toMatchObject({ doorbellNetworks: ['10.0.0.0/8', '::1/128'] })
  expect(readConfig({ PORT: '' })).toMatchObject({ port: 4000, dataDir: '.synkvy', accountSlug: 'demo' })
})
