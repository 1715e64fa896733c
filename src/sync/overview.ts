import type { z } from 'zod'
import type { Database } from '../db/client.ts'
import { overviewRow } from './overview-row.ts'
import { latestResendOfView, progressOf, type ResendProgress, type ResendRow } from './resend.ts'
import { rejectionsThatHold } from './standing.ts'
import { stateOf, streamsOfView, type StreamStatus, type SyncViewState } from './status.ts'
import { lastHour, mergeMinutes, type StreamMinute, type Throughput } from './throughput.ts'
import { linkedProducts, type SyncViewRow } from './views.ts'

/** A view and all that is shown of it at a glance, read together. */
export interface ViewOverview {
  readonly view: SyncViewRow
  readonly state: SyncViewState
  readonly streams: readonly StreamStatus[]
  readonly linkCount: number
  /** Products that the other end cannot take. */
  readonly rejectedCount: number
  /** The latest. */
  readonly resend: (ResendRow & { readonly progress: ResendProgress }) | undefined
  /** Whatever is known of its doorbell, so that who watches hears of a ring. */
  readonly doorbell: unknown
  /** The last hour. */
  readonly minutes: readonly StreamMinute[]
}

/** How many views of an account are shown at once. */
const mostViews = 500

/** How long what was read for one who watches all views is good for another. */
const sharedForMs = 500

/** How the views of accounts stand, with what this gateway has delivered and not written down yet. */
export class Overviews {
  readonly #database: Database
  readonly #throughput: Throughput
  readonly #shared = new Map<number, Promise<readonly ViewOverview[]>>()

  constructor(database: Database, throughput: Throughput) {
    this.#database = database
    this.#throughput = throughput
  }

  /** All views of an account, or one. */
  async read(accountId: number, viewId?: number): Promise<readonly ViewOverview[]> {
    const overviews = await readOverviews(this.#database, accountId, viewId)
    const unwritten = this.#throughput.unwritten(accountId)
    return overviews.map((overview) => ({
      ...overview,
      minutes: mergeMinutes(
        overview.minutes,
        unwritten.filter((minute) => minute.viewId === overview.view.id),
      ),
    }))
  }

  /** All views of an account, as they are or were a moment ago: however many watch, they are read once. */
  readShared(accountId: number): Promise<readonly ViewOverview[]> {
    const shared = this.#shared.get(accountId)
    if (shared !== undefined) return shared
    const read = this.read(accountId)
    this.#shared.set(accountId, read)
    const forget = (): void => void setTimeout(() => this.#shared.delete(accountId), sharedForMs).unref()
    read.then(forget, forget)
    return read
  }
}

/** Views of an account, all or one of them, in the order in which they were made: one statement, however many there are. */
async function readOverviews(database: Database, accountId: number, viewId?: number): Promise<readonly ViewOverview[]> {
  const { sql } = database
  const rows = await sql<{ view: unknown }[]>`
    SELECT json_build_object('view', to_jsonb(v), 'now', clock_timestamp(), 'linkCount', ${linkedProducts(sql)}, 'rejectedCount', (
        SELECT count(DISTINCT x.entity_id) FROM ${rejectionsThatHold(sql)} AND x.account_id = v.account_id AND x.view_id = v.id),
      'doorbell', (SELECT to_json(d) FROM doorbells d WHERE d.account_id = v.account_id AND d.view_id = v.id),
      'streams', (SELECT json_agg(s ORDER BY s.ordinal) FROM (${streamsOfView(sql)}) s), 'resend', (SELECT to_json(r) FROM (${latestResendOfView(sql)}) r),
      'minutes', ${lastHour(sql)}) AS view
    FROM sync_views v WHERE v.account_id = ${accountId} ${viewId === undefined ? sql`` : sql`AND v.id = ${viewId}`} ORDER BY v.id LIMIT ${mostViews}`
  return rows.map(({ view }) => toOverview(overviewRow.parse(view)))
}

function toOverview(row: z.infer<typeof overviewRow>): ViewOverview {
  const { view, streams, linkCount, rejectedCount, resend, doorbell, now } = row
  return {
    view,
    state: stateOf(view, streams),
    streams,
    linkCount,
    rejectedCount,
    doorbell,
    resend: resend === null ? undefined : { ...resend, progress: progressOf(resend, resend.done, now) },
    minutes: (row.minutes ?? []).map((minute) => ({ ...minute, viewId: view.id })),
  }
}
