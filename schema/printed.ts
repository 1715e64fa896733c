import { minifyIntrospection, outputIntrospectionFile } from '@gql.tada/internal'
import { introspectionFromSchema, lexicographicSortSchema, printSchema } from 'graphql'
import { schema } from './schema.ts'

/** What schema.graphql beside this file says. */
export function printedSchema(): string {
  return `${printSchema(lexicographicSortSchema(schema))}\n`
}

/** The same for the admin page's compiler, which reads off it what each of its operations takes and answers. */
export function printedTypes(): string {
  const introspection = minifyIntrospection(introspectionFromSchema(lexicographicSortSchema(schema), { descriptions: false, oneOf: true }))
  return outputIntrospectionFile(introspection, {
    fileType: '.d.ts',
    shouldPreprocess: true,
    preamble: '// Printed from the schema by `npm run schema:print`.',
  })
}
