import type { Database } from '../db/client.ts'
import { missingMigrations } from '../db/migrate.ts'
import { readSequencedBy } from '../sync/sequencing.ts'
import { atMostEvery, within } from './asking.ts'

/** Whether a gateway can serve, and if not why. */
export interface Readiness {
  readonly isReady: boolean
  /** What is wrong, a sentence each. */
  readonly reasons: readonly string[]
}

const answerWithinMs = 2_000
/** How long nobody may sequence: a failover takes a few seconds, in which the gateways serve all the same. */
const longestUnsequencedMs = 15_000

/** Looks whether a gateway can serve. A database that hangs is asked once, however many look. */
export function createHealth(database: Database, unsequencedMs = longestUnsequencedMs): { readonly look: () => Promise<Readiness> } {
  let lastSequencedAt = Date.now()
  const ask = atMostEvery(0, () => readState(database))
  const look = async (): Promise<Readiness> => {
    const state = await within(answerWithinMs, ask())
    if (state === undefined) return notReady('database: Postgres does not answer.')
    if (state.missing > 0) return notReady(`migrations: ${state.missing} are missing. Run "synkvy migrate", or restart the gateway.`)
    if (state.isSequenced) lastSequencedAt = Date.now()
    const forMs = Date.now() - lastSequencedAt
    if (forMs >= unsequencedMs) return notReady(`sequencer: no gateway has sequenced for ${Math.round(forMs / 1000)} seconds.`)
    return { isReady: true, reasons: [] }
  }
  return { look }
}

function notReady(reason: string): Readiness {
  return { isReady: false, reasons: [reason] }
}

async function readState({ sql }: Database) {
  const [missing, sequencedBy] = await Promise.all([missingMigrations(sql), readSequencedBy(sql)])
  return { missing, isSequenced: sequencedBy !== undefined }
}
