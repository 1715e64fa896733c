import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

// `npm run test:package`: whether what npm packs runs where nothing else is. Packs, installs the package into an empty folder, and runs it from there: the
// gateway on its embedded Postgres, a command beside it, a clean stop. Needs the package registry.

const run = promisify(execFile)
const checkout = fileURLToPath(new URL('../..', import.meta.url))
const startWithinMs = 120_000

function check(isSo: boolean, what: string): void {
  if (!isSo) throw new Error(`not so: ${what}`)
  process.stdout.write(`ok  ${what}\n`)
}

async function untilReady(child: ChildProcess): Promise<string> {
  let out = ''
  child.stdout?.on('data', (chunk: Buffer) => (out += chunk.toString()))
  for (const deadline = Date.now() + startWithinMs; Date.now() < deadline; await sleep(100)) {
    const url = /ready at (\S+)/.exec(out)?.[1]
    if (url !== undefined) return url
    if (child.exitCode !== null) break
  }
  throw new Error(`the gateway did not start:\n${out}`)
}

const folder = await mkdtemp(join(tmpdir(), 'synkvy-package-'))
try {
  await run('npm', ['pack', '--pack-destination', folder], { cwd: checkout, maxBuffer: 2 ** 26 })
  const [tarball = ''] = (await readdir(folder)).filter((name) => name.endsWith('.tgz'))
  await writeFile(join(folder, 'package.json'), '{ "private": true }')
  await run('npm', ['install', '--no-audit', '--no-fund', join(folder, tarball)], { cwd: folder, maxBuffer: 2 ** 26 })
  const home = join(folder, 'node_modules/synkvy')
  check(
    !existsSync(join(home, 'src')) && !existsSync(join(home, 'test')),
    'the package holds what is compiled, not what it is compiled from',
  )
  check(
    existsSync(join(home, 'node_modules/graphql-yoga')) && existsSync(join(home, 'node_modules/@graphql-tools/executor')),
    'it brings along, of the exact versions that were tested, what would else come newer than Node 20 can run',
  )

  const env = {
    ...process.env,
    PORT: '0',
    DATA_DIR: join(folder, 'data'),
    LOG_LEVEL: 'warn',
    SYNKVY_ADMIN_KEY: 'package-admin-key-0123456789',
  }
  const gateway = spawn('npx', ['synkvy', 'serve'], { cwd: folder, env, stdio: ['ignore', 'pipe', 'inherit'], detached: true })
  const url = await untilReady(gateway)
  check((await fetch(`${url}/health/ready`)).status === 200, 'it is ready')
  const answer = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${env.SYNKVY_ADMIN_KEY}` },
    body: JSON.stringify({ query: '{ viewer { kind account { slug } } }' }),
  })
  check((await answer.text()).includes('"slug":"demo"'), 'it answers GraphQL')
  const { stdout } = await run('npx', ['synkvy', 'doctor', '--json'], { cwd: folder, env })
  const findings: readonly { readonly check: string; readonly status: string; readonly found: string }[] = JSON.parse(stdout)
  check(
    findings.every(({ status }) => status === 'ok'),
    `the doctor finds nothing: ${findings
      .filter(({ status }) => status !== 'ok')
      .map(({ check: name, found }) => `${name}: ${found}`)
      .join('; ')}`,
  )

  const ended = once(gateway, 'exit')
  // As a terminal does: to npx and to what it runs.
  process.kill(-(gateway.pid ?? 0), 'SIGTERM')
  await ended
  await sleep(500)
  check(
    await fetch(url).then(
      () => false,
      () => true,
    ),
    'it stops',
  )
  check(!existsSync(join(folder, 'data/postgres/postmaster.pid')), 'its Postgres was shut down')
} finally {
  await rm(folder, { recursive: true, force: true })
}
