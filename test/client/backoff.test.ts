import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Backoff, pause } from '../../src/client/backoff.ts'

test('a pause is anything from nothing up to a bound that doubles with each attempt, to an end, and begins anew after a success', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 40 }), fc.double({ min: 0, max: 0.999_999, noNaN: true }), (attempts, chance) => {
      const backoff = new Backoff({ firstMs: 500, longestMs: 30_000, random: () => chance })
      for (let attempt = 0; attempt < attempts; attempt += 1) backoff.nextMs()

      expect(backoff.nextMs()).toBe(chance * Math.min(30_000, 500 * 2 ** attempts))
      backoff.reset()
      expect(backoff.nextMs()).toBe(chance * 500)
    }),
  )
})

test('a pause ends when one of the signals fires, and at once where one has fired', async () => {
  const [first, second] = [new AbortController(), new AbortController()]
  const pausing = pause(60_000, [first.signal, second.signal])
  second.abort()

  await pausing
  await pause(60_000, [first.signal, second.signal])
})
