import type { Logger } from 'pino'
import { ensureFirstAccount, type OpenedAccount } from './access/accounts.ts'
import { KeyUsage } from './access/authenticate.ts'
import { KeyWatch } from './access/key-watch.ts'
import type { Config } from './config.ts'
import { findDatabase } from './database.ts'
import { openDatabase, type OpenDatabase } from './db/client.ts'
import { refusePooler } from './db/direct.ts'
import { migrateDatabase } from './db/migrate.ts'
import { requireWall } from './db/wall.ts'
import { startHousekeeping } from './housekeeping.ts'
import { startServer } from './server/server.ts'
import { Started } from './started.ts'
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
