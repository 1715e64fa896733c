import { isDeepStrictEqual } from 'node:util'
import { and, asc, eq, isNull, type SQL } from 'drizzle-orm'
import type { PgColumn } from 'drizzle-orm/pg-core'
import type { Caller } from '../access/caller.ts'
import { insertRows, isAnyOf, writeAs } from '../catalog/write.ts'
import type { Database, DrizzleSession, Sql } from '../db/client.ts'
import { customers, type Address } from '../db/tables/trade.ts'
import { ownerOf, ownerSeenBy } from './ownership.ts'
import { toCustomer, type RawCustomer, type CustomerState } from './states.ts'
import { checkCustomerInputs, type AddressInput, type CustomerInput } from './trade-input.ts'

type CustomerRow = Readonly<typeof customers.$inferSelect>

/**
 * Makes or changes customers by their owner's id of them, all or nothing, and answers them in the order of `inputs`. They belong to the caller's view, or to the shop where an
 * admin calls. What does not differ is not written. Throws BAD_USER_INPUT, NO_SYNC_VIEW.
 */
export async function upsertCustomers(
  database: Database,
  caller: Caller,
  inputs: readonly CustomerInput[],
): Promise<readonly CustomerState[]> {
  const ownerUserId = ownerOf(caller)
  checkCustomerInputs(inputs)
  const ids = await writeAs(database, caller, async (tx) => {
    const before = await lockCustomers(tx, caller.accountId, ownerUserId, inputs)
    const wanted = inputs.map((input) => mergeCustomer(caller.accountId, ownerUserId, input, before.get(input.externalId)))
    // In one order, so that two calls wait for each other rather than deadlock.
    const changed = wanted.filter((row) => differs(row, before.get(row.externalId))).toSorted(byExternalId)
    // Without ON CONFLICT: what somebody else has just made must be read, not overwritten, so the call is tried again.
    await insertRows(
      tx,
      customers,
      changed.filter((row) => !before.has(row.externalId)),
    )
    await insertRows(
      tx,
      customers,
      changed.filter((row) => before.has(row.externalId)),
      { upsert: { onConflict: ['accountId', 'ownerUserId', 'externalId'], set: ['name', 'email', 'phone', 'address'] } },
    )
    const after = await findCustomerIds(
      tx,
      caller.accountId,
      ownerUserId,
      inputs.map((input) => input.externalId),
    )
    return inputs.map((input) => after.get(input.externalId) ?? 0)
  })
  const states = await customersByIds(database, caller.accountId, ids)
  return ids.flatMap((id) => states.get(id) ?? [])
}

/** The order in which new rows are inserted. */
export function byExternalId(a: { readonly externalId: string }, b: { readonly externalId: string }): number {
  if (a.externalId === b.externalId) return 0
  return a.externalId < b.externalId ? -1 : 1
}

/** SQL that a row belongs to an owner. */
export function isOwnedBy(column: PgColumn, ownerUserId: number | null): SQL {
  return ownerUserId === null ? isNull(column) : eq(column, ownerUserId)
}

function externalIdIs(accountId: number, ownerUserId: number | null, externalIds: readonly string[]) {
  return and(eq(customers.accountId, accountId), isOwnedBy(customers.ownerUserId, ownerUserId), isAnyOf(customers.externalId, externalIds))
}

async function lockCustomers(
  tx: DrizzleSession,
  accountId: number,
  ownerUserId: number | null,
  inputs: readonly CustomerInput[],
): Promise<ReadonlyMap<string, CustomerRow>> {
  const rows = await tx
    .select()
    .from(customers)
    .where(
      externalIdIs(
        accountId,
        ownerUserId,
        inputs.map((input) => input.externalId),
      ),
    )
    .orderBy(asc(customers.id))
    .for('no key update')
  return new Map(rows.map((row) => [row.externalId, row]))
}

/** The ids of an owner's customers by its own ids of them. */
export async function findCustomerIds(
  tx: DrizzleSession,
  accountId: number,
  ownerUserId: number | null,
  externalIds: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  const rows = await tx
    .select({ id: customers.id, externalId: customers.externalId })
    .from(customers)
    .where(externalIdIs(accountId, ownerUserId, externalIds))
  return new Map(rows.map((row) => [row.externalId, row.id]))
}

