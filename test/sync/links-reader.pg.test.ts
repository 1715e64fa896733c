import { afterAll, beforeAll, expect, test } from 'vitest'
import { LinksReader } from '../../src/sync/links-reader.ts'
import { beforeAllLinks } from '../../src/sync/progress.ts'
import { createProducts, createView, expectData, startShop } from '../helpers/gateway.ts'

let shop: Awaited<ReturnType<typeof startShop>>
beforeAll(async () => {
  shop = await startShop()
})
afterAll(async () => {
  await shop[Symbol.asyncDispose]()
})

test('a page that was read ahead is read again where something of it was sent meanwhile, it is old, or the stream was set back', async () => {
  const { sql } = shop.database.database
  await createProducts(shop, ['ahead-1', 'ahead-2'], 1)
  const { viewId } = await createView(shop, 'Ahead')
  await expectData(
    shop.call('mutation ($id: ID!, $products: [ProductBy!]!) { linkProducts(syncViewId: $id, products: $products) { linksCreated } }', {
      id: viewId,
      products: [{ handle: 'ahead-1' }, { handle: 'ahead-2' }],
    }),
  )
  const [link] = await sql<
    { account_id: number; view_id: number; product_id: number }[]
  >`SELECT * FROM links ORDER BY position DESC LIMIT 1`
  if (link === undefined) throw new Error('there is no link')
  let now = 0
  const reader = new LinksReader(sql, { accountId: link.account_id, viewId: link.view_id, stream: 'PRODUCT' }, 1, () => now)
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
