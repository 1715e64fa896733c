import { execFile } from 'node:child_process'
import { chmod, chown, readFile, stat } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { dirname } from 'node:path'
import { EmbeddedPostgresError } from './error.ts'
import { cleanEnvironment } from './processes.ts'
import { clusterExists, type Site } from './site.ts'

export interface UserIds {
  readonly uid: number
  readonly gid: number
}

/** How Postgres, which refuses to run as root, is started: who it runs as (its files belong to the same), and what comes before the command. */
export interface Launcher {
  readonly owner: UserIds
  readonly prefix: readonly string[]
}

/** What the choice of a launcher depends on. */
export interface LaunchFacts {
  /** Who the gateway runs as. */
  readonly user: UserIds
  /** Whether the gateway's user has an entry in the user database: initdb insists on one, the server does not. */
  readonly isNamed: boolean
  readonly clusterExists: boolean
  /** Whom root hands Postgres to: an ordinary user who can reach the data folder. */
  readonly serviceUser: UserIds | undefined
  /** Whether the gateway may start a process as "nobody" in a user namespace of its own, and from there reach the data folder. */
  readonly canUnshare: boolean
}

/** In a namespace of its own the process takes itself for nobody, while outside it, and on disk, it is still the gateway's user. */
const inNamespace = ['unshare', '--user', '--map-user=65534', '--map-group=65534'] as const

/** Chooses how to start Postgres. Throws an EmbeddedPostgresError where there is no way. */
export function chooseLauncher(facts: LaunchFacts): Launcher {
  const { user, serviceUser } = facts
  if (user.uid !== 0) {
    if (facts.isNamed || facts.clusterExists) return { owner: user, prefix: [] }
    if (facts.canUnshare) return { owner: user, prefix: inNamespace }
    throw new EmbeddedPostgresError(
      `The user id ${user.uid} has no name, which Postgres needs to create its files. Add the user to /etc/passwd, or set DATABASE_URL.`,
    )
  }
  // A user of its own before a namespace: it keeps Postgres away from root's files.
  if (serviceUser !== undefined) return { owner: serviceUser, prefix: [] }
  if (facts.canUnshare) return { owner: user, prefix: inNamespace }
  throw new EmbeddedPostgresError(
    'Postgres does not run as root, and no other user can reach the data folder: a folder above it is closed to them. ' +
      'Choose another DATA_DIR (such as /var/lib/synkvy), run the gateway as an ordinary user, or set DATABASE_URL.',
  )
}

/** Finds out how Postgres can be started on this data folder, and lets its user enter the folder. */
export async function prepareLauncher(site: Site): Promise<Launcher> {
  const launcher = chooseLauncher(await launchFacts(site))
  if (await canEnter(launcher, site.dataDir)) return launcher
  // The folder itself, made with a strict umask, is opened as little as possible: passing through, and only for the server's group.
  await chown(site.dataDir, 0, launcher.owner.gid)
  await chmod(site.dataDir, (await stat(site.dataDir)).mode | 0o010)
  return launcher
}

async function launchFacts(site: Site): Promise<LaunchFacts> {
  const user = { uid: process.getuid?.() ?? -1, gid: process.getgid?.() ?? -1 }
  return {
    user,
    isNamed: hasName(),
    clusterExists: await clusterExists(site),
    serviceUser: user.uid === 0 ? await findServiceUser(site) : undefined,
    canUnshare: await canUnshare(user, site.dataDir),
  }
}

function hasName(): boolean {
  try {
    return userInfo().username !== ''
  } catch {
    return false
  }
}

async function canUnshare(owner: UserIds, folder: string): Promise<boolean> {
  return succeeds({ owner, prefix: inNamespace }, ['/bin/sh', '-c', 'cd "$1" && id -un', 'sh', folder])
}

/** Whether the launcher's user may pass through this folder. */
export function canEnter(launcher: Launcher, folder: string): Promise<boolean> {
  return succeeds(launcher, ['/bin/sh', '-c', 'cd "$1"', 'sh', folder])
}

async function succeeds(launcher: Launcher, command: readonly string[]): Promise<boolean> {
  return (await tryCommand(launcher, command)).succeeded
}

/** Runs a short command to its end and says whether it succeeded; `output` is what it wrote, or why it could not be started. */
export function tryCommand(
  { owner, prefix }: Launcher,
  command: readonly string[],
): Promise<{ readonly succeeded: boolean; readonly output: string }> {
  const [file = '', ...args] = [...prefix, ...command]
  return new Promise((resolve) => {
    execFile(file, args, { ...owner, env: cleanEnvironment, cwd: '/' }, (error, stdout, stderr) => {
      resolve({ succeeded: error === null, output: (stdout + stderr || (error?.message ?? '')).trim() })
    })
  })
}

/** Those who own what is there keep it; else the customary users; else whoever owns the folder around it, who at least can reach it. */
async function findServiceUser(site: Site): Promise<UserIds | undefined> {
  const named = await namedUsers()
  const isNamed = (user: UserIds): boolean => [...named.values()].some(({ uid }) => uid === user.uid)
  const hasCluster = await clusterExists(site)
  const candidates = [
    hasCluster ? await ownerOf(site.clusterDir) : undefined,
    await ownerOf(site.dataDir),
    named.get('postgres') ?? named.get('_postgres'),
    named.get('nobody'),
    await ownerOf(dirname(site.dataDir)),
  ]
  for (const user of candidates) {
    if (user !== undefined && user.uid !== 0 && (hasCluster || isNamed(user)) && (await canReach(user, site.dataDir))) return user
  }
  return undefined
}

async function canReach(owner: UserIds, dataDir: string): Promise<boolean> {
  const user = { owner, prefix: [] }
  if (await canEnter(user, dataDir)) return true
  // A folder of root's own can be opened; those above it are nobody's to open.
  return (await stat(dataDir)).uid === 0 && canEnter(user, dirname(dataDir))
}

async function ownerOf(path: string): Promise<UserIds> {
  const { uid, gid } = await stat(path)
  return { uid, gid }
}

async function namedUsers(): Promise<ReadonlyMap<string, UserIds>> {
  const lines = (await readFile('/etc/passwd', 'utf8').catch(() => '')).split('\n')
  return new Map(lines.map((line) => line.split(':')).map(([name = '', , uid, gid]) => [name, { uid: Number(uid), gid: Number(gid) }]))
}
