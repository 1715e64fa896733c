import { lastAcknowledgedAt, waitingOf, type Resend, type View, type Waiting } from './view.ts'

/** How a view stands, as one sentence says it. */
export type Standing =
  | { readonly at: 'paused'; readonly waiting: Waiting }
  | { readonly at: 'never-connected' }
  | { readonly at: 'offline'; readonly since: string | undefined; readonly waiting: Waiting }
  | { readonly at: 'resending'; readonly resend: Resend }
  | { readonly at: 'without-products' }
  | { readonly at: 'working'; readonly waiting: Waiting }
  | { readonly at: 'level'; readonly lastAt: string | undefined }

/** What an admin has to do with it: ACT comes first. */
export type Urgency = 'ACT' | 'WAIT' | 'GOOD' | 'OFF'

/** A system that connects anew, after a restart say, is no reason to call anybody. */
const patienceMs = 60_000

export function standingOf(view: View): Standing {
  const waiting = waitingOf(view)
  if (view.state === 'PAUSED') return { at: 'paused', waiting }
  if (view.state === 'NEVER_CONNECTED') return { at: 'never-connected' }
  if (view.state === 'OFFLINE') return { at: 'offline', since: view.offlineSince ?? undefined, waiting }
  if (view.resend?.state === 'RUNNING') return { at: 'resending', resend: view.resend }
  if (waiting.pending > 0) return { at: 'working', waiting }
  if (view.linkCount === 0) return { at: 'without-products' }
  return { at: 'level', lastAt: lastAcknowledgedAt(view) }
}

export function urgencyOf(view: View, now: Date): Urgency {
  const standing = standingOf(view)
  if (standing.at === 'paused') return 'OFF'
  if (view.rejectedCount > 0) return 'ACT'
  switch (standing.at) {
    case 'never-connected':
    case 'without-products':
      return 'ACT'
    case 'offline':
      return standing.since === undefined || now.getTime() - Date.parse(standing.since) > patienceMs ? 'ACT' : 'WAIT'
    case 'resending':
    case 'working':
      return 'WAIT'
    case 'level':
      return 'GOOD'
  }
}

const order: readonly Urgency[] = ['ACT', 'WAIT', 'GOOD', 'OFF']

/** What needs an admin first; otherwise in the order in which they were made, so that nothing jumps about. */
export function byUrgency(views: readonly View[], now: Date): readonly View[] {
  return views
    .map((view, index) => ({ view, index, rank: order.indexOf(urgencyOf(view, now)) }))
    .toSorted((a, b) => a.rank - b.rank || a.index - b.index)
    .map(({ view }) => view)
}

/** How much of a run is done with, 0 to 1. */
export function shareOf({ acknowledged, total }: Pick<Resend, 'acknowledged' | 'total'>): number {
  return total === 0 ? 1 : acknowledged / total
}

/** Seconds until a run is complete; undefined while that cannot be told. */
export function secondsLeft({ estimatedCompletionAt }: Pick<Resend, 'estimatedCompletionAt'>, now: Date): number | undefined {
  return estimatedCompletionAt === null ? undefined : Math.max(0, (Date.parse(estimatedCompletionAt) - now.getTime()) / 1000)
}
