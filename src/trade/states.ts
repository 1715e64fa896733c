import type { Address } from '../db/tables/trade.ts'

// Customers and orders as they are read and as streams carry them: whole, of one snapshot. The types are what customer_state and order_state in drizzle/0004_states.sql
// build, value by value in their order.

/** A moment as Postgres writes it in JSON. */
type Moment = string

export type RawCustomer = readonly [
  accountId: number,
  id: number,
  ownerUserId: number | null,
  externalId: string,
  name: string,
  email: string | null,
  phone: string | null,
  address: Address | null,
  revision: number,
  updatedAt: Moment,
]

type RawOrderLine = readonly [
  id: number,
  variantId: number,
  sku: string,
  title: string,
  quantity: number,
  unitPrice: string,
  taxRate: string | null,
]

export type RawOrder = readonly [
  accountId: number,
  id: number,
  ownerUserId: number | null,
  externalId: string,
  number: string,
  state: OrderStateName,
  shippingAddress: Address | null,
  billingAddress: Address | null,
  currency: string,
  placedAt: Moment,
  revision: number,
  updatedAt: Moment,
  customer: RawCustomer | null,
  total: string,
  lines: readonly RawOrderLine[],
]

/** A customer; `ownerUserId` null: the shop's own. `revision` is the stored number, without the epoch. */
export type CustomerState = ReturnType<typeof toCustomer>
/** An order with its lines, and its customer as of now. */
export type OrderState = ReturnType<typeof toOrder>
export type OrderLineState = OrderState['lines'][number]
export type OrderStateName = 'PLACED' | 'SHIPPED' | 'CANCELLED'

export function toCustomer([accountId, id, ownerUserId, externalId, name, email, phone, address, revision, updatedAt]: RawCustomer) {
  return { accountId, id, ownerUserId, externalId, name, email, phone, address, revision, updatedAt: new Date(updatedAt) }
}

export function toOrder([
  accountId,
  id,
  ownerUserId,
  externalId,
  number,
  state,
  shippingAddress,
  billingAddress,
  currency,
  placedAt,
  revision,
  updatedAt,
  customer,
  total,
  lines,
]: RawOrder) {
  return {
    accountId,
    id,
    ownerUserId,
    externalId,
    number,
    state,
    shippingAddress,
    billingAddress,
    currency,
    placedAt: new Date(placedAt),
    revision,
    updatedAt: new Date(updatedAt),
    customer: customer && toCustomer(customer),
    total,
    lines: lines.map(([lineId, variantId, sku, title, quantity, unitPrice, taxRate]) => ({
      id: lineId,
      accountId,
      variantId,
      sku,
      title,
      quantity,
      unitPrice,
      currency,
      taxRate,
    })),
  }
}
