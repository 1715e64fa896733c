import { isDeepStrictEqual } from 'node:util'
import { and, asc, eq, inArray, or } from 'drizzle-orm'
import type { Author } from '../access/caller.ts'
import type { Database, DrizzleSession } from '../db/client.ts'
import { withOwnPlans } from '../db/plans.ts'
import { locations, products, stockLevels, variants } from '../db/tables/catalog.ts'
import { sequencer } from '../db/tables/sync.ts'
import { SynkvyError, throwFaults } from '../errors.ts'
import {
  badInput,
  checkItemCount,
  checkProductInputs,
  normaliseAmount,
  type ProductBy,
  type ProductInput,
  type VariantInput,
} from './product-input.ts'
import type { LocationRow, ProductRow, StockLevelRow, VariantRow } from './rows.ts'
import { findProducts, isFound } from './search.ts'
import { insertRows, isAnyOf, writeAs } from './write.ts'

type NewProduct = typeof products.$inferInsert
type NewVariant = typeof variants.$inferInsert

/**
 * Makes or changes products by handle, all or nothing, and answers them in the order of `inputs`. What does not differ is not written: it raises no
 * revision and reaches no consumer. Throws BAD_USER_INPUT, and CONFLICT for a SKU of another product and an `ifRevision` that is not met.
 */
export async function upsertProducts(database: Database, author: Author, inputs: readonly ProductInput[]): Promise<readonly ProductRow[]> {
  checkProductInputs(inputs)
  return writeAs(database, author, async (tx) => {
    const before = await lockProducts(tx, author.accountId, inputs)
    await checkRevisions(tx, inputs, before)
    throwFaults(
      inputs.flatMap((input, index) =>
        before.has(input.handle) || input.title ? [] : [badInput('A new product needs a title.', ['input', index, 'title'])],
      ),
    )
    const wanted = inputs.map((input) => mergeProduct(author.accountId, before.get(input.handle), input))
    const made = await insertProducts(
      tx,
      wanted.filter((row) => !before.has(row.handle)),
    )
    await updateProducts(
      tx,
      wanted.filter((row) => before.has(row.handle) && differs(row, before.get(row.handle))),
    )
    await upsertVariants(tx, author.accountId, inputs, new Map([...[...before].map(([handle, row]) => [handle, row.id] as const), ...made]))
    // What became of their variants shows in their revisions.
    const after = await productsByHandle(tx, author.accountId, inputs)
    return inputs.map((input) => expectRow(after.get(input.handle)))
  })
}

function expectRow<Row>(row: Row | undefined): Row {
  if (row === undefined) throw new Error('a row that was written in this transaction is not there')
  return row
}

function handleIs(accountId: number, inputs: readonly ProductInput[]) {
  return and(
    eq(products.accountId, accountId),
    isAnyOf(
      products.handle,
      inputs.map((input) => input.handle),
    ),
  )
}

/** In the order of ids, so that two calls that overlap wait for each other rather than deadlock. */
async function lockProducts(
  tx: DrizzleSession,
  accountId: number,
  inputs: readonly ProductInput[],
): Promise<ReadonlyMap<string, ProductRow>> {
  const rows = await tx.select().from(products).where(handleIs(accountId, inputs)).orderBy(asc(products.id)).for('update')
  return new Map(rows.map((row) => [row.handle, row]))
}

async function productsByHandle(
  tx: DrizzleSession,
  accountId: number,
  inputs: readonly ProductInput[],
): Promise<ReadonlyMap<string, ProductRow>> {
  const rows = await tx.select().from(products).where(handleIs(accountId, inputs))
  return new Map(rows.map((row) => [row.handle, row]))
}

