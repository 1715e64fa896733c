import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Subscription } from '../helpers/consumer.ts'
import { adminKey, createProducts, createView, expectData, startGateway, startShop } from '../helpers/gateway.ts'

let shop: Awaited<ReturnType<typeof startShop>>
beforeAll(async () => {
  shop = await startShop()
})
afterAll(async () => {
  await shop[Symbol.asyncDispose]()
})

interface Overview {
  readonly id: string
  readonly name: string
  readonly state: string
  readonly linkCount: number
  readonly rejectedCount: number
  readonly offlineSince: string | null
  readonly streams: readonly {
    readonly stream: string
    readonly pending: number
    readonly connection: { readonly since: string; readonly transport: string; readonly address: string | null } | null
  }[]
  readonly resend: { readonly state: string; readonly acknowledged: number; readonly total: number } | null
  readonly lastHour: readonly {
    readonly stream: string
    readonly minute: string
    readonly live: number
    readonly resent: number
    readonly averageLagMs: number | null
  }[]
}

const fields = `id name state linkCount rejectedCount offlineSince streams { stream pending connection { since transport address } }
  resend { state acknowledged total } lastHour { stream minute live resent averageLagMs worstLagMs }`

/** Follows all views: what was told last is in `latest`. */
function watchAll(): { readonly latest: () => readonly Overview[]; readonly told: () => number } {
  let [views, told]: [readonly Overview[], number] = [[], 0]
  void (async () => {
    const query = `subscription { syncViewStatuses { ${fields} } }`
    for await (const { data } of shop.connect(adminKey).iterate<{ syncViewStatuses: readonly Overview[] }>({ query })) {
      views = data?.syncViewStatuses ?? []
      told += 1
    }
  })().catch(() => {})
  return { latest: () => views, told: () => told }
}

const overviewOf = async (id: string): Promise<Overview> =>
  (await expectData(shop.call(`query ($id: ID!) { syncView(id: $id) { ${fields} } }`, { id }))).syncView

const resend = (viewId: string) =>
  expectData(shop.call('mutation ($viewId: ID!) { resendAllProducts(syncViewId: $viewId) { __typename } }', { viewId }))

/** Counts are written down once a minute; what the gateway holds still is among what it tells. */
const delivered = (overview: Overview | undefined, stream: string) => {
  const minutes = (overview?.lastHour ?? []).filter((minute) => minute.stream === stream)
  return { live: minutes.reduce((sum, { live }) => sum + live, 0), resent: minutes.reduce((sum, { resent }) => sum + resent, 0) }
}

