import { readFile, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { EmbeddedPostgresError, failedWith } from './error.ts'
import { runningProcess } from './processes.ts'
import type { Site } from './site.ts'

/** A Postgres server that runs on a site, whoever started it. */
export interface RunningServer {
  readonly pid: number
  /** Empty until the server has got that far. */
  readonly socketDir: string
  readonly isReady: boolean
  /** `unknown` when something other than a gateway started it, `dead` when its watchdog is about to stop it. */
  readonly gateway: { readonly is: 'alive'; readonly pid: number } | { readonly is: 'dead' | 'unknown' }
}

const gatewaySetting = 'synkvy.gateway'

/**
 * The setting with which a server names its gateway. A folder has one owner because Postgres lets only one server run on it, and that server carries
 * its owner's name: unlike a lock file of ours, this cannot be left behind.
 */
export async function ownerSetting(): Promise<string> {
  const self = await runningProcess(process.pid)
  return `${gatewaySetting}=${process.pid}:${self?.startedAt}`
}

/** The server that runs on this site, or `undefined`. */
export async function runningServer(site: Site): Promise<RunningServer | undefined> {
  const lines = await pidFile(site)
  const pid = Number(lines[0])
  const found = pid > 0 ? await runningProcess(pid) : undefined
  // The number may have been given to another process since.
  if (!found?.commandLine.includes(`-D ${site.clusterDir} `)) return undefined
  const [, gatewayPid, startedAt] = /synkvy\.gateway=(\d+):(\S*)/.exec(found.commandLine) ?? []
  return {
    pid,
    socketDir: lines[4] ?? '',
    isReady: lines[7]?.trim() === 'ready',
    gateway: gatewayPid === undefined ? { is: 'unknown' } : await gatewayOf(Number(gatewayPid), startedAt),
  }
}

async function gatewayOf(pid: number, startedAt: string | undefined): Promise<RunningServer['gateway']> {
  const found = await runningProcess(pid)
  return found?.startedAt === startedAt && found !== undefined ? { is: 'alive', pid } : { is: 'dead' }
}

/** The lines of Postgres's own lock file: process number, folder, start time, port, socket folder, address, shared memory, status. */
async function pidFile(site: Site): Promise<readonly string[]> {
  try {
    return (await readFile(join(site.clusterDir, 'postmaster.pid'), 'utf8')).split('\n')
  } catch (error) {
    if (failedWith(error, 'ENOENT', 'ENOTDIR')) return []
    throw new EmbeddedPostgresError(`${site.clusterDir} cannot be read (${String(error)}). Run as the user who owns it, or as root.`, {
      cause: error,
    })
  }
}

/** How long a server whose gateway was killed has to go away by itself, then when asked, then when told. */
const patienceMs = [5_000, 10_000, 5_000] as const

/**
 * Waits until no server runs on the site. One whose gateway was killed is about to stop, and is helped to when it takes long.
 * Throws an EmbeddedPostgresError while a gateway that lives has one there.
 */
export async function waitUntilFree(site: Site): Promise<void> {
  if (await isFreeWithin(site, patienceMs[0])) return
  await signalServer(site, 'SIGINT')
  if (await isFreeWithin(site, patienceMs[1])) return
  await signalServer(site, 'SIGQUIT')
  if (await isFreeWithin(site, patienceMs[2])) return
  throw new EmbeddedPostgresError(`A Postgres whose gateway is gone still runs on ${site.dataDir} and does not stop.`)
}

async function isFreeWithin(site: Site, waitMs: number): Promise<boolean> {
  const until = Date.now() + waitMs
  while (Date.now() < until) {
    const server = await runningServer(site)
    if (server === undefined) return true
    refuseSecondGateway(site, server)
    await sleep(20)
  }
  return false
}

async function signalServer(site: Site, signal: NodeJS.Signals): Promise<void> {
  const server = await runningServer(site)
  if (server?.gateway.is === 'dead') process.kill(server.pid, signal)
}

/** Throws when this server belongs to somebody. */
export function refuseSecondGateway(site: Site, { pid, gateway }: RunningServer): void {
  if (gateway.is === 'dead') return
  const who = gateway.is === 'alive' ? `Another synkvy gateway (pid ${gateway.pid})` : `A Postgres that no gateway started (pid ${pid})`
  throw new EmbeddedPostgresError(`${who} is running on ${site.dataDir}. Stop it, or choose another DATA_DIR.`)
}

/**
 * Removes the lock file of a server that is gone where Postgres itself would not: when the number belongs to a zombie, or by now to another process,
 * which is common in containers.
 */
export async function removeStaleLock(site: Site): Promise<void> {
  const pid = Number((await pidFile(site))[0])
  if (!(pid > 0) || !isTaken(pid) || (await runningServer(site)) !== undefined) return
  await unlink(join(site.clusterDir, 'postmaster.pid'))
}

function isTaken(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return !failedWith(error, 'ESRCH')
  }
}
