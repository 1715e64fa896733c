import { readdir, readFile } from 'node:fs/promises'

/** What a process holds of the machine's memory, in kilobytes. */
export async function kilobytes(pid: number): Promise<number> {
  return Number(/VmRSS:\s+(\d+)/.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1] ?? Number.NaN)
}

/** Hundredths of a second that a process and all that it has started have computed for. */
export async function cpuTicks(pid: number): Promise<number> {
  const processes = await readProcesses()
  const family = new Set([pid])
  // Children have higher numbers than their parents, but for the rare time when numbers begin anew.
  for (const one of processes) if (family.has(one.parent)) family.add(one.pid)
  return processes.filter((one) => family.has(one.pid)).reduce((sum, one) => sum + one.ticks, 0)
}

interface Process {
  readonly pid: number
  readonly parent: number
  readonly ticks: number
}

async function readProcesses(): Promise<readonly Process[]> {
  const pids = (await readdir('/proc')).map(Number).filter((pid) => pid > 0)
  const processes = await Promise.all(
    pids.map(async (pid) => {
      // One that has ended meanwhile is none.
      const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
      const [, parent = 0, ...rest] = text
        .slice(text.lastIndexOf(')') + 2)
        .split(' ')
        .map(Number)
      // The 14th to the 17th: its own in user space and in the kernel, and that of children that have ended.
      return { pid, parent, ticks: rest.slice(9, 13).reduce((sum, ticks) => sum + ticks, 0) }
    }),
  )
  return processes.toSorted((a, b) => a.pid - b.pid)
}
