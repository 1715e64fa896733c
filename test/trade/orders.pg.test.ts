import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'
import { adminKey, createIntegration, createProducts, createView, expectData, startShop } from '../helpers/gateway.ts'

let shop: Awaited<ReturnType<typeof startShop>>
let marketplace: { readonly key: string; readonly viewId: string }
let warehouse: { readonly key: string; readonly viewId: string }
beforeAll(async () => {
  shop = await startShop()
  marketplace = await createView(shop, 'Marketplace')
  warehouse = await createView(shop, 'Warehouse', { orderScope: 'ALL' })
})
afterAll(async () => {
  await shop[Symbol.asyncDispose]()
})

let last = 0
/** A product with a SKU of its own and so much on hand. */
async function stocked(onHand: number): Promise<string> {
  const handle = `article-${(last += 1)}`
  await createProducts(shop, [handle], onHand)
  return `SKU-${handle}`
}

const money = (amount: string) => ({ amount, currency: 'SEK' })
const line = (sku: string, quantity: number, amount = '10.00') => ({ sku, quantity, unitPrice: money(amount) })
const upsert = (orders: readonly Record<string, unknown>[], key = marketplace.key) =>
  shop.call(
    `mutation ($input: [OrderInput!]!) { upsertOrders(input: $input) { orders {
      id externalId number state revision total { amount currency } placedAt owner { id } customer { externalId name } shippingAddress { line1 countryCode }
      lines { id sku title quantity unitPrice { amount currency } taxRate variant { sku } } } } }`,
    { input: orders },
    key,
  )
const placed = async (orders: readonly Record<string, unknown>[], key = marketplace.key) =>
  (await expectData(upsert(orders, key))).upsertOrders.orders
const setState = (id: string, state: string, key = warehouse.key) =>
  shop.call(
    'mutation ($id: ID!, $state: OrderState!) { setOrderState(id: $id, state: $state) { order { state revision } } }',
    { id, state },
    key,
  )

async function stockOf(sku: string): Promise<{ onHand: number; reserved: number; available: number }> {
  const { product } = await expectData(
    shop.call('query ($sku: String!) { product(by: { sku: $sku }) { variants { stockLevels { onHand reserved available } } } }', { sku }),
  )
  return product.variants[0].stockLevels[0]
}

describe('an order', () => {
  it('is stored as it was sent, with its total, and belongs to the view that sent it', async () => {
    const sku = await stocked(10)
    await expectData(
      shop.call('mutation { upsertCustomers(input: [{ externalId: "c1", name: "Åsa Öberg" }]) { customers { id } } }', {}, marketplace.key),
    )

    const [order] = await placed([
      {
        externalId: 'stored',
        customerExternalId: 'c1',
        placedAt: '2026-11-01T10:00:00+01:00',
        shippingAddress: { line1: 'Storgatan 1', city: 'Göteborg', countryCode: 'SE' },
        lines: [line(sku, 2, '19.90'), { ...line(sku, 1, '5'), taxRate: '0.25' }],
      },
    ])

    expect(order).toMatchObject({
      externalId: 'stored',
      number: 'stored',
      state: 'PLACED',
      total: money('44.80'),
      placedAt: '2026-11-01T09:00:00.000Z',
      owner: { id: marketplace.viewId },
      customer: { externalId: 'c1', name: 'Åsa Öberg' },
      shippingAddress: { line1: 'Storgatan 1', countryCode: 'SE' },
      lines: [
        { sku, quantity: 2, unitPrice: money('19.90'), taxRate: null, variant: { sku } },
        { sku, quantity: 1, unitPrice: money('5.00'), taxRate: '0.25' },
      ],
    })
  })

  it('that is sent again unchanged is not written, whatever it has become meanwhile', async () => {
    const sku = await stocked(10)
    const order = { externalId: 'again', lines: [line(sku, 3)] }
    const [first] = await placed([order])
    const [second] = await placed([order])
    await expectData(setState(first.id, 'SHIPPED'))
    const [shipped] = await placed([order])
    const [withoutLines] = await placed([{ externalId: 'again' }])

    expect(second).toEqual(first)
    expect(shipped).toMatchObject({ id: first.id, state: 'SHIPPED', lines: first.lines })
    expect(withoutLines).toEqual(shipped)
    expect(await stockOf(sku)).toEqual({ onHand: 7, reserved: 0, available: 7 })
  })

  it('keeps what is left out, clears what is null, and has all its lines replaced', async () => {
    const [one, other] = [await stocked(10), await stocked(10)]
    const address = { line1: 'Storgatan 1', city: 'Göteborg', countryCode: 'SE' }
    await placed([{ externalId: 'merged', number: 'N-1', shippingAddress: address, lines: [line(one, 3), line(other, 1)] }])
    const [kept] = await placed([{ externalId: 'merged', lines: [line(other, 5)] }])
    expect((await placed([{ externalId: 'empty' }]))[0]).toMatchObject({ lines: [], total: money('0.00') })
    const [cleared] = await placed([{ externalId: 'merged', shippingAddress: null }])

    expect(kept).toMatchObject({
      number: 'N-1',
      shippingAddress: { line1: 'Storgatan 1' },
      lines: [{ sku: other, quantity: 5 }],
      total: money('50.00'),
    })
    expect(cleared.shippingAddress).toBeNull()
    expect(await stockOf(one)).toMatchObject({ reserved: 0 })
    expect(await stockOf(other)).toMatchObject({ reserved: 5 })
  })

  it("of an admin is the shop's own, and its externalId is the shop's too", async () => {
    const sku = await stocked(10)
    const [own] = await placed([{ externalId: 'same-id', lines: [line(sku, 1)] }], adminKey)
    const [sent] = await placed([{ externalId: 'same-id', lines: [line(sku, 1)] }])
    const find = async (key: string) => (await expectData(shop.call('{ order(externalId: "same-id") { id owner { id } } }', {}, key))).order

    expect(own.owner).toBeNull()
    expect(sent.id).not.toBe(own.id)
    expect(await find(adminKey)).toEqual({ id: own.id, owner: null })
    expect(await find(marketplace.key)).toEqual({ id: sent.id, owner: { id: marketplace.viewId } })
  })
})

