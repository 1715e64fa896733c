import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sweepAll } from '../../src/housekeeping.ts'
import { Subscription, type ReceivedChange } from '../helpers/consumer.ts'
import { createIntegration, createProducts, createView, expectData, startGateway, startShop } from '../helpers/gateway.ts'

let shop: Awaited<ReturnType<typeof startShop>>
beforeAll(async () => {
  shop = await startShop()
})
afterAll(async () => {
  await shop[Symbol.asyncDispose]()
})

const handlesOf = (name: string, count: number) => Array.from({ length: count }, (_, index) => `${name}-${index + 1}`)
const link = (viewId: string, handles: readonly string[]) =>
  expectData(
    shop.call(
      'mutation ($viewId: ID!, $products: [ProductBy!]!) { linkProducts(syncViewId: $viewId, products: $products) { linksCreated } }',
      {
        viewId,
        products: handles.map((handle) => ({ handle })),
      },
    ),
  )
const rename = (handle: string, title: string, key?: string) =>
  expectData(
    shop.call(
      'mutation ($input: [ProductInput!]!) { upsertProducts(input: $input) { products { id } } }',
      { input: [{ handle, title }] },
      key,
    ),
  )
const rejectMutation =
  'mutation ($input: [RejectInput!]!) { reject(input: $input) { links { state rejection { reason revision at variant { sku } } rejections { reason } product { handle } } } }'
const reject = (key: string, input: readonly Record<string, unknown>[]) => shop.call(rejectMutation, { input }, key)
const rejectChange = async (key: string, change: ReceivedChange | undefined, reason: string, id = change?.id) =>
  (await expectData(reject(key, [{ id, revision: String(change?.revision), reason }]))).reject.links
const resendProducts = (variables: Record<string, unknown>) =>
  shop.call(
    'mutation ($viewId: ID!, $products: [ProductBy!], $state: LinkState) { resendProducts(syncViewId: $viewId, products: $products, state: $state) { linksQueued } }',
    variables,
  )
const statesOf = async (viewId: string) => {
  const { links } = await expectData(
    shop.call('query ($viewId: ID!) { links(syncViewId: $viewId) { nodes { state rejection { reason } product { handle } } } }', {
      viewId,
    }),
  )
  const nodes: { state: string; product: { handle: string } }[] = links.nodes
  return Object.fromEntries(nodes.map(({ product, state }) => [product.handle, state]))
}

/** Links what else is in the shop, as a resend of all would. Answers its handles. */
async function linkTheRest(viewId: string): Promise<ReadonlySet<string>> {
  const linked = new Set(Object.keys(await statesOf(viewId)))
  const { products } = await expectData(shop.call('{ products(first: 250) { nodes { handle } } }'))
  const nodes: { handle: string }[] = products.nodes
  const others = nodes.map(({ handle }) => handle).filter((handle) => !linked.has(handle))
  await link(viewId, others)
  return new Set(others)
}

/** A view that has everything: its consumer, and what it was sent. */
async function levelView(name: string, count: number) {
  const handles = handlesOf(name, count)
  await createProducts(shop, handles, 5)
  const { viewId, key } = await createView(shop, name)
  await link(viewId, handles)
  const stock = new Subscription(shop.connect(key), 'STOCK')
  await stock.readUntil((batch) => batch.caughtUp)
  const products = new Subscription(shop.connect(key), 'PRODUCT')
  const sent = await products.readUntil((batch) => batch.caughtUp)
  await expect.poll(() => statesOf(viewId)).toEqual(Object.fromEntries(handles.map((handle) => [handle, 'IN_SYNC'])))
  return { viewId, key, handles, products, stock, changeOf: (handle: string) => sent.find((change) => change.key === handle) }
}

