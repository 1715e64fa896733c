import fc from 'fast-check'
import { expect, test } from 'vitest'
import { wholeLink } from '../../src/db/tables/sync.ts'
import { waitingRanges, type Range } from '../../src/sync/standing.ts'

const range: fc.Arbitrary<Range> = fc.record({ after: fc.nat(40), length: fc.integer({ min: 1, max: 20 }) }).map(({ after, length }) => ({
  after,
  to: after + length,
}))
const isIn = (position: number, ranges: readonly Range[]) => ranges.filter(({ after, to }) => position > after && position <= to).length

test('a link waits where it waits on any stream, and the ranges of those that do neither overlap nor touch', () => {
  fc.assert(
    fc.property(fc.array(fc.array(range, { minLength: 1, maxLength: 2 }), { minLength: 1, maxLength: 2 }), (streams) => {
      const merged = waitingRanges(streams.map((waiting) => ({ stream: 'PRODUCT', live: 0, waiting })))
      for (let position = 0; position < 70; position += 1)
        expect(isIn(position, merged)).toBe(streams.some((waiting) => isIn(position, waiting) > 0) ? 1 : 0)
      merged.slice(1).forEach(({ after }, index) => expect(after).toBeGreaterThan(merged[index]?.to ?? 0))
    }),
  )
})

test('to a view that has opened no stream everything waits', () => {
  expect(isIn(0, waitingRanges([]))).toBe(1)
  expect(isIn(wholeLink, waitingRanges([]))).toBe(1)
})
