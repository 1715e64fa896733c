import type { Logger } from 'pino'
import type { Config } from './config.ts'
import { openDatabase, type OpenDatabase } from './db/client.ts'
import { findEmbeddedPostgres, startEmbeddedPostgres } from './db/embedded.ts'
import { migrateDatabase } from './db/migrate.ts'
import { Started } from './started.ts'

/** Where the database is. */
interface DatabaseUrls {
  readonly url: string
  readonly directUrl: string
  readonly lost: Promise<void>
}

const never = new Promise<void>(() => {})

/** The database that the gateway is to use: that of `DATABASE_URL`, or the embedded one, which this starts. */
export async function findDatabase(config: Config, log: Logger, started: Started): Promise<DatabaseUrls> {
  if (config.databaseUrl !== undefined) {
    return { url: config.databaseUrl, directUrl: config.databaseDirectUrl ?? config.databaseUrl, lost: never }
  }
  const embedded = await startEmbeddedPostgres({ dataDir: config.dataDir, log: (line) => logPostgres(log, line) })
  started.add(embedded)
  return { url: embedded.url, directUrl: embedded.url, lost: embedded.ended.then(() => undefined) }
}

function logPostgres(log: Logger, line: string): void {
  const level = /\b(WARNING|ERROR|FATAL|PANIC):/.test(line) ? 'warn' : 'debug'
  log[level]({ postgres: line }, 'Postgres says')
}

/**
 * The database for a command: that of `DATABASE_URL`, or the embedded one, beside a gateway that runs on it or, where none does, started for as long as the
 * command takes. `migrates: false` leaves its schema as it is.
 */
export async function openForCommand(
  config: Config,
  log: Logger,
  { migrates = true }: { readonly migrates?: boolean } = {},
): Promise<{ readonly database: OpenDatabase } & AsyncDisposable> {
  const started = new Started()
  try {
    const running = config.databaseUrl === undefined ? await findEmbeddedPostgres(config.dataDir) : undefined
    const { url, directUrl } =
      running === undefined ? await findDatabase(config, log, started) : { url: running.url, directUrl: running.url }
    if (running === undefined && migrates) await migrateDatabase(directUrl)
    const database = started.add(
      openDatabase({ url, directUrl, poolSize: 4, timeoutMs: config.databaseTimeoutSeconds * 1000, hasWall: config.rowSecurity }),
    )
    return { database, [Symbol.asyncDispose]: () => started[Symbol.asyncDispose]() }
  } catch (error) {
    await started[Symbol.asyncDispose]().catch((fault: unknown) => log.warn({ err: fault }, 'could not end what had started'))
    throw error
  }
}
