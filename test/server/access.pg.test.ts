import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Subscription } from '../helpers/consumer.ts'
import { adminKey, createIntegration, createProducts, createView, expectData, startShop } from '../helpers/gateway.ts'
import { dial, withKey } from '../helpers/socket.ts'
import { numberOf } from '../helpers/ids.ts'

let shop: Awaited<ReturnType<typeof startShop>>
beforeAll(async () => {
  shop = await startShop()
})
afterAll(async () => {
  await shop[Symbol.asyncDispose]()
})

describe('an API key', () => {
  test('is stored as a hash; its secret is shown once', async () => {
    const { key } = await createIntegration(shop, 'Hash')
    const rows = await shop.database.database.sql<{ row: string }[]>`SELECT to_json(k)::text AS row FROM api_keys k`

    expect(key).toMatch(/^synkvy_[\w-]{43}$/)
    expect(rows.some(({ row }) => row.includes(key))).toBe(false)
    expect(rows.some(({ row }) => row.includes(key.slice(0, 14)))).toBe(true)
  })

  test('that is missing, unknown, expired or revoked is refused, over HTTP and with close 4403 over WebSocket', async () => {
    const { userId } = await createIntegration(shop, 'Refused')
    const soon = new Date(Date.now() + 400).toISOString()
    const expiring = (
      await expectData(
        shop.call('mutation ($userId: ID!, $at: DateTime) { createApiKey(userId: $userId, expiresAt: $at) { secret } }', {
          userId,
          at: soon,
        }),
      )
    ).createApiKey.secret
    await new Promise((resolve) => setTimeout(resolve, 500))

    for (const key of ['', 'synkvy_unknown', expiring]) {
      const answer = await shop.call('{ viewer { name } }', {}, key)
      expect(answer.errors?.[0]?.extensions).toMatchObject({ code: 'UNAUTHENTICATED', retryable: false })
      expect(await dial(shop.url, { init: withKey(key) }).closed).toBe(4403)
    }
    expect(await dial(shop.url, { init: {} }).closed).toBe(4403)
    expect(
      (
        await shop.call('mutation ($userId: ID!, $at: DateTime) { createApiKey(userId: $userId, expiresAt: $at) { secret } }', {
          userId,
          at: soon,
        })
      ).errors?.[0]?.extensions['code'],
    ).toBe('BAD_USER_INPUT')
  })

  test('that is revoked, or expires, has its sockets closed within a second', async () => {
    const { userId, key } = await createIntegration(shop, 'Revoked')
    const expiresAt = new Date(Date.now() + 1_500)
    const expiring = (
      await expectData(
        shop.call('mutation ($userId: ID!, $at: DateTime) { createApiKey(userId: $userId, expiresAt: $at) { secret } }', {
          userId,
          at: expiresAt.toISOString(),
        }),
      )
    ).createApiKey.secret
    const [revoked, expired] = [dial(shop.url, { init: withKey(key) }), dial(shop.url, { init: { authorization: `bearer ${expiring}` } })]
    await Promise.all([revoked.acknowledged, expired.acknowledged])

    const { viewer } = await expectData(shop.call('{ viewer { apiKeys { id prefix lastUsedAt } } }', {}, key))
    const keyId = viewer.apiKeys.find((one: { prefix: string }) => key.startsWith(one.prefix)).id
    await expectData(shop.call('mutation ($id: ID!) { revokeApiKey(id: $id) { apiKey { revokedAt } } }', { id: keyId }))
    const revokedAt = Date.now()

    expect(await revoked.closed).toBe(4403)
    expect(Date.now() - revokedAt).toBeLessThan(1_000)
    expect(await expired.closed).toBe(4403)
    expect((await shop.call('{ viewer { name } }', {}, key)).errors?.[0]?.extensions['code']).toBe('UNAUTHENTICATED')
  })

  test('keeps when it was last used without a write a call', async () => {
    const { key } = await createIntegration(shop, 'Used')
    const before = await versionsOfKeys()

    for (let call = 0; call < 20; call += 1) await expectData(shop.call('{ viewer { name } }', {}, key))

    expect(await versionsOfKeys()).toEqual(before)
  })
})

