import { drizzle, type PostgresJsDatabase } from 'drizzle-orm/postgres-js'
import type postgres from 'postgres'
import { connectPostgres } from './connect.ts'
import { watchedSockets } from './watched-socket.ts'

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
  /** How long an answer may take. A connection on which none comes is given up, and what waited for it fails as if the database were away. */
  readonly silenceMs: number
}

/** How a direct connection is used. */
export interface DirectOptions {
  /** Hears when the connection was lost. */
  readonly onClose?: () => void
  /** It listens, and something comes now and then: where nothing does it is lost. */
  readonly mustHear?: boolean
}

/**
 * The way to Postgres: `drizzle` for typed tables, `sql` for what the feed does by hand. They are two pools, because Drizzle changes the parsers of
 * the client that it is given.
 */
export interface Database extends AsyncDisposable {
  readonly drizzle: Drizzle
  readonly sql: Sql
  readonly options: DatabaseOptions
  /** A client with one connection of its own, not through a pooler, that is never closed for idleness. */
  readonly direct: (name: string, options?: DirectOptions) => Sql
}

const int8: postgres.PostgresType<number> = { to: 20, from: [20], serialize: String, parse: Number }

type ConnectOptions = postgres.Options<Record<string, postgres.PostgresType>>

function connect(
  url: string,
  name: string,
  silence: { readonly silenceMs: number; readonly mustHear?: boolean },
  options: ConnectOptions,
): Sql {
  const settings = {
    onnotice: () => {},
    connect_timeout: 10,
    socket: watchedSockets(silence),
    ...options,
    connection: { application_name: `synkvy ${name}`, ...options.connection },
    types: { bigint: int8 },
  }
  return connectPostgres(url, settings)
}

/** Opens the pools; connections are made when they are first needed. */
export function openDatabase(options: DatabaseOptions): Database {
  const { url, directUrl, poolSize: max, silenceMs } = options
  // A pooler in transaction mode does not keep prepared statements.
  const prepare = url === directUrl
  const sql = connect(url, 'feed', { silenceMs }, { max, prepare })
  const client = connect(url, 'schema', { silenceMs }, { max, prepare })
  return {
    options,
    sql,
    drizzle: drizzle({ client, casing: 'snake_case' }),
    direct: (name, { onClose = () => {}, mustHear = false } = {}) =>
      connect(directUrl, name, { silenceMs, mustHear }, { max: 1, idle_timeout: 0, max_lifetime: null, onclose: onClose }),
    [Symbol.asyncDispose]: async () => {
      await Promise.all([sql.end({ timeout: 5 }), client.end({ timeout: 5 })])
    },
  }
}
