import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createCursorCodec, type Cursor } from '../../src/sync/cursor.ts'
import { isForked, type KnownPositions } from '../../src/sync/positions.ts'
import { covers, furthest, type Progress } from '../../src/sync/progress.ts'

const number = fc.nat({ max: Number.MAX_SAFE_INTEGER })
const point = fc.record({ position: number, item: number })
const progress: fc.Arbitrary<Progress> = fc.record({
  live: number,
  linked: point,
  resendId: fc.option(fc.integer({ min: 1, max: 5 }), { nil: undefined }),
  resend: point,
  done: number,
})
const cursor: fc.Arbitrary<Cursor> = fc.record({
  viewId: number,
  stream: fc.constantFrom('PRODUCT', 'STOCK', 'ORDER', 'CUSTOMER'),
  epoch: fc.nat({ max: 100 }),
  nonce: number,
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

test('what is furthest covers both, and a late acknowledge of another run moves no resend', () => {
  fc.assert(
    fc.property(progress, progress, (checkpoint, late) => {
      const moved = furthest(checkpoint, late)
      expect(covers(moved, checkpoint)).toBe(true)
      expect(covers(moved, late)).toBe(true)
      if (checkpoint.resendId !== late.resendId) expect(moved.resend).toEqual(checkpoint.resend)
    }),
  )
})

const range = (begins: number, nonce: number, lineage: string, usedTo: number | null) => ({
  begins,
  ends: begins + 99,
  nonce,
  lineage,
  usedTo,
})
const at = (live: number, nonce: number, more: Partial<Cursor> = {}): Cursor => ({
  viewId: 1,
  stream: 'PRODUCT',
  epoch: 0,
  nonce,
  progress: { live, linked: { position: 5, item: 0 }, resendId: undefined, resend: { position: 0, item: 0 }, done: 0 },
  ...more,
})

test('a cursor is a fork when it has seen what this database has not', () => {
  const known: KnownPositions = {
    epoch: 0,
    linkPosition: 10,
    ranges: [range(1, 11, 'a/1', 40), range(101, 22, 'a/1', 130), range(201, 33, 'a/2', null)],
  }

  expect(isForked(at(40, 11), known)).toBe(false)
  expect(
    isForked(at(60, 11), known),
    'beyond what was used, but on the same timeline: a crash, after which everything was numbered again',
  ).toBe(false)
  expect(isForked(at(120, 22), known)).toBe(false)
  expect(isForked(at(140, 22), known), 'beyond what was used of a range that another timeline followed').toBe(true)
  expect(isForked(at(220, 33), known)).toBe(false)
  expect(isForked(at(220, 44), known), 'of a range that is not known').toBe(true)
  expect(isForked(at(320, 33), known), 'beyond the reserved end').toBe(true)
  expect(isForked(at(0, 0), known)).toBe(false)
  expect(isForked(at(40, 11, { epoch: 1 }), known), 'of an epoch to come').toBe(true)
  expect(isForked(at(40, 11, { progress: { ...at(40, 11).progress, linked: { position: 11, item: 0 } } }), known), 'of links to come').toBe(
    true,
  )
})
