import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import { EmbeddedPostgresError } from './error.ts'
import type { Launcher } from './launcher.ts'
import { cleanEnvironment } from './processes.ts'

/** A program of Postgres's that was started, and that ends when the gateway does. */
export interface Program {
  readonly pid: number
  /** Fulfilled when it has ended: with its exit code, or the signal. */
  readonly exited: Promise<number | string>
  /** Fulfilled with the last 4 kB that it wrote, when it has ended and all was read. */
  readonly lastWords: Promise<string>
  readonly hasExited: () => boolean
  readonly kill: (signal: 'SIGINT' | 'SIGQUIT') => void
}

/**
 * Starts what `$@` says in the place of this shell, with a watchdog beside it: whichever way the gateway ends, SIGKILL included, its end of the pipe
 * on descriptor 3 closes, `read` fails, and Postgres is told to shut down fast. A line on the pipe says that Postgres has ended already. The second
 * pair of parentheses makes the watchdog nobody's child, for Postgres is surprised by children that it does not know.
 */
const watched = `((trap '' INT TERM HUP; read -r line <&3 || kill -INT $$) >/dev/null 2>&1 &); exec "$@" 3<&-`

const lastWordsLength = 4096

/** Starts a program that ends when the gateway does; `log` hears what it writes. Throws an EmbeddedPostgresError when it cannot be started. */
export async function startProgram(launcher: Launcher, command: readonly string[], log: (line: string) => void): Promise<Program> {
  const child = spawnWatched([...launcher.prefix, ...command], launcher)
  const exited = new Promise<number | string>((resolve) => {
    child.once('exit', (code, signal) => resolve(code ?? signal ?? 'unknown'))
  })
  releaseWatchdog(child, exited)
  const lastWords = listen(child, log)
  await once(child, 'spawn').catch((cause: unknown) => {
    throw new EmbeddedPostgresError(`${command[0]} cannot be started: ${String(cause)}`, { cause })
  })
  return {
    pid: child.pid ?? -1,
    exited,
    lastWords,
    hasExited: () => child.exitCode !== null || child.signalCode !== null,
    kill: (signal) => void child.kill(signal),
  }
}

/** In a session of its own, so that Ctrl-C in a terminal reaches the gateway alone, which then closes its connections first. */
function spawnWatched(command: readonly string[], { owner }: Launcher): ChildProcess {
  return spawn('/bin/sh', ['-c', watched, 'synkvy-watchdog', ...command], {
    ...owner,
    env: cleanEnvironment,
    cwd: '/',
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  })
}

/** Tells the watchdog when its work is done, so that it does not signal whoever gets the process number next. */
function releaseWatchdog(child: ChildProcess, exited: Promise<unknown>): void {
  const lifeline = child.stdio[3]
  if (!(lifeline instanceof Writable)) return
  lifeline.on('error', () => {})
  void exited.finally(() => lifeline.end('\n'))
}

function listen(child: ChildProcess, log: (line: string) => void): Promise<string> {
  let words = ''
  const hear = (line: string): void => {
    words = `${words}${line}\n`.slice(-lastWordsLength)
    log(line)
  }
  for (const output of [child.stdout, child.stderr]) if (output) createInterface({ input: output }).on('line', hear)
  return new Promise((resolve) => {
    child.once('close', () => resolve(words.trim()))
  })
}
