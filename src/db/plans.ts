import type { Database, TransactionSql } from './client.ts'

/** For statements whose best way depends on their values: in the transaction each is planned for those that it has, rather than once for all. */
export async function withOwnPlans<Result>(database: Database, work: (tx: TransactionSql) => Promise<Result>): Promise<Result> {
  return database.sql.begin(async (tx) => {
    await planEachTime(tx)
    return work(tx)
  })
}

/** The same for what is left of a transaction. */
export async function planEachTime(tx: TransactionSql): Promise<void> {
  await tx`SET LOCAL plan_cache_mode = force_custom_plan`
}
