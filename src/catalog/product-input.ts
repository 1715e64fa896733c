import { SynkvyError, throwFaults, type InputPath } from '../errors.ts'
import type { SelectedOption } from '../db/tables/catalog.ts'

export interface MoneyInput {
  /** A decimal number as text: "199.00". */
  readonly amount: string
  /** ISO 4217: "SEK". */
  readonly currency: string
}

/** A variant as it is wanted. What is left out stays as it is; null clears. A new one needs a price. */
export interface VariantInput {
  readonly sku: string
  readonly title?: string | null | undefined
  readonly barcode?: string | null | undefined
  readonly price?: MoneyInput | null | undefined
  readonly compareAtPrice?: MoneyInput | null | undefined
  readonly weightGrams?: number | null | undefined
  readonly options?: readonly SelectedOption[] | null | undefined
}

/** A product as it is wanted, by handle. What is left out stays as it is; null clears; a list that is given replaces the whole list. A new one needs a title. */
export interface ProductInput {
  readonly handle: string
  readonly title?: string | null | undefined
  readonly description?: string | null | undefined
  readonly vendor?: string | null | undefined
  readonly productType?: string | null | undefined
  readonly tags?: readonly string[] | null | undefined
  readonly status?: 'ACTIVE' | 'DRAFT' | 'ARCHIVED' | null | undefined
  readonly imageUrls?: readonly string[] | null | undefined
  readonly allowBackorder?: boolean | null | undefined
  readonly variants?: readonly VariantInput[] | null | undefined
  /** The revision, as it is shown, that the product must still have. */
  readonly ifRevision?: bigint | null | undefined
}

/** A product by one of its names. */
export type ProductBy = { readonly id: number } | { readonly handle: string } | { readonly sku: string }

const mostItems = 1_000
const mostVariants = 250
const mostListEntries = 250
export const longestSku = 255
const longest = { handle: 255, sku: longestSku, title: 1_000, description: 100_000, name: 255, url: 2_048 }
const mostGrams = 2_147_483_647

/** Throws BAD_USER_INPUT unless a list argument has 1 to 1 000 items. */
export function checkItemCount(items: readonly unknown[], argument: string): void {
  if (items.length >= 1 && items.length <= mostItems) return
  throw new SynkvyError(
    'BAD_USER_INPUT',
    `"${argument}" takes 1 to ${mostItems} items in a call; these are ${items.length}. Split them over several calls.`,
    {
      inputPath: [argument],
    },
  )
}

export function badInput(message: string, inputPath: InputPath): SynkvyError {
  return new SynkvyError('BAD_USER_INPUT', message, { inputPath })
}

/** The refusal of a SKU that no variant has. */
export function unknownSku(sku: string, inputPath: InputPath): SynkvyError {
  return new SynkvyError('NOT_FOUND', `There is no variant with the SKU "${sku}" in your account.`, { inputPath })
}

/** Looks at everything that can be told without the database, and throws all faults at once. */
export function checkProductInputs(inputs: readonly ProductInput[]): void {
  checkItemCount(inputs, 'input')
  const faults = inputs.flatMap((input, index) => productFaults(input, ['input', index]))
  throwFaults([
    ...faults,
    ...repeated(
      inputs.map((input, index) => [input.handle, ['input', index, 'handle']] as const),
      'handle',
    ),
    ...repeatedSkus(inputs),
  ])
}

function repeatedSkus(inputs: readonly ProductInput[]): readonly SynkvyError[] {
  const skus = inputs.flatMap((input, index) =>
    (input.variants ?? []).map((variant, at) => [variant.sku, ['input', index, 'variants', at, 'sku']] as const),
  )
  return repeated(skus, 'SKU')
}

/** A fault for each value that stood before in the same call. */
export function repeated(values: readonly (readonly [string, InputPath])[], what: string): readonly SynkvyError[] {
  const seen = new Set<string>()
  return values.flatMap(([value, path]) => {
    if (!seen.has(value)) {
      seen.add(value)
      return []
    }
    return [badInput(`The ${what} "${value}" stands twice in this call. Name it once.`, path)]
  })
}