async function checkRevisions(tx: DrizzleSession, inputs: readonly ProductInput[], before: ReadonlyMap<string, ProductRow>): Promise<void> {
  if (inputs.every((input) => input.ifRevision === undefined || input.ifRevision === null)) return
  const [state] = await tx.select({ epoch: sequencer.epoch }).from(sequencer)
  const shown = (row: ProductRow | undefined) => row && (BigInt(state?.epoch ?? 0) << 53n) + BigInt(row.revision)
  throwFaults(
    inputs.flatMap((input, index) => {
      const revision = shown(before.get(input.handle))
      if (input.ifRevision === undefined || input.ifRevision === null || input.ifRevision === revision) return []
      const now = revision === undefined ? 'is not there' : `has revision ${revision} by now`
      return [
        new SynkvyError('CONFLICT', `The product "${input.handle}" ${now}. Read it again, then decide.`, {
          inputPath: ['input', index, 'ifRevision'],
        }),
      ]
    }),
  )
}

/** What is given, or what there was; null clears to what a new one has. */
function merge<Value>(given: Value | null | undefined, before: Value | undefined, fresh: Value): Value {
  if (given === undefined) return before ?? fresh
  return given ?? fresh
}

function mergeProduct(accountId: number, before: ProductRow | undefined, input: ProductInput): NewProduct {
  return {
    accountId,
    handle: input.handle,
    title: merge(input.title, before?.title, ''),
    description: merge(input.description, before?.description ?? null, null),
    vendor: merge(input.vendor, before?.vendor ?? null, null),
    productType: merge(input.productType, before?.productType ?? null, null),
    tags: [...merge(input.tags, before?.tags, [])],
    status: merge(input.status, before?.status, 'ACTIVE'),
    imageUrls: [...merge(input.imageUrls, before?.imageUrls, [])],
    allowBackorder: merge(input.allowBackorder, before?.allowBackorder, false),
  }
}

/** Whether a row that is wanted differs from what is stored, in what it names. */
function differs(wanted: object, before: object | undefined): boolean {
  if (before === undefined) return true
  const stored = new Map(Object.entries(before))
  return Object.entries(wanted).some(([name, value]) => !isDeepStrictEqual(value, stored.get(name)))
}

/** Without ON CONFLICT: what somebody else has just made must be read, not overwritten, so the call is tried again. Answers their ids by handle. */
async function insertProducts(tx: DrizzleSession, rows: readonly NewProduct[]): Promise<readonly (readonly [string, number])[]> {
  const made = await insertRows(tx, products, rows, { returning: ['handle', 'id'] })
  return made.map(({ handle, id }) => [String(handle), Number(id)])
}

/** Their rows are locked; an upsert is how Postgres takes many at once. */
async function updateProducts(tx: DrizzleSession, rows: readonly NewProduct[]): Promise<void> {
  const set = ['title', 'description', 'vendor', 'productType', 'tags', 'status', 'imageUrls', 'allowBackorder'] as const
  await insertRows(tx, products, rows, { upsert: { onConflict: ['accountId', 'handle'], set } })
}

// ---- variants

/** Makes each product's variants what its list says, where one is given: those that it lacks go, and a SKU may move between products of one call. `owners`: ids by handle. */
async function upsertVariants(
  tx: DrizzleSession,
  accountId: number,
  inputs: readonly ProductInput[],
  owners: ReadonlyMap<string, number>,
): Promise<void> {
  const given = inputs.flatMap((input, index) =>
    input.variants ? [{ index, productId: expectRow(owners.get(input.handle)), list: input.variants }] : [],
  )
  if (given.length === 0) return
  const before = await variantsOf(
    tx,
    accountId,
    given.map(({ productId }) => productId),
  )
  const bySku = new Map(before.map((row) => [row.sku, row]))
  const wanted = given.flatMap(({ index, productId, list }) =>
    list.map((variant, ordinal) => ({ index, ordinal, variant, productId, before: sameProduct(bySku.get(variant.sku), productId) })),
  )
  throwFaults(wanted.flatMap(priceFaults))
  const keptSkus = new Set(wanted.flatMap(({ before: row }) => (row === undefined ? [] : [row.sku])))
  await deleteVariants(
    tx,
    accountId,
    before.filter((row) => !keptSkus.has(row.sku)),
  )
  await refuseForeignSkus(tx, accountId, wanted)
  const rows = wanted.map((one) => ({
    row: mergeVariant(accountId, one.productId, one.ordinal, one.before, one.variant),
    before: one.before,
  }))
  const changed = rows.filter(({ row, before: stored }) => differs(row, stored))
  await insertVariants(
    tx,
    changed.flatMap(({ row, before: stored }) => (stored === undefined ? [row] : [])),
  )
  await updateVariants(
    tx,
    changed.flatMap(({ row, before: stored }) => (stored === undefined ? [] : [row])),
  )
}

