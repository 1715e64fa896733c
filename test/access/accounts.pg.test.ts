import { pino } from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createAccount, ensureFirstAccount } from '../../src/access/accounts.ts'
import { createApiKey, revokeApiKey } from '../../src/access/api-keys.ts'
import { authenticateKey, KeyUsage } from '../../src/access/authenticate.ts'
import { KeyWatch } from '../../src/access/key-watch.ts'
import type { SynkvyError } from '../../src/errors.ts'
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts'

let cloned: TestDatabase
beforeAll(async () => {
  cloned = await createTestDatabase()
})
afterAll(async () => {
  await cloned[Symbol.asyncDispose]()
})
const silent = pino({ level: 'silent' })

async function callerOf(slug: string) {
  const { adminKey } = await createAccount(cloned.database, { slug, name: slug, currency: 'SEK', pricesIncludeTax: true })
  return authenticateKey(cloned.database, adminKey ?? '')
}

test('many gateways that start at once make one first account, with one key that one of them shows', async () => {
  const opened = await Promise.all(Array.from({ length: 10 }, () => ensureFirstAccount(cloned.database, 'first', undefined)))

  expect(new Set(opened.map(({ account }) => account.id)).size).toBe(1)
  const [secret, ...more] = opened.flatMap(({ adminKey }) => adminKey ?? [])
  expect(more).toEqual([])
  expect(await authenticateKey(cloned.database, secret ?? '')).toMatchObject({ kind: 'ADMIN', accountId: opened[0]?.account.id })
})

test('an admin key that is given later is good as well, once, and stays revoked', async () => {
  const key = 'given-key-0123456789-abcdef'
  const { account } = await ensureFirstAccount(cloned.database, 'later', undefined)

  for (let start = 0; start < 3; start += 1) expect((await ensureFirstAccount(cloned.database, 'later', key)).adminKey).toBeUndefined()
  const caller = await authenticateKey(cloned.database, key)
  expect(caller).toMatchObject({ kind: 'ADMIN', accountId: account.id })
  await revokeApiKey(cloned.database, account.id, caller.keyId)
  await ensureFirstAccount(cloned.database, 'later', key)

  await expect(authenticateKey(cloned.database, key)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' })
})

test('an admin key that is given and belongs to another account is refused in words', async () => {
  const key = 'shared-key-0123456789-abcdef'
  await ensureFirstAccount(cloned.database, 'owner', key)
  await ensureFirstAccount(cloned.database, 'neighbour', undefined)

  for (const slug of ['neighbour', 'newcomer'])
    await expect(ensureFirstAccount(cloned.database, slug, key)).rejects.toMatchObject({
      code: 'CONFLICT',
      message: expect.stringContaining('"owner"'),
    })
})

test('what was used is written down at once for all keys, and for no other', async () => {
  const [used, unused] = [await callerOf('used'), await callerOf('unused')]
  const usage = new KeyUsage(cloned.database, silent)
  usage.note(used)
  usage.note(used)

  await usage[Symbol.asyncDispose]()

  const rows = await cloned.database.sql<{ id: number; at: Date | null }[]>`
    SELECT id, last_used_at AS at FROM api_keys WHERE id IN (${used.keyId}, ${unused.keyId}) ORDER BY id`
  expect(rows).toMatchObject([
    { id: used.keyId, at: expect.any(Date) },
    { id: unused.keyId, at: null },
  ])
})

test('a key that is revoked while something is being opened with it ends that too', async () => {
  const caller = await callerOf('race')
  using keys = new KeyWatch(cloned.database, silent)
  await revokeApiKey(cloned.database, caller.accountId, caller.keyId)
  await keys.onKeyChanged(caller.accountId, caller.keyId)

  const reason = await new Promise<SynkvyError>((resolve) => keys.register(caller, resolve))

  expect(reason.code).toBe('UNAUTHENTICATED')
})

test('a key that could not be read when it changed is read again', async () => {
  const caller = await callerOf('retry')
  using keys = new KeyWatch(cloned.database, silent)
  const ended = new Promise<SynkvyError>((resolve) => keys.register(caller, resolve))
  await revokeApiKey(cloned.database, caller.accountId, caller.keyId)

  await cloned.database.sql`ALTER TABLE api_keys RENAME TO api_keys_away`
  await keys.onKeyChanged(caller.accountId, caller.keyId)
  await cloned.database.sql`ALTER TABLE api_keys_away RENAME TO api_keys`

  expect((await ended).code).toBe('UNAUTHENTICATED')
})

test('a key that expires ends what it has opened, and what it has let go of is left alone', async () => {
  const { accountId, userId } = await callerOf('expiry')
  const { secret } = await createApiKey(cloned.database, accountId, userId, { expiresAt: new Date(Date.now() + 600) })
  const caller = await authenticateKey(cloned.database, secret)
  using keys = new KeyWatch(cloned.database, silent)
  let isTouched = false
  keys.register(caller, () => (isTouched = true))()

  const reason = await new Promise<SynkvyError>((resolve) => keys.register(caller, resolve))

  expect(reason.message).toContain('expired')
  expect(isTouched).toBe(false)
})
