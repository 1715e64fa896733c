import { sql } from 'drizzle-orm'
import {
  bigint,
  boolean,
  check,
  customType,
  foreignKey,
  index,
  integer,
  jsonb,
  numeric,
  pgEnum,
  pgTable,
  primaryKey,
  text,
  unique,
} from 'drizzle-orm/pg-core'
import { accounts, id, moment } from './access.ts'

/** The number of a transaction, as Postgres writes it: it is never given out again by the same server. */
const transactionId = customType<{ data: string }>({ dataType: () => 'xid8' })

export const productStatus = pgEnum('product_status', ['ACTIVE', 'DRAFT', 'ARCHIVED'])

/**
 * What the shop sells. `revision` and `updated_at` belong to triggers: they grow with every change of the product or its variants (not of its
 * stock), and an update that changes nothing leaves them alone.
 */
export const products = pgTable(
  'products',
  {
    accountId: id()
      .notNull()
      .references(() => accounts.id),
    id: id().notNull().generatedByDefaultAsIdentity(),
    handle: text().notNull(),
    title: text().notNull(),
    description: text(),
    vendor: text(),
    productType: text(),
    tags: text()
      .array()
      .notNull()
      .default(sql`'{}'`),
    status: productStatus().notNull().default('ACTIVE'),
    imageUrls: text()
      .array()
      .notNull()
      .default(sql`'{}'`),
    allowBackorder: boolean().notNull().default(false),
    revision: id().notNull().default(0),
    createdAt: moment().notNull().defaultNow(),
    updatedAt: moment().notNull().defaultNow(),
    /** The transaction that raised the revision last. */
    raisedIn: transactionId(),
  },
  (t) => [primaryKey({ columns: [t.accountId, t.id] }), unique('products_handle').on(t.accountId, t.handle)],
)

/** An option of a variant: size M, colour blue. */
export interface SelectedOption {
  readonly name: string
  readonly value: string
}

/** What is put in the basket. A product has 1 to 250, ordered by `ordinal`. */
export const variants = pgTable(
  'variants',
  {
    accountId: id().notNull(),
    id: id().notNull().generatedByDefaultAsIdentity(),
    productId: id().notNull(),
    ordinal: integer().notNull(),
    sku: text().notNull(),
    title: text().notNull(),
    barcode: text(),
    price: numeric().notNull(),
    priceCurrency: text().notNull(),
    compareAtPrice: numeric(),
    compareAtCurrency: text(),
    weightGrams: integer(),
    options: jsonb().$type<readonly SelectedOption[]>().notNull().default([]),
  },
  (t) => [
    primaryKey({ columns: [t.accountId, t.id] }),
    foreignKey({ columns: [t.accountId, t.productId], foreignColumns: [products.accountId, products.id] }).onDelete('cascade'),
    unique('variants_sku').on(t.accountId, t.sku),
    index('variants_product').on(t.accountId, t.productId, t.ordinal),
  ],
)

/** Where stock lies. `code` never changes: consumers know a location by it. */
export const locations = pgTable(
  'locations',
  {
    accountId: id()
      .notNull()
      .references(() => accounts.id),
    id: id().notNull().generatedByDefaultAsIdentity(),
    code: text().notNull(),
    name: text().notNull(),
  },
  (t) => [primaryKey({ columns: [t.accountId, t.id] }), unique('locations_code').on(t.accountId, t.code)],
)

/** How much of a variant lies at a location, in whole units. Available is `on_hand - reserved`. `revision` belongs to triggers, as for products. */
export const stockLevels = pgTable(
  'stock_levels',
  {
    accountId: id().notNull(),
    id: id().notNull().generatedByDefaultAsIdentity(),
    variantId: id().notNull(),
    /** The variant's product, so that a change finds its links without a join. Triggers see to it. */
    productId: id().notNull(),
    locationId: id().notNull(),
    onHand: integer().notNull().default(0),
    reserved: integer().notNull().default(0),
    revision: id().notNull().default(0),
    updatedAt: moment().notNull().defaultNow(),
  },
  (t) => [
    primaryKey({ columns: [t.accountId, t.id] }),
    foreignKey({ columns: [t.accountId, t.variantId], foreignColumns: [variants.accountId, variants.id] }).onDelete('cascade'),
    foreignKey({ columns: [t.accountId, t.locationId], foreignColumns: [locations.accountId, locations.id] }),
    unique('stock_levels_place').on(t.accountId, t.variantId, t.locationId),
    // A page of the STOCK stream takes all levels of a product.
    index('stock_levels_product').on(t.accountId, t.productId, t.id),
    check('stock_levels_reserved', sql`reserved >= 0`),
  ],
)

export const movementCause = pgEnum('movement_cause', ['ORDER', 'ADJUSTMENT', 'IMPORT', 'SET'])

/**
 * The ledger of stock: each movement that was made through synkvy, with its cause and author. Plain SQL writes none; what a movement came to shows where it has been
 * at work. It goes with its stock level.
 */
export const stockMovements = pgTable(
  'stock_movements',
  {
    accountId: id().notNull(),
    id: id().notNull().generatedAlwaysAsIdentity(),
    stockLevelId: id().notNull(),
    cause: movementCause().notNull(),
    onHandDelta: bigint({ mode: 'number' }).notNull(),
    reservedDelta: bigint({ mode: 'number' }).notNull(),
    /** What they came to by it. */
    onHand: integer().notNull(),
    reserved: integer().notNull(),
    /** The order that moved it. */
    orderId: id(),
    /** Who did it; null for the command line. */
    userId: id(),
    at: moment().notNull().defaultNow(),
  },
  (t) => [
    primaryKey({ columns: [t.accountId, t.id] }),
    foreignKey({ columns: [t.accountId, t.stockLevelId], foreignColumns: [stockLevels.accountId, stockLevels.id] }).onDelete('cascade'),
    // A level's own, in their order.
    index('stock_movements_level').on(t.accountId, t.stockLevelId, t.id),
    // What is over is swept by its age. Movements are written in the order of time, so a few bytes for many pages tell where they are.
    index('stock_movements_age').using('brin', t.at),
  ],
)

/** What `adjustStock` answered for an idempotency key, for 30 days. */
export const idempotencyKeys = pgTable(
  'idempotency_keys',
  {
    accountId: id()
      .notNull()
      .references(() => accounts.id),
    userId: id().notNull(),
    key: text().notNull(),
    /** SHA-256 of the input, so that the same key with other input is noticed. */
    inputHash: text().notNull(),
    answer: jsonb().$type<readonly StockAnswer[]>().notNull(),
    createdAt: moment().notNull().defaultNow(),
  },
  (t) => [primaryKey({ columns: [t.accountId, t.userId, t.key] }), index('idempotency_keys_age').on(t.createdAt)],
)

/** One stock level as it was when it was answered. */
export interface StockAnswer {
  readonly id: number
  readonly variantId: number
  readonly productId: number
  readonly locationId: number
  readonly onHand: number
  readonly reserved: number
  readonly revision: number
  readonly updatedAt: string
}