function mergeCustomer(accountId: number, ownerUserId: number | null, input: CustomerInput, before: CustomerRow | undefined) {
  return {
    accountId,
    ownerUserId,
    externalId: input.externalId,
    name: input.name,
    email: input.email === undefined ? (before?.email ?? null) : input.email,
    phone: input.phone === undefined ? (before?.phone ?? null) : input.phone,
    address: input.address === undefined ? (before?.address ?? null) : toAddress(input.address),
  }
}

/** An address as it is stored. */
export function toAddress(input: AddressInput | null): Address | null {
  if (input === null) return null
  const { name, line1, line2, postalCode, city, countryCode } = input
  return { name: name ?? null, line1, line2: line2 ?? null, postalCode: postalCode ?? null, city, countryCode }
}

function differs(wanted: ReturnType<typeof mergeCustomer>, before: CustomerRow | undefined): boolean {
  if (before === undefined) return true
  const { name, email, phone, address } = before
  return !isDeepStrictEqual([wanted.name, wanted.email, wanted.phone, wanted.address], [name, email, phone, address])
}

// ---- reading

/** Customers of an account by their ids, whoever they belong to. */
export async function customersByIds(
  database: Database,
  accountId: number,
  ids: readonly number[],
): Promise<ReadonlyMap<number, CustomerState>> {
  const rows = await database.sql<{ id: number; entity: RawCustomer }[]>`
    SELECT k.id, x.entity FROM unnest(${[...new Set(ids)]}::bigint[]) k (id) CROSS JOIN LATERAL customer_state(${accountId}, k.id) x`
  return new Map(rows.map(({ id, entity }) => [id, toCustomer(entity)]))
}

/** A customer by its id; undefined where there is none that the caller may see. */
export async function findCustomer(database: Database, caller: Caller, id: number): Promise<CustomerState | undefined> {
  const owner = await ownerSeenBy(database, caller)
  const customer = (await customersByIds(database, caller.accountId, [id])).get(id)
  return customer !== undefined && (owner === undefined || customer.ownerUserId === owner) ? customer : undefined
}

/** Which customers: those that the caller may see, whose name, email or external id holds `search`. */
export interface CustomerFilter {
  readonly search?: string | undefined
}

/** Customers by id, `first` of them after `after`. */
export async function customersPage(
  database: Database,
  caller: Caller,
  page: CustomerFilter & { readonly first: number; readonly after?: number | undefined },
): Promise<readonly CustomerState[]> {
  const { sql } = database
  const owner = await ownerSeenBy(database, caller)
  const rows = await sql<{ entity: RawCustomer }[]>`
    SELECT x.entity FROM (
      SELECT c.account_id, c.id FROM customers c WHERE ${isWanted(sql, caller.accountId, owner, page)} AND c.id > ${page.after ?? 0}
      ORDER BY c.id LIMIT ${page.first}) k
    CROSS JOIN LATERAL customer_state(k.account_id, k.id) x ORDER BY k.id`
  return rows.map(({ entity }) => toCustomer(entity))
}

export async function countCustomers(database: Database, caller: Caller, filter: CustomerFilter): Promise<number> {
  const { sql } = database
  const owner = await ownerSeenBy(database, caller)
  const [row] = await sql<{ count: number }[]>`SELECT count(*) FROM customers c WHERE ${isWanted(sql, caller.accountId, owner, filter)}`
  return row?.count ?? 0
}

function isWanted(sql: Sql, accountId: number, owner: number | undefined, { search }: CustomerFilter) {
  const pattern = search === undefined || search === '' ? undefined : `%${search.replaceAll(/[\\%_]/g, String.raw`\$&`)}%`
  return sql`c.account_id = ${accountId} ${owner === undefined ? sql`` : sql`AND c.owner_user_id = ${owner}`} ${
    pattern === undefined ? sql`` : sql`AND (c.name ILIKE ${pattern} OR c.email ILIKE ${pattern} OR c.external_id ILIKE ${pattern})`
  }`
}
