import { pino } from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { mutationRules } from '../../schema/mutation-rules.ts'
import { createAccount } from '../../src/access/accounts.ts'
import { sweepAudit } from '../../src/access/audit.ts'
import { roots } from '../helpers/calls.ts'
import { adminKey, createIntegration, createProducts, createView, expectData, startShop } from '../helpers/gateway.ts'

let shop: Awaited<ReturnType<typeof startShop>>
let otherAdmin: string
const logged: string[] = []
beforeAll(async () => {
  shop = await startShop({}, pino({ level: 'error' }, { write: (line) => void logged.push(line) }))
  const other = await createAccount(shop.app.database, { slug: 'other', name: 'Other', currency: 'SEK', pricesIncludeTax: true })
  otherAdmin = other.adminKey ?? ''
})
afterAll(async () => {
  await shop[Symbol.asyncDispose]()
})

interface Entry {
  readonly id: string
  readonly at: string
  readonly action: string
  readonly outcome: string
  readonly channel: string
  readonly user: { readonly name: string } | null
  readonly userName: string | null
  readonly keyPrefix: string | null
  readonly address: string | null
  readonly details: readonly { readonly name: string; readonly value: string; readonly label: string | null }[]
  readonly detailCount: number
}

const auditLog = `query ($first: Int, $after: String, $userId: ID, $action: String) {
  auditLog(first: $first, after: $after, userId: $userId, action: $action) { totalCount pageInfo { hasNextPage endCursor } nodes {
    id at action outcome channel user { name } userName keyPrefix address details { name value label } detailCount } } }`

async function entries(variables: Record<string, unknown> = {}, key = adminKey): Promise<readonly Entry[]> {
  return (await expectData(shop.call(auditLog, variables, key))).auditLog.nodes
}

async function latest(action?: string): Promise<Entry> {
  const [entry] = await entries({ first: 1, action })
  if (entry === undefined) throw new Error('there is no entry')
  return entry
}

test('every mutation for admins leaves an entry: what an admin does, and what others are refused', async () => {
  const { userId, key } = await createView(shop, 'Watched')
  for (const [name, query] of roots) {
    const field = name.split('.')[1] ?? ''
    if (!name.startsWith('Mutation.')) continue
    const isForAdmins = mutationRules[field] === 'ADMIN'
    const before = (await expectData(shop.call(auditLog, {}))).auditLog.totalCount
    const refused = await shop.call(query, {}, key)
    const answer = await shop.call(query)

    const both = await entries({ first: 2 })
    const after = (await expectData(shop.call(auditLog, {}))).auditLog.totalCount
    expect(after - before, name).toBe(isForAdmins ? 2 : 0)
    if (!isForAdmins) continue
    expect(refused.errors?.[0]?.extensions['code'], name).toBe('FORBIDDEN')
    expect(both[1]).toMatchObject({ action: field, outcome: 'FORBIDDEN', user: { name: 'Watched' }, channel: 'API_KEY' })
    const outcome = answer.errors?.[0]?.extensions['code'] ?? 'DONE'
    expect(both[0]).toMatchObject({
      action: field,
      outcome,
      user: { name: 'Admin' },
      keyPrefix: adminKey.slice(0, 14),
      address: '127.0.0.1',
    })
  }
  expect((await entries({ userId })).every(({ user, outcome }) => user?.name === 'Watched' && outcome === 'FORBIDDEN')).toBe(true)
})

test('an entry says what it was about by its id and the name that it had, also when it is gone', async () => {
  const { createUser } = await expectData(
    shop.call('mutation { createUser(input: { name: "Short-lived", kind: INTEGRATION }) { user { id } } }'),
  )
  const { id } = createUser.user
  const made = await expectData(
    shop.call(
      'mutation ($id: ID!) { createApiKey(userId: $id, scopes: [STOCK, ORDERS], addresses: ["10.0.0.0/8"]) { secret apiKey { id prefix } } }',
      {
        id,
      },
    ),
  )
  const { secret, apiKey } = made.createApiKey
  await expectData(shop.call('mutation ($id: ID!) { deleteUser(id: $id) { deletedId } }', { id }))

  const [deleted, keyMade, userMade] = await entries({ first: 3 })
  expect(deleted?.details).toEqual([{ name: 'id', value: id, label: 'Short-lived' }])
  expect(keyMade?.details).toEqual([
    { name: 'addresses', value: '10.0.0.0/8', label: null },
    { name: 'scopes', value: 'STOCK', label: null },
    { name: 'scopes', value: 'ORDERS', label: null },
    { name: 'trustedDocumentsOnly', value: 'false', label: null },
    { name: 'userId', value: id, label: 'Short-lived' },
    { name: 'apiKey', value: apiKey.id, label: apiKey.prefix },
  ])
  expect(userMade?.details).toEqual([
    { name: 'kind', value: 'INTEGRATION', label: null },
    { name: 'name', value: 'Short-lived', label: null },
    { name: 'user', value: id, label: 'Short-lived' },
  ])
  const rows = await shop.database.database.sql<{ row: string }[]>`SELECT to_json(a)::text AS row FROM audit_log a`
  expect(rows.some(({ row }) => row.includes(secret))).toBe(false)
})

