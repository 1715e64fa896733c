import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { deleteProducts, findProductIds, productBy, productsPage, upsertProducts, variantsOfProducts } from '../../src/catalog/products.ts'
import type { ProductInput } from '../../src/catalog/product-input.ts'
import type { TransactionSql } from '../../src/db/client.ts'
import { SynkvyError } from '../../src/errors.ts'
import { insertAccount } from '../helpers/account.ts'
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts'

let test_: TestDatabase
let accountId: number
beforeAll(async () => {
  test_ = await createTestDatabase()
  accountId = await insertAccount(test_.database)
})
afterAll(async () => {
  await test_[Symbol.asyncDispose]()
})

const price = (amount: string) => ({ amount, currency: 'SEK' })
const upsert = (...inputs: ProductInput[]) => upsertProducts(test_.database, { accountId }, inputs)
const variantsOf = async (id: number) => (await variantsOfProducts(test_.database, accountId, [id])).get(id) ?? []

/** What a call is refused with: each fault's code and place. */
async function faultsOf(call: Promise<unknown>): Promise<readonly (readonly [string, string])[]> {
  try {
    await call
    return []
  } catch (error) {
    const faults = error instanceof AggregateError ? error.errors : [error]
    return faults.map((fault: unknown) =>
      fault instanceof SynkvyError ? [fault.code, (fault.inputPath ?? []).join('.')] : ['unexpected', String(fault)],
    )
  }
}

async function inboxCount(): Promise<number> {
  const [row] = await test_.database.sql<{ count: number }[]>`SELECT count(*) FROM inbox`
  return row?.count ?? 0
}

/** How often a product was captured, and the revision of the last of these. */
async function capturedOf(id: number): Promise<{ readonly times: number; readonly revision: number }> {
  const rows = await test_.database.sql<
    { revision: number }[]
  >`SELECT revision FROM inbox WHERE account_id = ${accountId} AND subject = 'PRODUCT' AND entity_id = ${id} ORDER BY id`
  return { times: rows.length, revision: rows.at(-1)?.revision ?? 0 }
}

const revisionOf = async (handle: string): Promise<number> => (await productBy(test_.database, accountId, { handle }))?.revision ?? 0

describe('what one transaction does to a product and its variants', () => {
  const variant = (sku: string) => ({ sku, price: price('1') })
  const makeOne = async (handle: string): Promise<number> =>
    (await upsert({ handle, title: handle, variants: [variant(`${handle}-1`), variant(`${handle}-2`)] }))[0]?.id ?? 0

  test('is written and captured once where the product is new, or is changed as well', async () => {
    const id = await makeOne('once')
    expect(await capturedOf(id)).toEqual({ times: 1, revision: await revisionOf('once') })

    await upsert({ handle: 'once', title: 'Once more', variants: [variant('once-1'), variant('once-3')] })
    expect(await capturedOf(id)).toEqual({ times: 2, revision: await revisionOf('once') })
  })

  test.each([
    [
      'the product is written without being changed',
      (sql: TransactionSql, id: number) => sql`UPDATE products SET title = title WHERE id = ${id}`,
    ],
    ['the product is locked', (sql: TransactionSql, id: number) => sql`SELECT FROM products WHERE id = ${id} FOR UPDATE`],
    [
      'a change of the product is taken back',
      async (sql: TransactionSql, id: number) => {
        await sql`SAVEPOINT before`
        await sql`UPDATE products SET title = 'taken back' WHERE id = ${id}`
        await sql`ROLLBACK TO SAVEPOINT before`
      },
    ],
    [
      'somebody else has changed the product meanwhile, and it is written without being changed',
      async (sql: TransactionSql, id: number) => {
        await test_.database.sql`UPDATE products SET vendor = ${String(Math.random())} WHERE id = ${id}`
        await sql`UPDATE products SET title = title WHERE id = ${id}`
      },
    ],
  ])('is captured where a variant is changed, after %s', async (what, before) => {
    const handle = `variant-${what.replaceAll(/\W+/g, '-')}`.slice(0, 60)
    const id = await makeOne(handle)
    const others = 'somebody else'
    for (const change of [
      (sql: TransactionSql) => sql`UPDATE variants SET title = 'new' WHERE product_id = ${id}`,
      (sql: TransactionSql) => sql`DELETE FROM variants WHERE product_id = ${id} AND sku LIKE '%-2'`,
      (sql: TransactionSql) =>
        sql`INSERT INTO variants (account_id, product_id, ordinal, sku, title, price, price_currency) VALUES (${accountId}, ${id}, 3, ${`${handle}-3`}, 'x', 1, 'SEK')`,
    ]) {
      const { times, revision } = await capturedOf(id)
      await test_.database.sql.begin(async (tx) => {
        await tx`SELECT pg_current_xact_id()`
        await before(tx, id)
        await change(tx)
      })
      const after = await capturedOf(id)
      expect(after.times).toBe(times + (what.includes(others) ? 2 : 1))
      expect(after.revision).toBeGreaterThan(revision)
      expect(after.revision).toBe(await revisionOf(handle))
    }
  })

  test('also of a product that says that this transaction had raised it, and came with a copy of another server', async () => {
    const id = await makeOne('restored')
    const { times } = await capturedOf(id)
    await test_.database.sql.begin(async (tx) => {
      await tx`SET LOCAL session_replication_role = replica`
      await tx`ALTER TABLE products DISABLE TRIGGER products_revision`
      await tx`UPDATE products SET raised_in = pg_current_xact_id(), updated_at = now() - interval '1 day' WHERE id = ${id}`
      await tx`ALTER TABLE products ENABLE ALWAYS TRIGGER products_revision`
      await tx`UPDATE variants SET title = 'new' WHERE product_id = ${id}`
    })

    expect(await capturedOf(id)).toEqual({ times: times + 1, revision: await revisionOf('restored') })
  })
})

