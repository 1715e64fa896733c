import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { Subscription } from '../helpers/consumer.ts'
import { createView, expectData, startShop } from '../helpers/gateway.ts'
import {
  chromiumPath,
  complaintsOf,
  expectAccessible,
  needsChromium,
  openBrowser,
  openContext,
  openSignedIn,
  picture,
  type Look,
} from './browser.ts'
import { connectLevel, fillShop, rejectProducts, resendAll, setExternalIds, type Shop } from './stage.ts'

let shop: Shop
let empty: Shop
let browser: Browser
let stage: Awaited<ReturnType<typeof setStage>>
beforeAll(async () => {
  if (chromiumPath === undefined) return
  ;[shop, empty, browser] = await Promise.all([startShop({ SYNKVY_DOORBELL_NETWORKS: '127.0.0.1/32' }), startShop(), openBrowser()])
  await fillShop(shop)
  stage = await setStage(shop)
}, 300_000)
afterAll(async () => {
  await browser?.close()
  await Promise.all([shop?.[Symbol.asyncDispose](), empty?.[Symbol.asyncDispose]()])
})

/** A shop with a system of every kind: level, behind, paused, rejecting, in the middle of a resend, new. */
async function setStage(on: Shop) {
  const { sql } = on.database.database
  const fortnox = await connectLevel(on, 'Fortnox')
  const marketplace = await connectLevel(on, 'Marketplace')
  const pos = await connectLevel(on, 'POS Göteborg')
  const store = await connectLevel(on, 'Lagret i Borås')
  pos.close()
  await expectData(
    on.call('mutation ($id: ID!) { updateSyncView(id: $id, input: { paused: true }) { syncView { id } } }', { id: store.viewId }),
  )
  await sql`UPDATE stock_levels SET on_hand = on_hand + 1 WHERE id IN (SELECT id FROM stock_levels ORDER BY id LIMIT 1204)`
  const { products } = await expectData(on.call('{ products(first: 12) { nodes { id title variants { sku } } } }'))
  const all: readonly { readonly id: string; readonly variants: readonly { readonly sku: string }[] }[] = products.nodes
  const ids = all.map(({ id }) => id)
  await rejectProducts(on, marketplace.key, ids.slice(0, 11), 'Barcode missing')
  await rejectProducts(on, marketplace.key, ids.slice(11), 'The title is longer than 80 characters')
  await setExternalIds(on, marketplace.key, ids.slice(8))
  const orders = new Subscription(on.connect(fortnox.key), 'ORDER')
  await orders.next()
  await sql`UPDATE checkpoints SET disconnected_at = now() - interval '2 hours' FROM sync_views v WHERE v.id = checkpoints.view_id AND v.name = 'POS Göteborg'`
  await vi.waitUntil(async () => (await sql`SELECT 1 FROM inbox LIMIT 1`).length === 0, { timeout: 60_000 })
  await sql`UPDATE feed SET at = at - interval '2 hours' WHERE subject = 'STOCK'`
  const pim = await createView(on, 'PIM')
  await resendAll(on, pim.viewId)
  const slow = new Subscription(on.connect(pim.key), 'PRODUCT', { batchSize: 50, maxInFlight: 1 })
  for (let batch = 0; batch < 4; batch += 1) await slow.acknowledge((await slow.next()).cursor)
  const newcomer = await createView(on, 'Webbutiken i Norge med ett namn som är så långt att det inte ryms '.repeat(3).trim().slice(0, 200))
  await sql`
    INSERT INTO stream_minutes (account_id, view_id, subject, minute, live, resent, lag_ms_total, lag_ms_worst)
    SELECT v.account_id, v.id, s.subject, date_trunc('minute', now()) - make_interval(mins => m), n.live, CASE WHEN m BETWEEN 30 AND 34 THEN 180 ELSE 0 END,
      n.live * (40 + (m * 13) % 50), 120 + (m * 37) % 300
    FROM sync_views v, generate_series(2, 58) m, (VALUES ('PRODUCT', 1), ('STOCK', 6)) s (subject, weight),
      LATERAL (SELECT (s.weight * (2 + (m * 7 + v.id) % 9))::int AS live) n
    WHERE v.name IN ('Fortnox', 'Marketplace', 'PIM') AND (v.id + m) % 7 <> 0 ON CONFLICT DO NOTHING`
  const product = await expectData(on.call('{ product(by: { sku: "KT-SAREK-GRON-2PERS" }) { id } products(first: 1) { nodes { id } } }'))
  await expectData(
    on.call('mutation ($id: ID!, $url: String!) { updateSyncView(id: $id, input: { doorbellUrl: $url }) { syncView { id } } }', {
      id: pos.viewId,
      url: 'http://127.0.0.1:9/bell',
    }),
  )
  return {
    fortnox,
    marketplace,
    pos,
    pim,
    newcomer,
    sku: all[0]?.variants[0]?.sku ?? '',
    productId: String(product.product?.id ?? product.products.nodes[0].id),
  }
}

