import { z } from 'zod'
import type { ProductInput } from '../product-input.ts'
import type { Refusal } from './format.ts'

const money = z.strictObject({ amount: z.string(), currency: z.string() })

const variant = z.strictObject({
  sku: z.string(),
  title: z.string().nullish(),
  barcode: z.string().nullish(),
  price: money.nullish(),
  compareAtPrice: money.nullish(),
  weightGrams: z.int().nullish(),
  options: z.array(z.strictObject({ name: z.string(), value: z.string() })).nullish(),
})

const product = z.strictObject({
  handle: z.string().min(1),
  title: z.string().nullish(),
  description: z.string().nullish(),
  vendor: z.string().nullish(),
  productType: z.string().nullish(),
  tags: z.array(z.string()).nullish(),
  status: z.enum(['ACTIVE', 'DRAFT', 'ARCHIVED']).nullish(),
  imageUrls: z.array(z.string()).nullish(),
  allowBackorder: z.boolean().nullish(),
  variants: z.array(variant).nullish(),
})

/** A line of JSON Lines as the ProductInput that it is, or why it is none. */
export function readProductLine(text: string, line: number): ProductInput | Refusal {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (error) {
    return { line, reason: `this is no JSON: ${error instanceof Error ? error.message : String(error)}` }
  }
  const result = product.safeParse(json)
  if (result.success) return result.data
  const [issue] = result.error.issues
  return { line, field: issue?.path.join('.'), reason: issue?.message ?? 'this is no ProductInput' }
}