describe('what a system rejects', () => {
  test('is shown with its reason, holds nothing up, and turns pending by itself when the product changes, but not when its stock does', async () => {
    const { viewId, key, products, stock, changeOf } = await levelView('refuse', 2)
    const change = changeOf('refuse-1')

    const [rejected] = await rejectChange(key, change, 'The barcode is missing')
    expect(rejected).toMatchObject({
      state: 'REJECTED',
      rejection: { reason: 'The barcode is missing', revision: String(change?.revision), variant: null },
      product: { handle: 'refuse-1' },
    })
    expect(Date.now() - Date.parse(rejected.rejection.at)).toBeLessThan(60_000)
    expect(await statesOf(viewId)).toEqual({ 'refuse-1': 'REJECTED', 'refuse-2': 'IN_SYNC' })

    await expectData(shop.call('mutation { adjustStock(input: [{ sku: "SKU-refuse-1", delta: -1 }]) { __typename } }'))
    expect((await stock.readUntil((batch) => batch.changes.length > 0)).map((one) => one.key)).toEqual(['SKU-refuse-1'])
    expect(await statesOf(viewId)).toMatchObject({ 'refuse-1': 'REJECTED' })

    await rename('refuse-1', 'With a barcode')
    const batch = await products.next()
    expect(batch.changes).toMatchObject([{ key: 'refuse-1', lane: 'LIVE' }])
    expect(await statesOf(viewId)).toEqual({ 'refuse-1': 'PENDING', 'refuse-2': 'IN_SYNC' })
    await products.acknowledge(batch.cursor)
    expect(await statesOf(viewId)).toEqual({ 'refuse-1': 'IN_SYNC', 'refuse-2': 'IN_SYNC' })
  })

  test('before it acknowledges is rejected too; of a revision that was overtaken it does not hold', async () => {
    await createProducts(shop, ['overtaken-1'], 1)
    const { viewId, key } = await createView(shop, 'Overtaken')
    await link(viewId, ['overtaken-1'])
    const products = new Subscription(shop.connect(key), 'PRODUCT')
    const first = await products.next()
    const change = first.changes.at(0)
    await rejectChange(key, change, 'No')
    expect(await statesOf(viewId)).toEqual({ 'overtaken-1': 'REJECTED' })

    await rename('overtaken-1', 'Newer')
    const [late] = await rejectChange(key, change, 'Still no')
    expect(late).toMatchObject({ state: 'PENDING', rejection: null, rejections: [] })

    const newer = (await products.next()).changes.at(0)
    await rejectChange(key, newer, 'No to this one')
    const [older] = await rejectChange(key, change, 'No to the first')
    expect(older, 'what comes late of an older revision overwrites nothing').toMatchObject({
      state: 'REJECTED',
      rejection: { reason: 'No to this one' },
    })
  })

  test('may be a variant, and several of one product are all shown', async () => {
    await expectData(
      shop.call(`mutation { upsertProducts(input: [{ handle: "sizes", title: "Sizes", variants: [
        { sku: "SIZE-S", price: { amount: "1.00", currency: "SEK" } }, { sku: "SIZE-M", price: { amount: "1.00", currency: "SEK" } }] }]) { __typename } }`),
    )
    const { viewId, key } = await createView(shop, 'Sizes')
    await link(viewId, ['sizes'])
    const change = (await new Subscription(shop.connect(key), 'PRODUCT').next()).changes.at(0)
    const { product } = await expectData(shop.call('{ product(by: { handle: "sizes" }) { variants { id } } }'))
    const [small, medium] = product.variants

    const answer = await expectData(
      reject(key, [
        { id: small.id, revision: String(change?.revision), reason: 'S is not known' },
        { id: medium.id, revision: String(change?.revision), reason: 'M is not known' },
      ]),
    )

    expect(answer.reject.links).toHaveLength(1)
    const reasons: { reason: string }[] = answer.reject.links[0].rejections
    expect(reasons.map(({ reason }) => reason).toSorted()).toEqual(['M is not known', 'S is not known'])
    const [again] = await rejectChange(key, change, 'S still is not', small.id)
    expect(again.rejection).toMatchObject({ reason: 'S still is not', variant: { sku: 'SIZE-S' } })
  })

  test('is refused, all of it and each bad item in its place, where it is not linked, was never sent, or has no reason', async () => {
    const { viewId, key, changeOf } = await levelView('bad-refusal', 1)
    await createProducts(shop, ['not-linked'])
    const { product } = await expectData(shop.call('{ product(by: { handle: "not-linked" }) { id revision } }'))
    const good = { id: changeOf('bad-refusal-1')?.id, revision: String(changeOf('bad-refusal-1')?.revision), reason: 'No' }
    const order = Buffer.from('Order:1').toString('base64')

    const first = await reject(key, [
      good,
      { id: product.id, revision: product.revision, reason: 'No' },
      { id: order, revision: '1', reason: 'No' },
      { ...good, id: viewId },
    ])
    expect(first.errors?.map(({ extensions }) => [extensions['code'], extensions['inputPath']])).toEqual([
      ['NOT_FOUND', ['input', 1, 'id']],
      ['NOT_FOUND', ['input', 2, 'id']],
      ['NOT_FOUND', ['input', 3, 'id']],
    ])
    const codes = async (input: readonly Record<string, unknown>[], withKey = key) =>
      (await reject(withKey, input)).errors?.map(({ extensions }) => [
        extensions['code'],
        ...(Array.isArray(extensions['inputPath']) ? extensions['inputPath'] : []),
      ])
    expect(await codes([{ ...good, revision: '9000000000000000000' }])).toEqual([['BAD_USER_INPUT', 'input', 0, 'revision']])
    expect(await codes([{ ...good, revision: '0' }])).toEqual([['BAD_USER_INPUT', 'input', 0, 'revision']])
    expect(await codes([{ ...good, reason: ' ' }])).toEqual([['BAD_USER_INPUT', 'input', 0, 'reason']])
    expect(await codes([good, good])).toEqual([['BAD_USER_INPUT', 'input', 1, 'id']])
    expect(await codes([])).toEqual([['BAD_USER_INPUT', 'input']])
    expect(await codes(Array.from({ length: 1_001 }, () => good))).toEqual([['BAD_USER_INPUT', 'input']])
    expect(await codes([good], (await createIntegration(shop, 'Viewless')).key)).toEqual([['NO_SYNC_VIEW']])
    expect(await statesOf(viewId), 'nothing of it was stored').toEqual({ 'bad-refusal-1': 'IN_SYNC' })
  })

  test('ends by a resend of the product, and by one of all products, also where that is cancelled before it gets there', async () => {
    const { viewId, key, products, changeOf } = await levelView('ends', 2)
    await rejectChange(key, changeOf('ends-1'), 'No')
    await expectData(resendProducts({ viewId, products: [{ handle: 'ends-1' }] }))
    expect(await statesOf(viewId)).toEqual({ 'ends-1': 'PENDING', 'ends-2': 'IN_SYNC' })
    const again = await products.readUntil((batch) => batch.caughtUp && batch.changes.length > 0)
    expect(again).toMatchObject([{ key: 'ends-1', lane: 'RESEND' }])
    expect(BigInt(again[0]?.revision ?? 0)).toBeGreaterThan(changeOf('ends-1')?.revision ?? 0n)
    products.close()

    await rejectChange(key, again[0], 'No again')
    const others = await linkTheRest(viewId)
    await expectData(shop.call('mutation ($id: ID!) { resendAllProducts(syncViewId: $id, confirm: true) { __typename } }', { id: viewId }))
    await expectData(shop.call('mutation ($id: ID!) { cancelResend(syncViewId: $id) { __typename } }', { id: viewId }))
    expect(await statesOf(viewId)).toMatchObject({ 'ends-1': 'PENDING', 'ends-2': 'IN_SYNC' })
    const once = await new Subscription(shop.connect(key), 'PRODUCT').readUntil((batch) => batch.caughtUp)
    expect(once.map((change) => change.key).filter((handle) => !others.has(handle))).toEqual(['ends-1'])
  })

  test('is forgotten a month after it stopped to hold', async () => {
    const { sql } = shop.database.database
    const { key, changeOf } = await levelView('forgotten', 2)
    for (const handle of ['forgotten-1', 'forgotten-2']) await rejectChange(key, changeOf(handle), 'No')
    await sql`UPDATE rejections SET at = at - interval '40 days'`
    const before = await sql`SELECT 1 FROM rejections`
    await rename('forgotten-1', 'Newer')

    await sweepAll(shop.database.database, { keptDays: 30, ledgerDays: 400, auditDays: 400 })

    const left = await sql<{ handle: string }[]>`
      SELECT p.handle FROM rejections x JOIN products p ON p.id = x.entity_id WHERE p.handle LIKE 'forgotten-%'`
    expect(left).toEqual([{ handle: 'forgotten-2' }])
    expect(before.length).toBeGreaterThan(1)
  })
})

