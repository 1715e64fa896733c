import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { z } from 'zod'

/** What asks of whoever passes it on no more than to keep its notice, or not even that. Before another is added, somebody has read it. */
const allowed = ['MIT', 'ISC', '0BSD', 'BSD-2-Clause', 'BSD-3-Clause', 'Apache-2.0', 'Unlicense']

const lock = z
  .object({ packages: z.record(z.string(), z.object({ license: z.string().optional(), dev: z.boolean().optional() })) })
  .parse(JSON.parse(readFileSync(new URL('../../package-lock.json', import.meta.url), 'utf8')))

test('whatever runs in production is under a licence that is on the list', () => {
  const used = Object.entries(lock.packages).filter(([path, { dev }]) => path !== '' && dev !== true)

  expect(used.length).toBeGreaterThan(50)
  expect(
    used.filter(([, { license }]) => license === undefined || !allowed.includes(license)).map(([path, { license }]) => [path, license]),
  ).toEqual([])
})