/** A page of the admin page, and how one comes to see it. */
interface Scene {
  readonly name: string
  readonly path: string
  readonly isEmpty?: boolean
  /** Waits for it, and opens what is to be open. Says what the page is to be left like. */
  readonly show: (page: Page) => Promise<void>
}

const view = (id: string, tab = ''): string => `/sync-views/${encodeURIComponent(id)}${tab}`
const main = (page: Page) => page.locator('main')

/** How many addresses a doorbell was given: each look gives another. */
let rings = 0

/** Views that a scene has made: they go when its look is done. */
const visitors: string[] = []

async function nameSystem(page: Page, name: string): Promise<string> {
  await main(page).locator('form input').fill(name)
  await main(page).locator('button[type="submit"]').click()
  return (await page.locator('[data-secret]').textContent()) ?? ''
}

function scenes(): readonly Scene[] {
  const { fortnox, marketplace, pos, pim, newcomer, sku, productId } = stage
  const manage = async (page: Page, item: number): Promise<void> => {
    await page.locator('main button[aria-haspopup="menu"]').click()
    await page.getByRole('menuitem').nth(item).click()
    await page.getByRole('dialog').waitFor()
  }
  return [
    { name: 'views', path: '/sync-views', show: (page) => page.locator('[data-view]').nth(5).waitFor() },
    { name: 'views-empty', path: '/sync-views', isEmpty: true, show: (page) => main(page).getByRole('heading', { level: 2 }).waitFor() },
    {
      name: 'view',
      path: view(fortnox.viewId),
      show: (page) =>
        page
          .locator('[data-stream="ORDER"]')
          .waitFor()
          .then(() => page.locator('.recharts-surface').first().waitFor()),
    },
    { name: 'view-offline', path: view(pos.viewId), show: (page) => page.locator('[data-stream="STOCK"]').waitFor() },
    { name: 'view-resending', path: view(pim.viewId), show: (page) => page.locator('[data-progress]').waitFor() },
    {
      name: 'view-products',
      path: view(marketplace.viewId, '/products'),
      show: (page) => page.locator('[data-product]').nth(20).waitFor(),
    },
    {
      name: 'view-rejected',
      path: view(marketplace.viewId, '/rejected'),
      show: (page) => page.locator('[data-reason] a').first().waitFor(),
    },
    {
      name: 'manage',
      path: view(fortnox.viewId),
      show: async (page) => {
        await page.locator('main button[aria-haspopup="menu"]').click()
        await page.getByRole('menuitem').first().waitFor()
      },
    },
    {
      name: 'resend-again',
      path: `${view(marketplace.viewId)}?resend`,
      show: (page) => page.locator('[data-plan]').waitFor(),
    },
    {
      name: 'resend-running',
      path: `${view(pim.viewId)}?resend`,
      show: (page) => page.getByRole('dialog').locator('[data-run]').waitFor(),
    },
    {
      name: 'link',
      path: view(fortnox.viewId),
      show: async (page) => {
        await manage(page, 1)
        await page.getByRole('dialog').getByRole('checkbox').nth(5).waitFor()
      },
    },
    {
      name: 'link-skus',
      path: view(fortnox.viewId),
      show: async (page) => {
        await manage(page, 1)
        await page.getByRole('dialog').locator('label:has([value="SKUS"]), input[value="SKUS"] + label').first().click()
        await page.getByRole('dialog').locator('textarea').first().fill('KT-1\nKT-2')
        await page.getByRole('dialog').locator('button[type="submit"]').click()
        await page.getByRole('dialog').getByRole('alert').waitFor()
      },
    },
    { name: 'auto-link', path: view(fortnox.viewId), show: (page) => manage(page, 4) },
    {
      name: 'view-keys',
      path: view(fortnox.viewId),
      show: async (page) => {
        await manage(page, 5)
        await page.locator('[data-key]').first().waitFor()
      },
    },
    { name: 'doorbell', path: view(fortnox.viewId), show: (page) => manage(page, 6) },
    {
      name: 'doorbell-failing',
      path: view(pos.viewId),
      show: async (page) => {
        await manage(page, 6)
        await page.locator('[data-doorbell] svg').waitFor()
      },
    },
    {
      name: 'doorbell-secret',
      path: view(newcomer.viewId),
      show: async (page) => {
        await manage(page, 6)
        rings += 1
        await page.getByRole('dialog').locator('input').fill(`http://127.0.0.1:9/${rings}`)
        await page.getByRole('dialog').locator('button[type="submit"]').click()
        await page.locator('[data-secret]').waitFor()
      },
    },
    {
      name: 'why',
      path: view(fortnox.viewId),
      show: async (page) => {
        await manage(page, 2)
        await page.getByRole('dialog').locator('input').fill(sku)
        await page.keyboard.press('Enter')
        await page.locator('[data-verdict]').waitFor()
      },
    },
    {
      name: 'why-unknown',
      path: view(marketplace.viewId, '/products'),
      show: async (page) => {
        await manage(page, 2)
        await page.getByRole('dialog').locator('input').fill('KT-SAREK-GRÖN')
        await page.keyboard.press('Enter')
        await page.locator('[data-step="ARTICLE_UNKNOWN"]').waitFor()
      },
    },
    {
      name: 'why-rejected',
      path: view(marketplace.viewId, '/rejected'),
      show: async (page) => {
        await page.locator('[data-reason] [data-product] button').first().click()
        await page.locator('[data-step="REJECTED"]').waitFor()
      },
    },
    {
      name: 'why-offline',
      path: view(pos.viewId, '/products'),
      show: async (page) => {
        await page.locator('[data-product] button').first().click()
        await page.locator('[data-step="OFFLINE"]').waitFor()
      },
    },
    { name: 'rename', path: view(fortnox.viewId), show: (page) => manage(page, 7) },
    { name: 'delete', path: view(fortnox.viewId), show: (page) => manage(page, 8) },
    { name: 'set-up', path: '/sync-views/new', show: (page) => main(page).locator('form').waitFor() },
    {
      name: 'set-up-key',
      path: '/sync-views/new',
      show: async (page) => {
        await nameSystem(page, 'Klarna')
        await main(page).getByRole('tab').nth(1).click()
      },
    },
    {
      name: 'set-up-made',
      path: '/sync-views/new',
      show: async (page) => {
        const key = await nameSystem(page, 'Kassan i Malmö')
        const made = await expectData(
          shop.call('mutation { createSyncView(input: { name: "Kassan i Malmö" }) { syncView { id } } }', {}, key),
        )
        visitors.push(made.createSyncView.syncView.id)
        await main(page).locator('a[href*="resend"]').waitFor()
      },
    },
    { name: 'resend-first', path: view(newcomer.viewId, '?resend'), show: (page) => page.locator('[data-plan]').waitFor() },
    { name: 'products', path: '/products', show: (page) => page.locator('[data-product]').nth(20).waitFor() },
    { name: 'products-empty', path: '/products', isEmpty: true, show: (page) => main(page).getByRole('heading', { level: 2 }).waitFor() },
    {
      name: 'product',
      path: `/products/${encodeURIComponent(productId)}`,
      show: async (page) => {
        await page.locator('[data-sku]').first().waitFor()
        await page.locator('[data-system]').nth(4).waitFor()
      },
    },
    { name: 'keys', path: '/keys', show: (page) => page.locator('[data-key]').nth(3).waitFor() },
    {
      name: 'key-new',
      path: '/keys',
      show: async (page) => {
        await page.locator('[data-user="Fortnox"] [data-new-key]').click()
        await page.getByRole('dialog').getByRole('checkbox').nth(3).waitFor()
      },
    },
    {
      name: 'key-rotate',
      path: '/keys',
      show: async (page) => {
        await page.locator('[data-user="Fortnox"] [data-key] button').first().click()
        await page.getByRole('dialog').locator('select').waitFor()
      },
    },
    {
      name: 'key-rotated',
      path: '/keys',
      show: async (page) => {
        await page.locator('[data-user="Fortnox"] [data-key] button').first().click()
        await page.getByRole('dialog').locator('button[type="submit"]').click()
        await page.locator('[data-secret]').waitFor()
      },
    },
    { name: 'not-found', path: '/nothing', show: (page) => main(page).getByRole('heading', { level: 2 }).waitFor() },
  ]
}

