import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'

/** The environment of everything that is started here: no PG* variable of the gateway's may reach it, and messages are English. */
export const cleanEnvironment = { LC_ALL: 'C', TZ: 'UTC', PATH: '/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin' } as const

/** A process that runs. `startedAt` has no unit: with `pid` it tells a process from a later one that was given the same number. */
export interface RunningProcess {
  readonly pid: number
  readonly startedAt: string
  readonly commandLine: string
}

/** The process of that number, or `undefined` when there is none or only the zombie of one, which holds nothing any more. */
export function runningProcess(pid: number): Promise<RunningProcess | undefined> {
  return process.platform === 'linux' ? fromProc(pid) : fromPs(pid)
}

async function fromProc(pid: number): Promise<RunningProcess | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
    const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8')
    // The second field is the name in parentheses, which may itself hold spaces and parentheses; the state and the rest come after it.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const [state = 'X', startedAt = ''] = [fields[0], fields[19]]
    return isGone(state) ? undefined : { pid, startedAt, commandLine: commandLine.replaceAll('\0', ' ') }
  } catch {
    return undefined
  }
}

async function fromPs(pid: number): Promise<RunningProcess | undefined> {
  try {
    const columns = ['-ww', '-o', 'stat=,lstart=,command=', '-p', String(pid)]
    const { stdout } = await promisify(execFile)('ps', columns, { env: cleanEnvironment })
    const [, state = 'X', startedAt = '', commandLine = ''] = /^\s*(\S+)\s+(\S+\s+\S+\s+\d+\s+[\d:]+\s+\d+)\s+(.*)/.exec(stdout) ?? []
    return isGone(state) ? undefined : { pid, startedAt: startedAt.replaceAll(/\W+/g, '-'), commandLine: `${commandLine} ` }
  } catch {
    return undefined
  }
}

function isGone(state: string): boolean {
  return state.startsWith('Z') || state.startsWith('X')
}
