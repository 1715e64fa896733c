import { isDeepStrictEqual } from 'node:util'
import { and, asc, eq, sql } from 'drizzle-orm'
import type { Caller } from '../access/caller.ts'
import { normaliseAmount, unknownSku } from '../catalog/product-input.ts'
import { ensureLocations } from '../catalog/stock-levels.ts'
import { grouped } from '../catalog/products.ts'
import { forgetOrigin, insertRows, isAnyOf, writeAs } from '../catalog/write.ts'
import type { Database, DrizzleSession } from '../db/client.ts'
import { accounts } from '../db/tables/access.ts'
import { locations, products, variants } from '../db/tables/catalog.ts'
import { orderLines, orders } from '../db/tables/trade.ts'
import { SynkvyError, throwFaults, type InputPath } from '../errors.ts'
import { byExternalId, findCustomerIds, isOwnedBy, toAddress } from './customers.ts'
import { carryOutMoves, differences, planMoves, type HeldLine, type OrderMove } from './order-stock.ts'
import { findOrder, ordersByIds } from './order-reading.ts'
import { ownerOf } from './ownership.ts'
import type { OrderState, OrderStateName } from './states.ts'
import { checkOrderInputs, type OrderInput, type OrderLineInput } from './trade-input.ts'

type OrderRow = Readonly<typeof orders.$inferSelect>

/** A line as it is stored, and what it holds of the stock. */
interface Line extends HeldLine {
  readonly title: string
  readonly unitPrice: string
  readonly taxRate: string | null
}

/** An order under its lock. */
interface StoredOrder {
  readonly row: OrderRow
  readonly lines: readonly Line[]
}

/** An order as it is to be. */
interface WantedOrder {
  readonly row: Omit<OrderRow, 'id' | 'revision' | 'createdAt' | 'updatedAt'>
  readonly lines: readonly Line[]
}

/** An order of a call, before and after. */
interface Change {
  readonly before: StoredOrder | undefined
  readonly after: WantedOrder
  readonly move: OrderMove
}

/** To what an order may go from each state. What was shipped and came back is cancelled. */
const next: { readonly [S in OrderStateName]: readonly OrderStateName[] } = {
  PLACED: ['PLACED', 'SHIPPED', 'CANCELLED'],
  SHIPPED: ['SHIPPED', 'CANCELLED'],
  CANCELLED: ['CANCELLED'],
}

/**
 * Makes or changes orders by their owner's id of them, all or nothing, and answers them in the order of `inputs`. They belong to the caller's view, or to the shop where an admin
 * calls, and move stock: PLACED reserves it, SHIPPED takes it, CANCELLED gives it back. What does not differ is not written.
 * Throws NOT_FOUND for an article or a customer, INSUFFICIENT_STOCK, ILLEGAL_STATE, BAD_USER_INPUT, NO_SYNC_VIEW.
 */
export async function upsertOrders(database: Database, caller: Caller, inputs: readonly OrderInput[]): Promise<readonly OrderState[]> {
  const ownerUserId = ownerOf(caller)
  checkOrderInputs(inputs)
  const ids = await writeAs(database, caller, async (tx) => {
    const changes = await planChanges(tx, caller.accountId, ownerUserId, inputs)
    const plan = await planMoves(
      tx,
      caller.accountId,
      changes.map(({ move }) => move),
    )
    const orderIds = await writeOrders(tx, caller.accountId, ownerUserId, changes)
    const idOf = new Map(changes.map(({ move, after }) => [move, orderIds.get(after.row.externalId) ?? 0]))
    await forgetOrigin(tx)
    await carryOutMoves(tx, caller, plan, (move) => idOf.get(move) ?? 0)
    return inputs.map((input) => orderIds.get(input.externalId) ?? 0)
  })
  const states = await ordersByIds(database, caller.accountId, ids)
  return ids.flatMap((id) => states.get(id) ?? [])
}

/**
 * Moves an order that the caller receives to another state, and its stock with it. The state that it has already changes nothing.
 * Throws NOT_FOUND for an order that the caller does not receive, ILLEGAL_STATE.
 */
export async function setOrderState(database: Database, caller: Caller, id: number, state: OrderStateName): Promise<OrderState> {
  if ((await findOrder(database, caller, id)) === undefined) throw orderNotFound(['id'])
  await writeAs(database, caller, async (tx) => {
    const [before] = await lockOrders(tx, caller.accountId, [id])
    if (before === undefined) throw orderNotFound(['id'])
    throwFaults(transitionFaults(before, state, before.lines, ['state']))
    const move = toMove(before, { ...before, row: { ...before.row, state } }, () => ['id'])
    const plan = await planMoves(tx, caller.accountId, [move])
    if (state === before.row.state) return
    await tx
      .update(orders)
      .set({ state })
      .where(and(eq(orders.accountId, caller.accountId), eq(orders.id, id)))
    await forgetOrigin(tx)
    await carryOutMoves(tx, caller, plan, () => id)
  })
  const order = (await ordersByIds(database, caller.accountId, [id])).get(id)
  if (order === undefined) throw orderNotFound(['id'])
  return order
}

