import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createView, startShop } from '../helpers/gateway.ts'
import { chromiumPath, needsChromium, openBrowser, openContext, openSignedIn } from './browser.ts'
import { resendAll, type Shop } from './stage.ts'

const productCount = 50_000

let shop: Shop
let browser: Browser
beforeAll(async () => {
  if (chromiumPath === undefined) return
  ;[shop, browser] = await Promise.all([startShop(), openBrowser()])
  const { sql } = shop.database.database
  await sql`
    INSERT INTO products (account_id, handle, title, vendor)
    SELECT a.id, 'artikel-' || n, 'Artikel nummer ' || n, 'Leverantören' FROM accounts a, generate_series(1, ${productCount}) n`
  await sql`
    INSERT INTO variants (account_id, product_id, ordinal, sku, title, price, price_currency)
    SELECT p.account_id, p.id, 0, 'SKU-' || p.handle, 'En', '99.00', 'SEK' FROM products p`
}, 300_000)
afterAll(async () => {
  await browser?.close()
  await shop?.[Symbol.asyncDispose]()
})

const soon = { timeout: 60_000 }

describe.skipIf(chromiumPath === undefined)(`50 000 products${needsChromium}`, () => {
  test('are listed, found, linked and looked through a page at a time', async () => {
    const { viewId } = await createView(shop, 'Fortnox')
    await resendAll(shop, viewId)
    const context = await openContext(browser)
    const page = await openSignedIn(context, shop.url)
    await expect.poll(() => page.locator('[data-view="Fortnox"]').textContent(), soon).toContain('Products: 10,000+ waiting')

    await page.goto(`${shop.url}/admin/products`)
    await page.getByText('50,000 products').waitFor()
    expect(await page.locator('[data-product]').count()).toBe(50)
    await page.getByRole('button', { name: 'Show more' }).click()
    await expect.poll(() => page.locator('[data-product]').count(), soon).toBe(100)
    await page.getByRole('searchbox').fill('SKU-artikel-49999')
    await page.locator('[data-product="artikel-49999"]').waitFor()
    await expect.poll(() => page.locator('[data-product]').count(), soon).toBe(1)

    await page.goto(`${shop.url}/admin/sync-views/${encodeURIComponent(viewId)}/products`)
    await expect.poll(() => page.locator('[data-product]').count(), soon).toBe(50)
    await page.getByRole('searchbox').fill('artikel-31337')
    await expect.poll(() => page.locator('[data-product]').count(), soon).toBe(1)
    await context.close()
  })
})
