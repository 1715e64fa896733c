import { initGraphQLTada } from 'gql.tada'
import type { introspection } from './schema.d.ts'

/** Writes an operation: the compiler reads off the schema what it takes and what it answers. */
export const graphql = initGraphQLTada<{
  introspection: introspection
  disableMasking: true
  scalars: { ID: string; DateTime: string; Decimal: string; BigInt: string; Cursor: string }
}>()

export type { ResultOf } from 'gql.tada'
