import { createHash } from 'node:crypto'
import { and, eq, inArray } from 'drizzle-orm'
import type { Author } from '../access/caller.ts'
import type { Database, DrizzleSession, TransactionSql } from '../db/client.ts'
import { idempotencyKeys, variants, type StockAnswer } from '../db/tables/catalog.ts'
import { SynkvyError, throwFaults, type InputPath } from '../errors.ts'
import { badInput, checkItemCount, repeated, textFaults, unknownSku } from './product-input.ts'
import type { StockLevelRow } from './rows.ts'
import { recordMovements, type MovementCause } from './stock-ledger.ts'
import { ensureLevels, ensureLocations, expectLevel, greatestQuantity, lockLevels, writeLevels, type LockedLevel } from './stock-levels.ts'
import { writeAs } from './write.ts'

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

const longestLocation = 64
const longestKey = 255
const keyKeptDays = 30

/**
 * Sets what is on hand, all or nothing, and answers the levels in the order of `inputs`. A location is made when it is first named.
 * Throws NOT_FOUND for a SKU, CONFLICT for `expectedOnHand`, BAD_USER_INPUT.
 */
export async function setStock(
  database: Database,
  author: Author,
  inputs: readonly SetStockInput[],
  cause: 'SET' | 'IMPORT' = 'SET',
): Promise<readonly StockLevelRow[]> {
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
    const levels = await lockPlaces(tx, author.accountId, inputs)
    throwFaults(levels.flatMap((place, index) => setFaults(place, index)))
    return writeOnHand(tx, author, cause, levels, new Map(levels.map(({ input, level }) => [level.id, input.onHand])))
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
    if (idempotencyKey === undefined || idempotencyKey === null) return applyDeltas(tx, author, inputs)
    return once(tx, author, idempotencyKey, inputs, () => applyDeltas(tx, author, inputs))
  })
}

async function applyDeltas(tx: DrizzleSession, author: Author, inputs: readonly AdjustStockInput[]): Promise<readonly StockLevelRow[]> {
  const levels = await lockPlaces(tx, author.accountId, inputs)
  const onHand = new Map<number, number>()
  throwFaults(
    levels.flatMap((place, index) => {
      const before = onHand.get(place.level.id) ?? place.level.onHand
      onHand.set(place.level.id, before + place.input.delta)
      return adjustFaults(place, index, before)
    }),
  )
  return writeOnHand(tx, author, 'ADJUSTMENT', levels, onHand)
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

/** Forgets keys that are older than 30 days, at most so many. Answers how many. */
export async function sweepIdempotencyKeys(tx: TransactionSql, most: number): Promise<number> {
  const gone = await tx`
    DELETE FROM idempotency_keys WHERE (account_id, user_id, key) IN (
      SELECT k.account_id, k.user_id, k.key FROM idempotency_keys k WHERE k.created_at < now() - make_interval(days => ${keyKeptDays}) LIMIT ${most})
    RETURNING 1`
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

function setFaults({ input, level, allowBackorder }: LockedPlace<SetStockInput>, index: number): readonly SynkvyError[] {
  if (input.expectedOnHand !== undefined && input.expectedOnHand !== null && input.expectedOnHand !== level.onHand) {
    const message = `"${input.sku}" has ${level.onHand} on hand by now, not ${input.expectedOnHand}. Read it again, then decide.`
    return [new SynkvyError('CONFLICT', message, { inputPath: ['input', index, 'expectedOnHand'] })]
  }
  if (input.onHand >= 0 || allowBackorder) return []
  return [badInput('On hand is 0 or more, unless the product allows backorders.', ['input', index, 'onHand'])]
}

function adjustFaults(
  { input, level, allowBackorder }: LockedPlace<AdjustStockInput>,
  index: number,
  before: number,
): readonly SynkvyError[] {
  const after = before + input.delta
  if (Math.abs(after) > greatestQuantity) return quantityFaults(after, ['input', index, 'delta'])
  if (input.delta > 0 || allowBackorder || after - level.reserved >= 0) return []
  const message = `"${input.sku}" has ${before - level.reserved} available at "${input.location}"; ${-input.delta} cannot be taken.`
  return [new SynkvyError('INSUFFICIENT_STOCK', message, { inputPath: ['input', index, 'delta'] })]
}

// ---- levels by SKU and location

/** The level that an input names. */
interface LockedPlace<Input extends Place> extends LockedLevel {
  readonly input: Input
}

/** Locks the levels that are named, having made those that are missing. Answers them in the order of `inputs`. Throws NOT_FOUND for a SKU. */
async function lockPlaces<Input extends Place>(
  tx: DrizzleSession,
  accountId: number,
  inputs: readonly Input[],
): Promise<readonly LockedPlace<Input>[]> {
  const variantIds = await findVariants(tx, accountId, inputs)
  const locationIds = await ensureLocations(
    tx,
    accountId,
    inputs.map((input) => input.location),
  )
  const placeOf = ({ sku, location }: Place) => ({ variantId: variantIds.get(sku) ?? 0, locationId: locationIds.get(location) ?? 0 })
  await ensureLevels(tx, accountId, inputs.map(placeOf))
  const levels = await lockLevels(tx, accountId, [...variantIds.values()])
  return inputs.map((input) => ({ ...expectLevel(levels, placeOf(input)), input }))
}

async function findVariants(tx: DrizzleSession, accountId: number, places: readonly Place[]): Promise<ReadonlyMap<string, number>> {
  const rows = await tx
    .select({ sku: variants.sku, id: variants.id })
    .from(variants)
    .where(and(eq(variants.accountId, accountId), inArray(variants.sku, [...new Set(places.map((place) => place.sku))])))
  const found = new Map(rows.map((row) => [row.sku, row.id]))
  throwFaults(places.flatMap(({ sku }, index) => (found.has(sku) ? [] : [unknownSku(sku, ['input', index, 'sku'])])))
  return found
}

/** Writes what is to be on hand at the levels, in the ledger too. Answers each of `levels` as it is now. */
async function writeOnHand(
  tx: DrizzleSession,
  author: Author,
  cause: MovementCause,
  levels: readonly LockedLevel[],
  onHand: ReadonlyMap<number, number>,
): Promise<readonly StockLevelRow[]> {
  const changed = new Map(
    levels.flatMap(({ level }) => {
      const quantity = onHand.get(level.id) ?? level.onHand
      return quantity === level.onHand ? [] : [[level.id, { before: level, after: { ...level, onHand: quantity } }] as const]
    }),
  )
  const written = await writeLevels(
    tx,
    author.accountId,
    [...changed.values()].map(({ after }) => after),
  )
  await recordMovements(
    tx,
    author,
    cause,
    [...changed].map(([stockLevelId, { before, after }]) => ({ stockLevelId, before, after })),
  )
  return levels.map(({ level }) => written.get(level.id) ?? level)
}
