import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { connectOnce } from './client.ts'
import { identifier } from './sql.ts'
import { prepareBinaries } from './embedded/binaries.ts'
import { clusterUser, prepareCluster, type ClusterOptions } from './embedded/cluster.ts'
import { EmbeddedPostgresError } from './embedded/error.ts'
import { prepareLauncher } from './embedded/launcher.ts'
import { startProgram, type Program } from './embedded/program.ts'
import { ownerSetting, refuseSecondGateway, removeStaleLock, runningServer, waitUntilFree } from './embedded/server.ts'
import { findSite, openSite, type Site } from './embedded/site.ts'
import { prepareSocketDir, socketUrl } from './embedded/socket.ts'

export interface EmbeddedPostgresOptions {
  /** The gateway's DATA_DIR, made when it is not there. The cluster lives in its folder `postgres`. */
  readonly dataDir: string
  /**
   * Whether what was committed outlasts a power cut. `false` is for tests, and much faster.
   * @default true
   */
  readonly durable?: boolean
  /** Hears every line that the server (and initdb, on the first start) writes. */
  readonly log?: (line: string) => void
  /** More settings for the server, as in postgresql.conf. They win over those that synkvy chooses. */
  readonly settings?: Readonly<Record<string, string>>
}

/** A Postgres server that belongs to this process: it ends when the process does, whichever way that is. */
export interface EmbeddedPostgres extends AsyncDisposable {
  /** The database `synkvy`, over a unix socket that only the server's user and root can reach. As the drivers, psql and pg_dump take it. */
  readonly url: string
  /** Fulfilled when the server has ended, after `stop` or because it was killed: with its exit code, or the signal. */
  readonly ended: Promise<number | string>
  /** Breaks off what is running, shuts the server down and waits until it has ended. May be called more than once. */
  readonly stop: () => Promise<void>
}

/** What a gateway's server needs beyond Postgres's defaults. */
const gatewaySettings = {
  // Several pools, a direct session for each node, and the command line beside them.
  max_connections: '200',
  // initdb settles for less on a machine that is short of memory at that moment; a shop fits into this.
  shared_buffers: '128MB',
  // Parallel queries want more shared memory than a container has by default, and the gateway's queries are short.
  max_parallel_workers_per_gather: '0',
  // What one sees does not depend on where the machine stands.
  timezone: 'UTC',
  log_timezone: 'UTC',
  // Its details quote rows, and so what is held of persons.
  log_error_verbosity: 'terse',
} as const

const undurableSettings = { fsync: 'off', full_page_writes: 'off', synchronous_commit: 'off' } as const

/**
 * Starts the embedded Postgres on a data folder, as its owner; the first start creates the cluster. Waits as long as crash recovery takes.
 * Throws an EmbeddedPostgresError when another gateway owns the folder, or when Postgres cannot run here.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  refuseWindows()
  try {
    const site = await openSite(options.dataDir)
    await waitUntilFree(site)
    const launcher = await prepareLauncher(site)
    const { durable = true, log = () => {} } = options
    const cluster = { launcher, binaries: await prepareBinaries(launcher, site), durable, log }
    await prepareCluster(site, cluster)
    return await startOnCluster(site, cluster, options)
  } catch (cause) {
    if (cause instanceof EmbeddedPostgresError) throw cause
    const advice = 'Run as the user who owns the folder, choose another DATA_DIR, or set DATABASE_URL.'
    throw new EmbeddedPostgresError(`The embedded Postgres could not be started on ${options.dataDir} (${String(cause)}). ${advice}`, {
      cause,
    })
  }
}

/**
 * The connection of the server that a gateway runs on this data folder, for the command line beside it; `undefined` when none runs.
 * Throws an EmbeddedPostgresError when the folder belongs to another user.
 */
export async function findEmbeddedPostgres(dataDir: string): Promise<{ readonly url: string } | undefined> {
  const site = await findSite(dataDir)
  if (site === undefined) return undefined
  const server = await runningServer(site)
  if (server?.gateway.is !== 'alive') return undefined
  if (server.isReady) return { url: socketUrl(server.socketDir, clusterUser) }
  await sleep(20)
  return findEmbeddedPostgres(dataDir)
}

