import { badInput, checkItemCount, moneyFaults, repeated, textFaults, type MoneyInput } from '../catalog/product-input.ts'
import { greatestQuantity } from '../catalog/stock-levels.ts'
import { throwFaults, type InputPath, type SynkvyError } from '../errors.ts'
import type { OrderStateName } from './states.ts'

export interface AddressInput {
  readonly name?: string | null | undefined
  readonly line1: string
  readonly line2?: string | null | undefined
  readonly postalCode?: string | null | undefined
  readonly city: string
  /** ISO 3166-1, two letters. */
  readonly countryCode: string
}

/** A customer as it is wanted, by its owner's id of it. What is left out stays as it is; null clears. */
export interface CustomerInput {
  readonly externalId: string
  readonly name: string
  readonly email?: string | null | undefined
  readonly phone?: string | null | undefined
  readonly address?: AddressInput | null | undefined
}

export interface OrderLineInput {
  readonly sku: string
  readonly quantity: number
  readonly unitPrice: MoneyInput
  readonly taxRate?: string | null | undefined
  /** The code of the location that it is taken from. */
  readonly location: string
}

/** An order as it is wanted, by its owner's id of it. What is left out stays as it is (a new one: PLACED, now, without lines); null clears; lines replace all lines. */
export interface OrderInput {
  readonly externalId: string
  readonly number?: string | null | undefined
  readonly state?: OrderStateName | null | undefined
  readonly customerExternalId?: string | null | undefined
  readonly shippingAddress?: AddressInput | null | undefined
  readonly billingAddress?: AddressInput | null | undefined
  readonly placedAt?: Date | null | undefined
  readonly lines?: readonly OrderLineInput[] | null | undefined
}

const longest = { id: 255, name: 500, line: 500, location: 64 }
const mostLines = 1_000

/** Looks at everything that can be told without the database, and throws all faults at once. */
export function checkCustomerInputs(inputs: readonly CustomerInput[]): void {
  checkItemCount(inputs, 'input')
  throwFaults([...inputs.flatMap((input, index) => customerFaults(input, ['input', index])), ...repeatedIds(inputs)])
}

/** The same of orders. */
export function checkOrderInputs(inputs: readonly OrderInput[]): void {
  checkItemCount(inputs, 'input')
  throwFaults([...inputs.flatMap((input, index) => orderFaults(input, ['input', index])), ...repeatedIds(inputs)])
}

function repeatedIds(inputs: readonly { readonly externalId: string }[]): readonly SynkvyError[] {
  return repeated(
    inputs.map(({ externalId }, index) => [externalId, ['input', index, 'externalId']] as const),
    'externalId',
  )
}

function customerFaults(input: CustomerInput, path: InputPath): readonly SynkvyError[] {
  return [
    ...textFaults(input.externalId, { most: longest.id, least: 1 }, [...path, 'externalId']),
    ...textFaults(input.name, { most: longest.name, least: 1 }, [...path, 'name']),
    ...textFaults(input.email, { most: longest.name }, [...path, 'email']),
    ...textFaults(input.phone, { most: longest.name }, [...path, 'phone']),
    ...addressFaults(input.address, [...path, 'address']),
  ]
}

function orderFaults(input: OrderInput, path: InputPath): readonly SynkvyError[] {
  const lines = input.lines ?? []
  return [
    ...textFaults(input.externalId, { most: longest.id, least: 1 }, [...path, 'externalId']),
    ...textFaults(input.number, { most: longest.id, least: 1 }, [...path, 'number']),
    ...textFaults(input.customerExternalId, { most: longest.id, least: 1 }, [...path, 'customerExternalId']),
    ...addressFaults(input.shippingAddress, [...path, 'shippingAddress']),
    ...addressFaults(input.billingAddress, [...path, 'billingAddress']),
    ...(lines.length > mostLines ? [badInput(`An order has at most ${mostLines} lines.`, [...path, 'lines'])] : []),
    ...lines.flatMap((line, index) => lineFaults(line, [...path, 'lines', index])),
    ...currencyFaults(lines, path),
  ]
}

function lineFaults(line: OrderLineInput, path: InputPath): readonly SynkvyError[] {
  return [
    ...textFaults(line.sku, { most: longest.id, least: 1 }, [...path, 'sku']),
    ...textFaults(line.location, { most: longest.location, least: 1 }, [...path, 'location']),
    ...moneyFaults(line.unitPrice, [...path, 'unitPrice']),
    ...(line.quantity >= 1 && line.quantity <= greatestQuantity
      ? []
      : [
          badInput('A quantity is a whole number of 1 or more. What is taken back is a cancelled order, or an adjustment of stock.', [
            ...path,
            'quantity',
          ]),
        ]),
    ...(typeof line.taxRate !== 'string' || /^\d{1,3}(\.\d{1,6})?$/.test(line.taxRate)
      ? []
      : [badInput('A tax rate is a decimal number of 0 or more, such as "0.25", with at most 6 decimals.', [...path, 'taxRate'])]),
  ]
}

function currencyFaults(lines: readonly OrderLineInput[], path: InputPath): readonly SynkvyError[] {
  const [first] = lines
  return lines.flatMap(({ unitPrice }, index) =>
    unitPrice.currency === first?.unitPrice.currency
      ? []
      : [
          badInput(`An order has one currency: its first line is in ${first?.unitPrice.currency ?? ''}.`, [
            ...path,
            'lines',
            index,
            'unitPrice',
            'currency',
          ]),
        ],
  )
}

function addressFaults(address: AddressInput | null | undefined, path: InputPath): readonly SynkvyError[] {
  if (address === null || address === undefined) return []
  return [
    ...textFaults(address.name, { most: longest.name }, [...path, 'name']),
    ...textFaults(address.line1, { most: longest.line, least: 1 }, [...path, 'line1']),
    ...textFaults(address.line2, { most: longest.line }, [...path, 'line2']),
    ...textFaults(address.postalCode, { most: longest.id }, [...path, 'postalCode']),
    ...textFaults(address.city, { most: longest.name, least: 1 }, [...path, 'city']),
    ...(/^[A-Z]{2}$/.test(address.countryCode)
      ? []
      : [badInput('A country is two capital letters of ISO 3166-1, such as "SE".', [...path, 'countryCode'])]),
  ]
}
