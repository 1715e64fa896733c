import type { VariantRow } from '../catalog/rows.ts'
import { toCustomer, toOrder, type RawCustomer, type RawOrder } from '../trade/states.ts'
import type { EntityOf, Stream, VariantState } from './change.ts'

// What product_state and stock_state in drizzle/0004_states.sql build, value by value in their order. As with every answer of Postgres the types are what the SQL says:
// to check each value took an eighth of the time of a resend.

/** A moment as Postgres writes it in JSON. */
type Moment = string
type Options = VariantState['options']

/** A stock level with its location, which are of the account that the whole names. */
type RawLevel = readonly [
  id: number,
  variantId: number,
  productId: number,
  locationId: number,
  onHand: number,
  reserved: number,
  revision: number,
  updatedAt: Moment,
  code: string,
  name: string,
]

type RawVariant = readonly [
  id: number,
  productId: number,
  ordinal: number,
  sku: string,
  title: string,
  barcode: string | null,
  price: string,
  priceCurrency: string,
  compareAtPrice: string | null,
  compareAtCurrency: string | null,
  weightGrams: number | null,
  options: Options,
]

type RawProduct = readonly [
  accountId: number,
  id: number,
  handle: string,
  title: string,
  description: string | null,
  vendor: string | null,
  productType: string | null,
  tags: string[],
  status: EntityOf['PRODUCT']['status'],
  imageUrls: string[],
  allowBackorder: boolean,
  revision: number,
  createdAt: Moment,
  updatedAt: Moment,
  variants: readonly RawVariant[],
  levels: readonly RawLevel[],
]

/** An entity of each stream as Postgres builds it. */
export interface RawState {
  readonly PRODUCT: RawProduct
  readonly STOCK: readonly [accountId: number, level: RawLevel, variant: RawVariant]
  readonly ORDER: RawOrder
  readonly CUSTOMER: RawCustomer
}

function toLevel(
  [id, variantId, productId, locationId, onHand, reserved, revision, updatedAt, code, name]: RawLevel,
  variant: VariantRow,
): EntityOf['STOCK'] {
  const { accountId } = variant
  const location = { accountId, id: locationId, code, name }
  return { accountId, id, variantId, productId, locationId, onHand, reserved, revision, updatedAt: new Date(updatedAt), variant, location }
}

function toVariant(
  accountId: number,
  [id, productId, ordinal, sku, title, barcode, price, priceCurrency, compareAtPrice, compareAtCurrency, weightGrams, chosen]: RawVariant,
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

function toProduct(raw: RawProduct): EntityOf['PRODUCT'] {
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
  ] = raw
  const variants = rows.map((row) => {
    const stockLevels: EntityOf['STOCK'][] = []
    // Not spread, as in feed.ts.
    return Object.assign(toVariant(accountId, row), { stockLevels })
  })
  for (const row of levels) {
    const variant = variants.find(({ id: variantId }) => variantId === row[1])
    variant?.stockLevels.push(toLevel(row, variant))
  }
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
    createdAt: new Date(createdAt),
    updatedAt: new Date(updatedAt),
    variants,
  }
}

function toStock([accountId, ofLevel, ofVariant]: RawState['STOCK']): EntityOf['STOCK'] {
  return toLevel(ofLevel, toVariant(accountId, ofVariant))
}

/** An entity as a stream sends it, of what Postgres has built. */
export const toState: { readonly [S in Stream]: (raw: RawState[S]) => EntityOf[S] } = {
  PRODUCT: toProduct,
  STOCK: toStock,
  ORDER: toOrder,
  CUSTOMER: toCustomer,
}
