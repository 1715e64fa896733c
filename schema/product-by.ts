import type { Author, Caller } from '../src/access/caller.ts'
import type { ProductBy } from '../src/catalog/product-input.ts'
import { builder, nodeNumber } from './builder.ts'

export const ProductByInput = builder.inputType('ProductBy', {
  description: 'A product by one of its names.',
  isOneOf: true,
  fields: (t) => ({
    id: t.globalID({ description: 'Its id.' }),
    handle: t.string({ description: 'Its handle.' }),
    sku: t.string({ description: 'The SKU of one of its variants.' }),
  }),
})

type ProductByShape = {
  id?: { typename: string; id: string } | null | undefined
  handle?: string | null | undefined
  sku?: string | null | undefined
}

/** What a ProductBy names. An id of anything else is nobody's. */
export function toProductBy(by: ProductByShape): ProductBy {
  if (by.handle) return { handle: by.handle }
  if (by.sku) return { sku: by.sku }
  return { id: by.id?.typename === 'Product' ? nodeNumber(by.id.id) : 0 }
}

/** On whose behalf a caller writes: an integration's writes carry its view. */
export function authorOf(caller: Caller): Author {
  return { accountId: caller.accountId, userId: caller.userId, syncViewId: caller.syncViewId }
}