describe('stock', () => {
  it('is reserved when an order is placed, taken when it is shipped, and given back when it is cancelled, from either', async () => {
    const sku = await stocked(10)
    const [order] = await placed([{ externalId: 'way', lines: [line(sku, 4)] }])
    expect(await stockOf(sku)).toEqual({ onHand: 10, reserved: 4, available: 6 })
    await expectData(setState(order.id, 'SHIPPED'))
    expect(await stockOf(sku)).toEqual({ onHand: 6, reserved: 0, available: 6 })
    await expectData(setState(order.id, 'CANCELLED'))
    expect(await stockOf(sku)).toEqual({ onHand: 10, reserved: 0, available: 10 })

    const [second] = await placed([{ externalId: 'way-2', lines: [line(sku, 4)] }])
    await expectData(setState(second.id, 'CANCELLED'))
    expect(await stockOf(sku)).toEqual({ onHand: 10, reserved: 0, available: 10 })
  })

  it('goes no way back: SHIPPED to PLACED, and anything from CANCELLED, is ILLEGAL_STATE; so are other lines of what was shipped', async () => {
    const sku = await stocked(10)
    const [order] = await placed([{ externalId: 'no-way', state: 'SHIPPED', lines: [line(sku, 4)] }])
    const codes = async (answer: ReturnType<typeof upsert>) =>
      (await answer).errors?.map(({ extensions }) => [extensions['code'], extensions['inputPath']])

    expect(await codes(setState(order.id, 'PLACED'))).toEqual([['ILLEGAL_STATE', ['state']]])
    expect(await codes(upsert([{ externalId: 'no-way', state: 'PLACED' }]))).toEqual([['ILLEGAL_STATE', ['input', 0, 'state']]])
    expect(await codes(upsert([{ externalId: 'no-way', lines: [line(sku, 3)] }]))).toEqual([['ILLEGAL_STATE', ['input', 0, 'lines']]])
    await expectData(setState(order.id, 'CANCELLED'))
    expect(await codes(setState(order.id, 'SHIPPED'))).toEqual([['ILLEGAL_STATE', ['state']]])
    expect(await stockOf(sku)).toEqual({ onHand: 10, reserved: 0, available: 10 })
  })

  it('that is too little refuses the whole call, and names each line and what is available', async () => {
    const [scarce, plenty] = [await stocked(3), await stocked(100)]
    const { errors } = await upsert([
      { externalId: 'fits', lines: [line(plenty, 1), line(scarce, 2)] },
      { externalId: 'too-much', lines: [line(plenty, 1), line(scarce, 2)] },
    ])

    expect(errors).toHaveLength(1)
    expect(errors?.[0]).toMatchObject({
      message: `"${scarce}" has 1 available at "default"; 2 cannot be taken.`,
      extensions: { code: 'INSUFFICIENT_STOCK', retryable: false, inputPath: ['input', 1, 'lines', 1, 'quantity'] },
    })
    expect((await expectData(shop.call('{ order(externalId: "fits") { id } }', {}, marketplace.key))).order).toBeNull()
    expect(await stockOf(plenty)).toMatchObject({ reserved: 0 })
  })

  it('may go below zero where the product allows backorders', async () => {
    const sku = await stocked(1)
    await expectData(
      shop.call('mutation ($handle: String!) { upsertProducts(input: [{ handle: $handle, allowBackorder: true }]) { products { id } } }', {
        handle: sku.replace('SKU-', ''),
      }),
    )
    const [order] = await placed([{ externalId: 'backorder', lines: [line(sku, 5)] }])
    expect(await stockOf(sku)).toEqual({ onHand: 1, reserved: 5, available: -4 })
    await expectData(setState(order.id, 'SHIPPED'))
    expect(await stockOf(sku)).toEqual({ onHand: -4, reserved: 0, available: -4 })
  })

  it('of a variant that was deleted since is passed over, and the rest of the order moves', async () => {
    const [gone, kept] = [await stocked(10), await stocked(10)]
    const [order] = await placed([{ externalId: 'half-gone', lines: [line(gone, 1), line(kept, 2)] }])
    await expectData(shop.call('mutation ($sku: String!) { deleteProducts(products: [{ sku: $sku }]) { deletedCount } }', { sku: gone }))

    await expectData(setState(order.id, 'SHIPPED'))

    expect(await stockOf(kept)).toEqual({ onHand: 8, reserved: 0, available: 8 })
    const found = await expectData(
      shop.call('query ($id: ID!) { order(id: $id) { lines { sku title variant { id } } } }', { id: order.id }),
    )
    expect(found.order.lines[0]).toEqual({ sku: gone, title: `Title of ${gone.replace('SKU-', '')}`, variant: null })
  })

  it('is accounted for in the ledger: cause, author, order, and what it came to', async () => {
    const sku = await stocked(10)
    const [order] = await placed([{ externalId: 'ledger', lines: [line(sku, 4)] }])
    await expectData(setState(order.id, 'SHIPPED'))
    await expectData(shop.call('mutation ($sku: String!) { adjustStock(input: [{ sku: $sku, delta: -1 }]) { __typename } }', { sku }))
    const ledgerOf = async (key: string) =>
      (
        await expectData(
          shop.call(
            `query ($sku: String!) { product(by: { sku: $sku }) { variants { stockLevels { movements(first: 10) { totalCount nodes {
            cause onHandDelta reservedDelta onHand reserved order { externalId } author { name } } } } } } }`,
            { sku },
            key,
          ),
        )
      ).product.variants[0].stockLevels[0].movements

    const seen = await ledgerOf(adminKey)
    expect(seen.totalCount).toBe(4)
    expect(seen.nodes).toMatchObject([
      { cause: 'ADJUSTMENT', onHandDelta: -1, reservedDelta: 0, onHand: 5, reserved: 0, order: null },
      {
        cause: 'ORDER',
        onHandDelta: -4,
        reservedDelta: -4,
        onHand: 6,
        reserved: 0,
        order: { externalId: 'ledger' },
        author: { name: 'Warehouse' },
      },
      {
        cause: 'ORDER',
        onHandDelta: 0,
        reservedDelta: 4,
        onHand: 10,
        reserved: 4,
        order: { externalId: 'ledger' },
        author: { name: 'Marketplace' },
      },
      { cause: 'SET', onHandDelta: 10, reservedDelta: 0, onHand: 10, reserved: 0, order: null },
    ])
    const pos = await createView(shop, 'Only its own')
    expect((await ledgerOf(pos.key)).nodes.map(({ order: of, author }: Record<string, unknown>) => [of, author])).toEqual([
      [null, null],
      [null, null],
      [null, null],
      [null, null],
    ])
  })
})

