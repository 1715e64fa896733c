import { writeFileSync } from 'node:fs'
import { printedSchema, printedTypes } from './printed.ts'

writeFileSync(new URL('schema.graphql', import.meta.url), printedSchema())
writeFileSync(new URL('../admin/src/api/schema.d.ts', import.meta.url), printedTypes())
