import fc, { type Arbitrary } from 'fast-check'
import { schema } from '../../schema/schema.ts'
import { isInputType } from 'graphql'
import { nastyTexts, toJson, valuesOf, type Known } from './values.ts'

/** Lines of ProductInput, some of them broken. */
export function jsonLines(known: Known): Arbitrary<string> {
  const type = schema.getType('ProductInput')
  if (type === undefined || !isInputType(type)) throw new Error('there is no ProductInput')
  const line = valuesOf(type, 'line', known).map((value) => toJson(value ?? null))
  return fc.oneof(
    { weight: 6, arbitrary: line },
    { weight: 1, arbitrary: fc.tuple(line, fc.nat()).map(([text, length]) => text.slice(0, length % (text.length + 1))) },
    { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 30 }) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        '[]',
        'null',
        '1',
        '"x"',
        '{"__proto__":1}',
        '['.repeat(50_000),
        '{"handle":1e400}',
        '{"handle":"a","handle":"b"}',
      ),
    },
  )
}

const columns = {
  shopify: [
    'Handle',
    'Title',
    'Body (HTML)',
    'Vendor',
    'Type',
    'Tags',
    'Option1 Name',
    'Option1 Value',
    'Variant SKU',
    'Variant Grams',
    'Variant Inventory Qty',
    'Variant Inventory Policy',
    'Variant Price',
    'Variant Compare At Price',
    'Variant Barcode',
    'Image Src',
    'Status',
  ],
  magento: [
    'sku',
    'product_type',
    'name',
    'url_key',
    'price',
    'special_price',
    'weight',
    'qty',
    'description',
    'categories',
    'additional_attributes',
    'configurable_variations',
    'base_image',
    'additional_images',
    'product_online',
    'allow_backorders',
    'attribute_set_code',
  ],
} as const

const cellTexts = [
  '',
  '1',
  '0',
  '-1',
  '10.00',
  '1e9',
  '99999999999',
  '2147483648',
  'NaN',
  'a',
  'b',
  'A/B',
  'Size',
  'M',
  'deny',
  'continue',
  'active',
  'configurable',
  'simple',
  '1,5',
  '1 000',
  '0x10',
  'sku=a,size=M|sku=b',
  'sku=',
  'sku=a|sku=a',
  '=|,=',
  'a=b,c=d',
  '/x,/y',
  ',,,',
  '"',
  '""',
  '"a',
  'a"b',
  'a,b',
  'a\nb',
  '\r',
  '\t',
  '#',
  '=1+1',
  ...nastyTexts.filter((text) => text.length < 300),
]

/** CSV files of a format. */
export function csvFiles(format: keyof typeof columns): Arbitrary<Buffer> {
  const names = columns[format]
  const cell = fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom(...cellTexts) },
    { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 12 }) },
  )
  const quoted = fc.tuple(cell, fc.nat(20)).map(([text, how]) => (how === 0 ? text : `"${text.replaceAll('"', '""')}"`))
  // The first few name what it is.
  const row = fc
    .tuple(fc.constantFrom('a', 'b', 'c', 'dd', ''), fc.array(quoted, { minLength: names.length - 1, maxLength: names.length - 1 }))
    .map(([first, rest]) => [first, ...rest])
  const bentRow = fc
    .tuple(row, fc.nat(30))
    .map(([cells, how]) => (how === 0 ? cells.slice(1) : how === 1 ? [...cells, 'more'] : cells).join(','))
  return fc
    .tuple(
      fc.array(bentRow, { minLength: 1, maxLength: 20 }),
      fc.constantFrom('\n', '\r\n', '\n\n'),
      fc.constantFrom('', '\uFEFF'),
      fc.nat(12),
    )
    .map(([rows, end, mark, how]) => {
      const file = Buffer.from(`${mark}${[names.join(','), ...rows].join(end)}`)
      // Here and there a byte that is no character.
      if (how === 0) file.writeUInt8(0xff, file.length >> 1)
      return file
    })
}
