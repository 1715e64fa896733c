import { describe, expect, test } from 'vitest'
import { byUrgency, standingOf, urgencyOf } from '../../admin/src/sync-views/standing.ts'
import type { View } from '../../admin/src/sync-views/view.ts'
import { sentenceOf } from '../../admin/src/sync-views/sentence.ts'
import { readSkus } from '../../admin/src/sync-view/skus.ts'
import { createEnglish } from '../../admin/src/text/en.ts'
import { createFormat } from '../../admin/src/text/format.ts'
import { createEnglishKeys } from '../../admin/src/text/keys.ts'
import { createSwedishKeys } from '../../admin/src/text/sv-keys.ts'
import { createSwedish } from '../../admin/src/text/sv.ts'
import { sayStep, sayVerdict, type Step } from '../../admin/src/why/say.ts'
import { stepCodes } from '../../src/sync/explanation.ts'

const now = new Date('2026-11-24T12:00:00Z')
const before = (seconds: number): string => new Date(now.getTime() - seconds * 1000).toISOString()

const stream = (changes: Partial<View['streams'][number]> = {}): View['streams'][number] => ({
  stream: 'PRODUCT',
  pending: 0,
  oldestPendingAt: null,
  acknowledgedAt: before(3),
  opened: true,
  connected: true,
  connection: { since: before(60), transport: 'WEBSOCKET', address: '10.0.0.1' },
  ...changes,
})

const resend: NonNullable<View['resend']> = {
  id: 'r',
  state: 'RUNNING',
  cause: 'ADMIN',
  total: 1000,
  acknowledged: 620,
  ratePerSecond: 2,
  estimatedCompletionAt: new Date(now.getTime() + 240_000).toISOString(),
  startedBy: { name: 'Anna' },
  startedAt: before(300),
  finishedAt: null,
}

const view = (changes: Partial<View> = {}): View => ({
  id: 'v',
  name: 'Fortnox',
  system: null,
  state: 'CONNECTED',
  autoLink: false,
  linkCount: 1000,
  rejectedCount: 0,
  offlineSince: null,
  doorbellUrl: null,
  createdAt: before(86_400),
  user: { id: 'u', name: 'Fortnox' },
  streams: [stream()],
  resend: null,
  lastHour: [],
  ...changes,
})

const formats = { en: createFormat('en-GB'), sv: createFormat('sv-SE') }
const english = { t: createEnglish(formats.en), f: formats.en }
const swedish = { t: createSwedish(formats.sv), f: formats.sv }
/** Intl writes spaces that do not break. */
const plain = (text: string): string => text.replaceAll(/\s/g, ' ')

const cases: readonly (readonly [string, View, string, string])[] = [
  ['level', view(), 'level, last change 3 s ago', 'helt i fas, senaste ändringen för 3 s sedan'],
  [
    'offline',
    view({ state: 'OFFLINE', offlineSince: before(7_200), streams: [stream({ pending: 1204, connected: false, connection: null })] }),
    `offline since ${formats.en.moment(before(7_200), now)}, 1,204 waiting`,
    `frånkopplad sedan ${formats.sv.moment(before(7_200), now)}, 1 204 väntar`,
  ],
  ['paused', view({ state: 'PAUSED', streams: [stream({ pending: 2 })] }), 'paused, 2 waiting', 'pausad, 2 väntar'],
  ['never', view({ state: 'NEVER_CONNECTED' }), 'has not connected yet', 'har inte anslutit ännu'],
  ['without', view({ linkCount: 0 }), 'connected, but no products are linked yet', 'ansluten, men inga produkter är länkade ännu'],
  [
    'resending',
    view({ resend }),
    'resending all products, 62%, about 4 minutes left',
    'alla produkter skickas om, 62 %, ungefär 4 minuter kvar',
  ],
  [
    'working',
    view({ streams: [stream({ pending: 12, oldestPendingAt: before(75) })] }),
    '12 on the way, the oldest for 1 min',
    '12 på väg, den äldsta sedan 1 min',
  ],
  ['uncounted', view({ state: 'PAUSED', streams: [stream({ pending: 10_000 })] }), 'paused, 10,000+ waiting', 'pausad, 10 000+ väntar'],
  ['uncounted', view({ state: 'PAUSED', streams: [stream({ pending: 10_000 })] }), 'paused, 10,000+ waiting', 'pausad, 10 000+ väntar'],
  [
    'rejected',
    view({ rejectedCount: 1 }),
    'level, last change 3 s ago · 1 product was rejected',
    'helt i fas, senaste ändringen för 3 s sedan · 1 produkt avvisad',
  ],
]