/** Refuses an order of another account, one that the caller does not receive, and one that is not there in the same words. */
function orderNotFound(inputPath: InputPath): SynkvyError {
  return new SynkvyError('NOT_FOUND', 'There is no such order that you receive.', { inputPath })
}

// ---- what is wanted

async function planChanges(
  tx: DrizzleSession,
  accountId: number,
  ownerUserId: number | null,
  inputs: readonly OrderInput[],
): Promise<readonly Change[]> {
  const stored = await lockOrders(tx, accountId, await findOrderIds(tx, accountId, ownerUserId, inputs))
  const before = new Map(stored.map((order) => [order.row.externalId, order]))
  const customerIds = await findCustomers(tx, accountId, ownerUserId, inputs)
  const linesOf = await readLines(tx, accountId, inputs)
  const currency = await currencyOf(tx, accountId)
  const changes = inputs.map((input, index) => {
    const was = before.get(input.externalId)
    const lines = keepSame(was?.lines, input.lines ? linesOf(input.lines) : (was?.lines ?? []))
    const row = mergeOrder({ accountId, ownerUserId, currency, customerIds }, input, was?.row)
    return { index, was, lines, row }
  })
  throwFaults(changes.flatMap(({ index, was, lines, row }) => transitionFaults(was, row.state, lines, ['input', index])))
  return changes.map(({ index, was, lines, row }) => {
    const after = { row, lines }
    const isGiven = Boolean(inputs[index]?.lines)
    return {
      before: was,
      after,
      move: toMove(was, after, (line) => (isGiven ? ['input', index, 'lines', line, 'quantity'] : ['input', index])),
    }
  })
}

/** The stored lines themselves where the wanted ones say the same: then nothing is written of them. */
function keepSame(stored: readonly Line[] | undefined, wanted: readonly Line[]): readonly Line[] {
  return stored !== undefined && isDeepStrictEqual(stored.map(comparable), wanted.map(comparable)) ? stored : wanted
}

/** What of a line a call can change. Its title stays what it was when it was placed. */
function comparable({ variantId, locationId, sku, quantity, unitPrice, taxRate }: Line) {
  return [variantId, locationId, sku, quantity, unitPrice, taxRate]
}

function toMove(before: StoredOrder | undefined, after: WantedOrder, pathOf: OrderMove['pathOf']): OrderMove {
  const held = ({ row, lines }: Pick<WantedOrder, 'lines'> & { readonly row: Pick<OrderRow, 'state'> }) => ({ state: row.state, lines })
  return { orderId: before?.row.id, before: before && held(before), after: held(after), pathOf }
}

/** Whether an order may become that: its state, and, once it is shipped or cancelled, that it stays what was shipped or cancelled. */
function transitionFaults(
  before: StoredOrder | undefined,
  state: OrderStateName,
  lines: readonly Line[],
  path: InputPath,
): readonly SynkvyError[] {
  if (before === undefined) return []
  const { row } = before
  if (!next[row.state].includes(state)) {
    const message = `The order "${row.externalId}" is ${row.state} and cannot become ${state}.`
    return [new SynkvyError('ILLEGAL_STATE', message, { inputPath: path.at(-1) === 'state' ? path : [...path, 'state'] })]
  }
  if (row.state === 'PLACED') return []
  const asShipped = (of: readonly Line[]) => differences({ before: undefined, after: { state: 'SHIPPED', lines: of } })
  if (isDeepStrictEqual(asShipped(before.lines), asShipped(lines))) return []
  const message = `The order "${row.externalId}" is ${row.state}: its lines are what they were. Send it without lines, or cancel it and place another.`
  return [new SynkvyError('ILLEGAL_STATE', message, { inputPath: [...path, 'lines'] })]
}

/** What is given, or what there was, or what a new one has. */
function merge<Value>(given: Value | undefined, stored: Value | undefined, fresh: Value): Value {
  return given === undefined ? (stored ?? fresh) : given
}

