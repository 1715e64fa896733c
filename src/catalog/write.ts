import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'drizzle-orm'
import type { Author } from '../access/caller.ts'
import type { Database, DrizzleSession } from '../db/client.ts'
import { postgresFault } from '../db/faults.ts'

const mostAttempts = 8

/**
 * Runs `work` in a transaction on behalf of an author. A sync view's own writes carry it as their origin, so that they are not sent back to it.
 * What another transaction made impossible (a deadlock, the same new row) is tried again.
 */
export async function writeAs<Result>(database: Database, author: Author, work: (tx: DrizzleSession) => Promise<Result>): Promise<Result> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await database.transaction(async (tx) => {
        if (author.syncViewId !== undefined)
          await tx.execute(sql`SELECT set_config('synkvy.origin_view', ${String(author.syncViewId)}, true)`)
        return work(tx)
      })
    } catch (error) {
      if (attempt === mostAttempts || !isCollision(error)) throw error
      await sleep(Math.random() * 10 * attempt)
    }
  }
}

/** What was found, or made, a moment ago is there no more: somebody else has deleted it. The transaction is tried again. */
export class Vanished extends Error {
  override readonly name = 'Vanished'
}

/** A deadlock, a serialization failure, or a row that somebody else has just inserted or, having referred to it, not found any more. */
function isCollision(error: unknown): boolean {
  return error instanceof Vanished || ['40P01', '40001', '23505', '23503'].includes(postgresFault(error)?.code ?? '')
}

/** Cuts a list, so that a statement stays below Postgres' limit of parameters. */
export function chunks<Item>(items: readonly Item[], size: number): readonly (readonly Item[])[] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) => items.slice(index * size, (index + 1) * size))
}