describe('resendProducts', () => {
  test('sends what is named, or what is in a state, once more after what waits; or those of these', async () => {
    const { viewId, key, handles, products, stock, changeOf } = await levelView('once', 5)
    for (const handle of ['once-2', 'once-4']) await rejectChange(key, changeOf(handle), 'No')

    expect(
      (await resendProducts({ viewId, products: [{ handle: 'once-1' }, { sku: 'SKU-once-1' }, { sku: 'SKU-once-3' }] })).data
        .resendProducts,
    ).toEqual({
      linksQueued: 2,
    })
    expect(
      (await resendProducts({ viewId, state: 'REJECTED', products: [{ handle: 'once-4' }, { handle: 'once-5' }] })).data.resendProducts,
    ).toEqual({
      linksQueued: 1,
    })
    expect((await resendProducts({ viewId, state: 'REJECTED' })).data.resendProducts).toEqual({ linksQueued: 1 })
    expect((await resendProducts({ viewId, state: 'REJECTED' })).data.resendProducts).toEqual({ linksQueued: 0 })

    const seen: string[] = []
    await products.readUntil((batch) => {
      batch.changes.forEach((change) => seen.push(`${change.lane} ${change.key}`))
      return seen.length >= 4
    })
    expect(seen).toEqual(['once-1', 'once-3', 'once-4', 'once-2'].map((handle) => `RESEND ${handle}`))
    const levels = new Set<string>()
    await stock.readUntil((batch) => {
      batch.changes.forEach((change) => levels.add(change.key))
      return levels.size >= 4
    })
    expect([...levels].toSorted()).toEqual([1, 2, 3, 4].map((n) => `SKU-once-${n}`))
    await expect.poll(() => statesOf(viewId)).toEqual(Object.fromEntries(handles.map((handle) => [handle, 'IN_SYNC'])))
    expect((await resendProducts({ viewId, state: 'IN_SYNC' })).data.resendProducts).toEqual({ linksQueued: 5 })
    expect((await resendProducts({ viewId, state: 'PENDING' })).data.resendProducts).toEqual({ linksQueued: 5 })
  })

  test('sends a system also what it wrote itself', async () => {
    const { viewId, key } = await createView(shop, 'Own', { autoLink: true })
    const products = new Subscription(shop.connect(key), 'PRODUCT')
    await products.next()
    await createProducts(shop, ['own-1'], undefined, key)
    await expect.poll(() => statesOf(viewId)).toEqual({ 'own-1': 'IN_SYNC' })

    await expectData(resendProducts({ viewId, products: [{ handle: 'own-1' }] }))

    expect((await products.readUntil((batch) => batch.changes.length > 0)).map((change) => change.key)).toEqual(['own-1'])
  })

  test('of a product that a running resend has yet to come to sends it within that resend, over whichever gateway', async () => {
    await using other = await startGateway(shop.database)
    const handles = handlesOf('within', 6)
    await createProducts(shop, handles)
    const { viewId, key } = await createView(shop, 'Within')
    await link(viewId, handles)
    const all = [...handles, ...(await linkTheRest(viewId))].toSorted()
    const before = new Subscription(other.connect(key), 'PRODUCT', { batchSize: 2 })
    await before.readUntil((batch) => batch.caughtUp)
    before.close()
    await expectData(shop.call('mutation ($id: ID!) { resendAllProducts(syncViewId: $id, confirm: true) { __typename } }', { id: viewId }))
    await expectData(resendProducts({ viewId, products: [{ handle: 'within-5' }] }))

    const within: string[] = []
    await new Subscription(other.connect(key), 'PRODUCT', { batchSize: 2, maxInFlight: 1 }).readUntil((batch) => {
      if (batch.resendId !== null) within.push(...batch.changes.map((change) => change.key))
      return batch.resendComplete
    })

    expect(within.toSorted()).toEqual(all)
    await expect
      .poll(
        async () =>
          (await expectData(shop.call('query ($id: ID!) { syncView(id: $id) { resend { state acknowledged } } }', { id: viewId }))).syncView
            .resend,
      )
      .toEqual({ state: 'COMPLETED', acknowledged: all.length })
  })

  test('refuses to be called for nothing, and for what is not there or not linked', async () => {
    const { viewId } = await levelView('nothing', 1)
    await createProducts(shop, ['nothing-unlinked'])

    const codes = async (variables: Record<string, unknown>) =>
      (await resendProducts({ viewId, ...variables })).errors?.map(({ extensions }) => [extensions['code'], extensions['inputPath']])
    expect(await codes({})).toEqual([['BAD_USER_INPUT', undefined]])
    expect(await codes({ products: [] })).toEqual([['BAD_USER_INPUT', ['products']]])
    expect(await codes({ products: [{ handle: 'nothing-1' }, { handle: 'nowhere' }] })).toEqual([['NOT_FOUND', ['products', 1]]])
    expect(await codes({ products: [{ handle: 'nothing-1' }, { handle: 'nothing-unlinked' }] })).toEqual([['NOT_FOUND', ['products', 1]]])
    expect(await statesOf(viewId)).toEqual({ 'nothing-1': 'IN_SYNC' })
  })
})