describe('bad input', () => {
  const faults = async (orders: readonly Record<string, unknown>[], key?: string) =>
    (await upsert(orders, key)).errors?.map(({ extensions }) => [extensions['code'], extensions['inputPath']])

  it('is told line by line, and nothing of the call is stored', async () => {
    const sku = await stocked(10)
    expect(await faults([{ externalId: 'b1', customerExternalId: 'nobody', lines: [line(sku, 1)] }])).toEqual([
      ['NOT_FOUND', ['input', 0, 'customerExternalId']],
    ])
    expect(await faults([{ externalId: 'b1', lines: [line(sku, 1), line('no-such', 1)] }])).toEqual([
      ['NOT_FOUND', ['input', 0, 'lines', 1, 'sku']],
    ])
    expect(await faults([{ externalId: 'b1', lines: [line(sku, 0), line(sku, -1)] }])).toEqual([
      ['BAD_USER_INPUT', ['input', 0, 'lines', 0, 'quantity']],
      ['BAD_USER_INPUT', ['input', 0, 'lines', 1, 'quantity']],
    ])
    expect(
      await faults([{ externalId: 'b1', lines: [line(sku, 1), { ...line(sku, 1), unitPrice: { amount: '1', currency: 'EUR' } }] }]),
    ).toEqual([['BAD_USER_INPUT', ['input', 0, 'lines', 1, 'unitPrice', 'currency']]])
    expect(await faults([{ externalId: 'b1' }, { externalId: 'b1' }])).toEqual([['BAD_USER_INPUT', ['input', 1, 'externalId']]])
    expect(await faults([])).toEqual([['BAD_USER_INPUT', ['input']]])
    expect((await expectData(shop.call('{ order(externalId: "b1") { id } }', {}, marketplace.key))).order).toBeNull()
  })

  it('by an integration without a view is NO_SYNC_VIEW', async () => {
    const { key } = await createIntegration(shop, 'No view yet')
    expect(await faults([{ externalId: 'x' }], key)).toEqual([['NO_SYNC_VIEW', undefined]])
  })

  it('to ask for an order without saying which', async () => {
    const { errors } = await shop.call('{ order { id } }', {}, marketplace.key)
    expect(errors?.[0]?.extensions['code']).toBe('BAD_USER_INPUT')
  })
})