test('text that might hold a secret is not kept, nor an id that is none, and not more than fifty details', async () => {
  const { viewId } = await createView(shop, 'Discreet')
  const url = 'https://hooks.example/secret-token'
  await expectData(
    shop.call(
      'mutation ($id: ID!, $url: String) { updateSyncView(id: $id, input: { doorbellUrl: $url, paused: true, system: null }) { syncView { id } } }',
      {
        id: viewId,
        url,
      },
    ),
  )
  expect((await latest()).details.toSorted((a, b) => a.name.localeCompare(b.name))).toEqual([
    { name: 'doorbellUrl', value: '[not kept]', label: null },
    { name: 'id', value: viewId, label: 'Discreet' },
    { name: 'paused', value: 'true', label: null },
    { name: 'system', value: 'null', label: null },
  ])

  await shop.call('mutation ($id: ID!) { revokeApiKey(id: $id) { apiKey { id } } }', { id: 'synkvy_pasted_by_mistake' })
  expect((await latest('revokeApiKey')).details).toEqual([{ name: 'id', value: '[not kept]', label: null }])

  const handles = Array.from({ length: 60 }, (_none, index) => `audit-${index}`)
  await createProducts(shop, handles)
  await expectData(
    shop.call('mutation ($id: ID!, $products: [ProductBy!]!) { linkProducts(syncViewId: $id, products: $products) { linksCreated } }', {
      id: viewId,
      products: handles.map((handle) => ({ handle })),
    }),
  )
  const linked = await latest('linkProducts')
  expect(linked).toMatchObject({ detailCount: 61 })
  expect(linked.details).toHaveLength(50)
})

test('text that Postgres cannot store keeps no entry out', async () => {
  const answer = await shop.call('mutation ($name: String!) { createUser(input: { name: $name, kind: ADMIN }) { user { id } } }', {
    name: 'nul\0 \uD800',
  })

  expect(answer.errors?.[0]?.extensions['code']).toBe('BAD_USER_INPUT')
  expect(await latest()).toMatchObject({
    action: 'createUser',
    outcome: 'BAD_USER_INPUT',
    details: expect.arrayContaining([{ name: 'name', value: 'nul \uFFFD', label: null }]),
  })
})

test('signing in and out leave entries, and so does what is done meanwhile; a system that tries to is in them as well', async () => {
  const session = (method: string, key?: string, cookie?: string) =>
    fetch(`${shop.url}/admin/session`, {
      method,
      headers: { origin: shop.url, 'content-type': 'application/json', ...(cookie === undefined ? {} : { cookie }) },
      ...(key === undefined ? {} : { body: JSON.stringify({ key }) }),
    })
  const { key } = await createIntegration(shop, 'No person')
  await session('POST', key)
  const cookie = (await session('POST', adminKey)).headers.get('set-cookie')?.split(';', 1)[0] ?? ''
  await fetch(`${shop.url}/graphql`, {
    method: 'POST',
    headers: { origin: shop.url, 'content-type': 'application/json', cookie },
    body: JSON.stringify({ query: 'mutation { createUser(input: { name: "By a person", kind: ADMIN }) { user { id } } }' }),
  })
  await session('DELETE', undefined, cookie)

  const keyPrefix = adminKey.slice(0, 14)
  expect((await entries({ first: 4 })).toReversed()).toMatchObject([
    { action: 'signIn', outcome: 'FORBIDDEN', userName: 'No person', channel: 'API_KEY', address: '127.0.0.1' },
    { action: 'signIn', outcome: 'DONE', userName: 'Admin', keyPrefix },
    { action: 'createUser', outcome: 'DONE', userName: 'Admin', keyPrefix, channel: 'SESSION' },
    { action: 'signOut', outcome: 'DONE', userName: 'Admin', keyPrefix, channel: 'SESSION' },
  ])
})

test('over WebSocket entries are left as well', async () => {
  const client = shop.connect(adminKey)
  for await (const { errors } of client.iterate({
    query: 'mutation { createUser(input: { name: "Over a socket", kind: INTEGRATION }) { user { id } } }',
  }))
    expect(errors).toBeUndefined()

  expect(await latest()).toMatchObject({
    action: 'createUser',
    outcome: 'DONE',
    address: '127.0.0.1',
    details: expect.arrayContaining([{ name: 'name', value: 'Over a socket', label: null }]),
  })
})

