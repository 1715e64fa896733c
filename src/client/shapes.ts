// What streams carry, as docs/protocol.md and the schema describe it. Expect values of `lane`, `reason` and the like that are new to you.

export interface Money {
  /** A decimal number as text: "199.00". */
  readonly amount: string
  readonly currency: string
}
export interface Variant {
  readonly id: string
  readonly sku: string
  readonly title: string
  readonly barcode: string | null
  readonly price: Money
  readonly compareAtPrice: Money | null
  readonly weightGrams: number | null
  readonly options: readonly { readonly name: string; readonly value: string }[]
}
export interface Product {
  readonly id: string
  readonly handle: string
  readonly title: string
  readonly description: string | null
  readonly vendor: string | null
  readonly productType: string | null
  readonly tags: readonly string[]
  readonly status: 'ACTIVE' | 'DRAFT' | 'ARCHIVED'
  readonly imageUrls: readonly string[]
  readonly allowBackorder: boolean
  readonly variants: readonly Variant[]
  readonly updatedAt: string
}
export interface StockLevel {
  readonly id: string
  readonly variant: { readonly id: string; readonly sku: string }
  readonly location: { readonly id: string; readonly code: string; readonly name: string }
  readonly onHand: number
  readonly reserved: number
  readonly available: number
  readonly updatedAt: string
}
export interface Address {
  readonly name: string | null
  readonly line1: string
  readonly line2: string | null
  readonly postalCode: string | null
  readonly city: string
  readonly countryCode: string
}
export interface Customer {
  readonly id: string
  readonly externalId: string | null
  readonly email: string | null
  readonly name: string
  readonly phone: string | null
  readonly address: Address | null
  readonly updatedAt: string
}
export interface OrderLine {
  readonly id: string
  readonly variant: { readonly id: string; readonly sku: string } | null
  readonly sku: string
  readonly title: string
  readonly quantity: number
  readonly unitPrice: Money
  readonly taxRate: string | null
}
export interface Order {
  readonly id: string
  readonly externalId: string | null
  readonly number: string
  readonly state: 'PLACED' | 'SHIPPED' | 'CANCELLED'
  readonly customer: { readonly id: string; readonly externalId: string | null; readonly name: string } | null
  readonly shippingAddress: Address | null
  readonly billingAddress: Address | null
  readonly lines: readonly OrderLine[]
  readonly total: Money
  readonly placedAt: string
  readonly updatedAt: string
}

/** What every change says. */
interface ChangeHead {
  /** Of the entity, also where it is no longer there. */
  readonly id: string
  /** What is strictly older than what you have has been dropped already. */
  readonly revision: bigint
  /** LIVE: it changed. RESEND: it was linked or resent. */
  readonly lane: 'LIVE' | 'RESEND'
}
/** An UPSERT carries the entity, a REMOVE says why it is no longer there for you. */
type Change<Name extends string, Entity> = ChangeHead &
  (
    | ({ readonly kind: 'UPSERT'; readonly reason: null } & { readonly [N in Name]: Entity })
    | ({ readonly kind: 'REMOVE'; readonly reason: 'DELETED' | 'UNLINKED' } & { readonly [N in Name]: null })
  )

export type ProductChange<Entity = Product> = Change<'product', Entity> & { readonly handle: string; readonly externalId: string | null }
export type StockChange<Entity = StockLevel> = Change<'stockLevel', Entity> & { readonly sku: string; readonly locationCode: string }
export type OrderChange<Entity = Order> = Change<'order', Entity> & { readonly externalId: string | null }
export type CustomerChange<Entity = Customer> = Change<'customer', Entity> & { readonly externalId: string | null }

/** Changes that are stored, and acknowledged, as one. The first batch of a connection comes at once, empty where nothing waits. */
export interface Batch<Change> {
  /** Acknowledged when the handler has resolved. */
  readonly cursor: string
  /** Nothing more waits at the moment. */
  readonly caughtUp: boolean
  readonly changes: readonly Change[]
}
/** A batch of a stream that can be resent. */
export interface ResendableBatch<Change> extends Batch<Change> {
  /** The resend that is under way. */
  readonly resendId: string | null
  /** With this batch all of the resend has been sent: what you have and did not see in it is not linked to you. */
  readonly resendComplete: boolean
}

/** Which fields of an entity are asked for, and what they are. */
export interface Selection<Entity> {
  readonly fields: string
  /** Says the type alone; there is no such value. */
  readonly entity?: Entity
}

/** Asks for fields of your choosing: `selection<{ title: string }>('title')`. That the type is that of the fields is yours to know. */
export function selection<Entity>(fields: string): Selection<Entity> {
  return { fields }
}

/** A stream: its subscription field, what names an entity in a change, and what else a change says. */
export interface StreamShape {
  readonly field: string
  readonly id: string
  readonly entity: string
  readonly labels: string
  readonly isResendable: boolean
  readonly usual: string
}

const money = '{ amount currency }'
const address = '{ name line1 line2 postalCode city countryCode }'

export const streams = {
  products: {
    field: 'productChanges',
    id: 'productId',
    entity: 'product',
    labels: 'handle externalId',
    isResendable: true,
    usual: `id handle title description vendor productType tags status imageUrls allowBackorder updatedAt
      variants { id sku title barcode price ${money} compareAtPrice ${money} weightGrams options { name value } }`,
  },
  stock: {
    field: 'stockChanges',
    id: 'stockLevelId',
    entity: 'stockLevel',
    labels: 'sku locationCode',
    isResendable: true,
    usual: 'id variant { id sku } location { id code name } onHand reserved available updatedAt',
  },
  orders: {
    field: 'orderChanges',
    id: 'orderId',
    entity: 'order',
    labels: 'externalId',
    isResendable: false,
    usual: `id externalId number state customer { id externalId name } shippingAddress ${address} billingAddress ${address}
      lines { id variant { id sku } sku title quantity unitPrice ${money} taxRate } total ${money} placedAt updatedAt`,
  },
  customers: {
    field: 'customerChanges',
    id: 'customerId',
    entity: 'customer',
    labels: 'externalId',
    isResendable: false,
    usual: `id externalId email name phone address ${address} updatedAt`,
  },
} as const satisfies Record<string, StreamShape>

/** The subscription to a stream. */
export function documentOf(stream: StreamShape, fields: string): string {
  return `subscription ($afterCursor: Cursor, $batchSize: Int, $maxInFlight: Int) {
    batch: ${stream.field}(afterCursor: $afterCursor, batchSize: $batchSize, maxInFlight: $maxInFlight) {
      cursor caughtUp ${stream.isResendable ? 'resendId resendComplete' : ''}
      changes { kind lane id: ${stream.id} revision reason ${stream.labels} ${stream.entity} { ${fields} } } } }`
}
