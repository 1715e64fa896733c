import type { Browser, BrowserContext, Locator, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { Subscription } from '../helpers/consumer.ts'
import { adminKey, createIntegration, createProducts, createView, expectData, startGateway, startShop } from '../helpers/gateway.ts'
import { chromiumPath, complaintsOf, needsChromium, openBrowser, openContext, openSignedIn, picture, signIn, type Look } from './browser.ts'
import { connectLevel, fillShop, keepFollowing, rejectProducts, type Shop } from './stage.ts'

let shop: Shop
let browser: Browser
beforeAll(async () => {
  if (chromiumPath === undefined) return
  ;[shop, browser] = await Promise.all([startShop(), openBrowser()])
  await fillShop(shop)
}, 300_000)
afterAll(async () => {
  await browser?.close()
  await shop?.[Symbol.asyncDispose]()
})

const contexts: BrowserContext[] = []
afterEach(async () => {
  for (const context of contexts.splice(0)) {
    const complaints = complaintsOf(context)
    await context.close()
    if (complaints.length > 0) throw new Error(`the page complained: ${complaints.join('\n')}`)
  }
})

async function newContext(look?: Look): Promise<BrowserContext> {
  const context = await openContext(browser, look)
  contexts.push(context)
  return context
}

/** The admin page in a browser of its own, signed in. */
async function open(path = '', look?: Look, key?: string): Promise<Page> {
  return openSignedIn(await newContext(look), shop.url, path, key)
}

const viewPath = (id: string, tab = ''): string => `/sync-views/${encodeURIComponent(id)}${tab}`
const button = (within: Page | Locator, name: string | RegExp): Locator =>
  within.getByRole('button', { name, exact: typeof name === 'string' })
const dialog = (page: Page): Locator => page.getByRole('dialog')
const soon = { timeout: 30_000 }

async function choose(page: Page, item: string): Promise<void> {
  await button(page, 'Manage').click()
  await page.getByRole('menuitem', { name: item }).click()
}

/** How much of the progress bar is filled, 0 to 100. */
const barOf = async (page: Page): Promise<number> =>
  Number(await page.locator('[data-resend] [role="progressbar"]').getAttribute('aria-valuenow'))

describe.skipIf(chromiumPath === undefined)(`the admin page${needsChromium}`, () => {
  test('a system is set up from its name to its first product, and nothing secret stays in the browser', async () => {
    const page = await open()
    await page.getByRole('link', { name: 'Connect a system…' }).first().click()
    await page.getByLabel('Name of the system').fill('Fortnox')
    await button(page, 'Make its key').click()
    const key = (await page.locator('[data-secret]').textContent()) ?? ''
    expect(key).toMatch(/^synkvy_/)
    await button(page.getByRole('group', { name: 'Key', exact: true }), 'Copy').click()
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(key)
    await page.getByText('Waiting for Fortnox to make its sync view…').waitFor()

    // The system itself, with the key that was copied, by the lines that the page gives.
    await page.getByRole('tab', { name: 'curl' }).click()
    const create = await page.getByRole('tabpanel').locator('pre', { hasText: 'createSyncView(input' }).textContent()
    const body = /-d '(.*)'$/s.exec(create ?? '')?.[1] ?? ''
    const made = await fetch(`${shop.url}/graphql`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body,
    })
    expect(await made.json()).toMatchObject({ data: { createSyncView: { syncView: { name: 'Fortnox' } } } })
    await page.getByText('Fortnox has made its sync view').waitFor()
    const products = new Subscription(shop.connect(key), 'PRODUCT')
    const stock = new Subscription(shop.connect(key), 'STOCK')
    void keepFollowing(products)
    void keepFollowing(stock)

    await page.getByRole('link', { name: 'Resend all products…' }).click()
    await dialog(page).getByText('The first time it is needed').waitFor()
    await expect.poll(() => dialog(page).locator('[data-plan]').textContent(), soon).toMatch(/303 products.*never/)
    await button(dialog(page), 'Resend all products').click()
    await dialog(page)
      .getByText(/All 303 products were resent/)
      .waitFor()
    await button(dialog(page).last(), 'Close').last().click()
    await page.locator('[data-sentence]', { hasText: /^level, last change/ }).waitFor()

    const kept = await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }) + document.cookie + location.href)
    expect(kept).not.toContain('synkvy_')
    const [cookie] = await page.context().cookies()
    expect(cookie).toMatchObject({ name: 'synkvy_session', httpOnly: true, sameSite: 'Strict' })
    products.close()
    stock.close()
  })

  test('a resend is seen to its end, as the same one by whoever looks, in two tabs and by two people', async () => {
    const { viewId, key } = await createView(shop, 'POS Göteborg')
    const products = new Subscription(shop.connect(key), 'PRODUCT', { batchSize: 30, maxInFlight: 1 })
    await products.next()
    const first = await open(viewPath(viewId))
    const tab = await first.context().newPage()
    await tab.goto(`${shop.url}/admin${viewPath(viewId)}`)
    const colleague = await open(viewPath(viewId), {}, await anotherAdmin('Berit'))

    // Both press at once.
    for (const page of [first, colleague]) {
      await button(page, 'Resend all products…').click()
      await dialog(page).locator('[data-plan]').waitFor()
    }
    const buttons = await Promise.all([first, colleague].map((page) => button(dialog(page), 'Resend all products').elementHandle()))
    await Promise.all(
      buttons.map((one) => one?.evaluate((element) => element.dispatchEvent(new MouseEvent('click', { bubbles: true, cancelable: true })))),
    )
    await Promise.all([first, tab, colleague].map((page) => page.locator('main [data-resend="RUNNING"]').waitFor()))
    const { syncView } = await expectData(
      shop.call('query ($id: ID!) { syncView(id: $id) { resend { startedBy { name } } } }', { id: viewId }),
    )
    const starter: string = syncView.resend.startedBy.name

    const batch = await products.next()
    await products.acknowledge(batch.cursor)
    for (const page of [first, tab, colleague]) {
      await expect.poll(() => barOf(page), soon).toBeGreaterThan(5)
      await expect.poll(() => page.locator('main [data-run]').textContent(), soon).toContain(`started by ${starter}`)
    }
    const before = await barOf(tab)
    for (let more = 0; more < 4; more += 1) await products.acknowledge((await products.next()).cursor)
    await expect.poll(() => barOf(tab), soon).toBeGreaterThan(before + 20)
    await expect.poll(() => button(tab, /^Resending, \d+%$/).count(), soon).toBe(1)
    await expect.poll(() => tab.locator('main [data-run]').textContent(), soon).toMatch(/about .+ left/)
    // Pressed once more, in the second tab: it joins.
    await button(tab, /^Resending/).click()
    await dialog(tab).locator('[data-progress]').waitFor()
    void keepFollowing(products)
    await Promise.all(
      [first, tab, colleague].map((page) =>
        dialog(page)
          .getByText(/All 303 products were resent/)
          .waitFor(),
      ),
    )

    const runs = await shop.database.database
      .sql`SELECT 1 FROM resends r JOIN sync_views v ON v.id = r.view_id WHERE v.name = 'POS Göteborg'`
    expect(runs).toHaveLength(1)
    products.close()
  })

  test('a later resend warns, asks, and can be cancelled', async () => {
    const system = await connectLevel(shop, 'Lagret')
    system.close()
    const page = await open(viewPath(system.viewId))
    await choose(page, 'Resend all products…')
    await dialog(page).getByText('You rarely need this').waitFor()
    await expect.poll(() => dialog(page).locator('[data-plan]').textContent(), soon).toMatch(/about .+, at this system’s measured speed/)
    await button(dialog(page), 'Yes, resend all 303 products').click()
    await dialog(page)
      .getByText(/waiting for the system to connect/)
      .waitFor()
    await button(dialog(page), 'Cancel…').click()
    await dialog(page).getByText('Cancel the resend?').waitFor()
    await button(dialog(page), 'Cancel the resend').click()

    await page.locator('main [data-resend="CANCELLED"]').waitFor()
    await expect.poll(() => button(page, 'Resend all products…').count(), soon).toBe(1)
  })

  test('the list puts first what needs an admin, and moves as things happen', async () => {
    const system = await connectLevel(shop, 'Kassan')
    const page = await open()
    const card = page.locator('[data-view="Kassan"]')
    await expect.poll(() => card.textContent(), soon).toMatch(/level, last change/)

    await expectData(
      shop.call('mutation ($id: ID!) { updateSyncView(id: $id, input: { paused: true, name: "Kassan i hamnen" }) { syncView { id } } }', {
        id: system.viewId,
      }),
    )
    const renamed = page.locator('[data-view="Kassan i hamnen"]')
    await expect.poll(() => renamed.textContent(), soon).toContain('paused')
    expect(await page.locator('[data-view]').last().getAttribute('data-view')).toBe('Kassan i hamnen')
    await expectData(shop.call('mutation ($id: ID!) { deleteSyncView(id: $id) { deletedId } }', { id: system.viewId }))
    await expect.poll(() => renamed.count(), soon).toBe(0)
    system.close()
  })

  test('a lost connection is said, and found again by itself with what happened meanwhile', async () => {
    const database = shop.database
    const port = await freePort()
    const gateway = await startGateway(database, { PORT: String(port) })
    const page = await openSignedIn(await newContext(), gateway.url)
    await page.locator('[data-view]').first().waitFor()

    await gateway[Symbol.asyncDispose]()
    await page.getByText('The connection is lost.').waitFor()
    await picture(page, 'connection-lost')
    const fresh = await createView(shop, 'Came meanwhile')
    const again = await startGateway(database, { PORT: String(port) })

    await page.locator('[data-view="Came meanwhile"]').waitFor()
    await page.getByText('The connection is lost.').waitFor({ state: 'detached' })
    await expectData(shop.call('mutation ($id: ID!) { deleteSyncView(id: $id) { deletedId } }', { id: fresh.viewId }))
    await page.locator('[data-view="Came meanwhile"]').waitFor({ state: 'detached' })
    await again[Symbol.asyncDispose]()
  })

  test('it speaks the language of the browser, or the one that was chosen, and keeps it', async () => {
    const page = await open('', { language: 'sv' })
    await page.getByRole('heading', { level: 1, name: 'Synkvyer' }).waitFor()
    expect(await page.locator('html').getAttribute('lang')).toBe('sv')

    await button(page, 'Visning och utloggning').click()
    await page.getByRole('menuitemradio', { name: 'English' }).click()
    await page.getByRole('heading', { level: 1, name: 'Sync views' }).waitFor()
    await page.reload()
    await page.getByRole('heading', { level: 1, name: 'Sync views' }).waitFor()
    expect(await page.locator('html').getAttribute('lang')).toBe('en')
    await button(page, 'Display and sign out').click()
    await page.getByRole('menuitemradio', { name: 'Dark' }).click()
    await expect.poll(() => page.locator('html').getAttribute('data-mantine-color-scheme'), soon).toBe('dark')
  })

  test('everything is done with the keyboard alone: signing in, finding a view, resending, and back', async () => {
    const system = await connectLevel(shop, 'Tangentbord')
    const page = await (await newContext()).newPage()
    await page.goto(`${shop.url}/admin`)
    await page.locator('input[autocomplete="current-password"]').waitFor()
    await page.keyboard.type(adminKey)
    await page.keyboard.press('Enter')
    await page.locator('[data-view="Tangentbord"]').waitFor()

    await tabTo(page, 'Tangentbord')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { level: 1, name: 'Tangentbord' }).waitFor()
    expect(await focused(page)).toBe('Tangentbord')
    await tabTo(page, 'Manage')
    await page.keyboard.press('Enter')
    await page.getByRole('menuitem', { name: 'Rename…' }).waitFor()
    await expect.poll(() => focused(page), soon).toBe('Resend all products…')
    for (let down = 0; down < 7; down += 1) await page.keyboard.press('ArrowDown')
    expect(await focused(page)).toBe('Rename…')
    await page.keyboard.press('Enter')
    await dialog(page).waitFor()
    await page.keyboard.press('Escape')
    await dialog(page).waitFor({ state: 'detached' })
    await expect.poll(() => focused(page), soon).toBe('Manage')

    await page.keyboard.press('Enter')
    await expect.poll(() => focused(page), soon).toBe('Resend all products…')
    await page.keyboard.press('Enter')
    await dialog(page).locator('[data-plan]').waitFor()
    await tabTo(page, 'Yes, resend all 303 products')
    await page.keyboard.press('Enter')
    await dialog(page)
      .getByText(/All 303 products were resent/)
      .waitFor()
    system.close()
  })

  test('the door says in plain words why a key does not open it, and when a session has ended', async () => {
    const context = await newContext()
    const page = await context.newPage()
    await page.goto(`${shop.url}/admin/products`)
    const attempt = async (key: string, words: RegExp): Promise<void> => {
      await page.locator('input[autocomplete="current-password"]').fill(key)
      await page.keyboard.press('Enter')
      await page.getByText(words).waitFor()
    }
    await attempt('', /Paste a key first/)
    await attempt('synkvy_wrong', /This key is not good/)
    await attempt((await createIntegration(shop, 'Not a person')).key, /This is the key of an external system/)

    const key = await anotherAdmin('To be revoked')
    await signIn(page, key)
    await page.getByRole('heading', { level: 1, name: 'Products' }).waitFor()
    await page.getByRole('link', { name: 'Sync views' }).click()
    await page.locator('[data-view]').first().waitFor()
    await revokeKey(key)
    await page.getByText('You were signed out').waitFor()
    await signIn(page)
    await button(page, 'Display and sign out').click()
    await page.getByRole('menuitem', { name: 'Sign out' }).click()
    await page.locator('input[autocomplete="current-password"]').waitFor()
    expect(await context.cookies()).toEqual([])
  })

  test('chosen products are linked by pasted SKUs and by search, and unlinked', async () => {
    await createProducts(shop, ['chosen-1', 'chosen-2', 'chosen-3'], 1)
    const { viewId, key } = await createView(shop, 'Utvalda')
    const products = new Subscription(shop.connect(key), 'PRODUCT')
    await products.next()
    const page = await open(viewPath(viewId, '/products'))
    await page.getByText('No products are linked yet.').waitFor()

    await button(page, 'Link products…').click()
    await dialog(page).getByText('Paste SKUs').click()
    await dialog(page).locator('textarea').first().fill('SKU-chosen-1\nSKU-unknown, SKU-chosen-2')
    await button(dialog(page), 'Link 3').click()
    await dialog(page).getByText('1 SKU is not in the shop. Nothing was linked.').waitFor()
    await button(dialog(page), 'Leave them out').click()
    await button(dialog(page), 'Link 2').click()
    await page.locator('[data-product="chosen-2"]').waitFor()
    expect((await products.readUntil((batch) => batch.changes.length > 0)).map(({ key: handle }) => handle).toSorted()).toEqual([
      'chosen-1',
      'chosen-2',
    ])

    await choose(page, 'Link products…')
    await dialog(page).getByRole('searchbox').fill('SKU-chosen-3')
    await dialog(page).getByRole('checkbox').nth(0).waitFor()
    await expect.poll(() => dialog(page).getByRole('checkbox').count(), soon).toBe(1)
    await dialog(page).getByRole('checkbox').check()
    await button(dialog(page), 'Link 1').click()
    await expect.poll(() => page.locator('[data-product]').count(), soon).toBe(3)

    await page.getByRole('searchbox').fill('chosen-1')
    await expect.poll(() => page.locator('[data-product]').count(), soon).toBe(1)
    await page.getByRole('checkbox', { name: /Select Title of chosen-1/ }).check()
    await button(page, 'Unlink…').click()
    await button(dialog(page), 'Unlink').click()
    await page.getByText('1 product is unlinked.').waitFor()
    const removed = await products.readUntil((batch) => batch.changes.some(({ kind }) => kind === 'REMOVE'))
    expect(removed.find(({ kind }) => kind === 'REMOVE')).toMatchObject({ key: 'chosen-1', reason: 'UNLINKED' })
    products.close()
    await expectData(
      shop.call(
        'mutation { deleteProducts(products: [{ handle: "chosen-1" }, { handle: "chosen-2" }, { handle: "chosen-3" }]) { deletedCount } }',
      ),
    )
  })

  test('a product shows its variants, its stock, and how it stands in every system, as that changes', async () => {
    const system = await connectLevel(shop, 'Marknadsplatsen')
    const page = await open('/products')
    await page.getByRole('searchbox').fill('Kupoltält Sarek')
    await page.locator('[data-product]').first().getByRole('link').click()
    const chip = page.locator('[data-system="Marknadsplatsen"]')
    await expect.poll(() => chip.getAttribute('data-state'), soon).toBe('IN_SYNC')
    expect(await page.locator('[data-sku]').count()).toBeGreaterThan(2)

    system.close()
    const sku = (await page.locator('[data-sku]').first().getAttribute('data-sku')) ?? ''
    await expectData(shop.call('mutation ($sku: String!) { setStock(input: [{ sku: $sku, onHand: 777 }]) { __typename } }', { sku }))
    await expect.poll(() => chip.getAttribute('data-state'), soon).toBe('PENDING')
    await expect.poll(() => page.locator(`[data-sku="${sku}"]`).textContent(), soon).toContain('777')
  })

  test('what a system rejects is mended by "Try again": one product, all of a reason, or all from where everything would be resent', async () => {
    const system = await connectLevel(shop, 'Avvisaren')
    const { products } = await expectData(shop.call('{ products(first: 4) { nodes { id title } } }'))
    const [first, second, third, fourth] = products.nodes
    await rejectProducts(shop, system.key, [first.id, second.id, third.id], 'Barcode missing')
    await rejectProducts(shop, system.key, [fourth.id], 'Title too long')
    const page = await open(viewPath(system.viewId, '/rejected'))
    const group = (reason: string): Locator => page.locator(`[data-reason="${reason}"]`)
    await page.locator('[data-sentence]', { hasText: '4 products were rejected' }).waitFor()
    await group('Barcode missing').locator('[data-product]').nth(2).waitFor()

    await button(group('Barcode missing'), `Try again: ${first.title}`).click()
    await page.getByText('1 product is sent once more.').waitFor()
    await expect.poll(() => group('Barcode missing').locator('[data-product]').count(), soon).toBe(2)
    await button(group('Barcode missing'), 'Try all 2 again').click()
    await group('Barcode missing').waitFor({ state: 'detached' })
    await group('Title too long').waitFor()

    await button(page, 'Resend all products…').click()
    await button(dialog(page), 'Try the 1 rejected product again').click()
    await dialog(page).waitFor({ state: 'detached' })
    await page.getByText('Nothing is rejected.').waitFor()
    await page.locator('[data-sentence]', { hasText: /^level, last change/ }).waitFor()
    await page.goto(`${shop.url}/admin/products/${encodeURIComponent(fourth.id)}`)
    await expect.poll(() => page.locator('[data-system="Avvisaren"]').getAttribute('data-state'), soon).toBe('IN_SYNC')
    system.close()
  })

  test('why a product is not over there is explained in Swedish, by keyboard alone', async () => {
    const system = await connectLevel(shop, 'Orsaken')
    const { products } = await expectData(shop.call('{ products(first: 1) { nodes { id title variants { sku } } } }'))
    const [product] = products.nodes
    await rejectProducts(shop, system.key, [product.id], 'Streckkod saknas')
    const page = await open(viewPath(system.viewId, '/products'), { language: 'sv' })
    await button(page, 'Varför saknas den?').waitFor()
    await tabTo(page, 'Varför saknas den?')
    await page.keyboard.press('Enter')
    await expect.poll(() => page.evaluate(() => document.activeElement?.tagName), soon).toBe('INPUT')
    await page.keyboard.type(product.variants[0].sku)
    await page.keyboard.press('Enter')

    const steps = dialog(page).locator('[data-step]')
    await expect.poll(() => steps.count(), soon).toBe(3)
    expect(await steps.evaluateAll((items) => items.map((item) => `${item.dataset['step']} ${item.dataset['ok']}`))).toEqual([
      'ARTICLE_FOUND true',
      'LINKED true',
      'REJECTED false',
    ])
    expect(await dialog(page).locator('[data-verdict="false"]').textContent()).toMatch(
      /Orsaken kan inte ta emot den: ”Streckkod saknas”.*Det kan du rätta till/,
    )
    expect(await steps.first().textContent()).toContain(`”${product.title}” finns i butiken.`)
    await page.keyboard.press('Escape')
    await dialog(page).waitFor({ state: 'detached' })
    await expect.poll(() => focused(page), soon).toBe('Varför saknas den?')

    await page.getByRole('searchbox').fill(product.variants[0].sku)
    await expect.poll(() => page.locator('[data-product]').count(), soon).toBe(1)
    await tabTo(page, `Var är den? ${product.title}`)
    await expectData(
      shop.call('mutation ($id: ID!) { resendProducts(syncViewId: $id, state: REJECTED) { linksQueued } }', { id: system.viewId }),
    )
    await page.locator('[data-sentence]', { hasText: /^helt i fas, senaste ändringen .*sedan$/ }).waitFor()
    await page.keyboard.press('Enter')
    await dialog(page).locator('[data-verdict="true"]').waitFor()
    expect(await dialog(page).locator('[data-verdict]').textContent()).toContain(`”${product.title}” finns i Orsaken som den är i butiken.`)
    system.close()
  })

  test('keys are made, shown once, used and revoked', async () => {
    const page = await open('/keys')
    await button(page, 'New admin…').click()
    await dialog(page).getByLabel('Name').fill('Cecilia')
    await button(dialog(page), 'Make the key').click()
    const secret = (await dialog(page).locator('[data-secret]').textContent()) ?? ''
    expect((await expectData(shop.call('{ viewer { name } }', {}, secret))).viewer.name).toBe('Cecilia')
    await page.keyboard.press('Escape')
    await page.reload()
    const card = page.locator('[data-user="Cecilia"]')
    await card.waitFor()
    expect(await page.locator('[data-secret]').count()).toBe(0)

    await button(card, /^Revoke synkvy_/).click()
    await button(dialog(page), 'Revoke it').click()
    await card.getByText('1 that is no longer good').waitFor()
    expect((await shop.call('{ viewer { name } }', {}, secret)).errors?.[0]?.extensions['code']).toBe('UNAUTHENTICATED')
    await button(card, /^Delete Cecilia/).click()
    await button(dialog(page), 'Delete').click()
    await card.waitFor({ state: 'detached' })
  })

  test("a system's key is made with what it may write and whence, and rotated while the old one goes on", async () => {
    const { userId } = await createIntegration(shop, 'Sommarlagret')
    const page = await open('/keys')
    const card = page.locator('[data-user="Sommarlagret"]')
    await button(card, 'New key for Sommarlagret').click()
    for (const name of ['Products', 'Customers']) await dialog(page).getByRole('checkbox', { name }).uncheck()
    await dialog(page).getByLabel('Only from these addresses').fill('office')
    await button(dialog(page), 'Make the key').click()
    await dialog(page).getByText('An address is such as 203.0.113.7').waitFor()
    await dialog(page).getByLabel('Only from these addresses').fill('127.0.0.0/8, ::1')
    await button(dialog(page), 'Make the key').click()
    const secret = (await dialog(page).locator('[data-secret]').textContent()) ?? ''
    await page.keyboard.press('Escape')
    const row = card.locator(`[data-key="${secret.slice(0, 14)}"]`)
    await row.getByText('writes stock and orders alone · only from 127.0.0.0/8 and ::1').waitFor()

    await button(row, /^Rotate synkvy_/).click()
    await dialog(page).getByLabel('The old key is good for').selectOption('a week')
    await button(dialog(page), 'Make the new key').click()
    const rotated = (await dialog(page).locator('[data-secret]').textContent()) ?? ''
    await page.keyboard.press('Escape')
    await row.getByText(/good until/).waitFor()
    await card
      .locator(`[data-key="${rotated.slice(0, 14)}"]`)
      .getByText('writes stock and orders alone')
      .waitFor()
    for (const key of [secret, rotated]) expect((await expectData(shop.call('{ viewer { id } }', {}, key))).viewer.id).toBe(userId)
    const { auditLog } = await expectData(shop.call('{ auditLog(first: 2) { nodes { action channel } } }'))
    expect(auditLog.nodes).toEqual([
      { action: 'rotateApiKey', channel: 'SESSION' },
      { action: 'createApiKey', channel: 'SESSION' },
    ])
  })

  test('a view is renamed, its new products are linked, it is paused and deleted from the menu', async () => {
    const { viewId } = await createView(shop, 'Att ändra')
    const page = await open(viewPath(viewId))
    await choose(page, 'Rename…')
    await dialog(page).getByLabel('Name').fill('Ändrad')
    await button(dialog(page), 'Save').click()
    await page.getByRole('heading', { level: 1, name: 'Ändrad' }).waitFor()
    await choose(page, 'New products…')
    await dialog(page).getByRole('checkbox').check()
    await button(dialog(page), 'Save').click()
    await page.getByText('are linked by themselves').waitFor()
    await choose(page, 'Pause')
    await page.locator('[data-sentence]', { hasText: 'paused' }).waitFor()
    await choose(page, 'Go on')
    await page.locator('[data-sentence]', { hasText: 'has not connected yet' }).waitFor()

    await choose(page, 'Delete…')
    expect(await button(dialog(page), 'Delete').isDisabled()).toBe(true)
    await dialog(page).getByLabel('Type the name to confirm').fill('ändrad')
    await button(dialog(page), 'Delete').click()
    await page.getByText('Ändrad is deleted.').waitFor()
    await page.goto(`${shop.url}/admin${viewPath(viewId)}`)
    await page.getByText('This sync view does not exist.').waitFor()
  })
})