test('the log is read a page at a time, the latest first, and a page stays the same while more is done', async () => {
  const add = () => expectData(shop.call('mutation { createUser(input: { name: "Paged", kind: INTEGRATION }) { user { id } } }'))
  for (let made = 0; made < 5; made += 1) await add()
  const whole = await entries({ first: 250 })
  const { nodes, pageInfo } = (await expectData(shop.call(auditLog, { first: 2 }))).auditLog
  await add()

  expect(nodes).toEqual(whole.slice(0, 2))
  expect(await entries({ first: 3, after: pageInfo.endCursor })).toEqual(whole.slice(2, 5))
  expect(pageInfo.hasNextPage).toBe(true)
  const ofOne = (await expectData(shop.call(auditLog, { action: 'createUser', first: 250 }))).auditLog
  expect(ofOne.nodes.every(({ action }: Entry) => action === 'createUser')).toBe(true)
  expect(ofOne.totalCount).toBe(ofOne.nodes.length)
})

test('another account sees its own log alone, and an integration none', async () => {
  const { id } = await latest()
  const { key } = await createIntegration(shop, 'Curious')
  const node = async (secret: string) => (await expectData(shop.call('query ($id: ID!) { node(id: $id) { id } }', { id }, secret))).node

  expect(await entries({}, otherAdmin)).toEqual([])
  await shop.call('mutation { createUser(input: { name: "Theirs", kind: INTEGRATION }) { user { id } } }', {}, otherAdmin)
  expect(await entries({}, otherAdmin)).toMatchObject([
    { action: 'createUser', details: expect.arrayContaining([{ name: 'name', value: 'Theirs', label: null }]) },
  ])
  expect((await entries()).some(({ details }) => details.some(({ value }) => value === 'Theirs'))).toBe(false)
  expect((await shop.call(auditLog, {}, key)).errors?.[0]?.extensions['code']).toBe('FORBIDDEN')
  expect([await node(adminKey), await node(otherAdmin), await node(key)]).toEqual([{ id }, null, null])
})

test("another account's things have no name in one's own log", async () => {
  const { userId } = await createIntegration(shop, 'Unnamed')
  await shop.call('mutation ($id: ID!) { deleteUser(id: $id) { deletedId } }', { id: userId }, otherAdmin)

  expect((await entries({ first: 1 }, otherAdmin))[0]).toMatchObject({ outcome: 'NOT_FOUND', details: [{ value: userId, label: null }] })
})

test('entries go when they are old', async () => {
  const { sql } = shop.database.database
  const before = (await expectData(shop.call(auditLog, {}))).auditLog.totalCount
  await sql`UPDATE audit_log SET at = at - interval '401 days' WHERE (account_id, id) IN (SELECT account_id, id FROM audit_log ORDER BY id LIMIT 3)`

  expect(await sql.begin((tx) => sweepAudit(tx, 400, 2))).toBe(2)
  expect(await sql.begin((tx) => sweepAudit(tx, 400, 100))).toBe(1)
  expect((await expectData(shop.call(auditLog, {}))).auditLog.totalCount).toBe(before - 3)
})

test('what was done is written down although the connection is lost just then', async () => {
  const { sql } = shop.database.database
  const before = logged.length

  const done = await sql.begin(async (tx) => {
    await tx`LOCK TABLE audit_log IN ACCESS EXCLUSIVE MODE`
    const call = shop.call('mutation { createUser(input: { name: "Cut off", kind: INTEGRATION }) { user { id } } }')
    await expect
      .poll(
        async () =>
          (
            await sql`
              SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_stat_activity USING (pid)
              WHERE datname = current_database() AND relation = 'audit_log'::regclass AND NOT granted`
          ).length,
      )
      .toBe(1)
    return { call }
  })

  expect((await done.call).errors).toBeUndefined()
  expect((await latest('createUser')).details).toContainEqual(expect.objectContaining({ value: 'Cut off' }))
  expect(logged.length).toBe(before)
})

test('what cannot be written down is done all the same, and logged as an error', async () => {
  const { sql } = shop.database.database
  await sql`ALTER TABLE audit_log RENAME TO audit_log_away`
  try {
    const answer = await expectData(shop.call('mutation { createUser(input: { name: "Unwritten", kind: INTEGRATION }) { user { name } } }'))
    expect(answer.createUser.user.name).toBe('Unwritten')
  } finally {
    await sql`ALTER TABLE audit_log_away RENAME TO audit_log`
  }

  expect(logged.filter((line) => line.includes('could not be written into the audit log'))).toEqual([
    expect.stringContaining('"field":"createUser"'),
  ])
})
