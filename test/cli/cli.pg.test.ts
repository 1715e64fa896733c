import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createView, startShop } from '../helpers/gateway.ts'

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

let shop: Awaited<ReturnType<typeof startShop>>
let folder: string
beforeAll(async () => {
  shop = await startShop()
  folder = await mkdtemp(join(tmpdir(), 'synkvy-cli-'))
})
afterAll(async () => {
  await shop[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

interface Ended {
  readonly status: number
  readonly out: string
  readonly err: string
}

/** Runs a command as its own process, beside the gateway, on the same database. */
function synkvy(...args: readonly string[]): Promise<Ended> {
  const env = { ...process.env, DATABASE_URL: shop.database.url, SYNKVY_ACCOUNT: 'shop' }
  return new Promise((resolve) => {
    execFile(process.execPath, ['--import', 'tsx', main, ...args], { env }, (error, out, err) => {
      const status = error === null ? 0 : typeof error.code === 'number' ? error.code : 1
      resolve({ status, out, err })
    })
  })
}

const json = async (...args: readonly string[]) => JSON.parse((await synkvy(...args, '--json')).out)

test('an account, a user and a key are made for scripts, and the key works', async () => {
  const account = await json('account', 'create', 'from-cli')
  const user = await json('user', 'create', 'POS', '--kind', 'INTEGRATION', '--account', 'from-cli')
  const key = await json('key', 'create', '--user', user.id, '--account', 'from-cli')

  expect(account).toEqual({ id: expect.any(String), slug: 'from-cli', adminKey: expect.stringMatching(/^synkvy_/) })
  expect(key).toEqual({ id: expect.any(String), secret: expect.stringMatching(/^synkvy_/) })
  expect((await shop.call('{ viewer { id name account { slug } } }', {}, key.secret)).data.viewer).toEqual({
    id: user.id,
    name: 'POS',
    account: { slug: 'from-cli' },
  })
  expect((await synkvy('key', 'revoke', key.id, '--account', 'from-cli')).status).toBe(0)
  expect((await shop.call('{ viewer { id } }', {}, key.secret)).errors?.[0]?.extensions['code']).toBe('UNAUTHENTICATED')
})

test('a key is limited and rotated from the command line, and the audit log says so', async () => {
  const user = await json('user', 'create', 'Terminal', '--kind', 'INTEGRATION')
  const key = await json('key', 'create', '--user', user.id, '--scope', 'STOCK', 'ORDERS', '--address', '127.0.0.1', '10.0.0.0/8')
  const readOnly = await json('key', 'create', '--user', user.id, '--read-only')
  const rotated = await json('key', 'rotate', key.id, '--overlap-hours', '0')
  const keys = await json('key', 'list', '--user', user.id)

  const addresses = ['127.0.0.1', '10.0.0.0/8']
  expect(keys).toMatchObject([
    { id: key.id, scopes: ['STOCK', 'ORDERS'], addresses, revokedAt: expect.any(String) },
    { id: readOnly.id, scopes: [], addresses: null, revokedAt: null },
    { id: rotated.id, scopes: ['STOCK', 'ORDERS'], addresses, revokedAt: null },
  ])
  expect((await shop.call('{ viewer { id } }', {}, rotated.secret)).data.viewer.id).toBe(user.id)
  const { nodes } = (
    await shop.call('{ auditLog(first: 4) { nodes { action channel user { id } userName address details { name value label } } } }')
  ).data.auditLog
  expect(nodes).toMatchObject([
    { action: 'rotateApiKey', details: [{ name: 'id', value: key.id }, { name: 'overlapHours', value: '0' }, { value: rotated.id }] },
    { action: 'createApiKey', details: [{ name: 'userId', value: user.id, label: 'Terminal' }, { value: readOnly.id }] },
    { action: 'createApiKey' },
    { action: 'createUser' },
  ])
  for (const node of nodes) expect(node).toMatchObject({ channel: 'COMMAND_LINE', user: null, userName: null, address: null })
  expect(JSON.stringify(nodes)).not.toContain(rotated.secret)
})

test('a key that is bound to trusted documents may send what was registered from a file, until it is deleted', async () => {
  const file = join(folder, 'viewer.graphql')
  const text = 'query Me {\n  viewer { id }\n}\n'
  await writeFile(file, text)
  const user = await json('user', 'create', 'Bound', '--kind', 'INTEGRATION')
  const key = await json('key', 'create', '--user', user.id, '--trusted-documents-only')
  const send = () => shop.call(text, {}, key.secret)
  const refused = [{ extensions: { code: 'FORBIDDEN' } }]
  expect((await send()).errors).toMatchObject(refused)

  const { hash } = await json('document', 'add', file)

  expect(hash).toBe(createHash('sha256').update(text).digest('hex'))
  expect((await send()).data).toEqual({ viewer: { id: user.id } })
  expect(await json('document', 'list')).toEqual([{ hash, document: text, createdAt: expect.any(String) }])
  expect((await synkvy('document', 'list')).out).toContain('query Me { viewer { id } }')
  expect((await synkvy('document', 'delete', hash)).status).toBe(0)
  expect((await send()).errors).toMatchObject(refused)
  expect(await json('document', 'list')).toEqual([])
})

test('a refusal is one message and an exit status, without a stack', async () => {
  for (const args of [
    ['key', 'create', '--user', 'nobody'],
    ['key', 'create', '--user', '1', '--scope', 'EVERYTHING'],
    ['key', 'rotate', '1', '--overlap-hours', 'a while'],
    ['account', 'create', 'Not A Slug'],
    ['user', 'list', '--account', 'nowhere'],
    ['import', join(folder, 'none.csv')],
    ['document', 'add', join(folder, 'none.graphql')],
    ['document', 'add', fileURLToPath(import.meta.url)],
    ['document', 'delete', 'nothing'],
  ]) {
    const { status, err } = await synkvy(...args)
    expect(status).toBe(1)
    expect(err).not.toContain('    at ')
  }
})

test('import says what it could not take, and its status says that there was something', async () => {
  const file = join(folder, 'some.csv')
  await writeFile(file, 'Handle,Title,Variant Price\ncli-1,One,10\n,Two,10\n')

  const { status, out, err } = await synkvy('import', file)

  expect(status).toBe(2)
  expect(out).toContain('1 products with 1 variants; 1 new, 0 changed, 0 the same; 1 refused.')
  expect(err).toContain('line 3, Handle: the row names no product')
})

test('resend and watch: what is linked is printed, a line a change, and acknowledged', async () => {
  const { viewId, key } = await createView(shop, 'Watched')
  expect(await json('resend', viewId)).toMatchObject({ outcome: 'started' })
  const env = { ...process.env }
  const child = execFile(process.execPath, ['--import', 'tsx', main, 'watch', '--url', shop.url, '--key', key, '--json'], { env })
  let out = ''
  child.stdout?.on('data', (chunk: string) => (out += chunk))

  await expect.poll(() => out, { timeout: 20_000 }).toContain('"key":"cli-1"')
  await expect
    .poll(async () => (await json('view', 'list')).find((view: { id: string }) => view.id === viewId), { timeout: 20_000 })
    .toMatchObject({ state: 'CONNECTED', pending: 0 })
  expect(await json('resend', viewId)).toMatchObject({ outcome: 'needs-confirmation', productCount: expect.any(Number) })

  child.kill('SIGINT')
})

test('--help is there for every command', async () => {
  const { out } = await synkvy('--help')

  for (const command of [
    'serve',
    'demo',
    'migrate',
    'import',
    'account',
    'user',
    'key',
    'document',
    'view',
    'resend',
    'watch',
    'doctor',
    'customer',
  ])
    expect(out).toContain(command)
})
