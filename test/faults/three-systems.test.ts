import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parse } from 'csv-parse/sync'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { TrialConsumer, type ConsumerKind } from './consumer.ts'
import { injectFault } from './injection.ts'
import { Random } from './random.ts'
import type { Fault } from './schedule.ts'
import { callUntilAnswered, createView, expectedCopies, openShop, type Shop, type TrialView } from './shop.ts'
import { customerFields, Ended, orderFields, type Door, type StreamName } from './transport.ts'
import { compare } from './trial.ts'
import { World } from './world.ts'
import { numberOf } from '../helpers/ids.ts'

// Three systems at once on one catalogue, a day of invoices, and faults: nothing is lost, oversold, or sent back to who wrote it.

const data = process.env['SYNKVY_TEST_DATA']
if (data === undefined) console.warn('skipped: three systems for a day; SYNKVY_TEST_DATA names no folder with the invoices')

const row = z.object({
  InvoiceNo: z.string(),
  StockCode: z.string(),
  Quantity: z.coerce.number(),
  UnitPrice: z.string(),
  CustomerID: z.string(),
})
type Row = z.infer<typeof row>

interface Invoice {
  readonly number: string
  readonly customer: string | undefined
  readonly lines: readonly Row[]
}

/** The day's invoices: without cancellations, and without lines whose quantity or price is zero or below. */
function readInvoices(folder: string): readonly Invoice[] {
  const rows = z.array(row).parse(parse(readFileSync(join(folder, 'online-retail', '2010-12-01.csv')), { columns: true }))
  const invoices = new Map<string, Row[]>()
  for (const one of rows) {
    if (one.InvoiceNo.startsWith('C') || one.Quantity <= 0 || Number(one.UnitPrice) <= 0 || one.StockCode === '') continue
    invoices.set(one.InvoiceNo, [...(invoices.get(one.InvoiceNo) ?? []), one])
  }
  return [...invoices].map(([number, lines]) => ({
    number,
    customer: lines[0]?.CustomerID === '' ? undefined : lines[0]?.CustomerID.replace('.0', ''),
    lines,
  }))
}

const faults: readonly { readonly atMs: number; readonly fault: Fault }[] = [
  { atMs: 1_000, fault: { is: 'kill-sequencing', lastsMs: 800 } },
  { atMs: 3_000, fault: { is: 'consumer-wire', gateway: 0, mode: 'cut', lastsMs: 1_500 } },
  { atMs: 5_500, fault: { is: 'postgres-immediate', lastsMs: 700 } },
  { atMs: 8_500, fault: { is: 'consumer-wire', gateway: 1, mode: 'half-open', lastsMs: 2_500 } },
  { atMs: 9_500, fault: { is: 'end-sessions', lastsMs: 100 } },
  { atMs: 11_000, fault: { is: 'stop-sequencing', lastsMs: 7_000 } },
  { atMs: 12_500, fault: { is: 'postgres-wire', gateway: 2, mode: 'stalled', lastsMs: 2_000 } },
  { atMs: 15_000, fault: { is: 'terminate', gateway: 1, lastsMs: 500 } },
]

/** An external system: its view, and a copy of every stream. */
class System {
  readonly view: TrialView
  readonly copies: readonly TrialConsumer[]
  readonly #door: () => Door

