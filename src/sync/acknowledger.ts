import type { Sql } from '../db/client.ts'
import { advanceCheckpoints, type Checkpoint } from './checkpoint.ts'
import type { Cursor } from './cursor.ts'

/** How many statements are under way at once: a view whose checkpoint somebody else has locked must not keep all others waiting. */
const mostUnderWay = 2

interface Waiting {
  readonly accountId: number
  readonly cursor: Cursor
  readonly resolve: (checkpoint: Checkpoint | undefined) => void
  readonly reject: (reason: unknown) => void
}

/**
 * Writes down what consumers acknowledge. What comes while others are being written is written together, in one statement and one commit, so a gateway with
 * a thousand busy consumers does not wait for the disk a thousand times (the group commit of databases).
 */
export class Acknowledger {
  readonly #sql: Sql
  #waiting: Waiting[] = []
  #underWay = 0

  constructor(sql: Sql) {
    this.#sql = sql
  }

  /**
   * Moves the checkpoint on to where the cursor stands. Undefined where that could not be done so: the view or its checkpoint is gone, or the cursor was not made in the range of
   * positions that is in use, so that it must be looked at more closely.
   */
  async acknowledge(accountId: number, cursor: Cursor): Promise<Checkpoint | undefined> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ accountId, cursor, resolve, reject })
      if (this.#underWay < mostUnderWay) void this.#write()
    })
  }

  async #write(): Promise<void> {
    this.#underWay += 1
    while (this.#waiting.length > 0) await this.#writeGroup(this.#takeGroup())
    this.#underWay -= 1
  }

  /** One of each view: whoever locks several checkpoints of one view could else be locked out by a group that holds another of them. */
  #takeGroup(): readonly Waiting[] {
    const group = new Map<number, Waiting>()
    const later: Waiting[] = []
    for (const one of this.#waiting) {
      if (group.has(one.cursor.viewId)) later.push(one)
      else group.set(one.cursor.viewId, one)
    }
    this.#waiting = later
    return [...group.values()]
  }

  async #writeGroup(group: readonly Waiting[]): Promise<void> {
    try {
      const checkpoints = await advanceCheckpoints(this.#sql, group, true)
      group.forEach((one, index) => one.resolve(checkpoints.get(index)))
    } catch (error) {
      group.forEach((one) => one.reject(error))
    }
  }
}
