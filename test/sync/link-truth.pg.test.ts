import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createProducts, createView, expectData, startShop } from '../helpers/gateway.ts'
import { untilSequenced } from '../helpers/database.ts'

// What Link.state says is held against a consumer that pulls both streams, acknowledges and rejects, and keeps its own book of what it still owes: of each product whether it was
// changed, linked or resent since what it has acknowledged.

let shop: Awaited<ReturnType<typeof startShop>>
beforeAll(async () => {
  shop = await startShop()
  await createProducts(shop, handles, 100)
})
afterAll(async () => {
  await shop[Symbol.asyncDispose]()
})

const handles = ['truth-0', 'truth-1', 'truth-2', 'truth-3']
const streams = ['PRODUCT', 'STOCK'] as const
type StreamName = (typeof streams)[number]

/** When each lane came to owe a product, on one stream; undefined where it does not. */
interface Owed {
  live?: number | undefined
  linked?: number | undefined
  resend?: number | undefined
}

interface PulledChange {
  readonly handle: string
  readonly id: string
  readonly lane: 'LIVE' | 'RESEND'
  readonly revision: string
}
interface Pulled {
  readonly stream: StreamName
  readonly at: number
  readonly cursor: string
  readonly changes: readonly PulledChange[]
}

let serial = 0

/** An external system with its own book. */
class Bookkeeper {
  readonly viewId: string
  readonly key: string
  readonly owed = new Map<string, { PRODUCT: Owed; STOCK: Owed }>(handles.map((handle) => [handle, { PRODUCT: {}, STOCK: {} }]))
  readonly linked = new Set<string>()
  /** Products whose rejection stands, and how often each has changed. */
  readonly rejected = new Set<string>()
  readonly version = new Map(handles.map((handle) => [handle, 0]))
  readonly received = new Map<string, PulledChange & { readonly version: number }>()
  held: readonly Pulled[] = []
  #clock = 0
  #titles = 0

  constructor(view: { readonly viewId: string; readonly key: string }) {
    this.viewId = view.viewId
    this.key = view.key
  }

  static async open(): Promise<Bookkeeper> {
    const view = await createView(shop, `Truth ${(serial += 1)}`)
    const keeper = new Bookkeeper(view)
    await keeper.link(handles)
    for (const stream of streams) await keeper.pull(stream, 1)
    keeper.held = []
    return keeper
  }

  #tick(): number {
    return (this.#clock += 1)
  }

