import type { VariantInput } from '../product-input.ts'
import {
  cell,
  isRefusal,
  slugify,
  wholeNumber,
  type CsvFormat,
  type ImportContext,
  type ImportedProduct,
  type Refusal,
  type SourceRow,
} from './format.ts'

/**
 * Magento's product CSV: a row a SKU. A configurable product names its children, which may stand before or after it; every other row that nobody names
 * is a product with one variant. https://experienceleague.adobe.com/en/docs/commerce-admin/systems/data-transfer/data-attributes-product
 */
export const magento: CsvFormat = {
  isHeader: (columns) => columns.includes('sku') && columns.includes('product_type'),
  placeOf: (row) => {
    const sku = cell(row, 'sku')
    if (sku === undefined) return { line: row.line, field: 'sku', reason: 'the row has no SKU' }
    return { group: sku, sku, children: variationsOf(row).map((variation) => variation.sku) }
  },
  build,
}

interface Variation {
  readonly sku: string
  readonly options: readonly { readonly name: string; readonly value: string }[]
}

/** `sku=A-S-Red,size=S,color=Red|sku=…` */
function variationsOf(row: SourceRow): readonly Variation[] {
  return (cell(row, 'configurable_variations') ?? '').split('|').flatMap((text) => {
    const pairs = text.split(',').map((pair) => pair.split('='))
    const sku = pairs.find(([name]) => name?.trim() === 'sku')?.[1]?.trim()
    if (sku === undefined || sku === '') return []
    return [
      {
        sku,
        options: pairs.flatMap(([name, value]) =>
          name === undefined || value === undefined || name.trim() === 'sku' ? [] : [{ name: name.trim(), value }],
        ),
      },
    ]
  })
}

function build(rows: readonly SourceRow[], context: ImportContext): ImportedProduct | Refusal {
  const parent = rows.find((row) => cell(row, 'configurable_variations') !== undefined) ?? rows[0]
  if (parent === undefined) throw new Error('a group without rows')
  const variations = new Map(variationsOf(parent).map((variation) => [variation.sku, variation]))
  const children = rows.filter((row) => row !== parent)
  const sold = variations.size === 0 ? [parent] : children
  const title = cell(parent, 'name')
  const handle = cell(parent, 'url_key') ?? slugify(title ?? cell(parent, 'sku') ?? '')
  if (handle === '') return { line: parent.line, field: 'url_key', reason: 'there is neither a url_key nor a name to make a handle of' }
  const ordered = inOrder(sold, [...variations.keys()])
  const variants = ordered.map((row) => toVariant(row, variations.get(cell(row, 'sku') ?? ''), context))
  const good = variants.filter((variant) => variant.refusals.length === 0)
  const missing = [...variations.keys()].filter((sku) => !children.some((row) => cell(row, 'sku') === sku))
  return {
    input: {
      handle,
      title: title ?? handle,
      description: cell(parent, 'description') ?? cell(parent, 'short_description') ?? null,
      vendor: attributesOf(parent).get('manufacturer') ?? null,
      productType: cell(parent, 'attribute_set_code') ?? null,
      tags: categoriesOf(parent),
      status: cell(parent, 'product_online') === '2' || cell(parent, 'product_online') === '0' ? 'DRAFT' : 'ACTIVE',
      imageUrls: imagesOf(parent),
      allowBackorder: rows.some((row) => Number(cell(row, 'allow_backorders') ?? 0) > 0),
      variants: good.map((variant) => variant.input),
    },
    stock: good.flatMap(({ input, quantity }) =>
      quantity === undefined ? [] : [{ sku: input.sku, location: 'default', onHand: quantity }],
    ),
    line: parent.line,
    variantLines: good.map((variant) => variant.line),
    refusals: [
      ...variants.flatMap((variant) => variant.refusals),
      ...missing.map((sku) => ({
        line: parent.line,
        field: 'configurable_variations',
        reason: `the variation "${sku}" is not in the file`,
      })),
    ],
  }
}

/** The children in the order in which the parent names them. */
function inOrder(rows: readonly SourceRow[], skus: readonly string[]): readonly SourceRow[] {
  const place = (row: SourceRow): number => skus.indexOf(cell(row, 'sku') ?? '')
  return rows.toSorted((a, b) => place(a) - place(b))
}

/** `size=XS,color=Black` */
function attributesOf(row: SourceRow): ReadonlyMap<string, string> {
  const pairs = (cell(row, 'additional_attributes') ?? '').split(',').map((pair) => pair.split('='))
  return new Map(
    pairs.flatMap(([name, value]) => (name === undefined || value === undefined ? [] : [[name.trim(), value.trim()] as const])),
  )
}

/** The last part of each category's path: "Default Category/Men/Tops" is "Tops". */
function categoriesOf(row: SourceRow): readonly string[] {
  const names = (cell(row, 'categories') ?? '').split(',').flatMap((path) => path.split('/').at(-1)?.trim() ?? [])
  return [...new Set(names)].filter((name) => name !== '' && name !== 'Default Category')
}

function imagesOf(row: SourceRow): readonly string[] {
  return [...new Set([cell(row, 'base_image'), ...(cell(row, 'additional_images') ?? '').split(',')])].flatMap((url) => url?.trim() || [])
}

interface MagentoVariant {
  readonly input: VariantInput
  readonly quantity: number | undefined
  readonly line: number
  readonly refusals: readonly Refusal[]
}

function toVariant(row: SourceRow, variation: Variation | undefined, context: ImportContext): MagentoVariant {
  const [usual, special] = [cell(row, 'price'), cell(row, 'special_price')]
  const amount = special ?? usual
  const weight = Number(cell(row, 'weight') ?? 0)
  const quantity = wholeNumber({ ...row, cells: { qty: wholePart(cell(row, 'qty')) } }, 'qty')
  const noPrice: readonly Refusal[] = amount === undefined ? [{ line: row.line, field: 'price', reason: 'the row has no price' }] : []
  const oddWeight: readonly Refusal[] =
    Number.isFinite(weight) && weight >= 0 ? [] : [{ line: row.line, field: 'weight', reason: `"${cell(row, 'weight')}" is no weight` }]
  const options = variation?.options ?? []
  return {
    input: {
      sku: cell(row, 'sku') ?? '',
      title: options.map((option) => option.value).join(' / ') || (cell(row, 'name') ?? 'Default'),
      barcode: attributesOf(row).get('gtin') ?? attributesOf(row).get('ean') ?? null,
      ...(amount === undefined ? {} : { price: { amount: plainAmount(amount), currency: context.currency } }),
      compareAtPrice: special === undefined || usual === undefined ? null : { amount: plainAmount(usual), currency: context.currency },
      // Magento names no unit; kilograms are what a metric shop has.
      weightGrams: cell(row, 'weight') === undefined || oddWeight.length > 0 ? null : Math.round(weight * 1000),
      options,
    },
    quantity: typeof quantity === 'number' ? quantity : undefined,
    line: row.line,
    refusals: [...noPrice, ...oddWeight, ...(typeof quantity === 'object' && isRefusal(quantity) ? [quantity] : [])],
  }
}

/** Magento exports "100.0000" for a quantity of whole units. */
function wholePart(text: string | undefined): string {
  return (text ?? '').replace(/\.0+$/, '')
}

/** And prices with six decimals of which most are zeros. */
function plainAmount(text: string): string {
  return text.replace(/(\.\d*?)0+$/, '$1').replace(/\.$/, '')
}
