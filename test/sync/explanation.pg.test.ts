import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Subscription } from '../helpers/consumer.ts'
import { createProducts, createView, expectData, startGateway, startShop } from '../helpers/gateway.ts'

let shop: Awaited<ReturnType<typeof startShop>>
beforeAll(async () => {
  shop = await startShop()
})
afterAll(async () => {
  await shop[Symbol.asyncDispose]()
})

interface Step {
  readonly code: string
  readonly ok: boolean
  readonly message: string
  readonly resolution: string
  readonly since: string | null
  readonly values: readonly { readonly name: string; readonly value: string }[]
}
const ask = async (viewId: string, sku: string, key?: string, gateway: Pick<typeof shop, 'call'> = shop) => {
  const { syncExplanation } = await expectData(
    gateway.call(
      'query ($viewId: ID!, $sku: String!) { syncExplanation(syncViewId: $viewId, sku: $sku) { inSync verdict steps { code ok message resolution since values { name value } } } }',
      { viewId, sku },
      ...(key === undefined ? [] : [key]),
    ),
  )
  const steps: readonly Step[] = syncExplanation.steps
  return {
    inSync: Boolean(syncExplanation.inSync),
    verdict: String(syncExplanation.verdict),
    steps,
    codes: steps.map(({ code }) => code),
    last: steps.at(-1),
  }
}
const admin = (name: string, viewId: string, handles: readonly string[]) =>
  expectData(
    shop.call(`mutation ($viewId: ID!, $products: [ProductBy!]!) { ${name}(syncViewId: $viewId, products: $products) { __typename } }`, {
      viewId,
      products: handles.map((handle) => ({ handle })),
    }),
  )
const pause = (id: string, paused: boolean) =>
  expectData(
    shop.call('mutation ($id: ID!, $paused: Boolean) { updateSyncView(id: $id, input: { paused: $paused }) { __typename } }', {
      id,
      paused,
    }),
  )
const rename = (handle: string, title: string, key?: string) =>
  expectData(
    shop.call(
      'mutation ($input: [ProductInput!]!) { upsertProducts(input: $input) { __typename } }',
      { input: [{ handle, title }] },
      ...(key === undefined ? [] : [key]),
    ),
  )
const valuesOf = (step: Step | undefined) => Object.fromEntries((step?.values ?? []).map(({ name, value }) => [name, value]))

async function level(name: string) {
  await createProducts(shop, [name], 3)
  const view = await createView(shop, name)
  await admin('linkProducts', view.viewId, [name])
  const [products, stock] = [new Subscription(shop.connect(view.key), 'PRODUCT'), new Subscription(shop.connect(view.key), 'STOCK')]
  for (const stream of [products, stock])
    await stream.readUntil((batch) => (batch.caughtUp && batch.changes.length === 0) || batch.changes.length > 0)
  await expect.poll(async () => (await ask(view.viewId, `SKU-${name}`)).inSync).toBe(true)
  return { ...view, products, stock }
}

