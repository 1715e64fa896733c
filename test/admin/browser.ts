import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core'
import { expect } from 'vitest'
import { adminKey } from '../helpers/gateway.ts'

/** Where Chromium usually is; SYNKVY_TEST_CHROMIUM says where else. */
const usualPaths = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
]

/** Undefined where there is none: the tests of the page are skipped then. */
export const chromiumPath = [process.env['SYNKVY_TEST_CHROMIUM'] ?? '', ...usualPaths].find((path) => path !== '' && existsSync(path))

/** For the name of what is skipped without a browser. */
export const needsChromium =
  chromiumPath === undefined ? ' (skipped: there is no Chromium here; SYNKVY_TEST_CHROMIUM says where one is)' : ''

const options = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

export async function openBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: chromiumPath ?? '', args: options })
}

export interface Look {
  readonly language?: 'en' | 'sv'
  readonly width?: number
  readonly theme?: 'light' | 'dark'
}

/** Slow machines are slow: what is waited for comes, or the test fails. */
const patienceMs = 30_000

/** What the browser and the page complained about. */
const complaints = new WeakMap<BrowserContext, string[]>()

/** A browser of its own, as somebody has set it up: no cookies, no storage. */
export async function openContext(browser: Browser, look: Look = {}): Promise<BrowserContext> {
  const { language = 'en', width = 1280, theme = 'light' } = look
  const context = await browser.newContext({
    locale: language === 'sv' ? 'sv-SE' : 'en-GB',
    viewport: { width, height: width < 600 ? 740 : 860 },
    colorScheme: theme,
    reducedMotion: 'reduce',
    timezoneId: 'Europe/Stockholm',
  })
  context.setDefaultTimeout(patienceMs)
  const heard: string[] = []
  complaints.set(context, heard)
  context.on('console', (message) => message.type() === 'error' && heard.push(message.text()))
  context.on('weberror', (error) => heard.push(error.error().message))
  await context.grantPermissions(['clipboard-read', 'clipboard-write'])
  return context
}

/** What was complained about, but for calls that are meant to be refused, and a gateway that is meant to be away. */
export function complaintsOf(context: BrowserContext): readonly string[] {
  return (complaints.get(context) ?? []).filter((text) => !/Failed to load resource|WebSocket connection to/.test(text))
}

/** A page of the admin page, signed in. */
export async function openSignedIn(context: BrowserContext, url: string, path = '', key = adminKey): Promise<Page> {
  const page = await context.newPage()
  await page.goto(`${url}/admin${path}`)
  await signIn(page, key)
  return page
}

export async function signIn(page: Page, key = adminKey): Promise<void> {
  await page.locator('input[autocomplete="current-password"]').fill(key)
  await page.keyboard.press('Enter')
  await page.locator('header nav').waitFor()
}

/** Where pictures of the pages are put, if anywhere. */
const pictures = process.env['SYNKVY_TEST_PICTURES']

/** Keeps a picture of a page, where pictures are wanted. */
export async function picture(page: Page, name: string, { language = 'en', width = 1280, theme = 'light' }: Look = {}): Promise<void> {
  if (pictures === undefined) return
  mkdirSync(pictures, { recursive: true })
  await page.screenshot({
    path: `${pictures}/${name}-${language}-${width}-${theme}.png`,
    fullPage: !(await page.getByRole('dialog').isVisible()),
  })
}

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

interface Violation {
  readonly id: string
  readonly help: string
  readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[]
}

/** Looks for what keeps people out: nothing may be found. */
export async function expectAccessible(page: Page, name: string): Promise<void> {
  await page.evaluate(axe)
  const found = await page.evaluate<Violation[]>(`axe.run(document, { resultTypes: ['violations'] }).then((result) => result.violations)`)
  const told = found.map(
    ({ id, help, nodes }) =>
      `${id}: ${help}\n${nodes.map(({ html, failureSummary }) => `  ${html}\n  ${failureSummary ?? ''}`).join('\n')}`,
  )
  expect.soft(told, name).toEqual([])
}