/** Which transaction wrote each key last: a write that changes nothing shows as well. */
async function versionsOfKeys(): Promise<readonly string[]> {
  const rows = await shop.database.database.sql<{ version: string }[]>`SELECT id || ' ' || xmin AS version FROM api_keys ORDER BY id`
  return rows.map(({ version }) => version)
}

describe('a sync view', () => {
  test('is one of each integration alone: the same input answers it, other input is refused, and an admin may have none', async () => {
    const { key } = await createIntegration(shop, 'One view')
    const create = (name: string, secret: string) =>
      shop.call('mutation ($name: String!) { createSyncView(input: { name: $name }) { syncView { id user { name } } } }', { name }, secret)

    const first = await expectData(create('Mine', key))
    expect(await expectData(create('Mine', key))).toEqual(first)
    expect((await create('Another', key)).errors?.[0]?.extensions['code']).toBe('USER_HAS_SYNC_VIEW')
    expect((await create('Admin', adminKey)).errors?.[0]?.extensions['code']).toBe('USER_NOT_INTEGRATION')
    expect((await create('', (await createIntegration(shop, 'Empty name')).key)).errors?.[0]?.extensions).toMatchObject({
      code: 'BAD_USER_INPUT',
      inputPath: ['input', 'name'],
    })
  })

  test('that shares a user with another is refused by the database itself', async () => {
    const { viewId } = await createView(shop, 'Constraint')
    const id = numberOf(viewId)
    const { sql } = shop.database.database

    await expect(
      sql`INSERT INTO sync_views (account_id, user_id, name, auto_link, order_scope, created_position, auto_linked_to)
        SELECT account_id, user_id, 'Second', false, 'OWN', 0, 0 FROM sync_views WHERE id = ${id}`,
    ).rejects.toThrow('sync_views_user')
  })

  test('made over a socket can be followed on the same socket, and refusals come over it too', async () => {
    const { key } = await createIntegration(shop, 'Over a socket')
    const client = shop.connect(key)
    expect(await new Subscription(client, 'PRODUCT').ended()).toBe('NO_SYNC_VIEW')
    for await (const { errors } of client.iterate({ query: 'mutation { createSyncView(input: { name: "S" }) { syncView { id } } }' }))
      expect(errors).toBeUndefined()

    expect(await new Subscription(client, 'PRODUCT').next()).toMatchObject({ caughtUp: true })
    expect(await new Subscription(client, 'PRODUCT', { batchSize: 0 }).ended()).toBe('BAD_USER_INPUT')
    expect(await new Subscription(client, 'PRODUCT', { maxInFlight: 65 }).ended()).toBe('BAD_USER_INPUT')
  })
})

describe('over Server-Sent Events', () => {
  test('a stream comes with the same batches, and ends with its code', async () => {
    await createProducts(shop, ['sse-1'], 3)
    const { viewId, key } = await createView(shop, 'SSE')
    await expectData(
      shop.call('mutation ($viewId: ID!) { linkProducts(syncViewId: $viewId, products: [{ handle: "sse-1" }]) { linksCreated } }', {
        viewId,
      }),
    )
    const abort = new AbortController()
    const response = await fetch(`${shop.url}/graphql`, {
      method: 'POST',
      signal: abort.signal,
      headers: { 'content-type': 'application/json', accept: 'text/event-stream', authorization: `Bearer ${key}` },
      body: JSON.stringify({ query: 'subscription { stockChanges { cursor caughtUp changes { sku stockLevel { available } } } }' }),
    })
    let text = ''
    const reading = (async () => {
      for await (const chunk of response.body ?? []) text += new TextDecoder().decode(chunk)
    })().catch(() => {})

    await expect.poll(() => text, { timeout: 10_000 }).toContain('"sku":"SKU-sse-1"')
    await expectData(shop.call('mutation { setStock(input: [{ sku: "SKU-sse-1", onHand: 9 }]) { __typename } }'))
    await expect.poll(() => text, { timeout: 10_000 }).toContain('"available":9')
    const other = new Subscription(shop.connect(key), 'STOCK')
    await other.next()
    await expect.poll(() => text, { timeout: 10_000 }).toContain('STREAM_TAKEN_OVER')
    await expect.poll(() => text, { timeout: 10_000 }).toContain('event: complete')

    abort.abort()
    await reading
  })
})

