import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eraseCustomers, exportCustomers, findCustomersOf } from '../../src/trade/personal-data.ts'
import { identifier } from '../../src/db/sql.ts'
import { insertAccount } from '../helpers/account.ts'
import { Subscription } from '../helpers/consumer.ts'
import { createProducts, createView, expectData, startShop } from '../helpers/gateway.ts'
import { numberOf } from '../helpers/ids.ts'

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

let shop: Awaited<ReturnType<typeof startShop>>
beforeAll(async () => {
  shop = await startShop()
  await createProducts(shop, ['mug'], 1_000)
})
afterAll(async () => {
  await shop[Symbol.asyncDispose]()
})

/** Runs a command beside the gateway, on its database. */
function synkvy(...args: readonly string[]): Promise<{ readonly status: unknown; readonly out: string; readonly err: string }> {
  const env = { ...process.env, DATABASE_URL: shop.database.url, SYNKVY_ACCOUNT: 'shop' }
  return new Promise((resolve) => {
    execFile(process.execPath, ['--import', 'tsx', main, 'customer', ...args], { env }, (error, out, err) =>
      resolve({ status: error === null ? 0 : error.code, out, err }),
    )
  })
}

const lines = [{ sku: 'SKU-mug', quantity: 1, unitPrice: { amount: '10', currency: 'SEK' } }]
const at = (name: string) => ({ name, line1: 'Storgatan 17', line2: 'c/o Nilsson', postalCode: '903 26', city: 'Umeå', countryCode: 'SE' })

/** A customer of a marketplace with two orders, one shipped, as a warehouse receives them all. */
async function buyer(id: string) {
  const [marketplace, warehouse] = [
    await createView(shop, `Marketplace ${id}`),
    await createView(shop, `Warehouse ${id}`, { orderScope: 'ALL' }),
  ]
  const email = `${id}@example.com`
  const customer = { externalId: `K-${id}`, name: `Åsa ${id}`, email, phone: '+46701234567', address: at(`Åsa ${id}`) }
  const { upsertCustomers } = await expectData(
    shop.call(
      'mutation ($input: [CustomerInput!]!) { upsertCustomers(input: $input) { customers { id } } }',
      { input: [customer] },
      marketplace.key,
    ),
  )
  const order = { customerExternalId: `K-${id}`, shippingAddress: at('Nils Nilsson'), billingAddress: at(`Åsa ${id}`), lines }
  const input = ['1', '2'].map((n) => ({ ...order, externalId: `${id}-${n}` }))
  const { upsertOrders } = await expectData(
    shop.call('mutation ($input: [OrderInput!]!) { upsertOrders(input: $input) { orders { id } } }', { input }, marketplace.key),
  )
  const [first, second]: readonly { readonly id: string }[] = upsertOrders.orders
  const move = (order: string, state: string) =>
    expectData(
      shop.call('mutation ($id: ID!, $state: OrderState!) { setOrderState(id: $id, state: $state) { order { id } } }', {
        id: order,
        state,
      }),
    )
  await move(first?.id ?? '', 'SHIPPED')
  return { marketplace, warehouse, email, customerId: String(upsertCustomers.customers[0].id), open: second?.id ?? '', move }
}

describe('synkvy customer export', () => {
  it('says everything that is held of a customer, and which systems have received it; by id or by email', async () => {
    const { email, customerId, warehouse } = await buyer('export')
    const stream = new Subscription(shop.connect(warehouse.key), 'CUSTOMER')
    await stream.readUntil((batch) => batch.caughtUp)

    const byEmail = await synkvy('export', email.toUpperCase())
    const byId = await findCustomersOf(shop.database.database, 1, {
      id: numberOf(customerId),
    })

    const [held] = JSON.parse(byEmail.out)
    expect(byId).toEqual([held.customer.id])
    expect(held).toMatchObject({
      customer: { name: 'Åsa export', email, phone: '+46701234567', address: { line1: 'Storgatan 17' } },
      orders: [
        { externalId: 'export-1', state: 'SHIPPED', shippingAddress: { name: 'Nils Nilsson' }, lines: [{ sku: 'SKU-mug' }] },
        { externalId: 'export-2', billingAddress: { name: 'Åsa export' } },
      ],
      stockMovements: [{ reservedDelta: 1 }, { reservedDelta: 1 }, { onHandDelta: -1, reservedDelta: -1 }],
      receivers: [{ name: 'Warehouse export', stream: 'CUSTOMER', hasAcknowledged: true }],
    })
  })

  it('finds nobody of another account', async () => {
    const { email } = await buyer('alone')
    const { database } = shop.database
    const other = await insertAccount(database, 'other')
    const [id = 0] = await findCustomersOf(database, 1, { email })

    for (const who of [{ email }, { id }]) await expect(findCustomersOf(database, other, who)).rejects.toMatchObject({ code: 'NOT_FOUND' })
    expect(await exportCustomers(database, other, [id])).toEqual([])
    expect(await eraseCustomers(database, other, [id], { openOrders: true })).toMatchObject({ orderIds: [] })
    expect(await findCustomersOf(database, 1, { id })).toEqual([id])
  })
})

