import type { Format } from '../text/format.ts'
import type { Dictionary } from '../text/en.ts'
import { secondsLeft, shareOf, standingOf } from './standing.ts'
import type { View, Waiting } from './view.ts'

/** One sentence that says how a view stands: "level, last change 3 s ago". */
export function sentenceOf(view: View, { t, f }: { readonly t: Dictionary; readonly f: Format }, now: Date): string {
  const sentence = standingSentence(view, { t, f }, now)
  return view.rejectedCount === 0 ? sentence : `${sentence} · ${t.standing.rejected(view.rejectedCount)}`
}

function standingSentence(view: View, { t, f }: { readonly t: Dictionary; readonly f: Format }, now: Date): string {
  const standing = standingOf(view)
  switch (standing.at) {
    case 'paused':
      return t.standing.paused(countOf(standing.waiting, f))
    case 'never-connected':
      return t.standing.neverConnected
    case 'offline':
      return t.standing.offline(standing.since && f.moment(standing.since, now), countOf(standing.waiting, f))
    case 'resending': {
      const left = secondsLeft(standing.resend, now)
      return t.standing.resending(f.percent(shareOf(standing.resend)), left === undefined ? undefined : f.duration(left))
    }
    case 'without-products':
      return t.standing.withoutProducts
    case 'working':
      return t.standing.working(f.count(standing.waiting), standing.waiting.oldestAt && f.age(standing.waiting.oldestAt, now))
    case 'level':
      return t.standing.level(standing.lastAt && f.ago(standing.lastAt, now))
  }
}

function countOf(waiting: Waiting, f: Format): string | undefined {
  return waiting.pending === 0 ? undefined : f.count(waiting)
}
