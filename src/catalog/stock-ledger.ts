import { and, count, desc, eq, lt } from 'drizzle-orm'
import type { Database, DrizzleSession, TransactionSql } from '../db/client.ts'
import { stockMovements } from '../db/tables/catalog.ts'
import { insertRows } from './write.ts'

/** A movement of stock as it was written down. */
export type StockMovementRow = Readonly<typeof stockMovements.$inferSelect>

/** A movement to write down: what a level held before and holds after. */
export interface Movement {
  readonly stockLevelId: number
  readonly before: { readonly onHand: number; readonly reserved: number }
  readonly after: { readonly onHand: number; readonly reserved: number }
  /** The order that moved it. */
  readonly orderId?: number | undefined
}

export type MovementCause = StockMovementRow['cause']

/** Writes movements down in the ledger, in their order. What moved nothing is left out. */
export async function recordMovements(
  tx: DrizzleSession,
  author: { readonly accountId: number; readonly userId?: number | undefined },
  cause: MovementCause,
  movements: readonly Movement[],
): Promise<void> {
  const rows = movements
    .map(({ stockLevelId, before, after, orderId }) => ({
      accountId: author.accountId,
      stockLevelId,
      cause,
      onHandDelta: after.onHand - before.onHand,
      reservedDelta: after.reserved - before.reserved,
      onHand: after.onHand,
      reserved: after.reserved,
      orderId: orderId ?? null,
      userId: author.userId ?? null,
    }))
    .filter(({ onHandDelta, reservedDelta }) => onHandDelta !== 0 || reservedDelta !== 0)
  await insertRows(tx, stockMovements, rows)
}

/** The movements of a stock level, the latest first: `first` of them before the one with the id `after`. */
export async function movementsPage(
  database: Database,
  accountId: number,
  stockLevelId: number,
  page: { readonly first: number; readonly after?: number | undefined },
): Promise<readonly StockMovementRow[]> {
  return database.drizzle
    .select()
    .from(stockMovements)
    .where(
      and(
        eq(stockMovements.accountId, accountId),
        eq(stockMovements.stockLevelId, stockLevelId),
        lt(stockMovements.id, page.after ?? Number.MAX_SAFE_INTEGER),
      ),
    )
    .orderBy(desc(stockMovements.id))
    .limit(page.first)
}

export async function countMovements(database: Database, accountId: number, stockLevelId: number): Promise<number> {
  const [row] = await database.drizzle
    .select({ count: count() })
    .from(stockMovements)
    .where(and(eq(stockMovements.accountId, accountId), eq(stockMovements.stockLevelId, stockLevelId)))
  return row?.count ?? 0
}

/** Forgets movements that are older than so many days, at most so many. Answers how many. */
export async function sweepMovements(tx: TransactionSql, keptDays: number, most: number): Promise<number> {
  const gone = await tx`
    DELETE FROM stock_movements WHERE (account_id, id) IN (
      SELECT m.account_id, m.id FROM stock_movements m WHERE m.at < now() - make_interval(days => ${keptDays}) LIMIT ${most})
    RETURNING 1`
  return gone.length
}
