import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { setTimeout as sleep } from 'node:timers/promises'

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const logKept = 200_000

/** A gateway as a process of its own, on a port that it keeps when it is started again. */
export class GatewayProcess implements AsyncDisposable {
  readonly port: number
  readonly #env: Readonly<Record<string, string>>
  #child: ChildProcess | undefined
  #log = ''
  isStopped = false

  constructor(port: number, env: Readonly<Record<string, string>>) {
    this.port = port
    this.#env = env
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  get log(): string {
    return this.#log
  }

  /** What it logged as an error since this was asked last: nothing that is foreseen is one. */
  takeErrors(): readonly string[] {
    const errors = this.#log.split('\n').filter((line) => /^\{"level":(50|60)/.test(line))
    this.#log = ''
    return errors
  }

  get isRunning(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** Starts it, without waiting until it is ready: it may be started into a fault. */
  start(): void {
    if (this.isRunning) return
    // Everything comes from one address here, and as fast as it can.
    const unlimited = {
      SYNKVY_CALLS_PER_KEY: '999999999',
      SYNKVY_CALLS_PER_ADDRESS: '999999999',
      SYNKVY_FAILED_KEYS: '999999999',
      SYNKVY_ANONYMOUS_CALLS: '999999999',
    }
    const env = {
      ...process.env,
      ...unlimited,
      LOG_LEVEL: 'info',
      NODE_ENV: 'production',
      ...this.#env,
      HOST: '127.0.0.1',
      PORT: String(this.port),
    }
    this.#child = spawn(process.execPath, ['--enable-source-maps', '--import', 'tsx', main, 'serve'], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const hear = (chunk: Buffer): void => void (this.#log = `${this.#log}${chunk.toString()}`.slice(-logKept))
    this.#child.stdout?.on('data', hear)
    this.#child.stderr?.on('data', hear)
    const { pid } = this.#child
    running.add(pid)
    this.#child.once('exit', () => running.delete(pid))
    this.isStopped = false
  }

  signal(signal: NodeJS.Signals): void {
    if (signal === 'SIGSTOP') this.isStopped = true
    if (signal === 'SIGCONT') this.isStopped = false
    if (this.isRunning) this.#child?.kill(signal)
  }

  /** Answers when it has ended: its exit code, or the signal. */
  async ended(): Promise<number | string | null> {
    const child = this.#child
    if (child === undefined) return null
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    return child.exitCode ?? child.signalCode
  }

  async untilReady(withinMs = 60_000): Promise<void> {
    const deadline = Date.now() + withinMs
    while (Date.now() < deadline) {
      // One that could not start, because the database was away, is started again, as whatever watches over it would.
      this.start()
      if (await this.isReady()) return
      await sleep(100)
    }
    throw new Error(`the gateway on ${this.port} does not become ready:\n${this.#log.slice(-3000)}`)
  }

  async isReady(): Promise<boolean> {
    try {
      const response = await fetch(`${this.url}/health/ready`, { signal: AbortSignal.timeout(3_000) })
      await response.arrayBuffer()
      return response.ok
    } catch {
      return false
    }
  }

  /** A figure of /metrics; undefined while it does not answer. */
  async metric(name: string): Promise<number | undefined> {
    try {
      const response = await fetch(`${this.url}/metrics`, { signal: AbortSignal.timeout(3_000) })
      const text = await response.text()
      const found = new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]
      return found === undefined ? undefined : Number(found)
    } catch {
      return undefined
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.signal('SIGCONT')
    this.signal('SIGKILL')
    await this.ended()
  }
}

/** They must not outlive a trial that was broken off. */
const running = new Set<number | undefined>()
process.once('exit', () => {
  for (const pid of running) if (pid !== undefined) process.kill(pid, 'SIGKILL')
})
