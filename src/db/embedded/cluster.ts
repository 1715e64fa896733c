import { chown, lchown, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { majorVersion, type Binaries } from './binaries.ts'
import { EmbeddedPostgresError, failedWith } from './error.ts'
import type { Launcher, UserIds } from './launcher.ts'
import { startProgram } from './program.ts'
import { buildFolder, clusterVersion, type Site } from './site.ts'

/** The superuser of the cluster, whose name is also that of the database. Nobody else can enter the socket's folder, so it has no password. */
export const clusterUser = 'synkvy'

export interface ClusterOptions {
  readonly launcher: Launcher
  readonly binaries: Binaries
  readonly durable: boolean
  readonly log: (line: string) => void
}

/** Sees to it that there is a cluster of the right version that belongs to the launcher's user. */
export async function prepareCluster(site: Site, options: ClusterOptions): Promise<void> {
  if ((await clusterVersion(site)) === undefined) await createCluster(site, options)
  const [found, needed] = [await clusterVersion(site), majorVersion(options.binaries)]
  if (found !== needed) {
    throw new EmbeddedPostgresError(
      `${site.clusterDir} was made by Postgres ${found}, and this gateway brings ${needed}. ` +
        'Move the data with pg_dump, choose another DATA_DIR, or set DATABASE_URL.',
    )
  }
  await giveTo(options.launcher.owner, site.clusterDir)
}

async function createCluster(site: Site, options: ClusterOptions): Promise<void> {
  if (!(await isEmptyOrAbsent(site.clusterDir))) {
    throw new EmbeddedPostgresError(
      `${site.clusterDir} holds something that is not a Postgres cluster. Move it away, or choose another DATA_DIR.`,
    )
  }
  await buildFolder(site.clusterDir, (folder) => initialise(folder, options))
}

/** Characters sort by code point and fold by Unicode's rules, the same on every machine: what the system's C library thinks cannot corrupt an index. */
const initdbFlags = ['-U', clusterUser, '-A', 'trust', '-E', 'UTF8', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'] as const
/** What the system calls a neutral UTF-8 locale; some text functions still ask the C library what a letter is. */
const systemLocale = process.platform === 'darwin' ? ['--locale=C', '--lc-ctype=en_US.UTF-8'] : ['--locale=C.UTF-8']

async function initialise(folder: string, { launcher, binaries, durable, log }: ClusterOptions): Promise<void> {
  await chown(folder, launcher.owner.uid, launcher.owner.gid)
  const flags = [...initdbFlags, ...systemLocale, ...(durable ? [] : ['--no-sync'])]
  const initdb = await startProgram(launcher, [join(binaries.folder, 'bin', 'initdb'), '-D', folder, ...flags], log)
  const lastWords = await initdb.lastWords
  if ((await initdb.exited) !== 0) throw new EmbeddedPostgresError(`Postgres could not create its files in ${folder}:\n${lastWords}`)
}

async function isEmptyOrAbsent(folder: string): Promise<boolean> {
  try {
    return (await readdir(folder)).length === 0
  } catch (error) {
    if (failedWith(error, 'ENOENT')) return true
    throw error
  }
}

/** Hands the cluster over when the launcher's user has changed, the folder itself last: until then the next start does it again. */
async function giveTo(owner: UserIds, clusterDir: string): Promise<void> {
  const { uid } = await stat(clusterDir)
  if (uid === owner.uid) return
  if (process.getuid?.() !== 0) {
    throw new EmbeddedPostgresError(`${clusterDir} belongs to the user id ${uid}. Run as that user, or choose another DATA_DIR.`)
  }
  const inside = await readdir(clusterDir, { recursive: true })
  for (const path of inside) await lchown(join(clusterDir, path), owner.uid, owner.gid)
  await lchown(clusterDir, owner.uid, owner.gid)
}
