import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createProducts, createView, expectData, startShop } from '../helpers/gateway.ts'
import { installInProject, type InstalledProject } from '../helpers/installed.ts'

const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href

let shop: Awaited<ReturnType<typeof startShop>>
let project: InstalledProject
beforeAll(async () => {
  shop = await startShop()
  project = await installInProject()
})
afterAll(async () => {
  await shop[Symbol.asyncDispose]()
  await project[Symbol.asyncDispose]()
})

/** An example that runs, and what it has printed so far. */
class Example implements AsyncDisposable {
  readonly #child: ChildProcess
  #output = ''
  #fault: Error | undefined

  constructor(program: string, args: readonly string[], key: string) {
    const env = { ...process.env, SYNKVY_URL: shop.url, SYNKVY_KEY: key, COPY: join(project.folder, `${args.at(-1)}.sqlite`) }
    // A group of its own, so that what it has started ends with it.
    this.#child = spawn(program, args, { cwd: project.folder, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true })
    const hear = (chunk: Buffer): void => void (this.#output += chunk.toString())
    this.#child.stdout?.on('data', hear)
    this.#child.stderr?.on('data', hear)
    this.#child.on('error', (error) => {
      this.#fault = new Error(`${program} is needed to try this example, and cannot be started here: ${error.message}`)
    })
  }

  /** What it has printed. Throws where it could not be started. */
  readonly said = (): string => {
    if (this.#fault !== undefined) throw this.#fault
    return this.#output
  }

  async ended(): Promise<number | null> {
    this.said()
    if (this.#child.exitCode === null) await once(this.#child, 'exit')
    return this.#child.exitCode
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { pid, exitCode, signalCode } = this.#child
    if (pid === undefined || exitCode !== null || signalCode !== null) return
    process.kill(-pid, 'SIGKILL')
    await once(this.#child, 'exit')
  }
}

const examples = [
  ['consumer.ts', process.execPath, ['--import', tsx, 'examples/consumer.ts']],
  ['graphql-ws.ts', process.execPath, ['--import', tsx, 'examples/graphql-ws.ts']],
  ['events.sh', 'bash', ['examples/events.sh']],
  ['pull.py', 'python3', ['examples/pull.py']],
] as const

async function pending(viewId: string): Promise<number> {
  const data = await expectData(shop.call('query ($id: ID!) { syncView(id: $id) { streams { stream pending } } }', { id: viewId }))
  return data.syncView.streams.find((one: { stream: string }) => one.stream === 'STOCK').pending
}

describe.each(examples)('%s', (name, program, args) => {
  test('follows what was linked and what changes, and acknowledges it', async () => {
    const handle = `example-${name.replace('.', '-')}`
    await createProducts(shop, [handle], 5)
    const { viewId, key } = await createView(shop, name)
    await expectData(shop.call('mutation ($id: ID!) { resendAllProducts(syncViewId: $id) { __typename } }', { id: viewId }))

    await using example = new Example(program, args, key)
    await expect.poll(example.said, { timeout: 30_000 }).toMatch(new RegExp(`SKU-${handle}\\b[^]*\\b5\\b`))
    await shop.database.database
      .sql`UPDATE stock_levels SET on_hand = 123 WHERE variant_id = (SELECT id FROM variants WHERE sku = ${`SKU-${handle}`})`
    await expect.poll(example.said, { timeout: 30_000 }).toMatch(new RegExp(`SKU-${handle}\\b.*\\b123\\b`))

    await expect.poll(() => pending(viewId), { timeout: 20_000 }).toBe(0)
  })

  test('ends with the reason where the key is no good', async () => {
    await using example = new Example(program, args, 'synkvy_unknown')

    expect(await example.ended()).toBeGreaterThan(0)
    expect(example.said()).toMatch(/4403|key/)
  })
})

test('events.sh needs curl', async () => {
  await using curl = new Example('curl', ['--version'], '')

  await expect.poll(curl.said, { timeout: 30_000 }).toMatch(/^curl /)
})

test('the examples in TypeScript are well typed where the package is installed', async () => {
  await project.check(['examples/consumer.ts', 'examples/graphql-ws.ts'])
})