describe('upsertProducts', () => {
  test('makes what is new and changes what is there; what is left out stays, null clears, a list replaces the list', async () => {
    const [made] = await upsert({
      handle: 'keep',
      title: 'Keep',
      vendor: 'V',
      tags: ['a', 'b'],
      variants: [
        { sku: 'K1', price: price('5') },
        { sku: 'K2', price: price('6.500') },
      ],
    })
    const [changed] = await upsert({ handle: 'keep', vendor: null, tags: ['c'], variants: [{ sku: 'K2', title: 'Two' }] })

    expect(made).toMatchObject({ status: 'ACTIVE', allowBackorder: false })
    expect(changed).toMatchObject({ id: made?.id, title: 'Keep', vendor: null, tags: ['c'] })
    expect(changed?.revision).toBeGreaterThan(made?.revision ?? 0)
    expect(await variantsOf(made?.id ?? 0)).toMatchObject([{ sku: 'K2', title: 'Two', price: '6.50', ordinal: 0 }])
  })

  test('writes nothing where nothing differs', async () => {
    const input: ProductInput = {
      handle: 'same',
      title: 'Same',
      tags: ['x'],
      variants: [{ sku: 'SAME', price: price('5.00'), options: [{ name: 'Size', value: 'M' }] }],
    }
    const [before] = await upsert(input)
    const count = await inboxCount()
    const [after] = await upsert({ ...input, variants: [{ sku: 'SAME', price: price('5'), options: [{ name: 'Size', value: 'M' }] }] })

    expect(after).toEqual(before)
    expect(await inboxCount()).toBe(count)
  })

  test('is all or nothing, and names every fault with its place', async () => {
    const faults = await faultsOf(
      upsert(
        { handle: 'good', title: 'Good' },
        { handle: '', title: 'x' },
        { handle: 'twice', title: 'x\0' },
        { handle: 'twice', title: 'x', variants: [{ sku: 'A', price: { amount: '-1', currency: 'kr' } }] },
        { handle: 'lone', title: '\uD800' },
      ),
    )

    expect(faults).toEqual([
      ['BAD_USER_INPUT', 'input.1.handle'],
      ['BAD_USER_INPUT', 'input.2.title'],
      ['BAD_USER_INPUT', 'input.3.variants.0.price.amount'],
      ['BAD_USER_INPUT', 'input.3.variants.0.price.currency'],
      ['BAD_USER_INPUT', 'input.4.title'],
      ['BAD_USER_INPUT', 'input.3.handle'],
    ])
    expect(await productBy(test_.database, accountId, { handle: 'good' })).toBeUndefined()
    expect(await faultsOf(upsert())).toEqual([['BAD_USER_INPUT', 'input']])
  })

  test('refuses a new product without a title, a new variant without a price, a SKU of another product, a revision that is not met', async () => {
    const [owner] = await upsert({ handle: 'owner', title: 'Owner', variants: [{ sku: 'OWNED', price: price('1') }] })

    expect(await faultsOf(upsert({ handle: 'no-title' }))).toEqual([['BAD_USER_INPUT', 'input.0.title']])
    expect(await faultsOf(upsert({ handle: 'owner', variants: [{ sku: 'OWNED' }, { sku: 'NEW' }] }))).toEqual([
      ['BAD_USER_INPUT', 'input.0.variants.1.price'],
    ])
    expect(await faultsOf(upsert({ handle: 'thief', title: 'T', variants: [{ sku: 'OWNED', price: price('1') }] }))).toEqual([
      ['CONFLICT', 'input.0.variants.0.sku'],
    ])
    expect(await faultsOf(upsert({ handle: 'owner', title: 'X', ifRevision: 1n }))).toEqual([['CONFLICT', 'input.0.ifRevision']])
    await upsert({ handle: 'owner', title: 'X', ifRevision: BigInt(owner?.revision ?? 0) })
  })

  test('lets a SKU move between products of one call', async () => {
    await upsert({ handle: 'from', title: 'From', variants: [{ sku: 'MOVES', price: price('1') }] })
    const rows = await upsert(
      { handle: 'to', title: 'To', variants: [{ sku: 'MOVES', price: price('2') }] },
      { handle: 'from', variants: [] },
    )

    expect(await variantsOf(rows[0]?.id ?? 0)).toMatchObject([{ sku: 'MOVES', price: '2.00' }])
    expect(await variantsOf(rows[1]?.id ?? 0)).toEqual([])
  })

  test('of the same new products by many at once makes each once', async () => {
    const inputs = Array.from({ length: 20 }, (_, index) => ({
      handle: `race-${index}`,
      title: 'Race',
      variants: [{ sku: `RACE-${index}`, price: price('1') }],
    }))
    const answers = await Promise.all(Array.from({ length: 6 }, (_, index) => upsert(...(index % 2 === 0 ? inputs : inputs.toReversed()))))

    expect(new Set(answers.flat().map((row) => row.id)).size).toBe(20)
  })

  test('does not touch another account with the same handles', async () => {
    const other = await insertAccount(test_.database, 'other')
    await upsert({ handle: 'shared', title: 'Mine', variants: [{ sku: 'SHARED', price: price('1') }] })
    await upsertProducts(test_.database, { accountId: other }, [
      { handle: 'shared', title: 'Theirs', variants: [{ sku: 'SHARED', price: price('1') }] },
    ])

    expect(await productBy(test_.database, accountId, { sku: 'SHARED' })).toMatchObject({ title: 'Mine' })
    expect(await productBy(test_.database, other, { handle: 'shared' })).toMatchObject({ title: 'Theirs' })
    const mine = await productBy(test_.database, accountId, { handle: 'shared' })
    expect(await productBy(test_.database, other, { id: mine?.id ?? 0 })).toBeUndefined()
    expect(await faultsOf(deleteProducts(test_.database, { accountId: other }, [{ id: mine?.id ?? 0 }]))).toEqual([
      ['NOT_FOUND', 'products.0'],
    ])
  })
})