function mergeOrder(
  {
    accountId,
    ownerUserId,
    currency,
    customerIds,
  }: {
    readonly accountId: number
    readonly ownerUserId: number | null
    readonly currency: string
    readonly customerIds: ReadonlyMap<string, number>
  },
  input: OrderInput,
  before: OrderRow | undefined,
): WantedOrder['row'] {
  return {
    accountId,
    ownerUserId,
    externalId: input.externalId,
    number: merge(input.number ?? undefined, before?.number, input.externalId),
    state: merge(input.state ?? undefined, before?.state, 'PLACED'),
    customerId: merge(
      typeof input.customerExternalId === 'string' ? (customerIds.get(input.customerExternalId) ?? null) : input.customerExternalId,
      before?.customerId ?? null,
      null,
    ),
    shippingAddress: merge(input.shippingAddress && toAddress(input.shippingAddress), before?.shippingAddress ?? null, null),
    billingAddress: merge(input.billingAddress && toAddress(input.billingAddress), before?.billingAddress ?? null, null),
    currency: input.lines?.[0]?.unitPrice.currency ?? before?.currency ?? currency,
    placedAt: merge(input.placedAt ?? undefined, before?.placedAt, new Date()),
  }
}

async function currencyOf(tx: DrizzleSession, accountId: number): Promise<string> {
  const [account] = await tx.select({ currency: accounts.currency }).from(accounts).where(eq(accounts.id, accountId))
  return account?.currency ?? ''
}

async function findCustomers(
  tx: DrizzleSession,
  accountId: number,
  ownerUserId: number | null,
  inputs: readonly OrderInput[],
): Promise<ReadonlyMap<string, number>> {
  const wanted = inputs.flatMap((input) => input.customerExternalId ?? [])
  if (wanted.length === 0) return new Map()
  const found = await findCustomerIds(tx, accountId, ownerUserId, [...new Set(wanted)])
  throwFaults(
    inputs.flatMap(({ customerExternalId }, index) => {
      if (!customerExternalId || found.has(customerExternalId)) return []
      const message = `There is no customer with the externalId "${customerExternalId}" of yours. Send the customer first, with upsertCustomers.`
      return [new SynkvyError('NOT_FOUND', message, { inputPath: ['input', index, 'customerExternalId'] })]
    }),
  )
  return found
}

// ---- lines

/** Finds the articles and locations of all lines of a call, and answers what makes lines of those of one order. Throws NOT_FOUND for each SKU that is not there. */
async function readLines(
  tx: DrizzleSession,
  accountId: number,
  inputs: readonly OrderInput[],
): Promise<(lines: readonly OrderLineInput[]) => readonly Line[]> {
  const all = inputs.flatMap((input) => input.lines ?? [])
  if (all.length === 0) return () => []
  const articles = await findArticles(
    tx,
    accountId,
    all.map((line) => line.sku),
  )
  throwFaults(
    inputs.flatMap((input, index) =>
      (input.lines ?? []).flatMap(({ sku }, at) => (articles.has(sku) ? [] : [unknownSku(sku, ['input', index, 'lines', at, 'sku'])])),
    ),
  )
  const locationIds = await ensureLocations(
    tx,
    accountId,
    all.map((line) => line.location),
  )
  return (lines) =>
    lines.map(({ sku, quantity, unitPrice, taxRate, location }) => ({
      sku,
      location,
      quantity,
      variantId: articles.get(sku)?.variantId ?? 0,
      locationId: locationIds.get(location) ?? 0,
      title: articles.get(sku)?.title ?? '',
      unitPrice: normaliseAmount(unitPrice.amount),
      taxRate: taxRate ?? null,
    }))
}

/** What each SKU is, by what is on the receipt: the product's title, and the variant's where it has several. */
async function findArticles(
  tx: DrizzleSession,
  accountId: number,
  skus: readonly string[],
): Promise<ReadonlyMap<string, { readonly variantId: number; readonly title: string }>> {
  const rows = await tx
    .select({
      sku: variants.sku,
      variantId: variants.id,
      variantTitle: variants.title,
      productTitle: products.title,
      hasSeveral: sql<boolean>`EXISTS (SELECT 1 FROM variants o WHERE o.account_id = ${variants.accountId} AND o.product_id = ${variants.productId} AND o.id <> ${variants.id})`,
    })
    .from(variants)
    .innerJoin(products, and(eq(products.accountId, variants.accountId), eq(products.id, variants.productId)))
    .where(and(eq(variants.accountId, accountId), isAnyOf(variants.sku, [...new Set(skus)])))
  return new Map(
    rows.map(({ sku, variantId, variantTitle, productTitle, hasSeveral }) => [
      sku,
      { variantId, title: hasSeveral ? `${productTitle}, ${variantTitle}` : productTitle },
    ]),
  )
}

// ---- stored orders

async function findOrderIds(
  tx: DrizzleSession,
  accountId: number,
  ownerUserId: number | null,
  inputs: readonly OrderInput[],
): Promise<readonly number[]> {
  const rows = await orderIdsOf(
    tx,
    accountId,
    ownerUserId,
    inputs.map((input) => input.externalId),
  )
  return rows.map((row) => row.id)
}

