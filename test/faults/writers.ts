import { setTimeout as sleep } from 'node:timers/promises'
import type { Sql, SqlSession } from '../../src/db/client.ts'
import type { Random } from './random.ts'
import { callUntilAnswered, type Shop } from './shop.ts'
import { call, Ended, type Door } from './transport.ts'

/** What writers did. */
export interface Written {
  /** Rows that were changed by transactions that were told that they had committed. */
  committed: number
  rolledBack: number
  failed: number
}

/** Changes the shop in every way there is, until the signal fires: GraphQL, plain SQL, long transactions, whole-catalogue updates, rollbacks. */
export class Writers {
  readonly written: Written = { committed: 0, rolledBack: 0, failed: 0 }
  /** How often the counter was raised by calls that were repeated until they were answered. */
  raised = 0
  readonly violations: string[] = []
  readonly #shop: Shop
  readonly #connect: () => SqlSession
  readonly #door: () => Door
  readonly #productCount: number

  constructor(shop: Shop, productCount: number, connect: () => SqlSession, door: () => Door) {
    this.#shop = shop
    this.#productCount = productCount
    this.#connect = connect
    this.#door = door
  }

  async run(random: Random, signal: AbortSignal): Promise<void> {
    await Promise.all([
      this.#bySql(random.fork(), signal),
      this.#bySql(random.fork(), signal),
      this.#byLongTransactions(random.fork(), signal),
      this.#byCalls(random.fork(), signal),
      this.#byCounting(signal),
    ])
  }

  #handle(random: Random): string {
    return `h${random.below(this.#productCount)}`
  }

  async #bySql(random: Random, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const sql = this.#connect()
      try {
        for (let turn = 0; turn < 50 && !signal.aborted; turn += 1) {
          await this.#writeOnce(sql, random)
          await sleep(random.below(60))
        }
      } catch {
        this.written.failed += 1
        await sleep(100)
      } finally {
        await sql.end().catch(() => {})
      }
    }
  }

  async #writeOnce(sql: Sql, random: Random): Promise<void> {
    const { accountId } = this.#shop
    const handle = this.#handle(random)
    const sku = `${handle}-0`
    const kind = random.below(12)
    const rows =
      kind < 6
        ? await sql`UPDATE stock_levels SET on_hand = ${random.below(500)} WHERE account_id = ${accountId} AND variant_id = (SELECT id FROM variants WHERE account_id = ${accountId} AND sku = ${sku}) RETURNING 1`
        : kind < 9
          ? await sql`UPDATE products SET title = ${`Title ${random.below(100_000)}`} WHERE account_id = ${accountId} AND handle = ${handle} RETURNING 1`
          : kind === 9
            ? await sql`UPDATE variants SET price = ${random.below(900)} WHERE account_id = ${accountId} AND sku = ${sku} RETURNING 1`
            : kind === 10
              ? await sql`DELETE FROM variants WHERE account_id = ${accountId} AND sku = ${`${handle}-1`} RETURNING 1`
              : await sql`UPDATE stock_levels SET on_hand = on_hand + 1 WHERE account_id = ${accountId} AND product_id <> (
                  SELECT id FROM products WHERE account_id = ${accountId} AND handle = 'counter') RETURNING 1`
    this.written.committed += rows.length
  }

  /** Commit late, out of order, and some not at all. */
  async #byLongTransactions(random: Random, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const sql = this.#connect()
      const isRolledBack = random.chance(0.3)
      const handles = [this.#handle(random), this.#handle(random)].toSorted()
      try {
        await sql.begin(async (tx) => {
          for (const handle of handles) {
            await tx`UPDATE products SET title = ${`Long ${random.below(100_000)}`} WHERE account_id = ${this.#shop.accountId} AND handle = ${handle}`
          }
          await sleep(random.below(2_000))
          if (isRolledBack) throw new RolledBack()
        })
        this.written.committed += handles.length
      } catch (error) {
        if (error instanceof RolledBack) this.written.rolledBack += 1
        else this.written.failed += 1
      } finally {
        await sql.end().catch(() => {})
      }
      await sleep(random.below(300))
    }
  }

  async #byCalls(random: Random, signal: AbortSignal): Promise<void> {
    for (let made = 0; !signal.aborted; made += 1) {
      try {
        await this.#callOnce(random, made)
      } catch (error) {
        if (!(error instanceof Ended)) throw error
        if (error.code === 'INTERNAL') this.violations.push(`a writer was told: ${error.message}`)
        this.written.failed += 1
      }
      await sleep(random.below(150))
    }
  }

  async #callOnce(random: Random, made: number): Promise<void> {
    const kind = random.below(10)
    if (kind < 5) {
      const input = Array.from({ length: 1 + random.below(20) }, () => ({ sku: `${this.#handle(random)}-0`, onHand: random.below(500) }))
      const distinct = [...new Map(input.map((row) => [row.sku, row])).values()]
      await call(this.#door(), 'mutation ($input: [SetStockInput!]!) { setStock(input: $input) { stockLevels { id } } }', {
        input: distinct,
      })
      this.written.committed += distinct.length
    } else {
      // A big one now and then: new products, and changed ones.
      const count = kind === 9 ? 100 : 1 + random.below(5)
      const input = Array.from({ length: count }, (_, index) => {
        const handle = random.chance(0.5) ? this.#handle(random) : `new${made}-${index}`
        return {
          handle,
          title: `Called ${random.below(100_000)}`,
          variants: [{ sku: `${handle}-0`, title: 'One', price: { amount: String(random.below(900)), currency: 'SEK' } }],
        }
      })
      const distinct = [...new Map(input.map((row) => [row.handle, row])).values()]
      await call(this.#door(), 'mutation ($input: [ProductInput!]!) { upsertProducts(input: $input) { products { id } } }', {
        input: distinct,
      })
      this.written.committed += distinct.length
    }
  }

  /** Raises one number, each time with an idempotency key and until it is answered: in the end it tells whether a call was done twice, or not at all. */
  async #byCounting(signal: AbortSignal): Promise<void> {
    const query =
      'mutation ($key: String!) { adjustStock(input: [{ sku: "counter", delta: 1 }], idempotencyKey: $key) { stockLevels { onHand } } }'
    while (!signal.aborted) {
      const key = `raise-${this.raised}`
      await callUntilAnswered(this.#door, query, { key }, AbortSignal.timeout(90_000))
      this.raised += 1
      await sleep(40)
    }
  }
}

class RolledBack extends Error {}
