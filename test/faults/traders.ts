import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import type { Random } from './random.ts'
import { callUntilAnswered, type Shop } from './shop.ts'
import { customerFields, Ended, orderFields, type Door } from './transport.ts'

const node = z.looseObject({ id: z.string(), revision: z.string().transform(BigInt) })
const answers = z.object({
  upsertOrders: z.object({ orders: z.array(node) }).optional(),
  upsertCustomers: z.object({ customers: z.array(node) }).optional(),
  setOrderState: z.object({ order: node }).optional(),
})

/** What a system is answered to its own write. */
export interface OwnWrite {
  readonly id: string
  readonly revision: bigint
  readonly entity: Readonly<Record<string, unknown>>
}

/** On whose behalf a call is made: a view's, by its place among the shop's, or an admin's. */
interface Trader {
  readonly view: number | undefined
  readonly name: string
  readonly door: () => Door
}

const upsertCustomers = `mutation ($input: [CustomerInput!]!) { upsertCustomers(input: $input) { customers { id revision ${customerFields} } } }`
const upsertOrders = `mutation ($input: [OrderInput!]!) { upsertOrders(input: $input) { orders { id revision ${orderFields} } } }`
const setOrderState = `mutation ($id: ID!, $state: OrderState!) { setOrderState(id: $id, state: $state) { order { id revision ${orderFields} } } }`

/** What may be answered to a call that is well made. */
const answeredSo = ['NOT_FOUND', 'INSUFFICIENT_STOCK', 'ILLEGAL_STATE']

/** Systems that send in customers and orders, change them, ship and cancel, each call repeated until it is answered. Without `doorOf` an admin does it all. */
export class Traders {
  readonly violations: string[] = []
  committed = 0
  readonly #shop: Shop
  readonly #productCount: number
  readonly #doorOf: ((key: string) => Door) | undefined
  readonly #admin: () => Door
  readonly #onOwnWrite: (view: number, stream: 'ORDER' | 'CUSTOMER', write: OwnWrite) => void
  /** Orders that somebody was answered. */
  readonly #known: string[] = []

  constructor(
    shop: Shop,
    productCount: number,
    doorOf: ((key: string) => Door) | undefined,
    admin: () => Door,
    onOwnWrite: (view: number, stream: 'ORDER' | 'CUSTOMER', write: OwnWrite) => void,
  ) {
    this.#shop = shop
    this.#productCount = productCount
    this.#doorOf = doorOf
    this.#admin = admin
    this.#onOwnWrite = onOwnWrite
  }

  async run(random: Random, signal: AbortSignal): Promise<void> {
    await Promise.all([this.#trade(random.fork(), signal), this.#trade(random.fork(), signal)])
  }

  async #trade(random: Random, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#tradeOnce(random, this.#trader(random))
      await sleep(random.below(120))
    }
  }

  #trader(random: Random): Trader {
    const doorOf = this.#doorOf
    const view = random.below(this.#shop.views.length)
    const system = this.#shop.views[view]
    if (doorOf === undefined || system === undefined || random.chance(0.15)) return { view: undefined, name: 'admin', door: this.#admin }
    return { view, name: system.name, door: () => doorOf(system.key) }
  }

  async #tradeOnce(random: Random, trader: Trader): Promise<void> {
    const kind = random.below(10)
    const some = Array.from({ length: 1 + random.below(3) }, () => random.below(15))
    if (kind < 3) {
      const input = [...new Set(some)].map((n) => ({ externalId: `c${n}`, name: `Name ${random.below(1_000)}`, email: `${n}@example.com` }))
      await this.#ask(trader, upsertCustomers, { input })
    } else if (kind < 7) {
      const input = [...new Set(some)].map((n) => ({
        externalId: `o${n}`,
        number: `${trader.name} ${random.below(1_000)}`,
        ...(random.chance(0.3) ? { customerExternalId: `c${random.below(15)}` } : {}),
        ...(random.chance(0.7) ? { lines: this.#lines(random) } : {}),
      }))
      await this.#ask(trader, upsertOrders, { input })
    } else {
      const id = this.#known[random.below(this.#known.length)]
      if (id !== undefined) await this.#ask(trader, setOrderState, { id, state: random.pick(['SHIPPED', 'SHIPPED', 'CANCELLED']) })
    }
  }

  #lines(random: Random) {
    return Array.from({ length: random.below(4) }, () => ({
      sku: `h${random.below(this.#productCount)}-0`,
      quantity: 1 + random.below(3),
      unitPrice: { amount: String(random.below(100)), currency: 'SEK' },
    }))
  }

  /** A call that was not answered may have been carried out: it is made again until it is, so that the system knows what it has written. */
  async #ask({ view, name, door }: Trader, query: string, variables: Record<string, unknown>): Promise<void> {
    try {
      const data = answers.parse(await callUntilAnswered(door, query, variables, AbortSignal.timeout(90_000)))
      const orders = [...(data.upsertOrders?.orders ?? []), ...(data.setOrderState === undefined ? [] : [data.setOrderState.order])]
      const customers = data.upsertCustomers?.customers ?? []
      this.committed += orders.length + customers.length
      this.#known.push(...orders.map(({ id }) => id))
      if (view === undefined) return
      for (const { id, revision, ...entity } of orders) this.#onOwnWrite(view, 'ORDER', { id, revision, entity })
      for (const { id, revision, ...entity } of customers) this.#onOwnWrite(view, 'CUSTOMER', { id, revision, entity })
    } catch (error) {
      if (!(error instanceof Ended)) throw error
      if (error.code === 'UNAUTHENTICATED') {
        // Its key was revoked, perhaps after the call had been carried out and before it was answered: it has another soon.
        await sleep(200)
        return this.#ask({ view, name, door }, query, variables)
      }
      if (error.code === undefined || !answeredSo.includes(error.code))
        this.violations.push(`${name} was answered: ${error.code} ${error.message}`)
    }
  }
}
