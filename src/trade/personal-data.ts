import { and, asc, eq, sql, type SQL } from 'drizzle-orm'
import type { PgColumn } from 'drizzle-orm/pg-core'
import { isAnyOf, writeAs } from '../catalog/write.ts'
import type { Database } from '../db/client.ts'
import { customers, orders } from '../db/tables/trade.ts'
import { SynkvyError } from '../errors.ts'
import { customersByIds } from './customers.ts'
import { ordersByIds } from './order-reading.ts'
import type { CustomerState, OrderState } from './states.ts'

/** A system that receives a customer, or an order of a customer. */
export interface Receiver {
  readonly viewId: number
  readonly name: string
  readonly stream: 'CUSTOMER' | 'ORDER'
  /** Whether it has acknowledged the latest change. */
  readonly hasAcknowledged: boolean
}

/** Everything that is held of a customer. */
export interface PersonalData {
  readonly customer: CustomerState
  readonly orders: readonly OrderState[]
  /** The movements of stock that the orders made: they say what was taken, not by whom. */
  readonly stockMovements: readonly {
    readonly orderId: number
    readonly at: Date
    readonly onHandDelta: number
    readonly reservedDelta: number
  }[]
  readonly receivers: readonly Receiver[]
}

/** What an erasure has come to, or would. */
export interface Erasure {
  readonly customerIds: readonly number[]
  /** Orders that stay, without a name or an address but for the country. */
  readonly orderIds: readonly number[]
  /** Of these the ones that are not shipped yet. */
  readonly openOrderIds: readonly number[]
}

/** What stands where an address was. The country stays, because the tax of an order follows from it. */
const erased = 'erased'

/** The customers that are meant by an id, or by an email address: one person may be a customer of several systems. Throws NOT_FOUND. */
export async function findCustomersOf(
  database: Database,
  accountId: number,
  who: { readonly id: number } | { readonly email: string },
): Promise<readonly number[]> {
  const rows = await database.sql<{ id: number }[]>`
    SELECT id FROM customers WHERE account_id = ${accountId} AND ${'id' in who ? database.sql`id = ${who.id}` : database.sql`lower(email) = lower(${who.email})`} ORDER BY id`
  if (rows.length > 0) return rows.map(({ id }) => id)
  throw new SynkvyError(
    'NOT_FOUND',
    'There is no such customer in this account. Orders may hold an address without one: look for the order.',
  )
}

/** Everything that is held of these customers. */
export async function exportCustomers(database: Database, accountId: number, ids: readonly number[]): Promise<readonly PersonalData[]> {
  const customers = await customersByIds(database, accountId, ids)
  return Promise.all([...customers.values()].map((customer) => exportCustomer(database, accountId, customer)))
}

async function exportCustomer(database: Database, accountId: number, customer: CustomerState): Promise<PersonalData> {
  const orderIds = (
    await database.sql<{ id: number }[]>`SELECT id FROM orders WHERE account_id = ${accountId} AND customer_id = ${customer.id} ORDER BY id`
  ).map(({ id }) => id)
  const [orders, stockMovements, receivers] = await Promise.all([
    ordersByIds(database, accountId, orderIds),
    database.sql<PersonalData['stockMovements'][number][]>`
      SELECT order_id AS "orderId", at, on_hand_delta AS "onHandDelta", reserved_delta AS "reservedDelta" FROM stock_movements
      WHERE account_id = ${accountId} AND order_id = ANY(${orderIds}::bigint[]) ORDER BY id`,
    receiversOf(database, accountId, [customer.id], orderIds),
  ])
  return { customer, orders: [...orders.values()], stockMovements, receivers }
}