async function anotherAdmin(name: string): Promise<string> {
  const made = await expectData(
    shop.call('mutation ($name: String!) { createUser(input: { name: $name, kind: ADMIN }) { user { id } } }', { name }),
  )
  const key = await expectData(shop.call('mutation ($id: ID!) { createApiKey(userId: $id) { secret } }', { id: made.createUser.user.id }))
  return key.createApiKey.secret
}

async function revokeKey(secret: string): Promise<void> {
  const { viewer } = await expectData(shop.call('{ viewer { apiKeys { id } } }', {}, secret))
  await expectData(shop.call('mutation ($id: ID!) { revokeApiKey(id: $id) { apiKey { id } } }', { id: viewer.apiKeys[0].id }))
}

/** What has the keyboard's focus, by its words. */
async function focused(page: Page): Promise<string> {
  return page.evaluate(() => (document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.textContent ?? '').trim())
}

async function tabTo(page: Page, name: string): Promise<void> {
  for (let tabs = 0; tabs < 60; tabs += 1) {
    if ((await focused(page)) === name) return
    await page.keyboard.press('Tab')
  }
  throw new Error(`"${name}" is not reached by the keyboard`)
}

async function freePort(): Promise<number> {
  const { createServer } = await import('node:net')
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const address = probe.address()
      const port = typeof address === 'object' && address !== null ? address.port : 0
      probe.close(() => resolve(port))
    })
  })
}
