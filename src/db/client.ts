import { setTimeout as sleep } from 'node:timers/promises'
import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres'
import pg from 'pg'
import { isConnectionLost } from './faults.ts'
import { createSql, preparedName, type Run, type Sql, type SqlSession, type TransactionSql } from './sql.ts'
import { beginWithin, queryWithin } from './within.ts'

export type { Sql, SqlSession, TransactionSql } from './sql.ts'

/** Drizzle's typed queries, in a transaction or not. */
export type DrizzleSession = Pick<NodePgDatabase, 'select' | 'selectDistinct' | 'insert' | 'update' | 'delete' | 'execute'>

export interface DatabaseOptions {
  /** May be a pooler in transaction mode. */
  readonly url: string
  /** For sessions that keep something: LISTEN, the sequencer's lock. Never a pooler. */
  readonly directUrl: string
  /** How many connections the pool may hold. */
  readonly poolSize: number
  /** How long a statement may take. Then its connection is given up, and whoever waits for it fails as if the database were away. */
  readonly timeoutMs: number
  /**
   * Whether `forAccount` goes behind the wall between accounts (drizzle/0007_wall.sql).
   * @default true
   */
  readonly hasWall?: boolean
}

/** The way to Postgres: `drizzle` for typed tables, `sql` for what the feed does by hand. */
export interface Database {
  readonly drizzle: DrizzleSession
  readonly sql: Sql
  /** A transaction with Drizzle's queries. */
  readonly transaction: <Result>(work: (tx: DrizzleSession) => Promise<Result>) => Promise<Result>
}

/** The whole database, with all accounts: for the engine, for signing in and for commands. Requests are answered from `forAccount`. */
export interface OpenDatabase extends Database, AsyncDisposable {
  /** The same pool, for requests of an account: nothing of any other is to be seen or written there, whatever a statement says. */
  readonly forAccount: (accountId: number) => Database
  /**
   * For the few statements that are made with every change: connections of their own, never a pooler, that plan each statement once and for all. With values at
   * hand Postgres would plan it each time, which takes longer than to carry it out. Not for what has a LIMIT that varies.
   */
  readonly planned: Sql
  readonly options: DatabaseOptions
  /** How the pools stand, for whoever watches them. */
  readonly pools: () => readonly PoolState[]
  /** A connection of its own, not through a pooler. `onClose` hears when it was lost: it does not come back. */
  readonly direct: (name: string, onClose?: () => void) => SqlSession
}

/** How a pool of connections stands. */
interface PoolState {
  readonly name: 'pool' | 'planned'
  readonly size: number
  readonly idle: number
  /** Statements that wait for a connection. */
  readonly waiting: number
  readonly most: number
}

const connectWithinMs = 10_000
/** The hub's rounds, for both streams at once, and acknowledgements. */
const plannedSize = 4
/** The sequencer's session, and the listener. */
const sessions = 2
const idleForMs = 60_000
const endWithinMs = 2_000

/** How many connections one gateway makes to Postgres at most; `behindPooler` leaves those out that it makes to the pooler. */
export function connectionsOfGateway(poolSize: number, { behindPooler }: { readonly behindPooler: boolean }): number {
  return (behindPooler ? 0 : poolSize) + plannedSize + sessions
}

export interface ConnectOptions {
  readonly url: string
  readonly name: string
  readonly timeoutMs?: number | undefined
  /** Of the session, as Postgres' command line takes them. */
  readonly settings?: string | undefined
}

/** How connections are made. int8 comes as a number, because ids, positions and stored revisions stay below 2^53. */
export function connectionSettings({ url, name, timeoutMs, settings }: ConnectOptions) {
  pg.types.setTypeParser(pg.types.builtins.INT8, Number)
  return {
    connectionString: url,
    application_name: `synkvy ${name}`,
    keepAlive: true,
    connectionTimeoutMillis: connectWithinMs,
    ...(timeoutMs === undefined ? {} : { query_timeout: timeoutMs }),
    ...(settings === undefined ? {} : { options: settings }),
  }
}

function toDrizzle(client: pg.Pool | pg.PoolClient) {
  return drizzle({ client, casing: 'snake_case' })
}

/** Opens the pool; connections are made when they are first needed. */
export function openDatabase(options: DatabaseOptions): OpenDatabase {
  const { url, directUrl, poolSize, timeoutMs, hasWall = true } = options
  // A pooler in transaction mode does not keep prepared statements.
  const pool = openPool({ url, name: 'pool', timeoutMs }, poolSize)
  const planned = openPool({ url: directUrl, name: 'planned', timeoutMs, settings: '-c plan_cache_mode=force_generic_plan' }, plannedSize)
  const whole = poolDatabase(pool, url === directUrl)
  return {
    ...whole,
    options,
    forAccount: hasWall ? (accountId) => accountDatabase(pool, url === directUrl, accountId) : () => whole,
    planned: poolSql(planned, true),
    pools: () => [poolState('pool', pool, poolSize), poolState('planned', planned, plannedSize)],
    direct: (name, onClose) => connectDirectly({ url: directUrl, name, timeoutMs }, onClose),
    // A statement that hangs must not keep the gateway from stopping.
    [Symbol.asyncDispose]: async () => {
      const ended = Promise.all([pool.end(), planned.end()])
      await Promise.race([ended, sleep(endWithinMs, undefined, { ref: false })])
    },
  }
}

