import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { startShop } from '../helpers/gateway.ts'

let shop: Awaited<ReturnType<typeof startShop>>
beforeAll(async () => {
  shop = await startShop()
})
afterAll(async () => {
  await shop[Symbol.asyncDispose]()
})

const built = fileURLToPath(new URL('../../dist/admin/', import.meta.url))
const manifest = z
  .record(
    z.string(),
    z.object({
      file: z.string(),
      isEntry: z.boolean().optional(),
      imports: z.array(z.string()).optional(),
      dynamicImports: z.array(z.string()).optional(),
    }),
  )
  .parse(JSON.parse(readFileSync(`${built}.vite/manifest.json`, 'utf8')))

/** A chunk and whatever it cannot run without. */
function withImports(name: string, seen = new Set<string>()): ReadonlySet<string> {
  if (seen.has(name)) return seen
  seen.add(name)
  for (const one of manifest[name]?.imports ?? []) withImports(one, seen)
  return seen
}

const entry = Object.keys(manifest).find((name) => manifest[name]?.isEntry === true) ?? ''
const get = (path: string, headers: Record<string, string> = {}) => fetch(`${shop.url}${path}`, { headers })

test('the first load is under 250 kB of JavaScript, compressed, and charts are not among it', () => {
  const files = [...withImports(entry)].map((name) => manifest[name]?.file ?? '')
  const bytes = files.reduce((sum, file) => sum + readFileSync(`${built}${file}.gz`).length, 0)

  expect(files.length).toBeGreaterThan(1)
  expect(bytes).toBeLessThan(250_000)
  expect(files.filter((file) => /chart/i.test(file))).toEqual([])
})

test('the page runs nothing that is not a file of the gateway, and is in no frame', async () => {
  const response = await get('/admin')
  const policy = response.headers.get('content-security-policy') ?? ''
  const html = await response.text()

  expect(policy).toContain("default-src 'none'")
  expect(policy).toContain("script-src 'self';")
  expect(policy).toContain("frame-ancestors 'none'")
  expect(html).not.toMatch(/<script(?![^>]*\ssrc="\/admin\/assets\/)/)
  expect(html).not.toMatch(/(?:src|href)="https?:/)
})

test('assets are kept by browsers for good, compressed as they like it; the page is asked for anew', async () => {
  const asset = `/admin/${manifest[entry]?.file ?? ''}`
  const [page, brotli, gzip, plain] = [
    await get('/admin'),
    await get(asset, { 'accept-encoding': 'gzip, br' }),
    await get(asset, { 'accept-encoding': 'gzip' }),
    await get(asset, { 'accept-encoding': 'identity' }),
  ]

  expect(page.headers.get('cache-control')).toBe('no-cache')
  expect(brotli.headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
  expect([brotli, gzip, plain].map((response) => response.headers.get('content-encoding'))).toEqual(['br', 'gzip', null])
  const texts = await Promise.all([brotli.text(), gzip.text(), plain.text()])
  expect(new Set(texts).size).toBe(1)
})

test('every path of the page is the page; an asset of another version is not there, and nothing else of the disk is', async () => {
  const html = await (await get('/admin')).text()

  for (const path of ['/admin/', '/admin/products', '/admin/sync-views/abc/products?resend'])
    expect(await (await get(path)).text()).toBe(html)
  expect((await get('/admin/assets/index-old.js')).status).toBe(404)
  for (const path of ['/admin/..%2f..%2fpackage.json', '/admin/../../package.json', '/admin/.vite/manifest.json']) {
    const text = await (await get(path)).text()
    expect(text).not.toContain('"synkvy"')
    expect(text).not.toContain('isEntry')
  }
  expect(existsSync(`${built}index.html.br`)).toBe(true)
})

test('a browser that comes to the root is led to the page, others are told in words', async () => {
  const browser = await fetch(shop.url, { headers: { accept: 'text/html,*/*' }, redirect: 'manual' })

  expect([browser.status, browser.headers.get('location')]).toEqual([302, '/admin'])
  expect(await (await get('/')).text()).toContain('/graphql')
})
