import { createHash } from 'node:crypto'
import { chmod, lchown, lstat, mkdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { clusterUser } from './cluster.ts'
import { EmbeddedPostgresError, failedWith } from './error.ts'
import { canEnter, type Launcher } from './launcher.ts'
import type { Site } from './site.ts'

/** The longest socket path that all systems allow, in bytes. */
const longestPath = 103

/** The URL of a database, over the socket in this folder, as psql and the drivers take it. */
export function socketUrl(socketDir: string, database: string): string {
  return `postgres://${clusterUser}@localhost/${database}?host=${encodeURIComponent(socketDir)}`
}

/** Makes the folder of the server's socket, which only the server's user (and root) can enter: this is what keeps others out of the database. */
export async function prepareSocketDir(site: Site, launcher: Launcher): Promise<string> {
  const name = `synkvy-${createHash('sha256').update(site.dataDir).digest('hex').slice(0, 12)}`
  const folder = join(await socketParent(launcher, name), name)
  await mkdir(folder, { mode: 0o700 }).catch((error: unknown) => {
    if (!failedWith(error, 'EEXIST')) throw error
  })
  await refuseForeign(folder, launcher)
  await lchown(folder, launcher.owner.uid, launcher.owner.gid)
  await chmod(folder, 0o700)
  return folder
}

async function socketParent(launcher: Launcher, name: string): Promise<string> {
  for (const parent of [tmpdir(), '/tmp']) {
    const isShort = Buffer.byteLength(join(parent, name, '.s.PGSQL.5432')) <= longestPath
    if (isShort && (await canEnter(launcher, parent))) return parent
  }
  throw new EmbeddedPostgresError(`There is no place for the socket of Postgres: ${tmpdir()} is too long a path, or closed. Set TMPDIR.`)
}

/** Others can write to the parent, so the folder that is found there may be a trap. */
async function refuseForeign(folder: string, { owner }: Launcher): Promise<void> {
  const found = await lstat(folder)
  if (found.isDirectory() && [owner.uid, process.getuid?.()].includes(found.uid)) return
  throw new EmbeddedPostgresError(
    `${folder}, where the socket of Postgres belongs, was made by another user (id ${found.uid}). Remove it, or set TMPDIR.`,
  )
}