describe('synkvy customer erase', () => {
  it('says first what it would do, and refuses while an order has yet to be shipped', async () => {
    const { customerId, email } = await buyer('refused')

    const plan = await synkvy('erase', email)
    const refused = await synkvy('erase', email, '--confirm')

    expect(plan).toMatchObject({
      status: 0,
      out: expect.stringContaining('2 orders stay without their names and addresses, 1 of them not shipped yet'),
    })
    expect(refused).toMatchObject({ status: 1, err: expect.stringContaining('still to be shipped') })
    const [id] = await findCustomersOf(shop.database.database, 1, { email })
    expect(customerId).toBe(Buffer.from(`Customer:${id}`).toString('base64'))
  })

  it('leaves nothing of the person anywhere in the database, tells the connected systems, and keeps the orders', async () => {
    const { sql } = shop.database.database
    const { marketplace, warehouse, email, customerId, open, move } = await buyer('gone')
    await move(open, 'CANCELLED')
    const atWarehouse = {
      customers: new Subscription(shop.connect(warehouse.key), 'CUSTOMER'),
      orders: new Subscription(shop.connect(warehouse.key), 'ORDER'),
    }
    const atMarketplace = new Subscription(shop.connect(marketplace.key), 'CUSTOMER')
    for (const stream of [...Object.values(atWarehouse), atMarketplace]) await stream.readUntil((batch) => batch.caughtUp)

    const { status, out } = await synkvy('erase', email, '--confirm', '--json')

    expect(status).toBe(0)
    expect(JSON.parse(out)).toMatchObject({
      erased: true,
      customers: [customerId],
      orders: [expect.any(String), expect.any(String)],
      openOrders: [],
    })
    expect(JSON.parse(out).toldTo.map(({ name, stream }: Record<string, string>) => [name, stream])).toEqual(
      expect.arrayContaining([
        ['Warehouse gone', 'CUSTOMER'],
        ['Warehouse gone', 'ORDER'],
        ['Marketplace gone', 'CUSTOMER'],
      ]),
    )
    for (const stream of [atWarehouse.customers, atMarketplace])
      expect(await stream.readUntil((batch) => batch.changes.length > 0)).toMatchObject([
        { kind: 'REMOVE', reason: 'DELETED', id: customerId, key: 'K-gone' },
      ])
    const orders = await atWarehouse.orders.readUntil((batch) => batch.changes.length >= 2)
    expect(
      orders.map(({ kind, entity }) => [kind, entity?.['externalId'], entity?.['state'], entity?.['customer'], entity?.['total']]),
    ).toEqual([
      ['UPSERT', 'gone-1', 'SHIPPED', null, { amount: '10.00', currency: 'SEK' }],
      ['UPSERT', 'gone-2', 'CANCELLED', null, { amount: '10.00', currency: 'SEK' }],
    ])
    const { order } = await expectData(
      shop.call('query ($id: ID!) { order(id: $id) { shippingAddress { name line1 city countryCode } } }', { id: open }),
    )
    expect(order.shippingAddress).toEqual({ name: null, line1: 'erased', city: 'erased', countryCode: 'SE' })

    const tables = await sql<
      { name: string }[]
    >`SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'`
    const holding: string[] = []
    for (const { name } of tables) {
      const rows = await sql<
        { text: string }[]
      >`SELECT t::text FROM ${identifier(name)} t WHERE t::text ILIKE ANY (ARRAY['%Åsa gone%', ${`%${email}%`}, '%K-gone%'])`
      if (rows.length > 0) holding.push(name)
    }
    // Its owner's own id of it, until every system has acknowledged the REMOVE and the sweep takes it.
    expect(holding).toEqual(['feed'])
    expect(await sql`SELECT key, deleted FROM feed WHERE key ILIKE '%gone%'`).toEqual([{ key: 'K-gone', deleted: true }])
    await expect(findCustomersOf(shop.database.database, 1, { email })).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })
})
