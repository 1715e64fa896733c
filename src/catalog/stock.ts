import { createHash } from 'node:crypto'
import { and, asc, eq, inArray, lt, sql } from 'drizzle-orm'
import type { Author } from '../access/caller.ts'
import type { Database, DrizzleSession } from '../db/client.ts'
import { idempotencyKeys, locations, products, stockLevels, variants, type StockAnswer } from '../db/tables/catalog.ts'
import { SynkvyError, throwFaults, type InputPath } from '../errors.ts'
import { badInput, checkItemCount, repeated, textFaults } from './product-input.ts'
import type { StockLevelRow } from './rows.ts'
import { Vanished, writeAs } from './write.ts'

/** What is to be on hand. `expectedOnHand` makes it a compare-and-set: CONFLICT if it is another number by now (a level that is not there counts as 0). */
export interface SetStockInput {
  readonly sku: string
  readonly location: string
  readonly onHand: number
  readonly expectedOnHand?: number | null | undefined
}

/** By how much what is on hand changes. */
export interface AdjustStockInput {
  readonly sku: string
  readonly location: string
  readonly delta: number
}

const greatestQuantity = 2_147_483_647
const longestLocation = 64
const longestKey = 255
const keyKeptDays = 30

/**
 * Sets what is on hand, all or nothing, and answers the levels in the order of `inputs`. A location is made when it is first named.
 * Throws NOT_FOUND for a SKU, CONFLICT for `expectedOnHand`, BAD_USER_INPUT.
 */
export async function setStock(database: Database, author: Author, inputs: readonly SetStockInput[]): Promise<readonly StockLevelRow[]> {
  checkItemCount(inputs, 'input')
  throwFaults([
    ...inputs.flatMap((input, index) => placeFaults(input, index)),
    ...inputs.flatMap((input, index) => quantityFaults(input.onHand, ['input', index, 'onHand'])),
    ...repeated(
      inputs.map((input, index) => [placeKey(input), ['input', index]] as const),
      'stock level',
    ),
  ])
  return writeAs(database, author, async (tx) => {
    const levels = await lockLevels(tx, author.accountId, inputs)
    throwFaults(inputs.flatMap((input, index) => setFaults(input, index, expectLevel(levels, input))))
    const changed = inputs.flatMap((input) => {
      const { level } = expectLevel(levels, input)
      return level.onHand === input.onHand ? [] : [{ id: level.id, onHand: input.onHand }]
    })
    return writeLevels(tx, author.accountId, inputs, levels, changed)
  })
}

/**
 * Changes what is on hand by a number, all or nothing; a level that is named several times takes the sum. An `idempotencyKey` that was used before gives
 * the first answer again, and with other input CONFLICT. Throws INSUFFICIENT_STOCK where a product that does not allow backorders would go below zero.
 */
export async function adjustStock(
  database: Database,
  author: Author,
  inputs: readonly AdjustStockInput[],
  idempotencyKey?: string | null,
): Promise<readonly StockLevelRow[]> {
  checkItemCount(inputs, 'input')
  throwFaults([
    ...inputs.flatMap((input, index) => placeFaults(input, index)),
    ...inputs.flatMap((input, index) => deltaFaults(input.delta, ['input', index, 'delta'])),
    ...textFaults(idempotencyKey, { most: longestKey, least: 1 }, ['idempotencyKey']),
  ])
  return writeAs(database, author, async (tx) => {
    if (idempotencyKey === undefined || idempotencyKey === null) return applyDeltas(tx, author.accountId, inputs)
    return once(tx, author, idempotencyKey, inputs, () => applyDeltas(tx, author.accountId, inputs))
  })
}

async function applyDeltas(tx: DrizzleSession, accountId: number, inputs: readonly AdjustStockInput[]): Promise<readonly StockLevelRow[]> {
  const levels = await lockLevels(tx, accountId, inputs)
  const onHand = new Map<number, number>()
  throwFaults(
    inputs.flatMap((input, index) => {
      const place = expectLevel(levels, input)
      const before = onHand.get(place.level.id) ?? place.level.onHand
      onHand.set(place.level.id, before + input.delta)
      return adjustFaults(input, index, place, before)
    }),
  )
  const changed = [...onHand].map(([id, quantity]) => ({ id, onHand: quantity }))
  return writeLevels(tx, accountId, inputs, levels, changed)
}

