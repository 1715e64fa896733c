import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync } from 'node:fs'
import { appendFile, chmod, chown, cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { prepareBinaries } from '../../src/db/embedded/binaries.ts'
import { prepareLauncher, type Launcher } from '../../src/db/embedded/launcher.ts'
import { startProgram, type Program } from '../../src/db/embedded/program.ts'
import { openSite } from '../../src/db/embedded/site.ts'
import pg from 'pg'

const settings = [
  "listen_addresses = '127.0.0.1'",
  'max_connections = 80',
  'superuser_reserved_connections = 5',
  // The processes are killed here, never the machine, so what was handed to the operating system survives without being synced.
  'fsync = off',
  'wal_level = replica',
  'max_wal_senders = 4',
  'wal_keep_size = 256MB',
  "shared_preload_libraries = 'pg_stat_statements'",
  'log_checkpoints = off',
].join('\n')

/** Debian's newest, which alone has what replication needs; undefined where it is not installed. */
export function debianBinaries(): string | undefined {
  const root = '/usr/lib/postgresql'
  const versions = existsSync(root) ? readdirSync(root).filter((version) => existsSync(join(root, version, 'bin/pg_basebackup'))) : []
  const newest = versions.toSorted((a, b) => Number(b) - Number(a))[0]
  return newest === undefined ? undefined : join(root, newest, 'bin')
}

const poolerPrograms = ['/usr/sbin/pgbouncer', '/usr/bin/pgbouncer']

export function hasPooler(): boolean {
  return poolerPrograms.some(existsSync)
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address: AddressInfo | string | null = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' && address !== null ? address.port : 0
}

/** A Postgres of the trial's own, which can be stopped, killed, copied and promoted. It ends with this process. */
export class PostgresServer implements AsyncDisposable {
  readonly port: number
  readonly folder: string
  readonly #launcher: Launcher
  readonly #bin: string
  #program: Program | undefined

  private constructor(folder: string, launcher: Launcher, bin: string, port: number) {
    this.folder = folder
    this.#launcher = launcher
    this.#bin = bin
    this.port = port
  }

  static async create(options: { readonly withReplicas?: boolean } = {}): Promise<PostgresServer> {
    const server = await PostgresServer.#prepare(options.withReplicas === true)
    await server.#run([
      join(server.#bin, 'initdb'),
      '-D',
      server.dataDir,
      '-U',
      'postgres',
      '-A',
      'trust',
      '-E',
      'UTF8',
      '--locale=C.UTF-8',
      '--no-sync',
    ])
    await appendFile(join(server.dataDir, 'postgresql.conf'), `${settings}\n`)
    await server.start()
    return server
  }

  static async #prepare(withReplicas: boolean): Promise<PostgresServer> {
    const folder = await mkdtemp(join(tmpdir(), 'synkvy-faults-'))
    await chmod(folder, 0o755)
    const site = await openSite(join(folder, 'site'))
    const launcher = await prepareLauncher(site)
    await chown(site.dataDir, launcher.owner.uid, launcher.owner.gid)
    // As for the other tests: the embedded one, unless another server was given.
    const debian = withReplicas || process.env['SYNKVY_TEST_DATABASE_URL'] !== undefined ? debianBinaries() : undefined
    const bin = debian ?? join((await prepareBinaries(launcher, site)).folder, 'bin')
    return new PostgresServer(site.dataDir, launcher, bin, await freePort())
  }

  get dataDir(): string {
    return join(this.folder, 'data')
  }

  /** The maintenance database, as a superuser. */
  get url(): string {
    return `postgres://postgres@127.0.0.1:${this.port}/postgres`
  }

  get pid(): number {
    return this.#program?.pid ?? 0
  }

  async #run(command: readonly string[]): Promise<void> {
    // initdb and pg_basebackup make the folder themselves, in one that belongs to their user.
    const program = await startProgram(this.#launcher, command, () => {})
    if ((await program.exited) !== 0) throw new Error(`${command[0]} failed: ${await program.lastWords}`)
  }

  async start(): Promise<void> {
    if (this.#program?.hasExited() === false) return
    const options = ['-D', this.dataDir, '-p', String(this.port), '-k', this.folder]
    this.#program = await startProgram(this.#launcher, [join(this.#bin, 'postgres'), ...options], () => {})
    await this.#untilReady()
  }

  async #untilReady(): Promise<void> {
    for (let tries = 0; tries < 300; tries += 1) {
      if (this.#program?.hasExited() === true) throw new Error(`Postgres ended: ${await this.#program.lastWords}`)
      const isReady = await this.query('SELECT 1').then(
        () => true,
        () => false,
      )
      if (isReady) return
      await sleep(100)
    }
    throw new Error('Postgres does not become ready')
  }

  /** One statement on a connection of its own, as a superuser. */
  async query(statement: string, database = 'postgres'): Promise<readonly Record<string, unknown>[]> {
    const client = new pg.Client({
      connectionString: this.url.replace(/postgres$/, database),
      application_name: 'trial',
      connectionTimeoutMillis: 2_000,
    })
    client.on('error', () => {})
    try {
      await client.connect()
      const { rows }: { readonly rows: readonly Record<string, unknown>[] } = await client.query(statement)
      return rows
    } finally {
      await client.end().catch(() => {})
    }
  }

  /** `fast` ends sessions and writes everything down; `immediate` is a crash from which it recovers when it starts. */
  async stop(mode: 'fast' | 'immediate'): Promise<void> {
    this.#program?.kill(mode === 'fast' ? 'SIGINT' : 'SIGQUIT')
    await this.#program?.exited
  }

  /** A copy of the stopped server's files. */
  async saveFiles(): Promise<string> {
    const copy = join(this.folder, `saved-${Date.now()}`)
    await promisify(execFile)('cp', ['-a', this.dataDir, copy])
    return copy
  }

  /** Puts a copy in the place of the stopped server's files. */
  async restoreFiles(copy: string): Promise<void> {
    await rm(this.dataDir, { recursive: true, force: true })
    await cp(copy, this.dataDir, { recursive: true, preserveTimestamps: true })
    await promisify(execFile)('chown', ['-R', `${this.#launcher.owner.uid}:${this.#launcher.owner.gid}`, this.dataDir])
    await chmod(this.dataDir, 0o700)
  }

  /** A streaming replica of this server, which reaches it over `port`. */
  async createReplica(port: number): Promise<PostgresServer> {
    const replica = await PostgresServer.#prepare(true)
    const source = `host=127.0.0.1 port=${port} user=postgres`
    await replica.#run([
      join(this.#bin, 'pg_basebackup'),
      '-D',
      replica.dataDir,
      '-d',
      source,
      '-c',
      'fast',
      '-X',
      'stream',
      '-R',
      '--no-sync',
    ])
    await replica.start()
    return replica
  }

  async promote(): Promise<void> {
    await this.query('SELECT pg_promote(true, 30)')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop('immediate')
    await rm(join(this.folder, '..'), { recursive: true, force: true })
  }

  /** PgBouncer in transaction mode on `port`, in front of `target`. Undefined where it is not installed. */
  async startPooler(target: number, port: number): Promise<{ readonly stop: () => void } | undefined> {
    const program = poolerPrograms.find(existsSync)
    if (program === undefined) return undefined
    const { uid, gid } = this.#launcher.owner
    const config = join(this.folder, 'pgbouncer.ini')
    await writeFile(config, poolerConfig(target, port))
    const child = spawn(program, ['-q', config], { uid, gid, stdio: 'ignore' })
    const stop = (): void => void child.kill('SIGKILL')
    process.once('exit', stop)
    await untilListening(port)
    return { stop }
  }
}

function poolerConfig(target: number, port: number): string {
  return [
    '[databases]',
    `* = host=127.0.0.1 port=${target} user=postgres`,
    '[pgbouncer]',
    'listen_addr = 127.0.0.1',
    `listen_port = ${port}`,
    'unix_socket_dir =',
    'auth_type = any',
    'pool_mode = transaction',
    'max_client_conn = 500',
    'default_pool_size = 25',
    'server_connect_timeout = 3',
    'server_login_retry = 0.2',
    'query_wait_timeout = 10',
    '',
  ].join('\n')
}

async function untilListening(port: number): Promise<void> {
  for (let tries = 0; tries < 100; tries += 1) {
    const client = new pg.Client({ connectionString: `postgres://postgres@127.0.0.1:${port}/postgres`, connectionTimeoutMillis: 1_000 })
    client.on('error', () => {})
    const isUp = await client.connect().then(
      () => true,
      () => false,
    )
    await client.end().catch(() => {})
    if (isUp) return
    await sleep(50)
  }
  throw new Error('PgBouncer does not come up')
}