describe('whose orders and customers one sees', () => {
  it('an OWN view sees its own alone, an ALL view and an admin all; what one does not see is not found', async () => {
    const sku = await stocked(10)
    const other = await createView(shop, 'Other marketplace')
    await expectData(
      shop.call('mutation { upsertCustomers(input: [{ externalId: "theirs", name: "T" }]) { customers { id } } }', {}, other.key),
    )
    const [order] = await placed([{ externalId: 'theirs', customerExternalId: 'theirs', lines: [line(sku, 1)] }], other.key)
    const sees = async (key: string) => {
      const found = await expectData(
        shop.call(
          'query ($id: ID!) { node(id: $id) { id } order(id: $id) { id owner { id } } orders(first: 250) { nodes { id } } customers(search: "theirs") { totalCount } }',
          { id: order.id },
          key,
        ),
      )
      return [
        found.node !== null,
        found.order !== null,
        found.orders.nodes.some(({ id }: { id: string }) => id === order.id),
        found.customers.totalCount,
      ]
    }

    expect(await sees(other.key)).toEqual([true, true, true, 1])
    expect(await sees(adminKey)).toEqual([true, true, true, 1])
    expect(await sees(warehouse.key)).toEqual([true, true, true, 1])
    expect(await sees(marketplace.key)).toEqual([false, false, false, 0])
    expect((await setState(order.id, 'SHIPPED', marketplace.key)).errors?.[0]?.extensions['code']).toBe('NOT_FOUND')
    // Nor can it name the other's customer.
    const named = await upsert([{ externalId: 'y', customerExternalId: 'theirs', lines: [] }])
    expect(named.errors?.[0]?.extensions['code']).toBe('NOT_FOUND')
  })

  it('a view that is deleted and made again by the same user finds what it had, rather than ordering twice', async () => {
    const sku = await stocked(10)
    const again = await createView(shop, 'Comes again')
    const [before] = await placed([{ externalId: 'kept', lines: [line(sku, 2)] }], again.key)
    await expectData(shop.call('mutation ($id: ID!) { deleteSyncView(id: $id) { deletedId } }', { id: again.viewId }))
    await expectData(shop.call('mutation { createSyncView(input: { name: "Back" }) { syncView { id } } }', {}, again.key))

    const [after] = await placed([{ externalId: 'kept', lines: [line(sku, 2)] }], again.key)

    expect(after.id).toBe(before.id)
    expect(await stockOf(sku)).toMatchObject({ reserved: 2 })
  })

  it('the orders query filters by state and by when they changed', async () => {
    const sku = await stocked(10)
    const [first] = await placed([{ externalId: 'f1', lines: [line(sku, 1)] }])
    const moment = new Date().toISOString()
    await placed([{ externalId: 'f2', state: 'CANCELLED', lines: [line(sku, 1)] }])
    const { orders, cancelled } = await expectData(
      shop.call(
        'query ($after: DateTime!) { orders(updatedAfter: $after) { nodes { externalId } } cancelled: orders(state: CANCELLED, updatedAfter: $after) { totalCount } }',
        { after: moment },
        marketplace.key,
      ),
    )

    expect(first.externalId).toBe('f1')
    expect(orders.nodes).toEqual([{ externalId: 'f2' }])
    expect(cancelled.totalCount).toBe(1)
  })
})