interface WantedVariant {
  readonly index: number
  readonly ordinal: number
  readonly variant: VariantInput
  readonly productId: number
  readonly before: VariantRow | undefined
}

function sameProduct(row: VariantRow | undefined, productId: number): VariantRow | undefined {
  return row?.productId === productId ? row : undefined
}

function variantsOf(tx: DrizzleSession, accountId: number, productIds: readonly number[]): Promise<VariantRow[]> {
  return tx
    .select()
    .from(variants)
    .where(and(eq(variants.accountId, accountId), isAnyOf(variants.productId, productIds)))
    .orderBy(asc(variants.productId), asc(variants.ordinal), asc(variants.id))
}

function priceFaults({ index, ordinal, variant, before }: WantedVariant): readonly SynkvyError[] {
  if (before !== undefined || variant.price) return []
  return [badInput(`"${variant.sku}" is a new variant: it needs a price.`, ['input', index, 'variants', ordinal, 'price'])]
}

async function deleteVariants(tx: DrizzleSession, accountId: number, rows: readonly VariantRow[]): Promise<void> {
  if (rows.length === 0) return
  await tx.delete(variants).where(
    and(
      eq(variants.accountId, accountId),
      isAnyOf(
        variants.id,
        rows.map((row) => row.id),
      ),
    ),
  )
}

/** After this call's own variants that go are gone, a SKU that is still taken is another product's. */
async function refuseForeignSkus(tx: DrizzleSession, accountId: number, wanted: readonly WantedVariant[]): Promise<void> {
  const fresh = wanted.filter(({ before }) => before === undefined)
  if (fresh.length === 0) return
  const taken = await tx
    .select({ sku: variants.sku, handle: products.handle })
    .from(variants)
    .innerJoin(products, and(eq(products.accountId, variants.accountId), eq(products.id, variants.productId)))
    .where(
      and(
        eq(variants.accountId, accountId),
        isAnyOf(
          variants.sku,
          fresh.map(({ variant }) => variant.sku),
        ),
      ),
    )
  const owners = new Map(taken.map((row) => [row.sku, row.handle]))
  throwFaults(
    fresh.flatMap(({ index, ordinal, variant }) => {
      const owner = owners.get(variant.sku)
      if (owner === undefined) return []
      const message = `The SKU "${variant.sku}" belongs to the product "${owner}". Take it away there first, or choose another.`
      return [new SynkvyError('CONFLICT', message, { inputPath: ['input', index, 'variants', ordinal, 'sku'] })]
    }),
  )
}

function mergeVariant(
  accountId: number,
  productId: number,
  ordinal: number,
  before: VariantRow | undefined,
  input: VariantInput,
): NewVariant {
  const price = input.price ?? undefined
  const compareAt = input.compareAtPrice
  return {
    accountId,
    productId,
    ordinal,
    sku: input.sku,
    title: merge(input.title, before?.title, (input.options ?? []).map((option) => option.value).join(' / ') || input.sku),
    barcode: merge(input.barcode, before?.barcode ?? null, null),
    price: price === undefined ? (before?.price ?? '0.00') : normaliseAmount(price.amount),
    priceCurrency: price?.currency ?? before?.priceCurrency ?? '',
    compareAtPrice: compareAt === undefined ? (before?.compareAtPrice ?? null) : compareAt && normaliseAmount(compareAt.amount),
    compareAtCurrency: compareAt === undefined ? (before?.compareAtCurrency ?? null) : (compareAt?.currency ?? null),
    weightGrams: merge(input.weightGrams, before?.weightGrams ?? null, null),
    options: merge(input.options, before?.options, []).map(({ name, value }) => ({ name, value })),
  }
}

