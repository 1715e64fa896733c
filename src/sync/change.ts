import type { LocationRow, ProductRow, StockLevelRow, VariantRow } from '../catalog/rows.ts'
import type { CustomerState, OrderState } from '../trade/states.ts'

/**
 * What a view can consume. PRODUCT and STOCK concern it by its links, and come by three lanes; ORDER and CUSTOMER by their owner, and come by LIVE alone, which is
 * read from 0.
 */
export type Stream = keyof EntityOf

/** A product as streams carry it: whole, loaded in one snapshot, so that nothing is fetched while it is written out. */
interface ProductState extends ProductRow {
  readonly variants: readonly VariantState[]
}
export interface VariantState extends VariantRow {
  readonly stockLevels: readonly StockState[]
}
interface StockState extends StockLevelRow {
  readonly variant: VariantRow
  readonly location: LocationRow
}

/** The entity that each stream carries. */
export interface EntityOf {
  readonly PRODUCT: ProductState
  readonly STOCK: StockState
  readonly ORDER: OrderState
  readonly CUSTOMER: CustomerState
}

/** The streams whose entities concern a view by its links. */
export type LinkedStream = 'PRODUCT' | 'STOCK'

/** LIVE: it changed. RESEND: it was linked or resent. */
export type Lane = 'LIVE' | 'RESEND'

/** One entity as it is now (UPSERT), or that it is no longer there for this view (REMOVE). */
export interface Change<Entity> {
  readonly kind: 'UPSERT' | 'REMOVE'
  readonly lane: Lane
  readonly id: number
  /** As it is shown: the epoch is in it. */
  readonly revision: bigint
  readonly entity: Entity | undefined
  readonly reason: 'DELETED' | 'UNLINKED' | undefined
  /** The product's handle, the stock level's SKU, or the external id of an order or a customer. */
  readonly key: string
  /** Of a stock level; empty otherwise. */
  readonly locationCode: string
  /** What the external system calls the product. */
  readonly externalId: string | undefined
}

/** What is sent, and acknowledged, as one. */
export interface Batch<Entity> {
  readonly cursor: string
  /** Nothing more waits at the moment. */
  readonly caughtUp: boolean
  /** The run that is under way. */
  readonly resendId: number | undefined
  /** With this batch all of the run has been sent. */
  readonly resendComplete: boolean
  readonly changes: readonly Change<Entity>[]
}

/** How one consumer wants a stream. */
export interface StreamOptions {
  readonly afterCursor?: string | undefined
  /** Changes in a batch, at most. */
  readonly batchSize: number
  /** Batches that may be unacknowledged. */
  readonly maxInFlight: number
  readonly transport: 'WEBSOCKET' | 'SSE' | 'PULL'
  /** Where the consumer is, as far as can be told. */
  readonly address?: string | undefined
}

/** What is shown as a revision: nothing from before a failover can outrank what comes after. */
export function shownRevision(epoch: number, stored: number): bigint {
  return (BigInt(epoch) << 53n) + BigInt(stored)
}