describe('whoever watches all views', () => {
  test('sees each come, connect, be sent what it lacks, and go, without asking again', async () => {
    await createProducts(shop, ['overview-1', 'overview-2'], 4)
    const watched = watchAll()
    const { viewId, key } = await createView(shop, 'Fortnox')
    const seen = () => watched.latest().find(({ id }) => id === viewId)
    await expect
      .poll(seen, { timeout: 10_000 })
      .toMatchObject({ name: 'Fortnox', state: 'NEVER_CONNECTED', offlineSince: null, resend: null })

    await resend(viewId)
    await expect.poll(() => seen()?.resend, { timeout: 10_000 }).toMatchObject({ state: 'RUNNING', acknowledged: 0, total: 2 })
    const products = new Subscription(shop.connect(key), 'PRODUCT')
    await products.readUntil((batch) => batch.caughtUp)

    await expect
      .poll(seen, { timeout: 10_000 })
      .toMatchObject({ state: 'CONNECTED', linkCount: 2, resend: { state: 'COMPLETED', acknowledged: 2 } })
    expect(seen()?.streams[0]?.connection).toEqual({ since: expect.any(String), transport: 'WEBSOCKET', address: '127.0.0.1' })
    expect(delivered(seen(), 'PRODUCT')).toEqual({ live: 0, resent: 2 })
    products.close()
    await expect.poll(seen, { timeout: 10_000 }).toMatchObject({ state: 'OFFLINE', offlineSince: expect.any(String) })
    expect(seen()?.streams[0]?.connection).toBeNull()
    await expectData(shop.call('mutation ($id: ID!) { deleteSyncView(id: $id) { deletedId } }', { id: viewId }))
    await expect.poll(seen, { timeout: 10_000 }).toBeUndefined()
  })

  test('costs about a statement a second, with many views and many who watch', async () => {
    for (let index = 0; index < 40; index += 1) await createView(shop, `Many ${index}`)
    const all = Array.from({ length: 20 }, watchAll)
    await expect.poll(() => all.every(({ told }) => told() > 0), { timeout: 20_000 }).toBe(true)
    await new Promise((resolve) => setTimeout(resolve, 12_000))

    // Transactions of other databases on the same server keep a sequencer from falling asleep: a quiet window comes when they have ended.
    let made = Number.POSITIVE_INFINITY
    for (let window = 0; window < 4 && made >= 70; window += 1) {
      const before = await transactions()
      await new Promise((resolve) => setTimeout(resolve, 12_000))
      made = (await transactions()) - before
    }

    // Idle it is below 40, and some twelve looks at the views come to that: not one for each view, nor for each who watches.
    expect(made).toBeLessThan(70)
  }, 120_000)
})

async function transactions(): Promise<number> {
  const { sql } = shop.database.database
  const [row] = await sql<{ count: number }[]>`SELECT xact_commit AS count FROM pg_stat_database WHERE datname = current_database()`
  return row?.count ?? 0
}

describe('what was delivered within the last hour', () => {
  test('is counted by minute and stream, live and resent apart, with how long live changes took', async () => {
    await createProducts(shop, ['minutes-1'], 4)
    const { viewId, key } = await createView(shop, 'Minutes')
    await expectData(
      shop.call('mutation ($viewId: ID!) { linkProducts(syncViewId: $viewId, products: [{ handle: "minutes-1" }]) { linksCreated } }', {
        viewId,
      }),
    )
    const stock = new Subscription(shop.connect(key), 'STOCK')
    await stock.readUntil((batch) => batch.caughtUp)
    for (const onHand of [5, 6, 7]) {
      await expectData(
        shop.call('mutation ($onHand: Int!) { setStock(input: [{ sku: "SKU-minutes-1", onHand: $onHand }]) { __typename } }', { onHand }),
      )
      await stock.readUntil((batch) => batch.changes.length > 0)
    }

    const overview = await overviewOf(viewId)
    expect(delivered(overview, 'STOCK')).toEqual({ live: 3, resent: 1 })
    const lag = overview.lastHour.find(({ live }) => live > 0)?.averageLagMs
    expect(lag).toBeGreaterThanOrEqual(0)
    expect(lag).toBeLessThan(60_000)
  })

  test('is kept when a gateway stops, and added to by another', async () => {
    await createProducts(shop, ['minutes-2'], 4)
    const { viewId, key } = await createView(shop, 'Minutes of two')
    await expectData(
      shop.call('mutation ($viewId: ID!) { linkProducts(syncViewId: $viewId, products: [{ handle: "minutes-2" }]) { linksCreated } }', {
        viewId,
      }),
    )
    const other = await startGateway(shop.database)
    await new Subscription(other.connect(key), 'PRODUCT').readUntil((batch) => batch.caughtUp)
    await other[Symbol.asyncDispose]()
    const stock = new Subscription(shop.connect(key), 'STOCK')
    await stock.readUntil((batch) => batch.caughtUp)

    const overview = await overviewOf(viewId)
    expect([delivered(overview, 'PRODUCT'), delivered(overview, 'STOCK')]).toEqual([
      { live: 0, resent: 1 },
      { live: 0, resent: 1 },
    ])
  })

  test('counts what is pulled, and who pulls is connected', async () => {
    await createProducts(shop, ['minutes-3'], 4)
    const { viewId, key } = await createView(shop, 'By pull')
    await expectData(
      shop.call('mutation ($viewId: ID!) { linkProducts(syncViewId: $viewId, products: [{ handle: "minutes-3" }]) { linksCreated } }', {
        viewId,
      }),
    )
    await expectData(shop.call('{ productChanges { cursor changes { productId } } }', {}, key))

    const overview = await overviewOf(viewId)
    expect(overview).toMatchObject({ state: 'CONNECTED', offlineSince: null })
    expect(overview.streams[0]?.connection).toMatchObject({ transport: 'PULL', address: '127.0.0.1' })
    expect(delivered(overview, 'PRODUCT')).toEqual({ live: 0, resent: 1 })
  })
})

