import { fork, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** A program of the bench's own, in a process of its own, that says one thing when it is ready. */
export interface Child<Ready> extends AsyncDisposable {
  readonly ready: Ready
  readonly ask: (question: unknown) => Promise<unknown>
  readonly process: ChildProcess
}

/**
 * Starts a file of this folder; `config` is the first message that it gets, what it answers says that it is ready. TypeScript runs on this Node, JavaScript on the
 * one that is named.
 */
export async function startChild<Ready>(
  file: string,
  config: unknown,
  parse: (message: unknown) => Ready,
  otherNode?: string,
): Promise<Child<Ready>> {
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), {
    // Of others it is nobody's business here that consumers leave without a word.
    ...(otherNode === undefined
      ? { execArgv: ['--import', 'tsx'] }
      : { execArgv: [], execPath: otherNode, stdio: ['ignore', 'inherit', 'ignore', 'ipc'] }),
    env: { ...process.env, NODE_ENV: 'production', GRAPHILE_ENV: 'production' },
    serialization: 'advanced',
  })
  const answer = async (): Promise<unknown> => {
    const messages: readonly unknown[] = await once(child, 'message')
    return messages[0]
  }
  child.send({ config })
  const ready = parse(await answer())
  return {
    ready,
    process: child,
    ask: (question) => {
      child.send({ question })
      return answer()
    },
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL')
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    },
  }
}

/** A gateway as it runs in production, from what was compiled. */
export async function startGateway(
  databaseUrl: string,
  adminKey: string,
  settings: Readonly<Record<string, string>> = {},
): Promise<{ readonly url: string; readonly pid: number } & AsyncDisposable> {
  const main = fileURLToPath(new URL('../dist/src/main.js', import.meta.url))
  const env = {
    ...process.env,
    NODE_ENV: 'production',
    PORT: '0',
    DATABASE_URL: databaseUrl,
    SYNKVY_ACCOUNT: 'bench',
    SYNKVY_ADMIN_KEY: adminKey,
    // What a gateway can do is measured, not what one caller may ask of it.
    SYNKVY_CALLS_PER_KEY: '999999999',
    SYNKVY_CALLS_PER_ADDRESS: '999999999',
    SYNKVY_SOCKETS_PER_ADDRESS: '999999999',
    LOG_LEVEL: 'error',
    ...settings,
  }
  const child = spawn(
    process.execPath,
    [...(process.env['BENCH_PROFILE'] === undefined ? [] : ['--cpu-prof', '--cpu-prof-dir', process.env['BENCH_PROFILE']]), main, 'serve'],
    { env, stdio: ['ignore', 'pipe', 'inherit'] },
  )
  const url = await new Promise<string>((resolve, reject) => {
    let text = ''
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString()
      const found = /ready at (\S+)/.exec(text)?.[1]
      if (found !== undefined) resolve(found)
    })
    child.once('exit', () => reject(new Error(`the gateway ended: ${text}`)))
  })
  return {
    url,
    pid: child.pid ?? 0,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGTERM')
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    },
  }
}