/** Which systems receive these customers and orders, and whether they have acknowledged how those stand now. One that has never opened the stream has received nothing. */
export async function receiversOf(
  database: Database,
  accountId: number,
  customerIds: readonly number[],
  orderIds: readonly number[],
): Promise<readonly Receiver[]> {
  return database.sql<Receiver[]>`
    SELECT v.id AS "viewId", v.name, f.subject AS stream, bool_and(c.live >= f.position AND i.id IS NULL) AS "hasAcknowledged"
    FROM feed f
    JOIN sync_views v ON v.account_id = f.account_id AND (v.order_scope = 'ALL' OR v.user_id = f.owner_user_id)
    JOIN checkpoints c ON c.account_id = v.account_id AND c.view_id = v.id AND c.subject = f.subject
    LEFT JOIN inbox i ON i.account_id = f.account_id AND i.subject = f.subject AND i.entity_id = f.entity_id
    WHERE f.account_id = ${accountId}
      AND ((f.subject = 'CUSTOMER' AND f.entity_id = ANY(${[...customerIds]}::bigint[])) OR (f.subject = 'ORDER' AND f.entity_id = ANY(${[...orderIds]}::bigint[])))
    GROUP BY v.id, v.name, f.subject ORDER BY v.id, f.subject`
}

/** What the erasure of these customers would come to. Changes nothing. */
export async function planErasure(database: Database, accountId: number, customerIds: readonly number[]): Promise<Erasure> {
  const rows = await database.sql<{ id: number; state: string }[]>`
    SELECT id, state FROM orders WHERE account_id = ${accountId} AND customer_id = ANY(${[...customerIds]}::bigint[]) ORDER BY id`
  return {
    customerIds,
    orderIds: rows.map(({ id }) => id),
    openOrderIds: rows.filter(({ state }) => state === 'PLACED').map(({ id }) => id),
  }
}

/**
 * Erases customers, all or nothing: they are deleted, and their orders, which are accounting material, keep neither their customer nor an address, but for its country. The connected
 * systems are sent it as any change: a REMOVE of the customer, the orders as they are now. Throws ILLEGAL_STATE where an order is still to be shipped, unless `openOrders` says that
 * it is to lose its address all the same.
 */
export async function eraseCustomers(
  database: Database,
  accountId: number,
  customerIds: readonly number[],
  { openOrders }: { readonly openOrders: boolean },
): Promise<Erasure> {
  return writeAs(database, { accountId }, async (tx) => {
    const isTheirs = and(eq(orders.accountId, accountId), isAnyOf(orders.customerId, customerIds))
    const areThey = and(eq(customers.accountId, accountId), isAnyOf(customers.id, customerIds))
    // The customers first: nobody can give them another order then.
    await tx.select({ id: customers.id }).from(customers).where(areThey).orderBy(asc(customers.id)).for('update')
    const rows = await tx.select({ id: orders.id, state: orders.state }).from(orders).where(isTheirs).orderBy(asc(orders.id)).for('update')
    const openOrderIds = rows.filter(({ state }) => state === 'PLACED').map(({ id }) => id)
    if (openOrderIds.length > 0 && !openOrders) throw stillToShip(openOrderIds.length)
    const withoutPerson = {
      customerId: null,
      shippingAddress: countryOf(orders.shippingAddress),
      billingAddress: countryOf(orders.billingAddress),
    }
    await tx.update(orders).set(withoutPerson).where(isTheirs)
    await tx.delete(customers).where(areThey)
    return { customerIds, orderIds: rows.map(({ id }) => id), openOrderIds }
  })
}

function stillToShip(count: number): SynkvyError {
  return new SynkvyError(
    'ILLEGAL_STATE',
    `${count} orders of this customer are still to be shipped, and could not be without an address. Ship or cancel them first, or pass --open-orders.`,
  )
}

/** SQL of an address of which nothing but the country is left. */
function countryOf(address: PgColumn): SQL {
  return sql`CASE WHEN ${address} IS NOT NULL THEN
    jsonb_build_object('name', NULL, 'line1', ${erased}::text, 'line2', NULL, 'postalCode', NULL, 'city', ${erased}::text, 'countryCode', ${address} -> 'countryCode') END`
}