  #owes(handle: string, stream: StreamName): Owed {
    return this.owed.get(handle)?.[stream] ?? {}
  }

  #queue(handle: string): void {
    for (const stream of streams) Object.assign(this.#owes(handle, stream), { linked: this.#tick(), resend: undefined })
    this.rejected.delete(handle)
  }

  async link(wanted: readonly string[]): Promise<void> {
    await this.#admin('linkProducts', wanted, 'linksCreated')
    for (const handle of wanted.filter((one) => !this.linked.has(one))) this.#queue(handle)
    wanted.forEach((handle) => this.linked.add(handle))
  }

  async resend(handle: string): Promise<void> {
    await this.#admin('resendProducts', [handle], 'linksQueued')
    this.#queue(handle)
  }

  #admin(name: string, wanted: readonly string[], field: string) {
    return expectData(
      shop.call(`mutation ($viewId: ID!, $products: [ProductBy!]!) { ${name}(syncViewId: $viewId, products: $products) { ${field} } }`, {
        viewId: this.viewId,
        products: wanted.map((handle) => ({ handle })),
      }),
    )
  }

  async resendAll(): Promise<void> {
    const { resendAllProducts } = await expectData(
      shop.call('mutation ($viewId: ID!) { resendAllProducts(syncViewId: $viewId, confirm: true) { __typename } }', {
        viewId: this.viewId,
      }),
    )
    if (resendAllProducts.__typename !== 'ResendStarted') return
    for (const handle of this.linked) {
      if (this.rejected.has(handle)) {
        this.#queue(handle)
        continue
      }
      for (const stream of streams) {
        const owed = this.#owes(handle, stream)
        // What was pulled before the run does not count for it.
        if (owed.linked === undefined) owed.resend = this.#tick()
        else owed.linked = this.#tick()
      }
    }
  }

  async cancel(): Promise<void> {
    const { errors } = await shop.call('mutation ($viewId: ID!) { cancelResend(syncViewId: $viewId) { __typename } }', {
      viewId: this.viewId,
    })
    if (errors === undefined) this.#forEachOwed((owed) => (owed.resend = undefined))
  }

  #forEachOwed(work: (owed: Owed, handle: string, stream: StreamName) => void): void {
    for (const [handle, of] of this.owed) for (const stream of streams) work(of[stream], handle, stream)
  }

  /** By the shop, in SQL or over GraphQL, or by the system itself, to which that is not sent back. */
  async change(handle: string, by: 'SQL' | 'SHOP' | 'SELF'): Promise<void> {
    const title = `${handle} ${this.viewId} ${(this.#titles += 1)}`
    if (by === 'SQL') await shop.database.database.sql`UPDATE products SET title = ${title} WHERE handle = ${handle}`
    else
      await expectData(
        shop.call(
          'mutation ($input: [ProductInput!]!) { upsertProducts(input: $input) { products { id } } }',
          { input: [{ handle, title }] },
          ...(by === 'SELF' ? [this.key] : []),
        ),
      )
    this.#changed(handle, 'PRODUCT', by === 'SELF')
    this.version.set(handle, (this.version.get(handle) ?? 0) + 1)
    this.rejected.delete(handle)
  }

  async sell(handle: string, by: 'SHOP' | 'SELF'): Promise<void> {
    await expectData(
      shop.call(
        'mutation ($input: [AdjustStockInput!]!) { adjustStock(input: $input) { __typename } }',
        { input: [{ sku: `SKU-${handle}`, delta: 1 }] },
        ...(by === 'SELF' ? [this.key] : []),
      ),
    )
    this.#changed(handle, 'STOCK', by === 'SELF')
  }

  /** Its own change comes back to it only where something lies under it that it has not acknowledged. */
  #changed(handle: string, stream: StreamName, isOwn: boolean): void {
    const owed = this.#owes(handle, stream)
    if (!isOwn || owed.live !== undefined) owed.live = this.#tick()
  }

  /** Reads on, after what it has read and not acknowledged yet. */
  async pull(stream: StreamName, first: number): Promise<void> {
    const after = this.held.findLast((pulled) => pulled.stream === stream)?.cursor
    // What gets a position between the two would be pulled a moment later.
    await untilSequenced(shop.database.database)
    const at = this.#tick()
    const field =
      stream === 'PRODUCT'
        ? 'batch: productChanges(afterCursor: $after, first: $first) { cursor changes { handle id: productId lane revision } }'
        : 'batch: stockChanges(afterCursor: $after, first: $first) { cursor changes { handle: sku id: stockLevelId lane revision } }'
    const { batch } = await expectData(shop.call(`query ($after: Cursor, $first: Int) { ${field} }`, { after, first }, this.key))
    const changes: PulledChange[] = batch.changes
    const named = changes.map((change) => ({ ...change, handle: change.handle.replace('SKU-', '') }))
    if (named.length > 0) this.held = [...this.held, { stream, at, cursor: batch.cursor, changes: named }]
    if (stream !== 'PRODUCT') return
    for (const change of named) this.received.set(change.handle, { ...change, version: this.version.get(change.handle) ?? 0 })
  }

  /** One of what it holds of a stream, and with it everything that it pulled before that. */
  async acknowledge(stream: StreamName, which: number): Promise<void> {
    const ofStream = this.held.filter((pulled) => pulled.stream === stream)
    const last = ofStream[which % Math.max(1, ofStream.length)]
    if (last === undefined) return
    await expectData(
      shop.call('mutation ($cursor: Cursor!) { acknowledge(cursor: $cursor) { __typename } }', { cursor: last.cursor }, this.key),
    )
    const covered = ofStream.slice(0, ofStream.indexOf(last) + 1)
    for (const { at, changes } of covered) for (const { handle, lane } of changes) settle(this.#owes(handle, stream), lane, at)
    this.held = this.held.filter((pulled) => !covered.includes(pulled))
  }

  async reject(handle: string): Promise<void> {
    const change = this.received.get(handle)
    if (change === undefined || !this.linked.has(handle)) return
    const input = [{ id: change.id, revision: change.revision, reason: 'It cannot be taken' }]
    await expectData(shop.call('mutation ($input: [RejectInput!]!) { reject(input: $input) { __typename } }', { input }, this.key))
    if (change.version === this.version.get(handle)) this.rejected.add(handle)
  }

  /** What the links must say. */
  get expected(): Readonly<Record<string, string>> {
    return Object.fromEntries(
      handles
        .filter((handle) => this.linked.has(handle))
        .map((handle) => {
          if (this.rejected.has(handle)) return [handle, 'REJECTED']
          const waits = streams.some((stream) => Object.values(this.#owes(handle, stream)).some((since) => since !== undefined))
          return [handle, waits ? 'PENDING' : 'IN_SYNC']
        }),
    )
  }

  /** What they say, each by itself and as filters. */
  async told(): Promise<Readonly<Record<string, string>>> {
    const filtered = ['PENDING', 'IN_SYNC', 'REJECTED'].map(
      (state) => `${state}: links(syncViewId: $viewId, state: ${state}) { totalCount nodes { product { handle } } }`,
    )
    const data: Record<string, { totalCount: number; nodes: { state: string; product: { handle: string } }[] }> = await expectData(
      shop.call(
        `query ($viewId: ID!) { all: links(syncViewId: $viewId) { totalCount nodes { state product { handle } } } ${filtered.join(' ')} }`,
        { viewId: this.viewId },
      ),
    )
    const { all, ...byState } = data
    const states = Object.fromEntries((all?.nodes ?? []).map(({ state, product }) => [product.handle, state]))
    for (const [state, { totalCount, nodes }] of Object.entries(byState)) {
      const wanted = Object.keys(states).filter((handle) => states[handle] === state)
      expect({ state, totalCount, handles: nodes.map(({ product }) => product.handle) }).toEqual({
        state,
        totalCount: wanted.length,
        handles: wanted,
      })
    }
    return states
  }
}

function settle(owed: Owed, lane: 'LIVE' | 'RESEND', at: number): void {
  if (lane === 'LIVE' && (owed.live ?? at) < at) owed.live = undefined
  if (lane === 'LIVE') return
  if ((owed.linked ?? at) < at) owed.linked = undefined
  if ((owed.resend ?? at) < at) owed.resend = undefined
}

const product = fc.constantFrom(...handles)
const stream = fc.constantFrom(...streams)
const step: fc.Arbitrary<{ readonly name: string; readonly run: (keeper: Bookkeeper) => Promise<void> }> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc
      .tuple(product, fc.constantFrom('SQL', 'SHOP', 'SELF'))
      .map(([handle, by]) => ({ name: `change ${handle} by ${by}`, run: (k: Bookkeeper) => k.change(handle, by) })),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(product, fc.constantFrom('SHOP', 'SELF'))
      .map(([handle, by]) => ({ name: `sell ${handle} by ${by}`, run: (k: Bookkeeper) => k.sell(handle, by) })),
  },
  {
    weight: 5,
    arbitrary: fc
      .tuple(stream, fc.integer({ min: 1, max: 5 }))
      .map(([of, first]) => ({ name: `pull ${first} ${of}`, run: (k: Bookkeeper) => k.pull(of, first) })),
  },
  {
    weight: 5,
    arbitrary: fc
      .tuple(stream, fc.nat(5))
      .map(([of, which]) => ({ name: `acknowledge ${which} of ${of}`, run: (k: Bookkeeper) => k.acknowledge(of, which) })),
  },
  { weight: 2, arbitrary: product.map((handle) => ({ name: `reject ${handle}`, run: (k: Bookkeeper) => k.reject(handle) })) },
  { weight: 1, arbitrary: product.map((handle) => ({ name: `resend ${handle}`, run: (k: Bookkeeper) => k.resend(handle) })) },
  { weight: 1, arbitrary: fc.constant({ name: 'resend all', run: (k: Bookkeeper) => k.resendAll() }) },
  { weight: 1, arbitrary: fc.constant({ name: 'cancel', run: (k: Bookkeeper) => k.cancel() }) },
)

test('the state of every link, its filters and their counts say what the other end has acknowledged and rejected, whatever happens in whatever order', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
      const keeper = await Bookkeeper.open()
      const done: string[] = []
      for (const { name, run } of steps) {
        await run(keeper)
        done.push(name)
        expect(await keeper.told(), done.join(', ')).toEqual(keeper.expected)
      }
    }),
    { numRuns: Number(process.env['SYNKVY_TEST_RUNS'] ?? 12), endOnFailure: true },
  )
}, 300_000)
