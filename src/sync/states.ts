import { z } from 'zod'
import { parseCustomer, parseOrder } from '../trade/states.ts'
import type { EntityOf, Stream, VariantState } from './change.ts'

// What product_state and stock_state in drizzle/0004_states.sql build, value by value in their order.

const moment = z.string().transform((text) => new Date(text))
const options = z.array(z.object({ name: z.string(), value: z.string() }))

/** A stock level with its location, which are of the account that the whole names. */
const level = z.tuple([z.number(), z.number(), z.number(), z.number(), z.number(), z.number(), z.number(), moment, z.string(), z.string()])

const variant = z.tuple([
  z.number(),
  z.number(),
  z.number(),
  z.string(),
  z.string(),
  z.string().nullable(),
  z.string(),
  z.string(),
  z.string().nullable(),
  z.string().nullable(),
  z.number().nullable(),
  options,
])

const product = z.tuple([
  z.number(),
  z.number(),
  z.string(),
  z.string(),
  z.string().nullable(),
  z.string().nullable(),
  z.string().nullable(),
  z.array(z.string()),
  z.enum(['ACTIVE', 'DRAFT', 'ARCHIVED']),
  z.array(z.string()),
  z.boolean(),
  z.number(),
  moment,
  moment,
  z.array(variant),
  z.array(level),
])

const stock = z.tuple([z.number(), level, variant])

function toLevel(
  accountId: number,
  [id, variantId, productId, locationId, onHand, reserved, revision, updatedAt, code, name]: z.infer<typeof level>,
) {
  const location = { accountId, id: locationId, code, name }
  return { accountId, id, variantId, productId, locationId, onHand, reserved, revision, updatedAt, location }
}

function toVariant(
  accountId: number,
  [id, productId, ordinal, sku, title, barcode, price, priceCurrency, compareAtPrice, compareAtCurrency, weightGrams, chosen]: z.infer<
    typeof variant
  >,
) {
  return {
    accountId,
    id,
    productId,
    ordinal,
    sku,
    title,
    barcode,
    price,
    priceCurrency,
    compareAtPrice,
    compareAtCurrency,
    weightGrams,
    options: chosen,
  }
}

function toProduct(json: unknown): EntityOf['PRODUCT'] {
  const [
    accountId,
    id,
    handle,
    title,
    description,
    vendor,
    productType,
    tags,
    status,
    imageUrls,
    allowBackorder,
    revision,
    createdAt,
    updatedAt,
    rows,
    levels,
  ] = product.parse(json)
  const stockLevels = levels.map((row) => toLevel(accountId, row))
  const variants: VariantState[] = rows.map((row) => {
    const one = toVariant(accountId, row)
    return { ...one, stockLevels: stockLevels.filter((of) => of.variantId === one.id) }
  })
  return {
    accountId,
    id,
    handle,
    title,
    description,
    vendor,
    productType,
    tags,
    status,
    imageUrls,
    allowBackorder,
    revision,
    createdAt,
    updatedAt,
    variants,
  }
}

function toStock(json: unknown): EntityOf['STOCK'] {
  const [accountId, ofLevel, ofVariant] = stock.parse(json)
  return { ...toLevel(accountId, ofLevel), variant: toVariant(accountId, ofVariant) }
}

/** An entity as a stream sends it, of the JSON that Postgres has built. */
export const parseState: { readonly [S in Stream]: (json: unknown) => EntityOf[S] } = {
  PRODUCT: toProduct,
  STOCK: toStock,
  ORDER: parseOrder,
  CUSTOMER: parseCustomer,
}
