import type { ProductInput } from '../product-input.ts'
import type { SetStockInput } from '../stock.ts'

/** A row of the file, its cells by column, and the line at which it begins (1 is the header's). */
export interface SourceRow {
  readonly line: number
  readonly cells: Readonly<Record<string, string>>
}

/** A row, or a part of one, that could not be taken. */
export interface Refusal {
  readonly line: number
  readonly field?: string | undefined
  readonly reason: string
}

/** What a group of rows says. */
export interface ImportedProduct {
  readonly input: ProductInput
  readonly stock: readonly SetStockInput[]
  /** The line of the product, and of each of its variants in order. */
  readonly line: number
  readonly variantLines: readonly number[]
  readonly refusals: readonly Refusal[]
}

/** What a format is told. */
export interface ImportContext {
  /** Of prices, since no format names one: ISO 4217. */
  readonly currency: string
}

/** Where a row belongs. */
export interface RowPlace {
  /** What groups the rows of one product. */
  readonly group: string
  /** SKUs of rows, anywhere in the file, that are this product's variants rather than products of their own. */
  readonly children?: readonly string[]
  /** The SKU by which another row may claim this one. */
  readonly sku?: string
}

/** A way of writing a catalogue down as a table. */
export interface CsvFormat {
  /** Whether a header is of this format. */
  readonly isHeader: (columns: readonly string[]) => boolean
  /** Where a row belongs, or why it cannot be taken. */
  readonly placeOf: (row: SourceRow) => RowPlace | Refusal
  /** The product that a group of rows is, in the order of the file. Undefined where it is none; the refusals say why. */
  readonly build: (rows: readonly SourceRow[], context: ImportContext) => ImportedProduct | Refusal
}

export function isRefusal(value: object): value is Refusal {
  return 'reason' in value
}

/** The text of a cell, or undefined where it is empty. */
export function cell(row: SourceRow, column: string): string | undefined {
  const text = row.cells[column]?.trim()
  return text === '' ? undefined : text
}

/** A short name for URLs: small letters, digits and hyphens. */
export function slugify(text: string): string {
  const plain = text.normalize('NFKD').replaceAll(/\p{M}/gu, '').toLowerCase()
  return plain.replaceAll(/[^a-z0-9]+/g, '-').replaceAll(/^-+|-+$/g, '')
}

/** A SKU for a variant that has none: from handle and options, always the same, and none of those that are `taken`. */
export function makeSku(handle: string, options: readonly { readonly value: string }[], taken: ReadonlySet<string>): string {
  const base = [handle, ...options.map((option) => slugify(option.value))].filter((part) => part !== '').join('-')
  for (let count = 1; ; count += 1) {
    const sku = count === 1 ? base : `${base}-${count}`
    if (!taken.has(sku)) return sku
  }
}

/** A whole number in a cell; undefined where it is empty; a refusal where it is something else. */
export function wholeNumber(row: SourceRow, column: string): number | undefined | Refusal {
  const text = cell(row, column)
  if (text === undefined) return undefined
  const number = Number(text)
  return Number.isInteger(number) ? number : { line: row.line, field: column, reason: `"${text}" is no whole number` }
}