/** As the system does that cannot take it as it was sent. */
async function rejectAs(key: string, handle: string, reason: string): Promise<void> {
  const changes = (await expectData(shop.call('{ productChanges(first: 1000) { changes { productId revision handle } } }', {}, key)))
    .productChanges.changes
  const change = changes.find((one: { handle: string }) => one.handle === handle)
  const input = [{ id: change.productId, revision: change.revision, reason }]
  await expectData(shop.call('mutation ($input: [RejectInput!]!) { reject(input: $input) { __typename } }', { input }, key))
}

test('what a system cannot take is grouped by its reasons, the commonest first', async () => {
  await createProducts(shop, ['rejected-1', 'rejected-2', 'rejected-3', 'rejected-4'])
  const { viewId, key } = await createView(shop, 'Rejects')
  await resend(viewId)
  const reasons = { 'rejected-1': 'barcode missing', 'rejected-2': 'title too long', 'rejected-3': 'barcode missing' }
  for (const [handle, reason] of Object.entries(reasons)) await rejectAs(key, handle, reason)

  const { syncView, links } = await expectData(
    shop.call(
      `query ($id: ID!) { syncView(id: $id) { rejectedCount rejections { reason count latestAt } }
        links(syncViewId: $id, rejectionReason: "barcode missing") { totalCount nodes { product { handle } rejection { reason } } } }`,
      { id: viewId },
    ),
  )

  expect(syncView).toEqual({
    rejectedCount: 3,
    rejections: [
      { reason: 'barcode missing', count: 2, latestAt: expect.any(String) },
      { reason: 'title too long', count: 1, latestAt: expect.any(String) },
    ],
  })
  expect(links.totalCount).toBe(2)
  expect(links.nodes.map((node: { product: { handle: string } }) => node.product.handle)).toEqual(['rejected-1', 'rejected-3'])
})

describe('a user', () => {
  test('that is deleted goes with its keys; one with a sync view, and oneself, stay', async () => {
    const { userId, key, viewId } = await createView(shop, 'To go')
    const refused = async (id: string) =>
      (await shop.call('mutation ($id: ID!) { deleteUser(id: $id) { deletedId } }', { id })).errors?.[0]?.extensions['code']
    const { viewer } = await expectData(shop.call('{ viewer { id } }'))
    expect(await refused(userId)).toBe('CONFLICT')
    expect(await refused(viewer.id)).toBe('CONFLICT')

    await expectData(shop.call('mutation ($id: ID!) { deleteSyncView(id: $id) { deletedId } }', { id: viewId }))
    await expectData(shop.call('mutation ($id: ID!) { deleteUser(id: $id) { deletedId } }', { id: userId }))

    expect((await shop.call('{ viewer { name } }', {}, key)).errors?.[0]?.extensions['code']).toBe('UNAUTHENTICATED')
    expect(await refused(userId)).toBe('NOT_FOUND')
    const { users } = await expectData(shop.call('{ users(first: 250) { nodes { id } } }'))
    expect(users.nodes.some((user: { id: string }) => user.id === userId)).toBe(false)
  })
})