describe('setExternalIds', () => {
  const setIds = (key: string, input: readonly Record<string, unknown>[]) =>
    shop.call(
      'mutation ($input: [ExternalIdInput!]!) { setExternalIds(input: $input) { links { externalId product { handle } } } }',
      { input },
      key,
    )

  test('says what a system calls its products, in links and in changes, and sends nothing', async () => {
    const { viewId, key, products, changeOf } = await levelView('named', 2)
    const input = [2, 1].map((n) => ({ id: changeOf(`named-${n}`)?.id, externalId: `ART-${n}` }))

    expect((await expectData(setIds(key, input))).setExternalIds.links).toEqual([
      { externalId: 'ART-2', product: { handle: 'named-2' } },
      { externalId: 'ART-1', product: { handle: 'named-1' } },
    ])
    expect(await statesOf(viewId)).toEqual({ 'named-1': 'IN_SYNC', 'named-2': 'IN_SYNC' })
    products.close()
    await rename('named-1', 'Changed')
    const pulled = await expectData(shop.call('{ productChanges { changes { handle externalId } } }', {}, key))
    expect(pulled.productChanges.changes).toEqual([{ handle: 'named-1', externalId: 'ART-1' }])

    const cleared = await expectData(setIds(key, [{ id: changeOf('named-1')?.id, externalId: null }]))
    expect(cleared.setExternalIds.links).toEqual([{ externalId: null, product: { handle: 'named-1' } }])
  })

  test('refuses what is not linked, variants, and names that are none; nothing of it is stored', async () => {
    const { viewId, key, changeOf } = await levelView('badly-named', 1)
    const { product } = await expectData(shop.call('{ product(by: { handle: "badly-named-1" }) { id variants { id } } }'))
    const good = { id: changeOf('badly-named-1')?.id, externalId: 'ART' }
    const codes = async (input: readonly Record<string, unknown>[]) =>
      (await setIds(key, input)).errors?.map(({ extensions }) => [extensions['code'], extensions['inputPath']])

    expect(await codes([good, { id: viewId, externalId: 'X' }])).toEqual([['NOT_FOUND', ['input', 1, 'id']]])
    expect(await codes([good, { id: product.variants[0].id, externalId: 'X' }])).toEqual([['BAD_USER_INPUT', ['input', 1, 'id']]])
    expect(await codes([{ ...good, externalId: '' }])).toEqual([['BAD_USER_INPUT', ['input', 0, 'externalId']]])
    expect(await codes([good, good])).toEqual([['BAD_USER_INPUT', ['input', 1, 'id']]])
    const { links } = await expectData(
      shop.call('query ($viewId: ID!) { links(syncViewId: $viewId) { nodes { externalId } } }', { viewId }),
    )
    expect(links.nodes).toEqual([{ externalId: null }])
  })
})
