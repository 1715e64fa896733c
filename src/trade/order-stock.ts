import type { Author } from '../access/caller.ts'
import { recordMovements, type Movement } from '../catalog/stock-ledger.ts'
import {
  ensureLevels,
  greatestQuantity,
  levelKey,
  lockLevels,
  writeLevels,
  type LevelPlace,
  type LockedLevel,
} from '../catalog/stock-levels.ts'
import type { DrizzleSession } from '../db/client.ts'
import { SynkvyError, throwFaults, type InputPath } from '../errors.ts'
import type { OrderStateName } from './states.ts'

/** How much of what a line takes, and from where. */
export interface HeldLine extends LevelPlace {
  readonly sku: string
  readonly location: string
  readonly quantity: number
}

/** An order before and after a call; `lines` that are the same are the same list. */
export interface OrderMove {
  readonly orderId: number | undefined
  readonly before: { readonly state: OrderStateName; readonly lines: readonly HeldLine[] } | undefined
  readonly after: { readonly state: OrderStateName; readonly lines: readonly HeldLine[] }
  /** Where a line stands in the call, for who is told that there is too little. */
  readonly pathOf: (lineIndex: number) => InputPath
}

interface Quantities {
  readonly onHand: number
  readonly reserved: number
}

/** What one unit of a line in an order of this state does to its stock level: PLACED reserves it, SHIPPED has taken it, CANCELLED has given it back. */
const effectOf: { readonly [S in OrderStateName]: Quantities } = {
  PLACED: { onHand: 0, reserved: 1 },
  SHIPPED: { onHand: -1, reserved: 0 },
  CANCELLED: { onHand: 0, reserved: 0 },
}

/** What an order in this state does to each level. */
function effects(order: OrderMove['before']): ReadonlyMap<string, Quantities> {
  const sums = new Map<string, Quantities>()
  if (order === undefined) return sums
  const { onHand, reserved } = effectOf[order.state]
  for (const line of order.lines) {
    const sum = sums.get(levelKey(line)) ?? none
    sums.set(levelKey(line), { onHand: sum.onHand + onHand * line.quantity, reserved: sum.reserved + reserved * line.quantity })
  }
  return sums
}

const none: Quantities = { onHand: 0, reserved: 0 }

/** What changes at each level from one state of an order to another: the difference of what it does in each, so every way back nets out. */
export function differences({ before, after }: Pick<OrderMove, 'before' | 'after'>): ReadonlyMap<string, Quantities> {
  const [from, to] = [effects(before), effects(after)]
  return new Map(
    [...new Set([...from.keys(), ...to.keys()])].flatMap((key) => {
      const [old, now] = [from.get(key) ?? none, to.get(key) ?? none]
      const change = { onHand: now.onHand - old.onHand, reserved: now.reserved - old.reserved }
      return change.onHand === 0 && change.reserved === 0 ? [] : [[key, change] as const]
    }),
  )
}

/** The stock of orders that is to move: levels under their locks, and what they come to. */
export interface PlannedMoves {
  readonly levels: ReadonlyMap<string, LockedLevel>
  readonly finals: ReadonlyMap<string, Quantities>
  /** Of each order, in the order of the call, what it does to the levels that are there. */
  readonly steps: readonly { readonly move: OrderMove; readonly movements: readonly Movement[] }[]
}

/**
 * Locks the levels that orders move, in the order of ids, and works out what they come to. Levels of variants that were deleted since are passed over.
 * Throws INSUFFICIENT_STOCK for each line that takes more than is available where the product does not allow backorders.
 */
export async function planMoves(tx: DrizzleSession, accountId: number, moves: readonly OrderMove[]): Promise<PlannedMoves> {
  const moving = moves.filter((move) => differences(move).size > 0)
  const lines = moving.flatMap(({ before, after }) => [...(before?.lines ?? []), ...after.lines])
  await ensureLevels(
    tx,
    accountId,
    moving.flatMap(({ before, after }) => (after.lines === before?.lines ? [] : after.lines)),
  )
  const levels = await lockLevels(
    tx,
    accountId,
    lines.map((line) => line.variantId),
  )
  const now = new Map<string, Quantities>([...levels].map(([key, { level }]) => [key, level]))
  const faults: SynkvyError[] = []
  const steps = moving.map((move) => {
    faults.push(...shortages(move, levels, now))
    const movements = apply(move, levels, now)
    faults.push(...excesses(move, now))
    return { move, movements }
  })
  throwFaults(faults)
  return { levels, finals: now, steps }
}

function apply(move: OrderMove, levels: PlannedMoves['levels'], now: Map<string, Quantities>): readonly Movement[] {
  return [...differences(move)].flatMap(([key, change]) => {
    const [locked, before] = [levels.get(key), now.get(key)]
    if (locked === undefined || before === undefined) return []
    const after = { onHand: before.onHand + change.onHand, reserved: Math.max(0, before.reserved + change.reserved) }
    now.set(key, after)
    return [{ stockLevelId: locked.level.id, before, after, orderId: move.orderId }]
  })
}

/** The lines of an order that take more than is available, each told what there is for it. */
function shortages(move: OrderMove, levels: PlannedMoves['levels'], now: ReadonlyMap<string, Quantities>): readonly SynkvyError[] {
  const changes = differences(move)
  const given = effects(move.before)
  const left = new Map<string, number>()
  return move.after.lines.flatMap((line, index) => {
    const key = levelKey(line)
    const [locked, change, level] = [levels.get(key), changes.get(key), now.get(key)]
    if (locked === undefined || level === undefined || change === undefined) return []
    const back = given.get(key) ?? none
    const available = left.get(key) ?? level.onHand - level.reserved - (back.onHand - back.reserved)
    left.set(key, available - line.quantity)
    const takesMore = change.onHand - change.reserved < 0
    if (!takesMore || locked.allowBackorder || available >= line.quantity) return []
    const message = `"${line.sku}" has ${Math.max(0, available)} available at "${line.location}"; ${line.quantity} cannot be taken.`
    return [new SynkvyError('INSUFFICIENT_STOCK', message, { inputPath: move.pathOf(index) })]
  })
}

/** The lines of an order by which a level would hold more than can be stored, all of them and the orders before together. */
function excesses(move: OrderMove, now: ReadonlyMap<string, Quantities>): readonly SynkvyError[] {
  return move.after.lines.flatMap((line, index) => {
    const { onHand, reserved } = now.get(levelKey(line)) ?? none
    if (Math.max(Math.abs(onHand), reserved) <= greatestQuantity) return []
    const message = `With this quantity the stock level would hold more than ${greatestQuantity}.`
    return [new SynkvyError('BAD_USER_INPUT', message, { inputPath: move.pathOf(index) })]
  })
}

/** Writes what was planned, and the ledger. `orderIds` are those of the moves' orders, for those that were new. */
export async function carryOutMoves(
  tx: DrizzleSession,
  author: Author,
  { levels, finals, steps }: PlannedMoves,
  orderIdOf: (move: OrderMove) => number,
): Promise<void> {
  const changed = [...levels].flatMap(([key, { level }]) => {
    const after = finals.get(key) ?? level
    return after.onHand === level.onHand && after.reserved === level.reserved ? [] : [{ id: level.id, ...after }]
  })
  await writeLevels(tx, author.accountId, changed)
  await recordMovements(
    tx,
    author,
    'ORDER',
    steps.flatMap(({ move, movements }) => movements.map((movement) => ({ ...movement, orderId: orderIdOf(move) }))),
  )
}
