import { graphql, type ResultOf } from '../api/graphql.ts'

/** All that is shown of a view at a glance. */
const overviewFragment = graphql(`
  fragment Overview on SyncView {
    id
    name
    system
    state
    autoLink
    linkCount
    rejectedCount
    offlineSince
    doorbellUrl
    createdAt
    user {
      id
      name
    }
    streams {
      stream
      pending
      oldestPendingAt
      acknowledgedAt
      opened
      connected
      connection {
        since
        transport
        address
      }
    }
    resend {
      id
      state
      cause
      total
      acknowledged
      ratePerSecond
      estimatedCompletionAt
      startedBy {
        name
      }
      startedAt
      finishedAt
    }
    lastHour {
      stream
      minute
      live
      resent
      averageLagMs
      worstLagMs
    }
  }
`)

export const viewsSubscription = graphql(
  `
    subscription Views {
      syncViewStatuses {
        ...Overview
      }
    }
  `,
  [overviewFragment],
)

export const viewSubscription = graphql(
  `
    subscription View($id: ID!) {
      syncViewStatus(syncViewId: $id) {
        ...Overview
      }
    }
  `,
  [overviewFragment],
)

export type View = ResultOf<typeof overviewFragment>
export type StreamState = View['streams'][number]
export type Resend = NonNullable<View['resend']>
export type StreamMinute = View['lastHour'][number]

/** Where the gateway stops counting what waits. */
const mostPendingCounted = 10_000

/** How much waits. */
export interface Waiting {
  readonly pending: number
  /** It is this or more: beyond, nobody has counted. */
  readonly isMore: boolean
  /** Since when the oldest of it waits. */
  readonly oldestAt: string | undefined
}

/** What waits over some streams. */
export function waitingOf({ streams }: { readonly streams: readonly StreamState[] }): Waiting {
  const oldest = streams.flatMap(({ oldestPendingAt }) => oldestPendingAt ?? []).toSorted((a, b) => Date.parse(a) - Date.parse(b))
  return {
    pending: streams.reduce((sum, { pending }) => sum + pending, 0),
    isMore: streams.some(({ pending }) => pending >= mostPendingCounted),
    oldestAt: oldest[0],
  }
}

/** When the system last acknowledged anything. */
export function lastAcknowledgedAt({ streams }: Pick<View, 'streams'>): string | undefined {
  return streams
    .flatMap(({ acknowledgedAt }) => acknowledgedAt ?? [])
    .toSorted((a, b) => Date.parse(a) - Date.parse(b))
    .at(-1)
}

/** Which streams to show: those of products and stock, and the others once they were opened, or something waits. */
export function shownStreams({ streams }: Pick<View, 'streams'>): readonly StreamState[] {
  return streams.filter(({ stream, opened, pending }) => stream === 'PRODUCT' || stream === 'STOCK' || opened || pending > 0)
}
