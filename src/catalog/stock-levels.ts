import { and, asc, eq, inArray, sql } from 'drizzle-orm'
import type { DrizzleSession } from '../db/client.ts'
import { locations, products, stockLevels } from '../db/tables/catalog.ts'
import type { StockLevelRow } from './rows.ts'
import { Vanished } from './write.ts'

/** Where what lies: the key of a stock level. */
export interface LevelPlace {
  readonly variantId: number
  readonly locationId: number
}

/** A stock level under its lock, and whether it may be sold below zero. */
export interface LockedLevel {
  readonly level: StockLevelRow
  readonly allowBackorder: boolean
}

export const greatestQuantity = 2_147_483_647

export function levelKey({ variantId, locationId }: LevelPlace): string {
  return `${variantId} ${locationId}`
}

/** The level at a place that was locked, or made. It can only be missing where its variant was deleted meanwhile. */
export function expectLevel(levels: ReadonlyMap<string, LockedLevel>, place: LevelPlace): LockedLevel {
  const level = levels.get(levelKey(place))
  if (level === undefined) throw new Vanished('a stock level was deleted, with its variant, while it was to be changed')
  return level
}

/** The ids of locations by their codes, having made those that are missing. */
export async function ensureLocations(
  tx: DrizzleSession,
  accountId: number,
  wanted: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  const codes = [...new Set(wanted)].toSorted()
  const find = () =>
    tx
      .select({ code: locations.code, id: locations.id })
      .from(locations)
      .where(and(eq(locations.accountId, accountId), inArray(locations.code, codes)))
  const before = await find()
  if (before.length === codes.length) return new Map(before.map((row) => [row.code, row.id]))
  await tx
    .insert(locations)
    .values(codes.map((code) => ({ accountId, code, name: code })))
    .onConflictDoNothing()
  const rows = await find()
  return new Map(rows.map((row) => [row.code, row.id]))
}

/** Locks all stock levels of some variants in the order of ids, so that calls that overlap wait for each other and never deadlock. Answers them by `levelKey`. */
export async function lockLevels(
  tx: DrizzleSession,
  accountId: number,
  variantIds: readonly number[],
): Promise<ReadonlyMap<string, LockedLevel>> {
  const rows = await tx
    .select({ level: stockLevels, allowBackorder: products.allowBackorder })
    .from(stockLevels)
    .innerJoin(products, and(eq(products.accountId, stockLevels.accountId), eq(products.id, stockLevels.productId)))
    .where(and(eq(stockLevels.accountId, accountId), inArray(stockLevels.variantId, [...new Set(variantIds)])))
    .orderBy(asc(stockLevels.id))
    .for('update', { of: stockLevels })
  return new Map(rows.map((row) => [levelKey(row.level), row]))
}

/** Makes the levels at these places that are missing, empty. */
export async function ensureLevels(tx: DrizzleSession, accountId: number, wanted: readonly LevelPlace[]): Promise<void> {
  const variantIds = [...new Set(wanted.map((place) => place.variantId))]
  const there = await tx
    .select({ variantId: stockLevels.variantId, locationId: stockLevels.locationId })
    .from(stockLevels)
    .where(and(eq(stockLevels.accountId, accountId), inArray(stockLevels.variantId, variantIds)))
  const known = new Set(there.map(levelKey))
  const missing = new Map(wanted.filter((place) => !known.has(levelKey(place))).map((place) => [levelKey(place), place]))
  if (missing.size === 0) return
  const rows = [...missing.values()].toSorted((a, b) => a.variantId - b.variantId || a.locationId - b.locationId)
  // The trigger fills in the product.
  await tx
    .insert(stockLevels)
    .values(rows.map(({ variantId, locationId }) => ({ accountId, variantId, locationId, productId: 0 })))
    .onConflictDoNothing()
}

/** What a level is to hold. */
export interface LevelChange {
  readonly id: number
  readonly onHand: number
  readonly reserved: number
}

/** Writes levels that are locked. Answers them as they are now, by id. */
export async function writeLevels(
  tx: DrizzleSession,
  accountId: number,
  changes: readonly LevelChange[],
): Promise<ReadonlyMap<number, StockLevelRow>> {
  if (changes.length === 0) return new Map()
  const rows = await tx
    .update(stockLevels)
    .set({ onHand: sql`n.on_hand`, reserved: sql`n.reserved` })
    .from(
      sql`jsonb_to_recordset(${JSON.stringify(changes.map(({ id, onHand, reserved }) => ({ id, on_hand: onHand, reserved })))}::jsonb) AS n (id bigint, on_hand int, reserved int)`,
    )
    .where(and(eq(stockLevels.accountId, accountId), sql`${stockLevels.id} = n.id`))
    .returning(levelColumns)
  return new Map(rows.map((row) => [row.id, row]))
}

const levelColumns = {
  accountId: stockLevels.accountId,
  id: stockLevels.id,
  variantId: stockLevels.variantId,
  productId: stockLevels.productId,
  locationId: stockLevels.locationId,
  onHand: stockLevels.onHand,
  reserved: stockLevels.reserved,
  revision: stockLevels.revision,
  updatedAt: stockLevels.updatedAt,
}
