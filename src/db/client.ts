import { drizzle, type PostgresJsDatabase } from 'drizzle-orm/postgres-js'
import type postgres from 'postgres'
import { connectPostgres } from './connect.ts'

/** postgres.js as synkvy uses it: int8 comes as a number, because ids, positions and stored revisions stay below 2^53. */
export type Sql = postgres.Sql<{ bigint: number }>
export type TransactionSql = postgres.TransactionSql<{ bigint: number }>
type Drizzle = PostgresJsDatabase
/** A transaction of Drizzle's, or the database itself. */
export type DrizzleSession = Pick<Drizzle, 'select' | 'selectDistinct' | 'insert' | 'update' | 'delete' | 'execute'>

export interface DatabaseOptions {
  /** May be a pooler in transaction mode. */
  readonly url: string
  /** For sessions that keep something: LISTEN, the sequencer's lock. Never a pooler. */
  readonly directUrl: string
  /** How many connections each of the two pools may hold. */
  readonly poolSize: number
}

/**
 * The way to Postgres: `drizzle` for typed tables, `sql` for what the feed does by hand. They are two pools, because Drizzle changes the parsers of
 * the client that it is given.
 */
export interface Database extends AsyncDisposable {
  readonly drizzle: Drizzle
  readonly sql: Sql
  readonly options: DatabaseOptions
  /** A client with one connection of its own, not through a pooler, that is never closed for idleness. `onClose` hears when it was lost. */
  readonly direct: (name: string, onClose?: () => void) => Sql
}

const int8: postgres.PostgresType<number> = { to: 20, from: [20], serialize: String, parse: Number }

function connect(url: string, name: string, options: postgres.Options<Record<string, postgres.PostgresType>>): Sql {
  return connectPostgres(url, {
    ...options,
    // A pooler in transaction mode does not keep prepared statements.
    prepare: options.prepare ?? true,
    onnotice: () => {},
    connect_timeout: 10,
    connection: { application_name: `synkvy ${name}`, ...options.connection },
    types: { bigint: int8 },
  })
}

/** Opens the pools; connections are made when they are first needed. */
export function openDatabase(options: DatabaseOptions): Database {
  const prepare = options.url === options.directUrl
  const sql = connect(options.url, 'feed', { max: options.poolSize, prepare })
  const client = connect(options.url, 'schema', { max: options.poolSize, prepare })
  return {
    options,
    sql,
    drizzle: drizzle({ client, casing: 'snake_case' }),
    direct: (name, onClose = () => {}) =>
      connect(options.directUrl, name, { max: 1, idle_timeout: 0, max_lifetime: null, onclose: onClose }),
    [Symbol.asyncDispose]: async () => {
      await Promise.all([sql.end({ timeout: 5 }), client.end({ timeout: 5 })])
    },
  }
}