describe('an article that is not over there', () => {
  test('because there is none, it was deleted, or never linked, says so', async () => {
    await createProducts(shop, ['why-1', 'why-2'], 1)
    const { viewId, key } = await createView(shop, 'Why')

    expect(await ask(viewId, 'NO-SUCH')).toMatchObject({
      inSync: false,
      codes: ['ARTICLE_UNKNOWN'],
      last: { ok: false, resolution: 'MERCHANT', since: null },
    })
    expect(await ask(viewId, 'SKU-why-1')).toMatchObject({ codes: ['ARTICLE_FOUND', 'NOT_LINKED'], last: { resolution: 'MERCHANT' } })

    await admin('linkProducts', viewId, ['why-1', 'why-2'])
    expect(await ask(viewId, 'SKU-why-1')).toMatchObject({
      codes: ['ARTICLE_FOUND', 'LINKED', 'VIEW_ACTIVE', 'NEVER_CONNECTED'],
      last: { resolution: 'INTEGRATOR', since: expect.any(String) },
    })
    await pause(viewId, true)
    expect((await ask(viewId, 'SKU-why-1')).codes).toEqual(['ARTICLE_FOUND', 'LINKED', 'VIEW_PAUSED'])
    await pause(viewId, false)

    const products = new Subscription(shop.connect(key), 'PRODUCT')
    await products.readUntil((batch) => batch.changes.length > 0)
    await admin('unlinkProducts', viewId, ['why-1'])
    expect(await ask(viewId, 'SKU-why-1')).toMatchObject({
      codes: ['ARTICLE_FOUND', 'UNLINKED_UNCONFIRMED'],
      last: { resolution: 'MERCHANT' },
    })
    await products.readUntil((batch) => batch.changes.some((change) => change.reason === 'UNLINKED'))
    expect(await ask(viewId, 'SKU-why-1')).toMatchObject({ codes: ['ARTICLE_FOUND', 'UNLINKED'], last: { since: expect.any(String) } })

    await expectData(shop.call('mutation { deleteProducts(products: [{ handle: "why-2" }]) { deletedCount } }'))
    const removal = await products.next()
    expect(await ask(viewId, 'SKU-why-2')).toMatchObject({
      inSync: false,
      codes: ['ARTICLE_DELETED_UNCONFIRMED'],
      last: { resolution: 'WAIT' },
    })
    await products.acknowledge(removal.cursor)
    expect(await ask(viewId, 'SKU-why-2')).toMatchObject({
      codes: ['ARTICLE_DELETED'],
      last: { resolution: 'NONE', since: expect.any(String) },
    })
  })

  test('because only newer ones are linked by themselves is told from one that is being linked', async () => {
    await createProducts(shop, ['older-1'])
    const { viewId } = await createView(shop, 'Newer only', { autoLink: true })
    expect((await ask(viewId, 'SKU-older-1')).codes).toEqual(['ARTICLE_FOUND', 'NOT_LINKED_OLDER'])

    await shop.database.database.sql.begin(async (tx) => {
      await tx`SELECT * FROM sequencer FOR UPDATE`
      await createProducts(shop, ['newer-1'])
      expect(await ask(viewId, 'SKU-newer-1')).toMatchObject({ codes: ['ARTICLE_FOUND', 'LINKING'], last: { resolution: 'WAIT' } })
    })
  })

  test('because the system follows something else, or is not connected, says so', async () => {
    const { viewId, key, products, stock } = await level('offline-1')
    products.close()
    stock.close()
    await rename('offline-1', 'While away')
    await expect.poll(async () => (await ask(viewId, 'SKU-offline-1')).last?.code).toBe('OFFLINE')
    expect((await ask(viewId, 'SKU-offline-1')).last, 'a moment ago').toMatchObject({ resolution: 'WAIT' })
    await shop.database.database
      .sql`UPDATE checkpoints SET acknowledged_at = acknowledged_at - interval '1 day', connected_at = connected_at - interval '1 day'`
    expect((await ask(viewId, 'SKU-offline-1')).last).toMatchObject({ resolution: 'INTEGRATOR' })
    await new Subscription(shop.connect(key), 'PRODUCT').readUntil((batch) => batch.changes.length > 0)
    await expect.poll(async () => (await ask(viewId, 'SKU-offline-1')).inSync).toBe(true)
  })
})

