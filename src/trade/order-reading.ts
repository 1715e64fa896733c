import type { Caller } from '../access/caller.ts'
import type { Database, Sql } from '../db/client.ts'
import { SynkvyError } from '../errors.ts'
import { ownerSeenBy } from './ownership.ts'
import { toOrder, type RawOrder, type OrderState, type OrderStateName } from './states.ts'

export async function ordersByIds(database: Database, accountId: number, ids: readonly number[]): Promise<ReadonlyMap<number, OrderState>> {
  const rows = await database.sql<{ id: number; entity: RawOrder }[]>`
    SELECT k.id, x.entity FROM unnest(${[...new Set(ids)]}::bigint[]) k (id) CROSS JOIN LATERAL order_state(${accountId}, k.id) x`
  return new Map(rows.map(({ id, entity }) => [id, toOrder(entity)]))
}

/** An order by its id; undefined where there is none that the caller may see. */
export async function findOrder(database: Database, caller: Caller, id: number): Promise<OrderState | undefined> {
  const owner = await ownerSeenBy(database, caller)
  const order = (await ordersByIds(database, caller.accountId, [id])).get(id)
  return order !== undefined && (owner === undefined || order.ownerUserId === owner) ? order : undefined
}

/**
 * The order that its owner calls so: the caller's own (an admin's: the shop's), or else the one that it may see. Undefined where there is none.
 * Throws CONFLICT where several systems have sent one with that id.
 */
export async function findOrderByExternalId(database: Database, caller: Caller, externalId: string): Promise<OrderState | undefined> {
  const { sql } = database
  const owner = await ownerSeenBy(database, caller)
  const rows = await sql<{ ownerUserId: number | null; entity: RawOrder }[]>`
    SELECT o.owner_user_id AS "ownerUserId", x.entity FROM orders o CROSS JOIN LATERAL order_state(o.account_id, o.id) x
    WHERE o.account_id = ${caller.accountId} AND o.external_id = ${externalId} ${owner === undefined ? sql`` : sql`AND o.owner_user_id = ${owner}`}
    ORDER BY o.id LIMIT 1000`
  const own = rows.find(({ ownerUserId }) => ownerUserId === (caller.kind === 'ADMIN' ? null : caller.userId))
  if (own === undefined && rows.length > 1)
    throw new SynkvyError('CONFLICT', `Several systems have an order with the externalId "${externalId}". Ask for it by its id.`, {
      inputPath: ['externalId'],
    })
  const found = own ?? rows[0]
  return found && toOrder(found.entity)
}

/** Which orders, of those that the caller may see. */
export interface OrderFilter {
  readonly state?: OrderStateName | undefined
  /** Only those that have changed after this. */
  readonly updatedAfter?: Date | undefined
}

/** Orders by id, `first` of them after `after`. */
export async function ordersPage(
  database: Database,
  caller: Caller,
  page: OrderFilter & { readonly first: number; readonly after?: number | undefined },
): Promise<readonly OrderState[]> {
  const { sql } = database
  const owner = await ownerSeenBy(database, caller)
  const rows = await sql<{ entity: RawOrder }[]>`
    SELECT x.entity FROM (
      SELECT o.account_id, o.id FROM orders o WHERE ${isWanted(sql, caller.accountId, owner, page)} AND o.id > ${page.after ?? 0}
      ORDER BY o.id LIMIT ${page.first}) k
    CROSS JOIN LATERAL order_state(k.account_id, k.id) x ORDER BY k.id`
  return rows.map(({ entity }) => toOrder(entity))
}

export async function countOrders(database: Database, caller: Caller, filter: OrderFilter): Promise<number> {
  const { sql } = database
  const owner = await ownerSeenBy(database, caller)
  const [row] = await sql<{ count: number }[]>`SELECT count(*) FROM orders o WHERE ${isWanted(sql, caller.accountId, owner, filter)}`
  return row?.count ?? 0
}

function isWanted(sql: Sql, accountId: number, owner: number | undefined, { state, updatedAfter }: OrderFilter) {
  return sql`o.account_id = ${accountId} ${owner === undefined ? sql`` : sql`AND o.owner_user_id = ${owner}`}
    ${state === undefined ? sql`` : sql`AND o.state = ${state}`} ${updatedAfter === undefined ? sql`` : sql`AND o.updated_at > ${updatedAfter}`}`
}