function orderIdsOf(tx: DrizzleSession, accountId: number, ownerUserId: number | null, externalIds: readonly string[]) {
  return tx
    .select({ id: orders.id, externalId: orders.externalId })
    .from(orders)
    .where(and(eq(orders.accountId, accountId), isOwnedBy(orders.ownerUserId, ownerUserId), isAnyOf(orders.externalId, externalIds)))
}

/** Locks orders in the order of ids, and reads their lines. */
async function lockOrders(tx: DrizzleSession, accountId: number, ids: readonly number[]): Promise<readonly StoredOrder[]> {
  if (ids.length === 0) return []
  const rows = await tx
    .select()
    .from(orders)
    .where(and(eq(orders.accountId, accountId), isAnyOf(orders.id, ids)))
    .orderBy(asc(orders.id))
    .for('update')
  const lines = await tx
    .select({ line: orderLines, location: locations.code })
    .from(orderLines)
    .innerJoin(locations, and(eq(locations.accountId, orderLines.accountId), eq(locations.id, orderLines.locationId)))
    .where(and(eq(orderLines.accountId, accountId), isAnyOf(orderLines.orderId, ids)))
    .orderBy(asc(orderLines.orderId), asc(orderLines.ordinal))
  const byOrder = grouped(lines, ({ line }) => line.orderId)
  return rows.map((row) => ({ row, lines: (byOrder.get(row.id) ?? []).map(({ line, location }) => ({ ...line, location })) }))
}

/** Writes what differs. Answers the orders' ids by their external ids. */
async function writeOrders(
  tx: DrizzleSession,
  accountId: number,
  ownerUserId: number | null,
  changes: readonly Change[],
): Promise<ReadonlyMap<string, number>> {
  const fresh = changes.filter(({ before }) => before === undefined).map(({ after }) => after.row)
  // Without ON CONFLICT, and in one order: what somebody else has just made must be read, so the call is tried again.
  await insertRows(tx, orders, fresh.toSorted(byExternalId))
  const changed = changes.flatMap(({ before, after }) => (before !== undefined && rowDiffers(after.row, before.row) ? [after.row] : []))
  const set = ['number', 'state', 'customerId', 'shippingAddress', 'billingAddress', 'currency', 'placedAt'] as const
  await insertRows(tx, orders, changed, { upsert: { onConflict: ['accountId', 'ownerUserId', 'externalId'], set } })
  const ids = new Map(
    (
      await orderIdsOf(
        tx,
        accountId,
        ownerUserId,
        changes.map(({ after }) => after.row.externalId),
      )
    ).map((row) => [row.externalId, row.id]),
  )
  await writeLines(
    tx,
    accountId,
    changes.flatMap(({ before, after }) =>
      after.lines === before?.lines ? [] : [{ orderId: ids.get(after.row.externalId) ?? 0, lines: after.lines }],
    ),
  )
  return ids
}

function rowDiffers(wanted: WantedOrder['row'], stored: OrderRow): boolean {
  const of = ({ number, state, customerId, shippingAddress, billingAddress, currency, placedAt }: WantedOrder['row']) => [
    number,
    state,
    customerId,
    shippingAddress,
    billingAddress,
    currency,
    placedAt,
  ]
  return !isDeepStrictEqual(of(wanted), of(stored))
}

/** Replaces the lines of orders: what stood at a place and stands there still keeps its id. */
async function writeLines(
  tx: DrizzleSession,
  accountId: number,
  changed: readonly { readonly orderId: number; readonly lines: readonly Line[] }[],
): Promise<void> {
  if (changed.length === 0) return
  const counts = sql`json_to_recordset(${JSON.stringify(changed.map(({ orderId, lines }) => ({ id: orderId, count: lines.length })))}::json) AS n (id bigint, count int)`
  await tx.execute(
    sql`DELETE FROM order_lines l USING ${counts} WHERE l.account_id = ${accountId} AND l.order_id = n.id AND l.ordinal >= n.count`,
  )
  const rows = changed.flatMap(({ orderId, lines }) =>
    lines.map(({ variantId, locationId, sku, title, quantity, unitPrice, taxRate }, ordinal) => ({
      accountId,
      orderId,
      ordinal,
      variantId,
      locationId,
      sku,
      title,
      quantity,
      unitPrice,
      taxRate,
    })),
  )
  const set = ['variantId', 'locationId', 'sku', 'title', 'quantity', 'unitPrice', 'taxRate'] as const
  await insertRows(tx, orderLines, rows, { upsert: { onConflict: ['accountId', 'orderId', 'ordinal'], set } })
}