async function insertVariants(tx: DrizzleSession, rows: readonly NewVariant[]): Promise<void> {
  await insertRows(tx, variants, rows)
}

/** Their products are locked, and with them they are. */
async function updateVariants(tx: DrizzleSession, rows: readonly NewVariant[]): Promise<void> {
  const set = [
    'ordinal',
    'title',
    'barcode',
    'price',
    'priceCurrency',
    'compareAtPrice',
    'compareAtCurrency',
    'weightGrams',
    'options',
  ] as const
  await insertRows(tx, variants, rows, { upsert: { onConflict: ['accountId', 'sku'], set } })
}

// ---- finding and deleting

/**
 * The ids of products by what they are called, one for each that is asked for. Throws NOT_FOUND, with the place in `argument`, for each that is not there.
 */
export async function findProductIds(
  database: Database,
  accountId: number,
  wanted: readonly ProductBy[],
  argument = 'products',
): Promise<readonly number[]> {
  checkItemCount(wanted, argument)
  const found = await lookUpProducts(database.drizzle, accountId, wanted)
  throwFaults(
    wanted.flatMap((by, index) =>
      found[index] === undefined
        ? [new SynkvyError('NOT_FOUND', `There is no product with ${describe(by)} in your account.`, { inputPath: [argument, index] })]
        : [],
    ),
  )
  return found.filter((id) => id !== undefined)
}

function describe(by: ProductBy): string {
  if ('handle' in by) return `the handle "${by.handle}"`
  return 'sku' in by ? `the SKU "${by.sku}"` : 'that id'
}

async function lookUpProducts(
  tx: DrizzleSession,
  accountId: number,
  wanted: readonly ProductBy[],
): Promise<readonly (number | undefined)[]> {
  const ids = wanted.flatMap((by) => ('id' in by ? [by.id] : []))
  const handles = wanted.flatMap((by) => ('handle' in by ? [by.handle] : []))
  const skus = wanted.flatMap((by) => ('sku' in by ? [by.sku] : []))
  const rows = await tx
    .select({ id: products.id, handle: products.handle })
    .from(products)
    .where(and(eq(products.accountId, accountId), or(inArray(products.id, ids), inArray(products.handle, handles))))
  const bySku = await tx
    .select({ id: variants.productId, sku: variants.sku })
    .from(variants)
    .where(and(eq(variants.accountId, accountId), inArray(variants.sku, skus)))
  const known = {
    ids: new Set(rows.map((row) => row.id)),
    handles: new Map(rows.map((row) => [row.handle, row.id])),
    skus: new Map(bySku.map((row) => [row.sku, row.id])),
  }
  return wanted.map((by) => {
    if ('handle' in by) return known.handles.get(by.handle)
    if ('sku' in by) return known.skus.get(by.sku)
    return known.ids.has(by.id) ? by.id : undefined
  })
}

/** Deletes products with their variants and stock, all or nothing; the views that they are linked to get REMOVEs. Throws NOT_FOUND. Answers how many. */
export async function deleteProducts(database: Database, author: Author, wanted: readonly ProductBy[]): Promise<number> {
  const ids = await findProductIds(database, author.accountId, wanted)
  return writeAs(database, author, async (tx) => {
    const inAccount = and(eq(products.accountId, author.accountId), inArray(products.id, [...ids]))
    await tx.select({ id: products.id }).from(products).where(inAccount).orderBy(asc(products.id)).for('update')
    const gone = await tx.delete(products).where(inAccount).returning({ id: products.id })
    return gone.length
  })
}

export async function productBy(database: Database, accountId: number, by: ProductBy): Promise<ProductRow | undefined> {
  const [id] = await lookUpProducts(database.drizzle, accountId, [by])
  return id === undefined ? undefined : (await productsByIds(database, accountId, [id])).get(id)
}