/** Nothing may stick out at the side. */
async function expectNoSideways(page: Page, name: string): Promise<void> {
  const [wide, visible] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth])
  expect.soft(wide, `${name} is wider than its window`).toBeLessThanOrEqual(visible ?? 0)
}

const everyLook = (['en', 'sv'] as const).flatMap((language) =>
  ([1280, 360] as const).flatMap((width) => (['light', 'dark'] as const).map((theme): Required<Look> => ({ language, width, theme }))),
)
/** Between them both languages, both widths and both themes. */
const usualLooks: readonly Required<Look>[] = [
  { language: 'en', width: 1280, theme: 'light' },
  { language: 'sv', width: 360, theme: 'dark' },
]
const looks = process.env['SYNKVY_TEST_LOOKS'] === 'all' ? everyLook : usualLooks

describe.skipIf(chromiumPath === undefined)(`every page${needsChromium}`, () => {
  test.each(looks)(
    'keeps nobody out, and fits its window: $language, $width, $theme',
    async (look) => {
      const [context, emptyContext] = [await openContext(browser, look), await openContext(browser, look)]
      try {
        const door = await context.newPage()
        await door.goto(`${shop.url}/admin`)
        await door.locator('input[autocomplete="current-password"]').waitFor()
        await expectAccessible(door, 'sign-in')
        await expectNoSideways(door, 'sign-in')
        await picture(door, 'sign-in', look)
        const page = await openSignedIn(context, shop.url)
        const emptyPage = await openSignedIn(emptyContext, empty.url)
        for (const scene of scenes()) await visit(scene, scene.isEmpty === true ? emptyPage : page, look)
        expect([...complaintsOf(context), ...complaintsOf(emptyContext)]).toEqual([])
      } finally {
        for (const id of visitors.splice(0)) await shop.call('mutation ($id: ID!) { deleteSyncView(id: $id) { deletedId } }', { id })
        await Promise.all([context.close(), emptyContext.close()])
      }
    },
    400_000,
  )
})

async function visit(scene: Scene, page: Page, look: Look): Promise<void> {
  await page.goto(`${scene.isEmpty === true ? empty.url : shop.url}/admin${scene.path}`)
  await scene.show(page)
  await page.evaluate(() => document.fonts.ready)
  await expectNoSideways(page, scene.name)
  await picture(page, scene.name, look)
  await expectAccessible(page, `${scene.name}, ${look.language} ${look.width} ${look.theme}`)
}