/** Does a call once for a key: whoever comes second waits for the first, and gets its answer. */
async function once(
  tx: DrizzleSession,
  author: Author,
  key: string,
  inputs: readonly AdjustStockInput[],
  work: () => Promise<readonly StockLevelRow[]>,
): Promise<readonly StockLevelRow[]> {
  const of = { accountId: author.accountId, userId: author.userId ?? 0, key }
  const inputHash = createHash('sha256')
    .update(JSON.stringify(inputs.map(({ sku, location, delta }) => [sku, location, delta])))
    .digest('hex')
  const mine = await tx
    .insert(idempotencyKeys)
    .values({ ...of, inputHash, answer: [] })
    .onConflictDoNothing()
    .returning({ key: idempotencyKeys.key })
  const isKey = and(eq(idempotencyKeys.accountId, of.accountId), eq(idempotencyKeys.userId, of.userId), eq(idempotencyKeys.key, key))
  if (mine.length > 0) {
    const rows = await work()
    await tx
      .update(idempotencyKeys)
      .set({ answer: rows.map(toAnswer) })
      .where(isKey)
    return rows
  }
  const [first] = await tx.select().from(idempotencyKeys).where(isKey)
  if (first !== undefined && first.inputHash === inputHash) return first.answer.map((answer) => fromAnswer(author.accountId, answer))
  throw new SynkvyError('CONFLICT', 'This idempotencyKey was used with other input. Use a new key for a new adjustment.', {
    inputPath: ['idempotencyKey'],
  })
}

function toAnswer({ accountId: _accountId, updatedAt, ...level }: StockLevelRow): StockAnswer {
  return { ...level, updatedAt: updatedAt.toISOString() }
}

function fromAnswer(accountId: number, answer: StockAnswer): StockLevelRow {
  return { ...answer, accountId, updatedAt: new Date(answer.updatedAt) }
}

/** Forgets the keys that are older than 30 days. Answers how many. */
export async function purgeIdempotencyKeys(database: Database, now: Date): Promise<number> {
  const oldest = new Date(now.getTime() - keyKeptDays * 86_400_000)
  const gone = await database.drizzle
    .delete(idempotencyKeys)
    .where(lt(idempotencyKeys.createdAt, oldest))
    .returning({ key: idempotencyKeys.key })
  return gone.length
}

// ---- faults

interface Place {
  readonly sku: string
  readonly location: string
}

function placeKey({ sku, location }: Place): string {
  return JSON.stringify([sku, location])
}

function placeFaults({ sku, location }: Place, index: number): readonly SynkvyError[] {
  return [
    ...textFaults(sku, { most: longestKey, least: 1 }, ['input', index, 'sku']),
    ...textFaults(location, { most: longestLocation, least: 1 }, ['input', index, 'location']),
  ]
}

function quantityFaults(quantity: number, path: InputPath): readonly SynkvyError[] {
  return Math.abs(quantity) <= greatestQuantity ? [] : [badInput(`A quantity is a whole number of at most ${greatestQuantity}.`, path)]
}

function deltaFaults(delta: number, path: InputPath): readonly SynkvyError[] {
  return delta === 0 ? [badInput('A delta of 0 changes nothing. Leave the item out.', path)] : quantityFaults(delta, path)
}

function setFaults(input: SetStockInput, index: number, { level, allowBackorder }: LockedLevel): readonly SynkvyError[] {
  if (input.expectedOnHand !== undefined && input.expectedOnHand !== null && input.expectedOnHand !== level.onHand) {
    const message = `"${input.sku}" has ${level.onHand} on hand by now, not ${input.expectedOnHand}. Read it again, then decide.`
    return [new SynkvyError('CONFLICT', message, { inputPath: ['input', index, 'expectedOnHand'] })]
  }
  if (input.onHand >= 0 || allowBackorder) return []
  return [badInput('On hand is 0 or more, unless the product allows backorders.', ['input', index, 'onHand'])]
}

function adjustFaults(
  input: AdjustStockInput,
  index: number,
  { level, allowBackorder }: LockedLevel,
  before: number,
): readonly SynkvyError[] {
  const after = before + input.delta
  if (Math.abs(after) > greatestQuantity) return quantityFaults(after, ['input', index, 'delta'])
  if (input.delta > 0 || allowBackorder || after - level.reserved >= 0) return []
  const message = `"${input.sku}" has ${before - level.reserved} available at "${input.location}"; ${-input.delta} cannot be taken.`
  return [new SynkvyError('INSUFFICIENT_STOCK', message, { inputPath: ['input', index, 'delta'] })]
}

// ---- levels under their locks

interface LockedLevel {
  readonly level: StockLevelRow
  readonly allowBackorder: boolean
}

function expectLevel(levels: ReadonlyMap<string, LockedLevel>, place: Place): LockedLevel {
  const level = levels.get(placeKey(place))
  if (level === undefined) throw new Vanished('a stock level was deleted, with its variant, while it was to be changed')
  return level
}