test('of many simultaneous orders for the last items exactly as many succeed as there are items', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: 6 }),
      fc.array(fc.array(fc.tuple(fc.nat({ max: 1 }), fc.integer({ min: 1, max: 2 })), { minLength: 1, maxLength: 3 }), {
        minLength: 6,
        maxLength: 14,
      }),
      async (onHand, baskets) => {
        const skus = [await stocked(onHand), await stocked(onHand)]
        const outcomes = await Promise.all(
          baskets.map(async (basket, index) => {
            const lines = basket.map(([which, quantity]) => line(skus[which] ?? '', quantity))
            const { errors } = await upsert([{ externalId: `${skus[0]}-${index}`, lines }])
            return { taken: errors === undefined, lines, codes: errors?.map(({ extensions }) => extensions['code']) ?? [] }
          }),
        )

        for (const { codes } of outcomes) expect(codes.every((code) => code === 'INSUFFICIENT_STOCK')).toBe(true)
        for (const sku of skus) {
          const sold = outcomes
            .filter(({ taken }) => taken)
            .flatMap(({ lines }) => lines)
            .filter((one) => one.sku === sku)
            .reduce((sum, one) => sum + one.quantity, 0)
          expect(await stockOf(sku)).toEqual({ onHand, reserved: sold, available: onHand - sold })
          expect(sold).toBeLessThanOrEqual(onHand)
        }
        // Whoever was refused could not have been served by what is left.
        const left = new Map(await Promise.all(skus.map(async (sku) => [sku, (await stockOf(sku)).available] as const)))
        const fits = (lines: readonly { sku: string; quantity: number }[]) =>
          skus.every((sku) => lines.filter((one) => one.sku === sku).reduce((sum, one) => sum + one.quantity, 0) <= (left.get(sku) ?? 0))
        for (const { taken, lines } of outcomes) if (!taken) expect(fits(lines)).toBe(false)
      },
    ),
    { numRuns: 12 },
  )
}, 60_000)

test('whatever orders go through, at once and in any order, their stock nets out', async () => {
  const step = fc.record({
    order: fc.nat({ max: 3 }),
    change: fc.oneof(
      fc.record({ lines: fc.array(fc.tuple(fc.nat({ max: 2 }), fc.integer({ min: 1, max: 3 })), { maxLength: 4 }) }),
      fc.record({ state: fc.constantFrom('PLACED', 'SHIPPED', 'CANCELLED') }),
    ),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 8, maxLength: 24 }), async (steps) => {
      const skus = [await stocked(20), await stocked(20), await stocked(20)]
      const { key } = await createView(shop, 'Seller')
      const idOf = (order: number) => `${skus[0]}#${order}`
      const queue = [...steps]
      const work = async (): Promise<void> => {
        for (let one = queue.shift(); one !== undefined; one = queue.shift()) {
          const { change } = one
          const lines = 'lines' in change ? change.lines.map(([which, quantity]) => line(skus[which] ?? '', quantity)) : undefined
          const { errors } = await upsert(
            [{ externalId: idOf(one.order), ...('state' in change ? { state: change.state } : { lines }) }],
            key,
          )
          const codes = errors?.map(({ extensions }) => extensions['code']) ?? []
          expect(codes.every((code) => code === 'ILLEGAL_STATE' || code === 'INSUFFICIENT_STOCK')).toBe(true)
        }
      }
      await Promise.all([work(), work(), work()])

      const { orders } = await expectData(
        shop.call('{ orders(first: 250) { nodes { externalId state lines { sku quantity } } } }', {}, key),
      )
      const mine: { externalId: string; state: string; lines: { sku: string; quantity: number }[] }[] = orders.nodes
      for (const sku of skus) {
        const held = (state: string) =>
          mine
            .filter((order) => order.state === state)
            .flatMap(({ lines }) => lines)
            .filter((one) => one.sku === sku)
            .reduce((sum, one) => sum + one.quantity, 0)
        expect(await stockOf(sku)).toEqual({
          onHand: 20 - held('SHIPPED'),
          reserved: held('PLACED'),
          available: 20 - held('SHIPPED') - held('PLACED'),
        })
      }
      for (let order = 0; order <= 3; order += 1) await upsert([{ externalId: idOf(order), state: 'CANCELLED' }], key)
      for (const sku of skus) expect(await stockOf(sku)).toEqual({ onHand: 20, reserved: 0, available: 20 })
    }),
    { numRuns: 10 },
  )
}, 60_000)