function productFaults(input: ProductInput, path: InputPath): readonly SynkvyError[] {
  return [
    ...handleFaults(input.handle, [...path, 'handle']),
    ...(input.title === null ? [badInput('A product always has a title. Leave it out to keep it as it is.', [...path, 'title'])] : []),
    ...textFaults(input.title, { most: longest.title, least: 1 }, [...path, 'title']),
    ...textFaults(input.description, { most: longest.description }, [...path, 'description']),
    ...textFaults(input.vendor, { most: longest.name }, [...path, 'vendor']),
    ...textFaults(input.productType, { most: longest.name }, [...path, 'productType']),
    ...listFaults(input.tags, longest.name, [...path, 'tags']),
    ...listFaults(input.imageUrls, longest.url, [...path, 'imageUrls']),
    ...((input.variants?.length ?? 0) > mostVariants
      ? [badInput(`A product has at most ${mostVariants} variants.`, [...path, 'variants'])]
      : []),
    ...(input.variants ?? []).flatMap((variant, index) => variantFaults(variant, [...path, 'variants', index])),
  ]
}

/** What is wrong with a handle. */
export function handleFaults(handle: string, path: InputPath): readonly SynkvyError[] {
  return textFaults(handle, { most: longest.handle, least: 1 }, path)
}

function variantFaults(input: VariantInput, path: InputPath): readonly SynkvyError[] {
  const grams = input.weightGrams ?? 0
  return [
    ...textFaults(input.sku, { most: longest.sku, least: 1 }, [...path, 'sku']),
    ...textFaults(input.title, { most: longest.title }, [...path, 'title']),
    ...textFaults(input.barcode, { most: longest.name }, [...path, 'barcode']),
    ...(input.price === null ? [badInput('A variant always has a price. Leave it out to keep it as it is.', [...path, 'price'])] : []),
    ...moneyFaults(input.price, [...path, 'price']),
    ...moneyFaults(input.compareAtPrice, [...path, 'compareAtPrice']),
    ...(Number.isInteger(grams) && grams >= 0 && grams <= mostGrams
      ? []
      : [badInput('A weight is a whole number of grams, 0 or more.', [...path, 'weightGrams'])]),
    ...(input.options ?? []).flatMap((option, index) => [
      ...textFaults(option.name, { most: longest.name, least: 1 }, [...path, 'options', index, 'name']),
      ...textFaults(option.value, { most: longest.name }, [...path, 'options', index, 'value']),
    ]),
  ]
}

function listFaults(values: readonly string[] | null | undefined, most: number, path: InputPath): readonly SynkvyError[] {
  if ((values?.length ?? 0) > mostListEntries) return [badInput(`This list has at most ${mostListEntries} entries.`, path)]
  return (values ?? []).flatMap((value, index) => textFaults(value, { most, least: 1 }, [...path, index]))
}

/** What is wrong with a text: its length, or characters that cannot be stored. */
export function textFaults(
  text: string | null | undefined,
  { most, least = 0 }: { readonly most: number; readonly least?: number },
  path: InputPath,
): readonly SynkvyError[] {
  if (text === null || text === undefined) return []
  if (text.length > most) return [badInput(`This text has ${text.length} characters; at most ${most} are taken.`, path)]
  if (text.trim().length < least) return [badInput('This text must not be empty.', path)]
  if (text.includes('\0')) return [badInput('This text has a NUL character, which cannot be stored. Remove it.', path)]
  return isWellFormed(text) ? [] : [badInput('This text has half of a surrogate pair, which is no character. Send valid Unicode.', path)]
}

function isWellFormed(text: string): boolean {
  return !/[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/.test(text)
}

const amountForm = /^\d{1,18}(\.\d{1,6})?$/

/** What is wrong with an amount of money. */
export function moneyFaults(money: MoneyInput | null | undefined, path: InputPath): readonly SynkvyError[] {
  if (money === null || money === undefined) return []
  return [
    ...(amountForm.test(money.amount)
      ? []
      : [
          badInput(
            'An amount is a decimal number of 0 or more, such as "199.00", with at most 18 digits before the point and 6 after it.',
            [...path, 'amount'],
          ),
        ]),
    ...(/^[A-Z]{3}$/.test(money.currency)
      ? []
      : [badInput('A currency is three capital letters of ISO 4217, such as "SEK".', [...path, 'currency'])]),
  ]
}

/** The one spelling of an amount: no zeros in front, at least two decimals, no zeros behind those. The same amount is then the same row. */
export function normaliseAmount(amount: string): string {
  const [whole = '0', decimals = ''] = amount.split('.')
  const kept = decimals.replace(/0+$/, '').padEnd(2, '0')
  return `${whole.replace(/^0+(?=\d)/, '')}.${kept}`
}
