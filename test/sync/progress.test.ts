import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createCursorCodec, type Cursor } from '../../src/sync/cursor.ts'
import { isForked, type KnownPositions, type Seen } from '../../src/sync/positions.ts'
import { covers, furthest, type Progress } from '../../src/sync/progress.ts'

const number = fc.nat({ max: Number.MAX_SAFE_INTEGER })
const point = fc.record({ position: number, item: number })
const progress: fc.Arbitrary<Progress> = fc.record({
  live: number,
  restarts: fc.nat({ max: 2 }),
  linked: point,
  resendId: fc.option(fc.integer({ min: 1, max: 5 }), { nil: undefined }),
  resend: point,
  done: number,
})
const cursor: fc.Arbitrary<Cursor> = fc.record({
  viewId: number,
  stream: fc.constantFrom('PRODUCT', 'STOCK', 'ORDER', 'CUSTOMER'),
  epoch: fc.nat({ max: 100 }),
  sighting: fc.record({ nonce: number, head: number, durableTo: number }),
  progress,
})

test('a cursor comes back as it was', () => {
  const codec = createCursorCodec('secret')
  fc.assert(
    fc.property(cursor, (one) => {
      expect(codec.decode(codec.encode(one))).toEqual(one)
    }),
  )
})

test('a cursor that was bent in any one character, cut, or signed by another is refused', () => {
  const codec = createCursorCodec('secret')
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_='
  fc.assert(
    fc.property(cursor, fc.nat(), fc.constantFrom(...alphabet), (one, at, letter) => {
      const text = codec.encode(one)
      const place = at % text.length
      const bent = text.slice(0, place) + letter + text.slice(place + 1)
      fc.pre(bent !== text)
      expect(() => codec.decode(bent)).toThrow('not a cursor')
      expect(() => codec.decode(text.slice(0, place))).toThrow('not a cursor')
      expect(() => createCursorCodec('other').decode(text)).toThrow('not a cursor')
    }),
  )
})

test('what is furthest covers both, and a late acknowledge of another run moves no resend, nor of another beginning anything of LIVE', () => {
  fc.assert(
    fc.property(progress, progress, (checkpoint, late) => {
      const moved = furthest(checkpoint, late)
      expect(covers(moved, checkpoint)).toBe(true)
      if (checkpoint.restarts === late.restarts) expect(covers(moved, late)).toBe(true)
      else expect(moved).toMatchObject({ live: checkpoint.live, restarts: checkpoint.restarts })
      if (checkpoint.resendId !== late.resendId) expect(moved).toMatchObject({ resend: checkpoint.resend, linked: checkpoint.linked })
    }),
  )
})

const range = (begins: number, nonce: number, lineage: string, usedTo: number | null, tookUpAt: number | null = null) => ({
  begins,
  ends: begins + 99,
  nonce,
  lineage,
  usedTo,
  tookUpAt,
})
const saw = (nonce: number, head: number, durableTo = 0, more: Partial<Seen> = {}): Seen => ({
  epoch: 0,
  sighting: { nonce, head, durableTo },
  linkPosition: 5,
  ...more,
})

test('who has seen what this database has not is told from who has not', () => {
  const known: KnownPositions = {
    epoch: 0,
    linkPosition: 10,
    ranges: [range(1, 11, 'a/1', 40), range(101, 22, 'a/1', 130, 5_000), range(201, 33, 'a/2', null, 9_000)],
  }

  expect(isForked(saw(11, 40), known)).toBe(false)
  expect(
    isForked(saw(11, 60, 5_000), known),
    'beyond what was used, but on the same timeline: a crash, after which everything was numbered again',
  ).toBe(false)
  expect(isForked(saw(11, 60, 5_001), known), 'more than what the server had that was started then: a backup was restored').toBe(true)
  expect(isForked(saw(22, 120, 9_000), known)).toBe(false)
  expect(isForked(saw(22, 140, 9_000), known), 'beyond what was used of a range that another timeline followed').toBe(true)
  expect(isForked(saw(22, 120, 9_001), known), 'more than what the replica had that was promoted').toBe(true)
  expect(isForked(saw(33, 220, 99_000), known)).toBe(false)
  expect(isForked(saw(44, 220), known), 'in a range that is not known').toBe(true)
  expect(isForked(saw(33, 302), known), 'beyond the reserved end').toBe(true)
  expect(isForked(saw(0, 0), known)).toBe(false)
  expect(isForked(saw(11, 40, 0, { epoch: 1 }), known), 'an epoch to come').toBe(true)
  expect(isForked(saw(11, 40, 0, { linkPosition: 11 }), known), 'links to come').toBe(true)
})
