import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { upsertProducts } from '../../src/catalog/products.ts'
import { adjustStock, sweepIdempotencyKeys, setStock, type AdjustStockInput, type SetStockInput } from '../../src/catalog/stock.ts'
import { insertAccount } from '../helpers/account.ts'
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts'

let test_: TestDatabase
let accountId: number
beforeAll(async () => {
  test_ = await createTestDatabase()
  accountId = await insertAccount(test_.database)
  const skus = ['S1', 'S2', 'S3', 'S4', 'S5']
  const variants = (names: readonly string[]) => names.map((sku) => ({ sku, price: { amount: '1', currency: 'SEK' } }))
  await upsertProducts(test_.database, { accountId }, [
    { handle: 'stock', title: 'S', variants: variants(skus) },
    { handle: 'back', title: 'B', allowBackorder: true, variants: variants(['BACK']) },
  ])
})
afterAll(async () => {
  await test_[Symbol.asyncDispose]()
})

const set = (...inputs: (Omit<SetStockInput, 'location'> & { location?: string })[]) =>
  setStock(
    test_.database,
    { accountId },
    inputs.map((input) => ({ location: 'default', ...input })),
  )
const adjust = (inputs: readonly (Omit<AdjustStockInput, 'location'> & { location?: string })[], key?: string) =>
  adjustStock(
    test_.database,
    { accountId, userId: 1 },
    inputs.map((input) => ({ location: 'default', ...input })),
    key,
  )

describe('setStock', () => {
  test('makes the location and the level when they are first named, and answers in the order of the input', async () => {
    const rows = await set({ sku: 'S2', onHand: 5, location: 'lager' }, { sku: 'S1', onHand: 7 })

    expect(rows.map((row) => row.onHand)).toEqual([5, 7])
    expect(rows[0]?.locationId).not.toBe(rows[1]?.locationId)
  })

  test('as compare-and-set is refused when another number is on hand by now; what is not there counts as 0', async () => {
    await set({ sku: 'S3', onHand: 4, expectedOnHand: 0 })

    await expect(set({ sku: 'S3', onHand: 9, expectedOnHand: 5 })).rejects.toMatchObject({
      code: 'CONFLICT',
      inputPath: ['input', 0, 'expectedOnHand'],
    })
    await expect(set({ sku: 'S3', onHand: -1 })).rejects.toMatchObject({ code: 'BAD_USER_INPUT' })
    await expect(set({ sku: 'NONE', onHand: 1 })).rejects.toMatchObject({ code: 'NOT_FOUND', inputPath: ['input', 0, 'sku'] })
    await expect(set({ sku: 'S3', onHand: 1 }, { sku: 'S3', onHand: 2 })).rejects.toMatchObject({ code: 'BAD_USER_INPUT' })
  })
})

describe('adjustStock', () => {
  test('adds up, takes no more than is available, and may go below zero where backorders are allowed', async () => {
    await set({ sku: 'S4', onHand: 3 })

    expect(
      (
        await adjust([
          { sku: 'S4', delta: -1 },
          { sku: 'S4', delta: -1 },
        ])
      ).map((row) => row.onHand),
    ).toEqual([1, 1])
    await expect(adjust([{ sku: 'S4', delta: -2 }])).rejects.toMatchObject({
      code: 'INSUFFICIENT_STOCK',
      message: expect.stringContaining('has 1 available'),
    })
    expect((await adjust([{ sku: 'BACK', delta: -5 }]))[0]?.onHand).toBe(-5)
    await expect(adjust([{ sku: 'BACK', delta: -2_147_483_647 }])).rejects.toMatchObject({ code: 'BAD_USER_INPUT' })
  })

  test('with a key is done once, by many at once too; with other input it is refused', async () => {
    await set({ sku: 'S5', onHand: 100 })

    const answers = await Promise.all(Array.from({ length: 5 }, () => adjust([{ sku: 'S5', delta: -1 }], 'key-1')))

    expect(answers.flat().map((row) => row.onHand)).toEqual([99, 99, 99, 99, 99])
    await expect(adjust([{ sku: 'S5', delta: -2 }], 'key-1')).rejects.toMatchObject({ code: 'CONFLICT', inputPath: ['idempotencyKey'] })
    const { sql } = test_.database
    expect(await sweepIdempotencyKeys(sql, 10)).toBe(0)
    await sql`UPDATE idempotency_keys SET created_at = now() - interval '31 days'`
    expect(await sweepIdempotencyKeys(sql, 10)).toBe(1)
  })

  test('by many at once, of levels that overlap, nets out exactly and never deadlocks', async () => {
    const change = fc.record({
      sku: fc.constantFrom('S1', 'S2', 'S3', 'S4', 'S5'),
      delta: fc.integer({ min: 1, max: 9 }),
      location: fc.constantFrom('default', 'lager', 'butik'),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(change, { minLength: 1, maxLength: 6 }), { minLength: 2, maxLength: 8 }), async (calls) => {
        const before = await total()
        await Promise.all(calls.map((call) => adjust(call)))
        expect(await total()).toBe(before + calls.flat().reduce((sum, { delta }) => sum + delta, 0))
      }),
      { numRuns: 15 },
    )
  })
})

async function total(): Promise<number> {
  const [row] = await test_.database.sql<{ sum: number }[]>`SELECT coalesce(sum(on_hand), 0)::bigint AS sum FROM stock_levels`
  return row?.sum ?? 0
}
