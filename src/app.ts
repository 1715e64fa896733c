import type { Logger } from 'pino'
import { ensureFirstAccount, type OpenedAccount } from './access/accounts.ts'
import { KeyUsage } from './access/authenticate.ts'
import { KeyWatch } from './access/key-watch.ts'
import type { Config } from './config.ts'
import { openDatabase, type OpenDatabase } from './db/client.ts'
import { refusePooler } from './db/direct.ts'
import { findEmbeddedPostgres, startEmbeddedPostgres } from './db/embedded.ts'
import { migrateDatabase } from './db/migrate.ts'
import { requireWall } from './db/wall.ts'
import { startHousekeeping } from './housekeeping.ts'
import { startServer } from './server/server.ts'
import { startSync } from './sync/sync.ts'

/** A running gateway. Dispose of it to stop it: its parts end in the reverse of the order in which they began. */
export interface App extends AsyncDisposable {
  readonly url: string
  /** Where the figures are; undefined where they are not served. */
  readonly metricsUrl: string | undefined
  readonly database: OpenDatabase
  /** The first account, and its admin key where one was made up now. */
  readonly first: OpenedAccount
  /** Resolves when the embedded Postgres has ended although nobody stopped it: the gateway cannot go on then. */
  readonly lostDatabase: Promise<void>
}

/** What was started so far, to be ended in reverse, also when a later start fails. */
class Started implements AsyncDisposable {
  readonly #ends: (() => unknown)[] = []

  add<Part extends AsyncDisposable | Disposable>(part: Part): Part {
    this.#ends.push(() => (Symbol.asyncDispose in part ? part[Symbol.asyncDispose]() : part[Symbol.dispose]()))
    return part
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const faults: unknown[] = []
    for (const end of this.#ends.splice(0).toReversed()) {
      try {
        await end()
      } catch (error) {
        // The others must end all the same: one of them may be a whole Postgres.
        faults.push(error)
      }
    }
    if (faults.length > 0) throw new AggregateError(faults, 'not everything has ended cleanly')
  }
}

/** Starts everything: the embedded Postgres where no other is given, migrations, the first account, the engine, the doors. */
export async function startApp(config: Config, log: Logger): Promise<App> {
  const started = new Started()
  try {
    const urls = await findDatabase(config, log, started)
    await refusePooler(urls.directUrl)
    await migrateDatabase(urls.directUrl)
    const timeoutMs = config.databaseTimeoutSeconds * 1000
    const { poolSize, rowSecurity: hasWall } = config
    const database = started.add(openDatabase({ url: urls.url, directUrl: urls.directUrl, poolSize, timeoutMs, hasWall }))
    if (hasWall) await requireWall(database)
    const first = await ensureFirstAccount(database, config.accountSlug, config.adminKey)
    const keyUsage = started.add(new KeyUsage(database, log))
    const sync = started.add(await startSync(database, { log, doorbellNetworks: config.doorbellNetworks }))
    const keys = started.add(new KeyWatch(database, log))
    sync.onKeyChanged((accountId, keyId) => void keys.onKeyChanged(accountId, keyId))
    const { swept } = started.add(startHousekeeping(database, config, log))
    const server = started.add(await startServer({ database, sync, keys, keyUsage, swept, log, ...config }, config))
    return {
      url: server.url,
      metricsUrl: server.metricsUrl,
      database,
      first,
      lostDatabase: urls.lost,
      [Symbol.asyncDispose]: () => started[Symbol.asyncDispose](),
    }
  } catch (error) {
    await started[Symbol.asyncDispose]().catch((fault: unknown) => log.warn({ err: fault }, 'could not end what had started'))
    throw error
  }
}

interface DatabaseUrls {
  readonly url: string
  readonly directUrl: string
  readonly lost: Promise<void>
}

const never = new Promise<void>(() => {})

async function findDatabase(config: Config, log: Logger, started: Started): Promise<DatabaseUrls> {
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