describe('progress', () => {
  test('of a resend is followed to its end', async () => {
    const { viewId, key } = await createView(shop, 'Progress')
    await expectData(shop.call('mutation ($viewId: ID!) { resendAllProducts(syncViewId: $viewId) { __typename } }', { viewId }))
    const seen: { state: string; acknowledged: number; total: number }[] = []
    const watching = (async () => {
      const query = 'subscription ($id: ID!) { resendProgress(syncViewId: $id) { state acknowledged total ratePerSecond } }'
      for await (const { data } of shop
        .connect(adminKey)
        .iterate<{ resendProgress: (typeof seen)[number] }>({ query, variables: { id: viewId } })) {
        if (data) seen.push(data.resendProgress)
        if (data?.resendProgress.state !== 'RUNNING') return
      }
    })()
    await new Subscription(shop.connect(key), 'PRODUCT').readUntil((batch) => batch.resendComplete)
    await watching

    expect(seen[0]).toMatchObject({ state: 'RUNNING' })
    expect(seen.at(-1)).toMatchObject({ state: 'COMPLETED', acknowledged: seen.at(-1)?.total })
  })

  test('of a view shows that it is connected, and what waits', async () => {
    await createProducts(shop, ['status-1'], 3)
    const { viewId, key } = await createView(shop, 'Status')
    const states: { state: string; pending: number }[] = []
    const query = 'subscription ($id: ID!) { syncViewStatus(syncViewId: $id) { state streams { stream pending connected } } }'
    const watching = (async () => {
      type Status = { syncViewStatus: { state: string; streams: { stream: string; pending: number }[] } }
      for await (const { data } of shop.connect(adminKey).iterate<Status>({ query, variables: { id: viewId } })) {
        const status = data?.syncViewStatus
        if (status) states.push({ state: status.state, pending: status.streams.find(({ stream }) => stream === 'PRODUCT')?.pending ?? -1 })
        if (status?.state === 'CONNECTED' && states.some(({ pending }) => pending === 1) && states.at(-1)?.pending === 0) return
      }
    })()
    await expect.poll(() => states[0]?.state).toBe('NEVER_CONNECTED')
    await expectData(
      shop.call('mutation ($viewId: ID!) { linkProducts(syncViewId: $viewId, products: [{ handle: "status-1" }]) { linksCreated } }', {
        viewId,
      }),
    )
    await expect.poll(() => states.at(-1)?.pending, { timeout: 10_000 }).toBe(1)
    await new Subscription(shop.connect(key), 'PRODUCT').readUntil((batch) => batch.caughtUp)

    await watching
  })
})

test('GraphiQL needs nothing from elsewhere', async () => {
  const html = await (await fetch(`${shop.url}/graphql`, { headers: { accept: 'text/html' } })).text()

  expect(html).toContain('synkvy')
  expect(html).not.toMatch(/<(?:script|link|img)[^>]+(?:src|href)="https?:/)
})

test('health, metrics and unknown paths answer in words', async () => {
  const get = async (path: string) => {
    const response = await fetch(`${shop.url}${path}`)
    return [response.status, await response.text()] as const
  }

  expect(await get('/health/live')).toEqual([200, 'live\n'])
  expect(await get('/health/ready')).toEqual([200, 'ready\n'])
  expect((await get('/metrics'))[1]).toContain('synkvy_sequencer_leading 1')
  expect((await get('/nothing'))[0]).toBe(404)
  expect((await get('//'))[0]).toBe(404)
})
