import { expect, test } from 'vitest'
import { SynkvyError } from '../../src/errors.ts'
import { Buckets } from '../../src/server/buckets.ts'
import { FailedKeys } from '../../src/server/failed-keys.ts'
import { TextCache } from '../../src/server/text-cache.ts'

test('a bucket holds so many calls, and fills by so many a minute', () => {
  const buckets = new Buckets<string>({ perMinute: 60, atOnce: 3 })
  const take = (now: number, key = 'a'): number => buckets.take(key, now)

  expect([take(0), take(0), take(0), take(0)]).toEqual([0, 0, 0, 1])
  expect([take(999), take(1_000), take(1_001)]).toEqual([1, 0, 1])
  expect([take(60_000), take(60_000), take(60_000), take(60_000)]).toEqual([0, 0, 0, 1])
  expect(take(60_000, 'b')).toBe(0)
})

test('a call that is given back may be made again, and no more than the bucket holds', () => {
  const buckets = new Buckets<string>({ perMinute: 1, atOnce: 2 })
  for (const _ of [1, 2]) buckets.take('a', 0)
  expect(buckets.take('a', 0)).toBe(60)

  buckets.giveBack('a')
  expect([buckets.take('a', 0), buckets.take('a', 0)]).toEqual([0, 60])
  for (const _ of [1, 2, 3, 4]) buckets.giveBack('a')
  expect([buckets.take('a', 0), buckets.take('a', 0), buckets.take('a', 0)]).toEqual([0, 0, 60])
})

test('of a hundred thousand callers the one that called longest ago is forgotten', () => {
  const buckets = new Buckets<number>({ perMinute: 1, atOnce: 1 })
  for (let key = 0; key <= 100_000; key += 1) buckets.take(key, 0)

  expect([buckets.take(100_000, 0), buckets.take(1, 0), buckets.take(0, 0)]).toEqual([60, 60, 0])
})

const bad = async (): Promise<never> => {
  throw new SynkvyError('UNAUTHENTICATED', 'no')
}

test('who tries keys waits longer and longer, and a good one gets in when the wait is over, or was known', async () => {
  const failed = new FailedKeys(10)
  let now = 0
  let lookUps = 0
  const admit = async (secret: string, lookUp: () => Promise<string>): Promise<unknown> =>
    failed
      .admit(
        'here',
        secret,
        () => ((lookUps += 1), lookUp()),
        () => now,
      )
      .catch((error: unknown) => (error instanceof SynkvyError ? (error.exceeded?.retryAfterSeconds ?? error.code) : error))
  const good = async (): Promise<string> => 'in'
  await admit('known', good)

  const first = await Promise.all(Array.from({ length: 10 }, () => undefined).map((_, index) => admit(`bad ${index}`, bad)))
  expect(first).toEqual(Array.from({ length: 10 }, () => 'UNAUTHENTICATED'))
  const before = lookUps
  expect([await admit('bad', bad), await admit('new', good)]).toEqual([1, 1])
  expect(lookUps).toBe(before)
  expect(await admit('known', good)).toBe('in')

  const waits: unknown[] = []
  for (let index = 0; index < 4; index += 1) {
    const wait = await admit('bad', bad)
    waits.push(wait)
    now += Number(wait) * 1_000
    await admit('bad', bad)
  }
  expect(waits).toEqual([1, 2, 4, 8])
  now += 16_000
  expect(await admit('new', good)).toBe('in')
  now += 120_000
  expect([await admit('bad', bad), await admit('bad', bad)]).toEqual(['UNAUTHENTICATED', 'UNAUTHENTICATED'])
})

test('a key that was good and is no more is looked up, and then like any', async () => {
  const failed = new FailedKeys(1)
  await failed.admit('here', 'once', async () => 'in')
  await expect(failed.admit('here', 'once', bad)).rejects.toThrow('no')

  await expect(failed.admit('here', 'once', bad)).rejects.toMatchObject({ code: 'RATE_LIMITED' })
  await expect(failed.admit('there', 'once', async () => 'in')).resolves.toBe('in')
})

test('what is kept by text is bounded, and long texts are not kept', () => {
  const cache = new TextCache<number>()
  const text = (index: number): string => String(index).padEnd(10_000)
  for (let index = 0; index <= 50; index += 1) cache.set(text(index), index)
  cache.set('x'.repeat(10_001), 1)

  expect([cache.get(text(0)), cache.get(text(1)), cache.get(text(50)), cache.get('x'.repeat(10_001))]).toEqual([
    undefined,
    1,
    50,
    undefined,
  ])
})
