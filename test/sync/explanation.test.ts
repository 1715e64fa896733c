import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { explain, stepCodes } from '../../src/sync/explanation.ts'
import type { Facts, StreamFacts } from '../../src/sync/explanation-facts.ts'

const now = new Date('2026-11-23T12:00:00Z')
const ago = (seconds: number) => new Date(now.getTime() - seconds * 1_000)
const level: StreamFacts = {
  stream: 'PRODUCT',
  isConnected: true,
  connectedAt: ago(9_000),
  acknowledgedAt: ago(5),
  waiting: undefined,
  isOwn: false,
}
const facts = (more: Partial<Facts> = {}): Facts => ({
  sku: 'KOPP-1',
  now,
  epoch: 0,
  view: { label: 'ERP', isPaused: false, autoLink: false, createdAt: ago(90_000), followsOthers: false },
  article: { variantId: 1, productId: 1, title: 'Kaffekopp', revision: 7, createdAt: ago(80_000), updatedAt: ago(50), isNewToView: false },
  deleted: undefined,
  link: { id: 1, position: 1, revision: 9, isUnlinked: false, isRemovalConfirmed: false, movedAt: ago(70_000) },
  rejection: undefined,
  streams: [level],
  ...more,
})
const waiting = (since: number, more: Partial<StreamFacts> = {}) =>
  facts({ streams: [{ ...level, waiting: { lane: 'LIVE', since: ago(since), place: 3, total: 40, isCounted: true }, ...more }] })
const lastOf = (of: Facts) => {
  const { steps, ...rest } = explain(of)
  return { ...rest, ...steps.at(-1) }
}

test('what waits shortly is to be waited for; what waits while a connected system says nothing is for its integrator', () => {
  expect(lastOf(waiting(10))).toMatchObject({
    inSync: false,
    code: 'WAITS_IN_LIVE',
    resolution: 'WAIT',
    since: ago(10),
    verdict: expect.stringContaining('number 3 of 40'),
  })
  expect(lastOf(waiting(500)), 'it confirms other things').toMatchObject({ code: 'WAITS_IN_LIVE' })
  expect(lastOf(waiting(500, { acknowledgedAt: ago(300), connectedAt: ago(20) })), 'it has only just come').toMatchObject({
    code: 'WAITS_IN_LIVE',
  })
  expect(lastOf(waiting(500, { acknowledgedAt: ago(300) }))).toMatchObject({
    code: 'NOT_CONFIRMED',
    resolution: 'INTEGRATOR',
    since: ago(300),
  })
  expect(explain(waiting(500, { acknowledgedAt: undefined, connectedAt: ago(9_000) })).steps.map(({ code, ok }) => [code, ok])).toEqual([
    ['ARTICLE_FOUND', true],
    ['LINKED', true],
    ['VIEW_ACTIVE', true],
    ['CONNECTED', true],
    ['QUEUED', true],
    ['NOT_CONFIRMED', false],
  ])
})

test('a system that was heard of a moment ago will be back; one that was not is for its integrator', () => {
  expect(lastOf(waiting(10, { isConnected: false }))).toMatchObject({ code: 'OFFLINE', resolution: 'WAIT', since: ago(5) })
  expect(lastOf(waiting(10, { isConnected: false, acknowledgedAt: ago(4_000) }))).toMatchObject({
    code: 'OFFLINE',
    resolution: 'INTEGRATOR',
    since: ago(4_000),
  })
})

test('a change that nobody numbers is told from one that is being numbered, and a place that was not counted from one that was', () => {
  const unnumbered = (since: number) => facts({ streams: [{ ...level, waiting: { lane: 'UNNUMBERED', since: ago(since) } }] })
  expect(lastOf(unnumbered(1))).toMatchObject({ code: 'CHANGE_TAKEN_UP', resolution: 'WAIT' })
  expect(lastOf(unnumbered(60))).toMatchObject({ code: 'CHANGE_NOT_TAKEN_UP', resolution: 'INTEGRATOR', since: ago(60) })
  const far = (place: number) =>
    facts({ streams: [{ ...level, waiting: { lane: 'RESEND', since: ago(1), place, total: 10_000, isCounted: false } }] })
  expect(lastOf(far(12)).verdict).toContain('number 12 of more than 10000')
  expect(lastOf(far(10_000)).verdict).toContain('beyond number 10000')
})

test('what fails first is told alone, whatever fails after it, and stops the way', () => {
  const everythingWrong = waiting(500, { isConnected: false })
  const paused = { ...everythingWrong, view: { ...everythingWrong.view, isPaused: true } }
  expect(lastOf(paused)).toMatchObject({ code: 'VIEW_PAUSED', resolution: 'MERCHANT' })
  expect(lastOf({ ...paused, link: undefined })).toMatchObject({ code: 'NOT_LINKED' })
  expect(lastOf({ ...paused, link: undefined, article: undefined })).toMatchObject({ code: 'ARTICLE_UNKNOWN' })
  for (const of of [everythingWrong, paused]) expect(explain(of).steps.filter(({ ok }) => !ok)).toHaveLength(1)
})

test('docs/explanations.md has a row for every code, in order', () => {
  const document = readFileSync(new URL('../../docs/explanations.md', import.meta.url), 'utf8')

  expect([...document.matchAll(/^\| `([A-Z_]+)`/gm)].map((match) => match[1])).toEqual([...stepCodes])
})