function poolState(
  name: PoolState['name'],
  { totalCount: size, idleCount: idle, waitingCount: waiting }: pg.Pool,
  most: number,
): PoolState {
  return { name, size, idle, waiting, most }
}

function openPool(options: ConnectOptions, max: number): pg.Pool {
  const pool = new pg.Pool({ ...connectionSettings(options), max, idleTimeoutMillis: idleForMs })
  // Of connections that are idle: whoever needs one next gets another.
  pool.on('error', () => {})
  // And of those that have just been lent: between that and whoever borrows them a fault would find nobody who listens, and end the process.
  pool.on('connect', (client) => client.on('error', () => {}))
  return pool
}

function poolDatabase(pool: pg.Pool, isPrepared: boolean): Database {
  return {
    drizzle: toDrizzle(pool),
    sql: poolSql(pool, isPrepared),
    transaction: (work) => withClient(pool, (client) => inTransaction(client, 'BEGIN', () => work(toDrizzle(client)))),
  }
}

/** Within an account: of a statement by itself the account is set together with it, of others by what begins their transaction. */
function accountDatabase(pool: pg.Pool, isPrepared: boolean, accountId: number): Database {
  const query = (config: pg.QueryConfig, values?: unknown[]) =>
    withClient(pool, (client) => queryWithin(client, { accountId, isPrepared }, config, values))
  const inAccount = <Result>(work: (client: pg.PoolClient) => Promise<Result>) =>
    withClient(pool, (client) => inTransaction(client, beginWithin(accountId), () => work(client)))
  return {
    drizzle: toDrizzle(new Proxy(pool, { get: (target, name): unknown => (name === 'query' ? query : Reflect.get(target, name)) })),
    sql: Object.assign(
      createSql((statement) => query(isPrepared ? { ...statement, name: preparedName(statement.text, 'account') } : statement)),
      {
        begin: <Result>(work: (tx: TransactionSql) => Promise<Result>) =>
          inAccount((client) => work(createSql(runOn(client, isPrepared, 'account')))),
      },
    ),
    transaction: (work) => inAccount((client) => work(toDrizzle(client))),
  }
}

function poolSql(pool: pg.Pool, isPrepared: boolean): Sql {
  return Object.assign(
    createSql((query) => withClient(pool, (client) => runOn(client, isPrepared)(query))),
    {
      begin: <Result>(work: (tx: TransactionSql) => Promise<Result>) =>
        withClient(pool, (client) => inTransaction(client, 'BEGIN', () => work(createSql(runOn(client, isPrepared))))),
    },
  )
}

function runOn(client: pg.ClientBase, isPrepared: boolean, within: 'whole' | 'account' = 'whole'): Run {
  return (query) => client.query(isPrepared ? { ...query, name: preparedName(query.text, within) } : query)
}

/** Lends a connection of the pool. One that was lost meanwhile, or whose transaction could not be ended, is not given back. */
async function withClient<Result>(pool: pg.Pool, work: (client: pg.PoolClient) => Promise<Result>): Promise<Result> {
  const client = await pool.connect()
  let lost: Error | undefined
  const onError = (error: Error): void => void (lost = error)
  client.on('error', onError)
  try {
    return await work(client)
  } catch (error) {
    if (error instanceof Error && isConnectionLost(error)) lost ??= error
    throw error
  } finally {
    client.off('error', onError)
    client.release(lost ?? client.getTransactionStatus() !== 'I')
  }
}

async function inTransaction<Result>(client: pg.ClientBase, begin: string, work: () => Promise<Result>): Promise<Result> {
  try {
    await client.query(begin)
    const result = await work()
    await client.query('COMMIT')
    return result
  } catch (error) {
    if (!isConnectionLost(error)) await client.query('ROLLBACK').catch(() => {})
    throw error
  }
}

/** One connection, made when it is first needed. */
function connectDirectly(options: ConnectOptions, onClose: () => void = () => {}): SqlSession {
  const client = new pg.Client(connectionSettings(options))
  client.on('error', onClose)
  client.on('end', onClose)
  let connecting: Promise<unknown> | undefined
  const connected = async (): Promise<pg.Client> => {
    await (connecting ??= client.connect())
    return client
  }
  return Object.assign(
    createSql(async (query) => runOn(await connected(), true)(query)),
    {
      begin: async <Result>(work: (tx: TransactionSql) => Promise<Result>) => {
        const connection = await connected()
        return inTransaction(connection, 'BEGIN', () => work(createSql(runOn(connection, true))))
      },
      end: () => client.end(),
    },
  )
}

/** One connection by itself, for what is not the gateway's own work. */
export function connectOnce(options: ConnectOptions): SqlSession {
  return connectDirectly(options)
}
