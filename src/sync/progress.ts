import { wholeLink } from '../db/tables/sync.ts'

/** A place in a view's links: everything up to `item` of the link at `position` is behind it. Compared in that order. */
export interface LinkPoint {
  readonly position: number
  /** For STOCK a stock level's id; `wholeLink` where the link is done with. */
  readonly item: number
}

/** How far a view has come on a stream, a number a lane. */
export interface Progress {
  /** Feed position. */
  readonly live: number
  /** How often LIVE had been begun anew: positions of different beginnings are not compared. */
  readonly restarts: number
  readonly linked: LinkPoint
  /** The run that `resend` and `done` belong to. */
  readonly resendId: number | undefined
  readonly resend: LinkPoint
  /** Links of the run that are behind. */
  readonly done: number
}

/** The point before the first link. */
export const beforeAllLinks: LinkPoint = { position: 0, item: wholeLink }

/** The point at which the link at `position`, and every one before it, is done with. */
export function afterLink(position: number): LinkPoint {
  return { position, item: wholeLink }
}

/** Whether `point` is at `goal` or beyond it. */
export function hasReached(point: LinkPoint, goal: LinkPoint): boolean {
  return point.position > goal.position || (point.position === goal.position && point.item >= goal.item)
}

/** The farther of two points. */
function farther(a: LinkPoint, b: LinkPoint): LinkPoint {
  return hasReached(a, b) ? a : b
}

/** Whether `reached` is at or beyond `sent` in every lane. Of another run only LIVE counts: the links are gone through anew. */
export function covers(reached: Progress, sent: Progress): boolean {
  return (
    reached.restarts === sent.restarts &&
    reached.live >= sent.live &&
    (reached.resendId !== sent.resendId || (hasReached(reached.linked, sent.linked) && hasReached(reached.resend, sent.resend)))
  )
}

/** The maximum, lane by lane, of a checkpoint and what a cursor says. */
export function furthest(checkpoint: Progress, cursor: Progress): Progress {
  const sameRun = checkpoint.resendId === cursor.resendId
  return {
    live: checkpoint.restarts === cursor.restarts ? Math.max(checkpoint.live, cursor.live) : checkpoint.live,
    restarts: checkpoint.restarts,
    linked: sameRun ? farther(checkpoint.linked, cursor.linked) : checkpoint.linked,
    resendId: checkpoint.resendId,
    resend: sameRun ? farther(checkpoint.resend, cursor.resend) : checkpoint.resend,
    done: sameRun ? Math.max(checkpoint.done, cursor.done) : checkpoint.done,
  }
}
