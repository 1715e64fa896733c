import { setTimeout as sleep } from 'node:timers/promises'
import { sql, type SQL } from 'drizzle-orm'
import type { PgColumn, PgTable } from 'drizzle-orm/pg-core'
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

/**
 * Within `writeAs`: what is written from here on follows from the author's write without being its own. An order reserves stock, and whoever sent the order has not
 * written the stock level, so it is sent that.
 */
export async function forgetOrigin(tx: DrizzleSession): Promise<void> {
  await tx.execute(sql`SELECT set_config('synkvy.origin_view', '', true)`)
}

/** What was found, or made, a moment ago is there no more: somebody else has deleted it. The transaction is tried again. */
export class Vanished extends Error {
  override readonly name = 'Vanished'
}

/** A deadlock, a serialization failure, or a row that somebody else has just inserted or, having referred to it, not found any more. */
function isCollision(error: unknown): boolean {
  return error instanceof Vanished || ['40P01', '40001', '23505', '23503'].includes(postgresFault(error)?.code ?? '')
}

/** `column = ANY(values)`: one parameter, however many there are. */
export function isAnyOf(column: PgColumn, values: readonly (string | number)[]): SQL {
  return sql`${column} = ANY(${sql.param([...values])}::${sql.raw(column.getSQLType())}[])`
}

type ColumnName<Table extends PgTable> = keyof Table['_']['columns'] & string

/**
 * Inserts rows as one JSON value, which Postgres takes apart: with a parameter for each of ten thousand values a statement takes three times as long. All rows have the
 * same keys. With `upsert` the columns in `set` take the new values of the rows that are there. Answers the columns in `returning` of each, as the driver gives them.
 */
export async function insertRows<Table extends PgTable>(
  tx: DrizzleSession,
  table: Table,
  rows: readonly Table['$inferInsert'][],
  {
    upsert,
    returning,
  }: {
    readonly upsert?: { readonly onConflict: readonly ColumnName<Table>[]; readonly set: readonly ColumnName<Table>[] }
    readonly returning?: readonly ColumnName<Table>[]
  } = {},
): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const [first] = rows
  if (first === undefined) return []
  const names = Object.keys(first)
  const columns = new Map(names.map((name) => [name, snakeCase(name)]))
  const json = JSON.stringify(rows.map((row) => Object.fromEntries(Object.entries(row).map(([name, value]) => [columns.get(name), value]))))
  const conflict =
    upsert === undefined
      ? sql``
      : sql`ON CONFLICT (${columnList(upsert.onConflict)}) DO UPDATE SET ${columnList(upsert.set, (name) => sql`${name} = excluded.${name}`)}`
  const answer = returning === undefined ? sql`` : sql`RETURNING ${columnList(returning)}`
  const { rows: written } = await tx.execute(
    sql`INSERT INTO ${table} (${columnList(names)}) SELECT ${columnList(names)} FROM json_populate_recordset(NULL::${table}, ${json}::json) ${conflict} ${answer}`,
  )
  return written
}

function columnList(names: readonly string[], of: (name: SQL) => SQL = (name) => name): SQL {
  return sql.join(
    names.map((name) => of(sql.identifier(snakeCase(name)).getSQL())),
    sql`, `,
  )
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}

/** Cuts a list into pieces of a size. */
export function chunks<Item>(items: readonly Item[], size: number): readonly (readonly Item[])[] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) => items.slice(index * size, (index + 1) * size))
}