test('products are found by title, handle, vendor and the beginning of a SKU, and % is only a sign', async () => {
  await upsert({ handle: 'find-100', title: 'Hundra % ull', vendor: 'Väverskan', variants: [{ sku: 'ULL-9', price: price('1') }] })
  const find = async (search: string) => (await productsPage(test_.database, accountId, { first: 10, search })).map((row) => row.handle)

  expect(await find('HUNDRA %')).toEqual(['find-100'])
  expect(await find('väver')).toEqual(['find-100'])
  expect(await find('ull-9')).toEqual(['find-100'])
  expect(await find('find_100')).toEqual([])
})

test('deleteProducts is all or nothing, and names what is not there', async () => {
  await upsert({ handle: 'del-1', title: 'D' })

  expect(await faultsOf(deleteProducts(test_.database, { accountId }, [{ handle: 'del-1' }, { handle: 'del-2' }]))).toEqual([
    ['NOT_FOUND', 'products.1'],
  ])
  expect(await findProductIds(test_.database, accountId, [{ handle: 'del-1' }])).toHaveLength(1)
  expect(await deleteProducts(test_.database, { accountId }, [{ handle: 'del-1' }])).toBe(1)
})

test('plain SQL cannot go behind the feed: no TRUNCATE, no change of keys', async () => {
  const { sql } = test_.database
  await upsert({ handle: 'keys', title: 'K', variants: [{ sku: 'KEYS', price: price('1') }] })

  await expect(sql`TRUNCATE products CASCADE`).rejects.toThrow('cannot be truncated')
  await expect(sql`UPDATE products SET id = id + 1000000 WHERE handle = 'keys'`).rejects.toThrow('immutable')
  await expect(sql`UPDATE variants SET product_id = product_id + 1 WHERE sku = 'KEYS'`).rejects.toThrow('immutable')
})
