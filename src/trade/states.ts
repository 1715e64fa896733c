import { z } from 'zod'

// Customers and orders as they are read and as streams carry them: whole, of one snapshot, the values in the order in which customer_state and order_state in
// drizzle/0004_states.sql build them.

const moment = z.string().transform((text) => new Date(text))

const address = z.object({
  name: z.string().nullable(),
  line1: z.string(),
  line2: z.string().nullable(),
  postalCode: z.string().nullable(),
  city: z.string(),
  countryCode: z.string(),
})

const customer = z
  .tuple([
    z.number(),
    z.number(),
    z.number().nullable(),
    z.string(),
    z.string(),
    z.string().nullable(),
    z.string().nullable(),
    address.nullable(),
    z.number(),
    moment,
  ])
  .transform(([accountId, id, ownerUserId, externalId, name, email, phone, at, revision, updatedAt]) => ({
    accountId,
    id,
    ownerUserId,
    externalId,
    name,
    email,
    phone,
    address: at,
    revision,
    updatedAt,
  }))

const line = z
  .tuple([z.number(), z.number(), z.string(), z.string(), z.number(), z.string(), z.string().nullable()])
  .transform(([id, variantId, sku, title, quantity, unitPrice, taxRate]) => ({ id, variantId, sku, title, quantity, unitPrice, taxRate }))

const order = z
  .tuple([
    z.number(),
    z.number(),
    z.number().nullable(),
    z.string(),
    z.string(),
    z.enum(['PLACED', 'SHIPPED', 'CANCELLED']),
    address.nullable(),
    address.nullable(),
    z.string(),
    moment,
    z.number(),
    moment,
    customer.nullable(),
    z.string(),
    z.array(line),
  ])
  .transform(
    ([
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
      by,
      total,
      rows,
    ]) => ({
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
      customer: by,
      total,
      lines: rows.map((row) => ({ ...row, accountId, currency })),
    }),
  )

/** A customer; `ownerUserId` null: the shop's own. `revision` is the stored number, without the epoch. */
export type CustomerState = Readonly<z.infer<typeof customer>>
/** An order with its lines, and its customer as of now. */
export type OrderState = Readonly<z.infer<typeof order>>
export type OrderLineState = OrderState['lines'][number]
export type OrderStateName = OrderState['state']

export function parseCustomer(json: unknown): CustomerState {
  return customer.parse(json)
}

export function parseOrder(json: unknown): OrderState {
  return order.parse(json)
}
