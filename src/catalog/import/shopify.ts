import type { VariantInput } from '../product-input.ts'
import {
  cell,
  isRefusal,
  makeSku,
  wholeNumber,
  type CsvFormat,
  type ImportContext,
  type ImportedProduct,
  type Refusal,
  type SourceRow,
} from './format.ts'

/**
 * Shopify's product CSV: the rows of a product share its handle; the first says what it is, each is a variant, a picture, or both.
 * https://help.shopify.com/en/manual/products/import-export/using-csv
 */
export const shopify: CsvFormat = {
  isHeader: (columns) => columns.includes('Handle') && columns.includes('Variant Price'),
  placeOf: (row) => {
    const handle = cell(row, 'Handle')
    return handle === undefined ? { line: row.line, field: 'Handle', reason: 'the row names no product' } : { group: handle }
  },
  build,
}

function build(rows: readonly SourceRow[], context: ImportContext): ImportedProduct | Refusal {
  const [first] = rows
  if (first === undefined) throw new Error('a group without rows')
  const handle = cell(first, 'Handle') ?? ''
  const title = rows.map((row) => cell(row, 'Title')).find((text) => text !== undefined)
  if (title === undefined) return { line: first.line, field: 'Title', reason: `"${handle}" has no title` }
  const optionNames = [1, 2, 3].map((number) => cell(first, `Option${number} Name`))
  const taken = new Set(rows.flatMap((row) => cell(row, 'Variant SKU') ?? []))
  const variants = rows.filter(isVariant).map((row) => toVariant(row, handle, optionNames, taken, context))
  const good = variants.filter((variant) => variant.refusals.length === 0)
  return {
    input: {
      handle,
      title,
      description: cell(first, 'Body (HTML)') ?? null,
      vendor: cell(first, 'Vendor') ?? null,
      productType: cell(first, 'Type') ?? null,
      tags: [...new Set((cell(first, 'Tags') ?? '').split(',').map((tag) => tag.trim()))].filter((tag) => tag !== ''),
      status: statusOf(first),
      imageUrls: [...new Set(rows.flatMap((row) => cell(row, 'Image Src') ?? []))],
      allowBackorder: rows.some((row) => cell(row, 'Variant Inventory Policy') === 'continue'),
      variants: good.map((variant) => variant.input),
    },
    stock: good.flatMap(({ input, quantity }) =>
      quantity === undefined ? [] : [{ sku: input.sku, location: 'default', onHand: quantity }],
    ),
    line: first.line,
    variantLines: good.map((variant) => variant.line),
    refusals: variants.flatMap((variant) => variant.refusals),
  }
}

function isVariant(row: SourceRow): boolean {
  return cell(row, 'Variant Price') !== undefined || cell(row, 'Variant SKU') !== undefined || cell(row, 'Option1 Value') !== undefined
}

function statusOf(row: SourceRow): 'ACTIVE' | 'DRAFT' | 'ARCHIVED' {
  const status = cell(row, 'Status')?.toLowerCase()
  if (status === 'archived') return 'ARCHIVED'
  return status === 'draft' || cell(row, 'Published')?.toLowerCase() === 'false' ? 'DRAFT' : 'ACTIVE'
}

interface ShopifyVariant {
  readonly input: VariantInput
  readonly quantity: number | undefined
  readonly line: number
  readonly refusals: readonly Refusal[]
}

function toVariant(
  row: SourceRow,
  handle: string,
  optionNames: readonly (string | undefined)[],
  taken: Set<string>,
  context: ImportContext,
): ShopifyVariant {
  const options = optionsOf(row, optionNames)
  const sku = cell(row, 'Variant SKU') ?? makeSku(handle, options, taken)
  taken.add(sku)
  const price = cell(row, 'Variant Price')
  const compareAt = cell(row, 'Variant Compare At Price')
  const grams = wholeNumber(
    { ...row, cells: { ...row.cells, 'Variant Grams': String(Math.round(Number(cell(row, 'Variant Grams') ?? 0))) } },
    'Variant Grams',
  )
  const quantity = wholeNumber(row, 'Variant Inventory Qty')
  const noPrice: readonly Refusal[] =
    price === undefined ? [{ line: row.line, field: 'Variant Price', reason: 'the variant has no price' }] : []
  return {
    input: {
      sku,
      title: options.map((option) => option.value).join(' / ') || 'Default',
      barcode: cell(row, 'Variant Barcode')?.replace(/^'/, '') ?? null,
      ...(price === undefined ? {} : { price: { amount: price, currency: context.currency } }),
      compareAtPrice: compareAt === undefined ? null : { amount: compareAt, currency: context.currency },
      weightGrams: typeof grams === 'number' ? grams : null,
      options,
    },
    quantity: typeof quantity === 'number' ? quantity : undefined,
    line: row.line,
    refusals: [...noPrice, ...[grams, quantity].flatMap((number) => (typeof number === 'object' && isRefusal(number) ? [number] : []))],
  }
}

/** "Title: Default Title" is Shopify's way of saying that there is nothing to choose. */
function optionsOf(row: SourceRow, names: readonly (string | undefined)[]): readonly { name: string; value: string }[] {
  return names.flatMap((name, index) => {
    const value = cell(row, `Option${index + 1} Value`)
    if (value === undefined || (name === 'Title' && value === 'Default Title')) return []
    return [{ name: name ?? `Option ${index + 1}`, value }]
  })
}