/** Locks the levels in the order of ids, having made those that are missing, so that calls that overlap wait for each other and never deadlock. */
async function lockLevels(tx: DrizzleSession, accountId: number, places: readonly Place[]): Promise<ReadonlyMap<string, LockedLevel>> {
  const variantIds = await findVariants(tx, accountId, places)
  const locationIds = await ensureLocations(tx, accountId, [...new Set(places.map((place) => place.location))].toSorted())
  const wanted = new Map(
    places.map((place) => [
      placeKey(place),
      { variantId: variantIds.get(place.sku) ?? 0, locationId: locationIds.get(place.location) ?? 0 },
    ]),
  )
  const missing = await missingLevels(tx, accountId, [...wanted.values()])
  if (missing.length > 0) {
    const rows = missing.toSorted((a, b) => a.variantId - b.variantId || a.locationId - b.locationId)
    // The trigger fills in the product.
    await tx
      .insert(stockLevels)
      .values(rows.map((row) => ({ ...row, accountId, productId: 0 })))
      .onConflictDoNothing()
  }
  const rows = await tx
    .select({ level: stockLevels, allowBackorder: products.allowBackorder })
    .from(stockLevels)
    .innerJoin(products, and(eq(products.accountId, stockLevels.accountId), eq(products.id, stockLevels.productId)))
    .where(and(eq(stockLevels.accountId, accountId), inArray(stockLevels.variantId, [...new Set(variantIds.values())])))
    .orderBy(asc(stockLevels.id))
    .for('update', { of: stockLevels })
  const byPlace = new Map(rows.map((row) => [`${row.level.variantId} ${row.level.locationId}`, row]))
  return new Map(
    [...wanted].flatMap(([key, { variantId, locationId }]) => {
      const row = byPlace.get(`${variantId} ${locationId}`)
      return row === undefined ? [] : [[key, row] as const]
    }),
  )
}

async function findVariants(tx: DrizzleSession, accountId: number, places: readonly Place[]): Promise<ReadonlyMap<string, number>> {
  const rows = await tx
    .select({ sku: variants.sku, id: variants.id })
    .from(variants)
    .where(and(eq(variants.accountId, accountId), inArray(variants.sku, [...new Set(places.map((place) => place.sku))])))
  const found = new Map(rows.map((row) => [row.sku, row.id]))
  throwFaults(
    places.flatMap(({ sku }, index) =>
      found.has(sku)
        ? []
        : [
            new SynkvyError('NOT_FOUND', `There is no variant with the SKU "${sku}" in your account.`, {
              inputPath: ['input', index, 'sku'],
            }),
          ],
    ),
  )
  return found
}

async function ensureLocations(tx: DrizzleSession, accountId: number, codes: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const find = () =>
    tx
      .select({ code: locations.code, id: locations.id })
      .from(locations)
      .where(and(eq(locations.accountId, accountId), inArray(locations.code, [...codes])))
  const before = await find()
  if (before.length === codes.length) return new Map(before.map((row) => [row.code, row.id]))
  await tx
    .insert(locations)
    .values(codes.map((code) => ({ accountId, code, name: code })))
    .onConflictDoNothing()
  const rows = await find()
  return new Map(rows.map((row) => [row.code, row.id]))
}

async function missingLevels(
  tx: DrizzleSession,
  accountId: number,
  wanted: readonly { readonly variantId: number; readonly locationId: number }[],
): Promise<readonly { readonly variantId: number; readonly locationId: number }[]> {
  const there = await tx
    .select({ variantId: stockLevels.variantId, locationId: stockLevels.locationId })
    .from(stockLevels)
    .where(
      and(
        eq(stockLevels.accountId, accountId),
        inArray(
          stockLevels.variantId,
          wanted.map((place) => place.variantId),
        ),
      ),
    )
  const known = new Set(there.map((row) => `${row.variantId} ${row.locationId}`))
  return wanted.filter(({ variantId, locationId }) => !known.has(`${variantId} ${locationId}`))
}

async function writeLevels(
  tx: DrizzleSession,
  accountId: number,
  places: readonly Place[],
  levels: ReadonlyMap<string, LockedLevel>,
  changed: readonly { readonly id: number; readonly onHand: number }[],
): Promise<readonly StockLevelRow[]> {
  const after = new Map([...levels.values()].map(({ level }) => [level.id, level]))
  if (changed.length > 0) {
    const rows = await tx
      .update(stockLevels)
      .set({ onHand: sql`n.on_hand` })
      .from(
        sql`jsonb_to_recordset(${JSON.stringify(changed.map(({ id, onHand }) => ({ id, on_hand: onHand })))}::jsonb) AS n (id bigint, on_hand int)`,
      )
      .where(and(eq(stockLevels.accountId, accountId), sql`${stockLevels.id} = n.id`))
      .returning(levelColumns)
    for (const row of rows) after.set(row.id, row)
  }
  return places.map((place) => {
    const { level } = expectLevel(levels, place)
    return after.get(level.id) ?? level
  })
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
