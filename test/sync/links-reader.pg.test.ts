import { afterAll, beforeAll, expect, test } from 'vitest'
import { Bell } from '../../src/sync/bell.ts'
import { LinksReader } from '../../src/sync/links-reader.ts'
import { beforeAllLinks } from '../../src/sync/progress.ts'
import { RightOfWay } from '../../src/sync/right-of-way.ts'
import { createProducts, createView, expectData, startShop } from '../helpers/gateway.ts'

let shop: Awaited<ReturnType<typeof startShop>>
beforeAll(async () => {
  shop = await startShop()
})
afterAll(async () => {
  await shop[Symbol.asyncDispose]()
})

/** Makes products and links them to a view of their own; the last of the links. */
async function linkNew(
  handles: readonly string[],
): Promise<{ readonly account_id: number; readonly view_id: number; readonly product_id: number }> {
  await createProducts(shop, handles, 1)
  const { viewId } = await createView(shop, `View of ${handles[0]}`)
  await expectData(
    shop.call('mutation ($id: ID!, $products: [ProductBy!]!) { linkProducts(syncViewId: $id, products: $products) { linksCreated } }', {
      id: viewId,
      products: handles.map((handle) => ({ handle })),
    }),
  )
  const [link] = await shop.database.database.sql<
    { account_id: number; view_id: number; product_id: number }[]
  >`SELECT * FROM links ORDER BY position DESC LIMIT 1`
  if (link === undefined) throw new Error('there is no link')
  return link
}

test('a page that was read ahead is read again where something of it was sent meanwhile, it is old, or the stream was set back', async () => {
  const { sql } = shop.database.database
  const link = await linkNew(['ahead-1', 'ahead-2'])
  let now = 0
  const reader = new LinksReader(
    sql,
    { accountId: link.account_id, viewId: link.view_id, stream: 'PRODUCT' },
    1,
    new RightOfWay(),
    () => now,
  )
  const first = await reader.read({ after: beforeAllLinks, to: undefined })
  const next = { after: first.upTo, to: undefined }
  const titleAfter = async (whileItIsAhead: () => void): Promise<string | undefined> => {
    reader.readAhead(next)
    // A page of its own, whose answer comes after that of the one ahead.
    await sql`SELECT pg_sleep(0.05)`
    await sql`UPDATE products SET title = title || '!' WHERE id = ${link.product_id}`
    whileItIsAhead()
    return (await reader.read(next)).rows[0]?.entity?.title
  }

  const [before] = await sql<{ title: string }[]>`SELECT title FROM products WHERE id = ${link.product_id}`
  expect(await titleAfter(() => {}), 'as it was read ahead').toBe(before?.title)
  expect(await titleAfter(() => reader.onSent([link.product_id])), 'sent').toBe(`${before?.title}!!`)
  expect(await titleAfter(() => void (now += 1_000)), 'old').toBe(`${before?.title}!!!`)
  expect(await titleAfter(() => reader.drop()), 'set back').toBe(`${before?.title}!!!!`)
})

test('a page gives way to what is live where it is more than a few', async () => {
  const { sql } = shop.database.database
  const link = await linkNew(Array.from({ length: 20 }, (_, number) => `way-${number}`))
  const key = { accountId: link.account_id, viewId: link.view_id, stream: 'PRODUCT' } as const
  const rightOfWay = new RightOfWay(60_000)
  const live = new Bell()
  const carried = rightOfWay.go(() => live.wait())
  const all = { after: beforeAllLinks, to: undefined }

  const few = await new LinksReader(sql, key, 5, rightOfWay).read(all)
  expect(few.rows).toHaveLength(5)
  let isHere = false
  const many = new LinksReader(sql, key, 20, rightOfWay).read(all).finally(() => (isHere = true))
  // Pages of its own, whose answers come after that of the one that gives way.
  for (let page = 0; page < 5; page += 1) await new LinksReader(sql, key, 5, rightOfWay).read(all)
  expect(isHere).toBe(false)
  live.ring()
  await carried
  expect((await many).rows).toHaveLength(20)
})
