import { randomBytes } from 'node:crypto'
import { mkdir, readdir, readFile, realpath, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { EmbeddedPostgresError, failedWith } from './error.ts'
import { runningProcess } from './processes.ts'

/** Where an embedded Postgres lives. Both paths are absolute and free of links, so that one folder has one name. */
export interface Site {
  readonly dataDir: string
  readonly clusterDir: string
}

/** The site of an existing data folder; `undefined` when there is no such folder. */
export async function findSite(dataDir: string): Promise<Site | undefined> {
  try {
    const real = await realpath(dataDir)
    return { dataDir: real, clusterDir: join(real, 'postgres') }
  } catch (error) {
    if (failedWith(error, 'ENOENT')) return undefined
    throw error
  }
}

/** The site of a data folder, which is made when it is not there. What gateways that were killed left half-made in it is removed. */
export async function openSite(dataDir: string): Promise<Site> {
  await mkdir(dataDir, { recursive: true })
  const site = await findSite(dataDir)
  if (site === undefined) throw new EmbeddedPostgresError(`${dataDir} was removed while the gateway started`)
  await removeLeftovers(site.dataDir)
  return site
}

/** The major version of the Postgres that made the cluster, such as `18`; `undefined` when there is none yet. */
export async function clusterVersion(site: Site): Promise<string | undefined> {
  try {
    return (await readFile(join(site.clusterDir, 'PG_VERSION'), 'utf8')).trim()
  } catch (error) {
    if (failedWith(error, 'ENOENT')) return undefined
    throw new EmbeddedPostgresError(
      `${site.clusterDir} cannot be read (${String(error)}). Run as the user who owns it, or choose another DATA_DIR.`,
      { cause: error },
    )
  }
}

export async function clusterExists(site: Site): Promise<boolean> {
  return (await clusterVersion(site)) !== undefined
}

/**
 * Makes a folder whole or not at all: `build` fills another one beside it, which then takes its name. When somebody else was faster, theirs stays.
 * The name says which process builds, so that what is left of a dead one can be told and removed.
 */
export async function buildFolder(target: string, build: (folder: string) => Promise<void>): Promise<void> {
  const aside = `${target}.init-${process.pid}-${randomBytes(4).toString('hex')}`
  await mkdir(aside, { mode: 0o700 })
  try {
    await build(aside)
    await rename(aside, target)
  } catch (error) {
    if (!failedWith(error, 'ENOTEMPTY', 'EEXIST')) throw error
  } finally {
    await rm(aside, { recursive: true, force: true })
  }
}

async function removeLeftovers(dataDir: string): Promise<void> {
  for (const name of await readdir(dataDir)) {
    const builder = /\.init-(\d+)-[0-9a-f]+$/.exec(name)?.[1]
    if (builder === undefined || (await runningProcess(Number(builder))) !== undefined) continue
    // Its initdb may not have noticed yet that it is to end.
    await rm(join(dataDir, name), { recursive: true, force: true, maxRetries: 10 })
  }
}
