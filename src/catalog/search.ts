import type { TransactionSql } from '../db/client.ts'
import type { Statement } from '../db/sql.ts'
import { throwFaults } from '../errors.ts'
import { textFaults } from './product-input.ts'

/** What is searched for among products: their handle, title and vendor, and their SKUs. */
export interface Search {
  /** As ILIKE takes it. */
  readonly pattern: string
  /** All that is found, where it is not much. Else a product must be asked for whether it is found. */
  readonly ids: readonly number[] | undefined
}

const longestSearch = 1_000
/** So many are found and named at once; where there are more, the first that one meets are near. */
const mostNamed = 2_000

/**
 * Looks for products that hold `search` in one of their names. Undefined where nothing is searched for. The transaction should plan each time: how to look depends on what for.
 * Throws BAD_USER_INPUT for what is no text.
 */
export async function findProducts(tx: TransactionSql, accountId: number, search: string | undefined): Promise<Search | undefined> {
  if (search === undefined || search === '') return undefined
  throwFaults(textFaults(search, { most: longestSearch }, ['search']))
  const pattern = `%${search.replaceAll(/[\\%_]/g, String.raw`\$&`)}%`
  const rows = await tx<{ id: number }[]>`SELECT id FROM matching_products(${accountId}, ${pattern}, ${mostNamed + 1}) AS found (id)`
  return { pattern, ids: rows.length > mostNamed ? undefined : rows.map((row) => row.id) }
}

/** SQL of whether the product with this id is found. Scalars, not EXISTS, which Postgres might answer by finding all products first. */
export function isFound(sql: TransactionSql, accountId: number, { pattern, ids }: Search, productId: Statement): Statement {
  if (ids !== undefined) return sql`${productId} = ANY(${ids}::bigint[])`
  return sql`coalesce(
    (SELECT concat_ws(E'\n', p.handle, p.title, p.vendor) ILIKE ${pattern} FROM products p WHERE p.account_id = ${accountId} AND p.id = ${productId})
    OR (SELECT bool_or(concat(v.sku) ILIKE ${pattern}) FROM variants v WHERE v.account_id = ${accountId} AND v.product_id = ${productId}), false)`
}

/** The same for whom all are asked at once. */
export function isAmongFound(sql: TransactionSql, accountId: number, search: Search, productId: Statement): Statement {
  if (search.ids !== undefined) return isFound(sql, accountId, search, productId)
  return sql`${productId} IN (SELECT id FROM matching_products(${accountId}, ${search.pattern}, NULL) AS found (id))`
}