describe('a view is said in one sentence', () => {
  test.each(cases)('%s', (_name, one, inEnglish, inSwedish) => {
    expect(plain(sentenceOf(one, english, now))).toBe(plain(inEnglish))
    expect(plain(sentenceOf(one, swedish, now))).toBe(plain(inSwedish))
  })
})

test('what needs an admin comes first, and the rest keeps its order', () => {
  const views = [
    view({ name: 'level' }),
    view({ name: 'paused', state: 'PAUSED', rejectedCount: 3 }),
    view({ name: 'rejects', rejectedCount: 1 }),
    view({ name: 'resending', resend }),
    view({ name: 'level too' }),
    view({ name: 'offline', state: 'OFFLINE', offlineSince: before(600) }),
  ]

  expect(byUrgency(views, now).map(({ name }) => name)).toEqual(['rejects', 'offline', 'resending', 'level', 'level too', 'paused'])
})

test('a system that was away for a moment needs nobody yet', () => {
  expect(urgencyOf(view({ state: 'OFFLINE', offlineSince: before(20) }), now)).toBe('WAIT')
  expect(urgencyOf(view({ state: 'OFFLINE', offlineSince: before(90) }), now)).toBe('ACT')
  expect(standingOf(view({ state: 'OFFLINE', resend })).at).toBe('offline')
})

test('the end is not said before it is there', () => {
  expect(formats.en.percent(0.999)).toBe('99%')
  expect(formats.en.percent(1)).toBe('100%')
})

test('durations are said as people plan with them', () => {
  const said = [0.4, 7, 32, 58, 230, 5_300, 9_000].map((seconds) => plain(formats.en.duration(seconds)))

  expect(said).toEqual(['1 second', '7 seconds', '30 seconds', '1 minute', '4 minutes', '88 minutes', '2.5 hours'])
})

test('SKUs are read as they come out of a spreadsheet, a list or a mail, each once', () => {
  expect(readSkus('A-1\r\nB 2\tC-3;\n"D-4", A-1 ,\n\n')).toEqual(['A-1', 'B 2', 'C-3', 'D-4'])
  expect(readSkus(' \n ')).toEqual([])
})

test('what a key is good for is said in both languages', () => {
  const [en, sv] = [createEnglishKeys(formats.en), createSwedishKeys(formats.sv)]

  expect([en.writes(['Stock', 'Orders']), en.writes([]), en.onlyFrom(['10.0.0.0/8'])]).toEqual([
    'writes stock and orders alone',
    'writes nothing',
    'only from 10.0.0.0/8',
  ])
  expect([sv.writes(['Lager', 'Ordrar']), sv.writes([]), sv.onlyFrom(['10.0.0.0/8'])]).toEqual([
    'skriver bara lager och ordrar',
    'skriver ingenting',
    'bara från 10.0.0.0/8',
  ])
})

describe('the way of an article', () => {
  const step = (code: string, values: Readonly<Record<string, string>> = {}, ok = true): Step => ({
    code,
    ok,
    message: `English for ${code}`,
    values: Object.entries(values).map(([name, value]) => ({ name, value })),
  })

  test('is said in Swedish by the codes of its steps, every one of them, and in English as the gateway says it', () => {
    expect(Object.keys(swedish.t.why.steps)).toEqual(stepCodes)
    const queued = step('WAITS_IN_LIVE', { view: 'Kassan', stream: 'STOCK', place: '1204', total: '10000' })
    expect(plain(sayStep(queued, swedish.t))).toMatch(/^Lagret för den är nummer 1 204 av mer än 10 000 .* väntar på Kassan/)
    expect(sayStep(queued, english.t)).toBe('English for WAITS_IN_LIVE')
  })

  test('is said as the gateway says it where the page knows a step no better', () => {
    expect(sayStep(step('TO_COME'), swedish.t)).toBe('English for TO_COME')
  })

  test('ends in a verdict: what the step says that it stops at, or that it is there', () => {
    const found = [step('ARTICLE_FOUND', { title: 'Tält' }), step('LINKED', { view: 'Kassan' })]
    const verdict = 'English'

    expect(sayVerdict({ verdict, steps: [...found, step('OFFLINE', { view: 'Kassan' }, false)] }, 'OFFLINE', swedish.t)).toMatch(
      /^Kassan är inte ansluten/,
    )
    expect(sayVerdict({ verdict, steps: found }, 'CONNECTED', swedish.t)).toBe('”Tält” finns i Kassan som den är i butiken.')
    expect(sayVerdict({ verdict, steps: found }, 'OFFLINE', swedish.t)).toMatch(/Kassan är inte ansluten nu/)
    expect(sayVerdict({ verdict, steps: found }, 'CONNECTED', english.t)).toBe('English')
  })
})