  constructor(view: TrialView, kinds: readonly ConsumerKind[], random: Random, world: World) {
    this.view = view
    const doors = random.fork()
    this.#door = () => ({ port: world.nodes[doors.below(world.nodes.length)]?.door.port ?? 0, key: view.key })
    this.copies = (['PRODUCT', 'STOCK', 'ORDER', 'CUSTOMER'] as const).map(
      (stream, index) => new TrialConsumer(kinds[index] ?? 'fast', stream, random.fork(), this.#door),
    )
    this.copies.forEach((copy) => copy.start())
  }

  copyOf(stream: StreamName): TrialConsumer {
    const copy = this.copies.find((one) => one.stream === stream)
    if (copy === undefined) throw new Error(stream)
    return copy
  }

  /** Calls until it is answered. Undefined where it is refused with one of these codes. */
  async ask(query: string, variables: Record<string, unknown>, ...refusals: readonly string[]): Promise<unknown> {
    try {
      return await callUntilAnswered(this.#door, query, variables, AbortSignal.timeout(120_000))
    } catch (error) {
      if (error instanceof Ended && error.code !== undefined && refusals.includes(error.code)) return undefined
      throw error
    }
  }
}

const written = z.looseObject({ id: z.string(), revision: z.string().transform(BigInt) })
const customersAnswer = z.object({ upsertCustomers: z.object({ customers: z.array(written) }) })
const ordersAnswer = z.object({ upsertOrders: z.object({ orders: z.array(written.extend({ state: z.string() })) }) })
const orderAnswer = z.object({ setOrderState: z.object({ order: written }) })
const stockAnswer = z.object({ adjustStock: z.object({ stockLevels: z.array(written) }) })

/** Sends the invoices in, four at once: its customers first. Answers which were refused because there was too little. */
async function sell(marketplace: System, invoices: readonly Invoice[]): Promise<readonly string[]> {
  const queue = [...invoices]
  const refused: string[] = []
  const work = async (): Promise<void> => {
    for (let invoice = queue.shift(); invoice !== undefined; invoice = queue.shift()) {
      if (invoice.customer !== undefined) await sendCustomer(marketplace, invoice.customer)
      if (!(await sendOrder(marketplace, invoice))) refused.push(invoice.number)
      await sleep(60)
    }
  }
  await Promise.all([work(), work(), work(), work()])
  return refused
}

async function sendCustomer(marketplace: System, number: string): Promise<void> {
  const input = [{ externalId: number, name: `Customer ${number}` }]
  const answer = customersAnswer.parse(
    await marketplace.ask(
      `mutation ($input: [CustomerInput!]!) { upsertCustomers(input: $input) { customers { id revision ${customerFields} } } }`,
      { input },
    ),
  )
  for (const { id, revision, ...entity } of answer.upsertCustomers.customers) marketplace.copyOf('CUSTOMER').learn(id, revision, entity)
}

async function sendOrder(marketplace: System, { number, customer, lines }: Invoice): Promise<boolean> {
  const input = [
    {
      externalId: number,
      customerExternalId: customer,
      lines: lines.map(({ StockCode, Quantity, UnitPrice }) => ({
        sku: `OR-${StockCode}`,
        quantity: Quantity,
        unitPrice: { amount: UnitPrice, currency: 'GBP' },
      })),
    },
  ]
  const answer = await marketplace.ask(
    `mutation ($input: [OrderInput!]!) { upsertOrders(input: $input) { orders { id revision ${orderFields} } } }`,
    { input },
    'INSUFFICIENT_STOCK',
  )
  if (answer === undefined) return false
  // What is not PLACED any more the warehouse has changed since: that comes by the stream.
  for (const { id, revision, ...entity } of ordersAnswer.parse(answer).upsertOrders.orders)
    if (entity.state === 'PLACED') marketplace.copyOf('ORDER').learn(id, revision, entity)
  return true
}

/** Sells and restocks over the counter, and counts what lies in the shop itself, which nobody else touches. Answers by how much it changed each article in the warehouse. */
async function runCounter(
  pos: System,
  codes: readonly string[],
  random: Random,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, number>> {
  const moved = new Map<string, number>()
  const query = `mutation ($input: [AdjustStockInput!]!, $key: String!) { adjustStock(input: $input, idempotencyKey: $key) {
    stockLevels { id revision onHand variant { sku } location { code } } } }`
  const learn = (answer: unknown, mayComeBack: boolean): void => {
    for (const { id, revision, ...entity } of stockAnswer.parse(answer).adjustStock.stockLevels)
      pos.copyOf('STOCK').learn(id, revision, entity, { mayComeBack })
  }
  for (let count = 0; !signal.aborted; count += 1) {
    const sku = `OR-${codes[random.below(codes.length)] ?? ''}`
    const delta = random.chance(0.5) ? 1 + random.below(20) : -1
    const taken = await pos.ask(query, { input: [{ sku, delta }], key: `counter-${count}` }, 'INSUFFICIENT_STOCK')
    if (taken !== undefined) {
      moved.set(sku, (moved.get(sku) ?? 0) + delta)
      learn(taken, true)
    }
    const counted = await pos.ask(query, { input: [{ sku, location: 'pos', delta: 1 }], key: `shelf-${count}` })
    learn(counted, false)
    await sleep(40)
  }
  return moved
}

const heldState = z.looseObject({ state: z.string(), externalId: z.string() })

/** Ships what it sees placed, but for one in ten, which it cancels. */
async function runWarehouse(erp: System, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    for (const [id, entity] of erp.copyOf('ORDER').held) {
      const order = heldState.parse(entity)
      if (order.state !== 'PLACED') continue
      const state = order.externalId.endsWith('7') ? 'CANCELLED' : 'SHIPPED'
      const answer = orderAnswer.parse(
        await erp.ask(
          `mutation ($id: ID!, $state: OrderState!) { setOrderState(id: $id, state: $state) { order { id revision ${orderFields} } } }`,
          {
            id,
            state,
          },
        ),
      )
      const { id: _id, revision, ...written_ } = answer.setOrderState.order
      erp.copyOf('ORDER').learn(id, revision, written_)
    }
    await sleep(50)
  }
}

/** Every article of the day, so many of each in the warehouse that some run out. */
async function stockUp(world: World, shop: Shop, codes: readonly string[]): Promise<void> {
  const sql = world.connect()
  try {
    const { accountId } = shop
    await sql`INSERT INTO products (account_id, handle, title, status) SELECT ${accountId}, 'or-' || c, c, 'ACTIVE' FROM unnest(${[...codes]}::text[]) c`
    await sql`
      INSERT INTO variants (account_id, product_id, ordinal, sku, title, price, price_currency)
      SELECT account_id, id, 0, 'OR-' || title, title, 1, 'GBP' FROM products WHERE account_id = ${accountId} AND handle LIKE 'or-%'`
    await sql`
      INSERT INTO stock_levels (account_id, variant_id, location_id, on_hand)
      SELECT v.account_id, v.id, l.id, 40 FROM variants v JOIN locations l ON l.account_id = v.account_id AND l.code = 'default'
      WHERE v.account_id = ${accountId} AND v.sku LIKE 'OR-%'`
  } finally {
    await sql.end()
  }
}

test.skipIf(data === undefined)(
  'a marketplace, a POS and an ERP at once, through faults: every copy equals the shop, nothing is oversold, and nobody is sent its own',
  async () => {
    const invoices = readInvoices(data ?? '')
    const codes = [...new Set(invoices.flatMap(({ lines }) => lines.map((line) => line.StockCode)))]
    await using world = await World.create()
    const random = new Random(1201)
    const shop = await openShop(world, 'three-systems', 0, 1)
    await stockUp(world, shop, codes)
    const admin = (): Door => ({ port: world.nodes[0]?.door.port ?? 0, key: shop.adminKey })
    const views = [
      await createView(admin(), 'Marketplace', 'OWN'),
      await createView(admin(), 'POS', 'OWN'),
      await createView(admin(), 'ERP', 'ALL'),
    ] as const
    for (const { id } of views)
      await callUntilAnswered(
        admin,
        'mutation ($id: ID!) { resendAllProducts(syncViewId: $id) { __typename } }',
        { id },
        AbortSignal.timeout(30_000),
      )
    const marketplace = new System(views[0], ['fast', 'slow', 'fast', 'sse'], random.fork(), world)
    const pos = new System(views[1], ['pull', 'fast', 'fast', 'fast'], random.fork(), world)
    const erp = new System(views[2], ['sse', 'pull', 'fast', 'slow'], random.fork(), world)
    const systems = [marketplace, pos, erp]
    const sql = world.connect()
    // What a resend sends is everything, also what a system wrote itself.
    await expect.poll(async () => (await sql`SELECT 1 FROM resends WHERE state = 'RUNNING'`).length, { timeout: 60_000 }).toBe(0)
    await sql.end()

    const over = new AbortController()
    const counting = runCounter(pos, codes, random.fork(), over.signal)
    const warehouse = runWarehouse(erp, over.signal)
    const injecting = Promise.all(
      faults.map(async ({ atMs, fault }) => {
        await sleep(atMs)
        await injectFault(world, fault, random.fork())
      }),
    )
    const refused = await sell(marketplace, invoices)
    await injecting
    await world.heal()
    const after = world.connect()
    await expect
      .poll(async () => (await after`SELECT 1 FROM orders WHERE account_id = ${shop.accountId} AND state = 'PLACED'`).length, {
        timeout: 90_000,
      })
      .toBe(0)
    over.abort()
    const [moved] = await Promise.all([counting, warehouse])
    systems.forEach(({ copies }) => copies.forEach((copy) => copy.behave()))

    const differences = async (): Promise<readonly string[]> => {
      const lists: string[] = []
      for (const { view, copies } of systems) {
        const expected = await expectedCopies(after, shop.accountId, numberOf(view.id))
        lists.push(...copies.flatMap((copy) => compare(copy, expected[copy.stream], view.id, undefined)))
      }
      return lists.slice(0, 10)
    }
    await expect.poll(differences, { timeout: 90_000, interval: 500 }).toEqual([])

    const levels = await after<{ sku: string; onHand: number; reserved: number; shipped: number }[]>`
      SELECT v.sku, s.on_hand AS "onHand", s.reserved, coalesce((
        SELECT sum(l.quantity) FROM order_lines l JOIN orders o ON o.account_id = l.account_id AND o.id = l.order_id
        WHERE l.account_id = s.account_id AND l.variant_id = s.variant_id AND o.state = 'SHIPPED'), 0)::int AS shipped
      FROM stock_levels s JOIN variants v ON v.account_id = s.account_id AND v.id = s.variant_id JOIN locations p ON p.account_id = s.account_id AND p.id = s.location_id
      WHERE s.account_id = ${shop.accountId} AND p.code = 'default' AND v.sku LIKE 'OR-%'`
    const [orders] = await after<{ count: number }[]>`SELECT count(*) FROM orders WHERE account_id = ${shop.accountId}`
    await after.end()
    await Promise.all(systems.flatMap(({ copies }) => copies.map((copy) => copy.stop())))

    expect(levels).toHaveLength(codes.length)
    for (const { sku, onHand, reserved, shipped } of levels) {
      expect([sku, onHand, reserved]).toEqual([sku, 40 + (moved.get(sku) ?? 0) - shipped, 0])
      expect(onHand).toBeGreaterThanOrEqual(0)
    }
    expect(orders?.count).toBe(invoices.length - refused.length)
    expect(orders?.count).toBeGreaterThan(20)
    expect(refused.length).toBeGreaterThan(0)
    for (const { view, copies } of systems) {
      for (const copy of copies) {
        expect([view.name, copy.stream, copy.violations]).toEqual([view.name, copy.stream, []])
        expect([view.name, copy.stream, copy.tally.echoes]).toEqual([view.name, copy.stream, 0])
      }
    }
  },
  300_000,
)
