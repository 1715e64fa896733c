import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Refusal } from '../../src/catalog/import/format.ts'
import { importCatalog, type FormatName } from '../../src/catalog/import/import.ts'
import { productBy, variantsOfProducts } from '../../src/catalog/products.ts'
import { insertAccount } from '../helpers/account.ts'
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts'

const data = process.env['SYNKVY_TEST_DATA']
if (data === undefined) console.warn('skipped: the import of real catalogues; SYNKVY_TEST_DATA names no folder with them')

let test_: TestDatabase
let accountId: number
let folder: string
beforeAll(async () => {
  test_ = await createTestDatabase()
  accountId = await insertAccount(test_.database)
  folder = await mkdtemp(join(tmpdir(), 'synkvy-import-'))
})
afterAll(async () => {
  await test_[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

async function importFile(file: string, format?: FormatName) {
  const refusals: Refusal[] = []
  const result = await importCatalog(
    test_.database,
    { accountId },
    { file, format, currency: 'SEK', onRefused: (refusal) => refusals.push(refusal) },
  )
  return { ...result, refusals }
}

async function importText(name: string, text: string | Buffer) {
  const file = join(folder, name)
  await writeFile(file, text)
  return importFile(file)
}

async function inboxCount(): Promise<number> {
  const [row] = await test_.database.sql<{ count: number }[]>`SELECT count(*) FROM inbox`
  return row?.count ?? 0
}

async function variantsOf(handle: string) {
  const product = await productBy(test_.database, accountId, { handle })
  return (await variantsOfProducts(test_.database, accountId, [product?.id ?? 0])).get(product?.id ?? 0) ?? []
}

/** Text that no index can shorten. */
const long = Array.from({ length: 600 }, (_, index) => Math.sin(index).toString(36)).join('')

describe('what cannot be stored is refused with its line, and the rest is imported', () => {
  test('of a Shopify CSV', async () => {
    const header = 'Handle,Title,Variant SKU,Variant Price'

    const { products, refusals } = await importText(
      'unstorable.csv',
      `${header}\nnul,A\0,NUL-1,1\n${long},B,LONG-1,1\nstored,C,STORED-1,1\n`,
    )

    expect(products).toBe(1)
    expect(refusals).toMatchObject([
      { line: 2, field: 'Title', reason: expect.stringContaining('NUL') },
      { line: 3, field: 'handle', reason: expect.stringContaining('at most 255') },
    ])
  })

  test('of a Magento CSV', async () => {
    const header = 'sku,product_type,name,url_key,price,configurable_variations'

    const { products } = await importText(
      'unstorable-magento.csv',
      `${header}\nM-1,simple,A,m-1,1,\nM-2,configurable,B,m-2,1,"sku=${long},size=S"\n`,
    )

    expect(products).toBe(2)
  })

  test('of JSON Lines', async () => {
    const handles = ['a\\u0000', '\\ud800', long, 'stored-line']

    const { products, refusals } = await importText(
      'unstorable.jsonl',
      handles.map((handle) => `{"handle":"${handle}","title":"A"}`).join('\n'),
    )

    expect(products).toBe(1)
    expect(refusals.map(({ line, field }) => [line, field])).toEqual([1, 2, 3].map((line) => [line, 'handle']))
  })
})

describe('Shopify CSV', () => {
  const header =
    'Handle,Title,Body (HTML),Vendor,Tags,Published,Option1 Name,Option1 Value,Variant SKU,Variant Grams,Variant Inventory Qty,Variant Price,Image Src'

  test('groups rows by handle, makes SKUs that are always the same, and reports rows with line, field and reason', async () => {
    const text = [
      header,
      'tee,Tee,"Two\nlines",V,"a, b",true,Size,S,,100,3,10.5,http://x/1.jpg',
      'cup,Cup,,,,false,Title,Default Title,CUP-1,,2,5,',
      'tee,,,,,,,M,,100,4,10.5,',
      'tee,,,,,,,L,,100,many,10.5,',
      ',No handle,,,,,,,,,,1,',
      'short,row',
      'bad-price,Bad,,,,true,Title,Default Title,BAD-1,,1,cheap,',
    ].join('\r\n')

    const first = await importText('shopify.csv', `\uFEFF${text}`)
    const count = await inboxCount()
    const second = await importText('shopify.csv', `\uFEFF${text}`)

    expect(first).toMatchObject({ format: 'shopify', products: 2, variants: 3, created: 2 })
    expect(first.refusals).toEqual([
      { line: 7, field: 'Handle', reason: 'the row names no product' },
      { line: 8, reason: 'the row has 2 cells, the header has 13' },
      { line: 6, field: 'Variant Inventory Qty', reason: '"many" is no whole number' },
      { line: 9, field: 'variants.0.price.amount', reason: expect.stringContaining('decimal number') },
    ])
    expect((await variantsOf('tee')).map((variant) => variant.sku)).toEqual(['tee-s', 'tee-m'])
    expect(await productBy(test_.database, accountId, { handle: 'cup' })).toMatchObject({ status: 'DRAFT' })
    expect(second).toMatchObject({ created: 0, changed: 0 })
    expect(await inboxCount()).toBe(count)
  })
})

describe('Magento CSV', () => {
  test('makes one product of a configurable and its children, whether they stand before or after it, and needs no url_key', async () => {
    const text = [
      'sku,product_type,name,price,url_key,qty,weight,product_online,configurable_variations',
      'J-S,simple,Jacket S,50,,10.0000,0.5,1,',
      'J,configurable,Fin jacka,,,0,,1,"sku=J-S,size=S|sku=J-M,size=M|sku=J-X,size=X"',
      'J-M,simple,Jacket M,55.500000,,7,0.5,1,',
      'ALONE,simple,Alone,9,alone,1,1,2,',
    ].join('\n')

    const result = await importText('magento.csv', text)

    expect(result).toMatchObject({ format: 'magento', products: 2, variants: 3 })
    expect(result.refusals).toEqual([{ line: 3, field: 'configurable_variations', reason: 'the variation "J-X" is not in the file' }])
    expect(await variantsOf('fin-jacka')).toMatchObject([
      { sku: 'J-S', price: '50.00', weightGrams: 500, options: [{ name: 'size', value: 'S' }] },
      { sku: 'J-M', price: '55.50', options: [{ name: 'size', value: 'M' }] },
    ])
    expect(await productBy(test_.database, accountId, { handle: 'alone' })).toMatchObject({ status: 'DRAFT' })
  })
})

describe('JSON Lines', () => {
  test('takes a ProductInput a line, and goes on after lines that are none', async () => {
    const lines = [
      '{"handle":"j1","title":"J1","variants":[{"sku":"J1-1","price":{"amount":"1","currency":"SEK"}}]}',
      'not json',
      '',
      '{"handle":"j2","title":"J2","colour":"red"}',
      '{"handle":"j1","title":"again"}',
      '{"handle":"j3"}',
    ]

    const result = await importText('lines.jsonl', lines.join('\n'))

    expect(result).toMatchObject({ format: 'jsonl', products: 1, created: 1 })
    expect(result.refusals.map(({ line, field }) => [line, field])).toEqual([
      [2, undefined],
      [4, ''],
      [5, 'handle'],
      [6, 'title'],
    ])
  })
})

describe('a file', () => {
  test('whose format cannot be told is refused; an empty one, and one that is broken, too', async () => {
    await expect(importText('other.csv', 'a,b\n1,2')).rejects.toMatchObject({ code: 'BAD_USER_INPUT' })
    await expect(importText('empty.csv', '')).rejects.toMatchObject({ code: 'BAD_USER_INPUT' })
    const header = 'Handle,Title,Variant Price\n'
    const invalid = await importText(
      'latin1.csv',
      Buffer.concat([Buffer.from(`${header}a,`), Buffer.from([0xe5]), Buffer.from(',1\nb,B,2\n')]),
    )
    const quotes = await importText('quotes.csv', `${header}c,"C" x,1\nd,D,2\n`)

    expect(invalid).toMatchObject({ products: 1, refusals: [{ line: 2, field: 'Title', reason: 'the text is not valid UTF-8' }] })
    expect(quotes.refusals.length).toBeGreaterThan(0)
  })
})

test.skipIf(data === undefined)('the real catalogues go in to the last row', async () => {
  const names = ['magento-products.csv', 'shopify-apparel.csv', 'shopify-home-and-garden.csv', 'shopify-jewelery.csv']
  const results = []
  for (const name of names) results.push(await importFile(join(data ?? '', name)))

  expect(results.map(({ products, variants, refused }) => [products, variants, refused])).toEqual([
    [147, 1847, 0],
    [20, 22, 0],
    [20, 21, 0],
    [20, 23, 0],
  ])
})