async function startOnCluster(site: Site, cluster: ClusterOptions, options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const socketDir = await prepareSocketDir(site, cluster.launcher)
  try {
    const server = await startServer(site, cluster, await serverFlags(options, socketDir))
    const embedded = handle(site, server, socketDir)
    await createDatabase(socketDir).catch(async (error: unknown) => {
      await embedded.stop()
      throw error
    })
    return embedded
  } catch (error) {
    await removeSocketDir(site, socketDir)
    throw error
  }
}

function refuseWindows(): void {
  if (process.platform !== 'win32') return
  throw new EmbeddedPostgresError('The embedded Postgres does not run on Windows. Set DATABASE_URL to use a Postgres of your own.')
}

async function serverFlags({ durable = true, settings = {} }: EmbeddedPostgresOptions, socketDir: string): Promise<readonly string[]> {
  const chosen = { ...gatewaySettings, ...(durable ? {} : undurableSettings), ...settings }
  const needed = { listen_addresses: '', unix_socket_directories: `"${socketDir}"`, port: '5432' }
  const all = Object.entries({ ...chosen, ...needed }).map(([name, value]) => `${name}=${value}`)
  return [...all, await ownerSetting()].flatMap((setting) => ['-c', setting])
}

/** How long the processes of a server that was killed may take to notice. */
const orphansGoneWithinMs = 10_000

async function startServer(site: Site, { launcher, binaries, log }: ClusterOptions, flags: readonly string[]): Promise<Program> {
  const until = Date.now() + orphansGoneWithinMs
  for (;;) {
    await removeStaleLock(site)
    const server = await startProgram(launcher, [join(binaries.folder, 'bin', 'postgres'), '-D', site.clusterDir, ...flags], log)
    if (await becomesReady(site, server)) return server
    const lastWords = await server.lastWords
    const winner = await runningServer(site)
    if (winner !== undefined) refuseSecondGateway(site, winner)
    if (!lastWords.includes('is still in use') || Date.now() > until)
      throw new EmbeddedPostgresError(`Postgres did not start:\n${lastWords}`)
    await sleep(100)
  }
}

async function becomesReady(site: Site, server: Program): Promise<boolean> {
  while (!server.hasExited()) {
    const found = await runningServer(site)
    if (found?.pid === server.pid && found.isReady) return true
    await sleep(10)
  }
  return false
}

async function createDatabase(socketDir: string): Promise<void> {
  const sql = connectOnce({ url: socketUrl(socketDir, 'postgres'), name: 'embedded' })
  try {
    const found = await sql`SELECT FROM pg_database WHERE datname = ${clusterUser}`
    if (found.length === 0) await sql`CREATE DATABASE ${identifier(clusterUser)}`
  } finally {
    await sql.end()
  }
}

function handle(site: Site, server: Program, socketDir: string): EmbeddedPostgres {
  let stopped: Promise<void> | undefined
  const stop = (): Promise<void> => (stopped ??= stopServer(site, server, socketDir))
  return { url: socketUrl(socketDir, clusterUser), ended: server.exited, stop, [Symbol.asyncDispose]: stop }
}

/** How long a fast shutdown may take before the server is made to end without one; it then recovers at the next start. */
const shutdownWithinMs = 10_000

async function stopServer(site: Site, server: Program, socketDir: string): Promise<void> {
  server.kill('SIGINT')
  const isDown = await Promise.race([server.exited.then(() => true), sleep(shutdownWithinMs, false, { ref: false })])
  if (!isDown) server.kill('SIGQUIT')
  await server.exited
  await removeSocketDir(site, socketDir)
}

async function removeSocketDir(site: Site, socketDir: string): Promise<void> {
  // Another gateway may have been faster, or have come after a crash, and use the same folder.
  if ((await runningServer(site)) === undefined) await rm(socketDir, { recursive: true, force: true })
}