/** Products by id, `first` of them after `after`, whose handle, title or vendor, or one of whose SKUs, holds `search`. Throws BAD_USER_INPUT for a search that is none. */
export async function productsPage(
  database: Database,
  accountId: number,
  page: { readonly first: number; readonly after?: number | undefined; readonly search?: string | undefined },
): Promise<readonly ProductRow[]> {
  const ids = await withOwnPlans(database, async (tx) => {
    const search = await findProducts(tx, accountId, page.search)
    return tx<{ id: number }[]>`
      SELECT o.id FROM products o WHERE o.account_id = ${accountId} AND o.id > ${page.after ?? 0} AND ${search === undefined ? tx`true` : isFound(tx, accountId, search, tx`o.id`)}
      ORDER BY o.id LIMIT ${page.first}`
  })
  const rows = await productsByIds(
    database,
    accountId,
    ids.map(({ id }) => id),
  )
  return ids.flatMap(({ id }) => rows.get(id) ?? [])
}

export async function countProducts(database: Database, accountId: number, wanted?: string): Promise<number> {
  return withOwnPlans(database, async (tx) => {
    const search = await findProducts(tx, accountId, wanted)
    if (search?.ids !== undefined) return search.ids.length
    const [row] = await tx<{ count: number }[]>`
      SELECT count(*) FROM ${search === undefined ? tx`products WHERE account_id = ${accountId}` : tx`matching_products(${accountId}, ${search.pattern}, NULL)`}`
    return row?.count ?? 0
  })
}

// ---- batch loading, for GraphQL's relations

export async function productsByIds(
  database: Database,
  accountId: number,
  ids: readonly number[],
): Promise<ReadonlyMap<number, ProductRow>> {
  const rows = await database.drizzle
    .select()
    .from(products)
    .where(and(eq(products.accountId, accountId), inArray(products.id, [...ids])))
  return new Map(rows.map((row) => [row.id, row]))
}

export async function variantsByIds(
  database: Database,
  accountId: number,
  ids: readonly number[],
): Promise<ReadonlyMap<number, VariantRow>> {
  const rows = await database.drizzle
    .select()
    .from(variants)
    .where(and(eq(variants.accountId, accountId), inArray(variants.id, [...ids])))
  return new Map(rows.map((row) => [row.id, row]))
}

export async function locationsByIds(
  database: Database,
  accountId: number,
  ids: readonly number[],
): Promise<ReadonlyMap<number, LocationRow>> {
  const rows = await database.drizzle
    .select()
    .from(locations)
    .where(and(eq(locations.accountId, accountId), inArray(locations.id, [...ids])))
  return new Map(rows.map((row) => [row.id, row]))
}

export async function stockLevelsByIds(
  database: Database,
  accountId: number,
  ids: readonly number[],
): Promise<ReadonlyMap<number, StockLevelRow>> {
  const rows = await database.drizzle
    .select()
    .from(stockLevels)
    .where(and(eq(stockLevels.accountId, accountId), inArray(stockLevels.id, [...ids])))
  return new Map(rows.map((row) => [row.id, row]))
}

/** The variants of each product, in their order. */
export async function variantsOfProducts(
  database: Database,
  accountId: number,
  productIds: readonly number[],
): Promise<ReadonlyMap<number, readonly VariantRow[]>> {
  const rows = await variantsOf(database.drizzle, accountId, productIds)
  return grouped(rows, (row) => row.productId)
}

/** The stock levels of each variant. */
export async function stockLevelsOfVariants(
  database: Database,
  accountId: number,
  variantIds: readonly number[],
): Promise<ReadonlyMap<number, readonly StockLevelRow[]>> {
  const rows = await database.drizzle
    .select()
    .from(stockLevels)
    .where(and(eq(stockLevels.accountId, accountId), inArray(stockLevels.variantId, [...variantIds])))
    .orderBy(asc(stockLevels.id))
  return grouped(rows, (row) => row.variantId)
}

/** Rows by a key of theirs, in their order. */
export function grouped<Row>(rows: readonly Row[], keyOf: (row: Row) => number): ReadonlyMap<number, readonly Row[]> {
  const groups = new Map<number, Row[]>()
  for (const row of rows) {
    const group = groups.get(keyOf(row))
    if (group === undefined) groups.set(keyOf(row), [row])
    else group.push(row)
  }
  return groups
}
