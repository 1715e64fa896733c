import { foreignKey, index, integer, jsonb, numeric, pgEnum, pgTable, primaryKey, text, unique } from 'drizzle-orm/pg-core'
import { accounts, id, moment } from './access.ts'

/** Where something is sent, or billed. */
export interface Address {
  readonly name: string | null
  readonly line1: string
  readonly line2: string | null
  readonly postalCode: string | null
  readonly city: string
  /** ISO 3166-1, two letters. */
  readonly countryCode: string
}

/**
 * Who buys. It belongs to the external system that sent it in, told by the system's user rather than by its view, so that a view that is deleted and made again
 * finds what it had; null: to the shop itself. `revision` and `updated_at` belong to triggers.
 */
export const customers = pgTable(
  'customers',
  {
    accountId: id()
      .notNull()
      .references(() => accounts.id),
    id: id().notNull().generatedByDefaultAsIdentity(),
    ownerUserId: id(),
    externalId: text().notNull(),
    name: text().notNull(),
    email: text(),
    phone: text(),
    address: jsonb().$type<Address>(),
    revision: id().notNull().default(0),
    createdAt: moment().notNull().defaultNow(),
    updatedAt: moment().notNull().defaultNow(),
  },
  (t) => [
    primaryKey({ columns: [t.accountId, t.id] }),
    unique('customers_external_id').on(t.accountId, t.ownerUserId, t.externalId).nullsNotDistinct(),
  ],
)

export const orderState = pgEnum('order_state', ['PLACED', 'SHIPPED', 'CANCELLED'])

/** What was bought. Owned as a customer is. What its lines hold of the stock follows from `state`: PLACED reserves, SHIPPED has taken, CANCELLED holds nothing. */
export const orders = pgTable(
  'orders',
  {
    accountId: id()
      .notNull()
      .references(() => accounts.id),
    id: id().notNull().generatedByDefaultAsIdentity(),
    ownerUserId: id(),
    externalId: text().notNull(),
    number: text().notNull(),
    state: orderState().notNull(),
    customerId: id(),
    shippingAddress: jsonb().$type<Address>(),
    billingAddress: jsonb().$type<Address>(),
    /** ISO 4217, of all lines. */
    currency: text().notNull(),
    placedAt: moment().notNull(),
    revision: id().notNull().default(0),
    createdAt: moment().notNull().defaultNow(),
    updatedAt: moment().notNull().defaultNow(),
  },
  (t) => [
    primaryKey({ columns: [t.accountId, t.id] }),
    unique('orders_external_id').on(t.accountId, t.ownerUserId, t.externalId).nullsNotDistinct(),
    foreignKey({ columns: [t.accountId, t.customerId], foreignColumns: [customers.accountId, customers.id] }),
    // A customer who changes, or is deleted, is asked for the orders.
    index('orders_customer').on(t.accountId, t.customerId),
    index('orders_updated').on(t.accountId, t.updatedAt),
  ],
)

/**
 * A line of an order, with SKU and title as they were when it was placed. Variant and location say which stock level it reserves; the variant may be deleted
 * since, and its stock with it.
 */
export const orderLines = pgTable(
  'order_lines',
  {
    accountId: id().notNull(),
    id: id().notNull().generatedByDefaultAsIdentity(),
    orderId: id().notNull(),
    ordinal: integer().notNull(),
    variantId: id().notNull(),
    locationId: id().notNull(),
    sku: text().notNull(),
    title: text().notNull(),
    quantity: integer().notNull(),
    unitPrice: numeric().notNull(),
    taxRate: numeric(),
  },
  (t) => [
    primaryKey({ columns: [t.accountId, t.id] }),
    unique('order_lines_place').on(t.accountId, t.orderId, t.ordinal),
    foreignKey({ columns: [t.accountId, t.orderId], foreignColumns: [orders.accountId, orders.id] }).onDelete('cascade'),
  ],
)