describe('an article that waits', () => {
  test('says where in which lane, also to who asks another gateway than the one that serves the system', async () => {
    await using other = await startGateway(shop.database)
    const handles = Array.from({ length: 5 }, (_, index) => `lane-${index + 1}`)
    await createProducts(shop, handles, 1)
    const { viewId, key } = await createView(shop, 'Lanes')
    await admin('linkProducts', viewId, handles)
    const products = new Subscription(other.connect(key), 'PRODUCT', { batchSize: 2, maxInFlight: 1 })
    const first = await products.next()

    const linked = await ask(viewId, 'SKU-lane-4')
    expect(linked).toMatchObject({
      codes: ['ARTICLE_FOUND', 'LINKED', 'VIEW_ACTIVE', 'CONNECTED', 'WAITS_IN_LINKED'],
      last: { resolution: 'WAIT', ok: false },
    })
    expect(valuesOf(linked.last)).toMatchObject({ place: '4', total: '5', stream: 'PRODUCT' })
    expect(await ask(viewId, 'SKU-lane-4', undefined, other)).toEqual(linked)
    await products.acknowledge(first.cursor)
    expect(valuesOf((await ask(viewId, 'SKU-lane-4')).last)).toMatchObject({ place: '2', total: '3' })

    for (const handle of ['lane-1', 'lane-4']) await rename(handle, `Changed ${handle}`)
    await expect.poll(async () => (await ask(viewId, 'SKU-lane-4')).last?.code).toBe('WAITS_IN_LIVE')
    expect(valuesOf((await ask(viewId, 'SKU-lane-4')).last)).toMatchObject({ place: '2', total: '2' })
    expect((await ask(viewId, 'SKU-lane-2')).inSync, 'it was confirmed').toBe(true)

    await products.readUntil((batch) => batch.caughtUp)
    await expect.poll(async () => (await ask(viewId, 'SKU-lane-4')).inSync).toBe(true)
    await expectData(shop.call('mutation ($id: ID!) { resendAllProducts(syncViewId: $id, confirm: true) { __typename } }', { id: viewId }))
    await expect.poll(async () => (await ask(viewId, 'SKU-lane-4')).last?.code).toBe('WAITS_IN_RESEND')
  })

  test('for a system that is connected and silent is for its integrator', async () => {
    const { viewId, products } = await level('silent-1')
    await rename('silent-1', 'Not confirmed')
    await products.next()
    await shop.database.database
      .sql`UPDATE checkpoints SET acknowledged_at = acknowledged_at - interval '1 hour', connected_at = connected_at - interval '1 hour'`
    await shop.database.database.sql`UPDATE feed SET at = at - interval '10 minutes'`

    expect(await ask(viewId, 'SKU-silent-1')).toMatchObject({
      codes: ['ARTICLE_FOUND', 'LINKED', 'VIEW_ACTIVE', 'CONNECTED', 'STOCK_CONFIRMED', 'QUEUED', 'NOT_CONFIRMED'],
      last: { resolution: 'INTEGRATOR', since: expect.any(String) },
    })
  })

  test('with its stock alone says so after what was confirmed of the product', async () => {
    const { viewId, stock } = await level('behind-1')
    await expectData(shop.call('mutation { setStock(input: [{ sku: "SKU-behind-1", onHand: 8 }]) { __typename } }'))
    const batch = await stock.next()

    const behind = await ask(viewId, 'SKU-behind-1')
    expect(behind.codes).toEqual(['ARTICLE_FOUND', 'LINKED', 'VIEW_ACTIVE', 'CONNECTED', 'SENT', 'CONFIRMED', 'WAITS_IN_LIVE'])
    expect(valuesOf(behind.last)).toMatchObject({ stream: 'STOCK', place: '1', total: '1' })
    await stock.acknowledge(batch.cursor)
    expect((await ask(viewId, 'SKU-behind-1')).codes.slice(2)).toEqual(['SENT', 'CONFIRMED', 'STOCK_CONFIRMED', 'ACCEPTED'])
  })
})

test('an article that is over there says which revision was confirmed, and that a change was its own', async () => {
  const { viewId, key } = await level('there-1')
  const there = await ask(viewId, 'SKU-there-1')
  const { product } = await expectData(shop.call('{ product(by: { sku: "SKU-there-1" }) { revision links { nodes { state } } } }'))

  expect(there).toMatchObject({ inSync: true, codes: ['ARTICLE_FOUND', 'LINKED', 'SENT', 'CONFIRMED', 'STOCK_CONFIRMED', 'ACCEPTED'] })
  expect(there.steps.every(({ ok, resolution }) => ok && resolution === 'NONE')).toBe(true)
  expect(BigInt(valuesOf(there.steps[3])['revision'] ?? 0)).toBeGreaterThanOrEqual(BigInt(product.revision))
  await rename('there-1', 'By itself', key)
  await expect.poll(async () => (await ask(viewId, 'SKU-there-1')).codes).toContain('OWN_CHANGE')
  expect((await ask(viewId, 'SKU-there-1', key)).inSync).toBe(true)
  await pause(viewId, true)
  expect(await ask(viewId, 'SKU-there-1')).toMatchObject({ inSync: true, verdict: expect.stringContaining('paused') })
})

test('an article that was refused gives the reason, of its own variant or of the product', async () => {
  const { viewId, key } = await level('refused-1')
  const { product } = await expectData(shop.call('{ product(by: { sku: "SKU-refused-1" }) { id revision } }'))
  await expectData(
    shop.call(
      'mutation ($input: [RejectInput!]!) { reject(input: $input) { __typename } }',
      { input: [{ id: product.id, revision: product.revision, reason: 'The price is missing' }] },
      key,
    ),
  )

  const refused = await ask(viewId, 'SKU-refused-1')
  expect(refused).toMatchObject({
    inSync: false,
    codes: ['ARTICLE_FOUND', 'LINKED', 'REJECTED'],
    last: { resolution: 'MERCHANT', since: expect.any(String) },
  })
  expect(valuesOf(refused.last)).toMatchObject({ reason: 'The price is missing', revision: product.revision })
  expect(refused.verdict).toContain('The price is missing')
})

test('it is refused to be explained what is no SKU', async () => {
  const { viewId } = await createView(shop, 'No SKU')
  const { errors } = await shop.call('query ($viewId: ID!) { syncExplanation(syncViewId: $viewId, sku: " ") { inSync } }', { viewId })

  expect(errors?.[0]?.extensions).toMatchObject({ code: 'BAD_USER_INPUT', inputPath: ['sku'] })
})
