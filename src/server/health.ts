import type { Database } from '../db/client.ts'
import { missingMigrations } from '../db/migrate.ts'
import { readSequencedBy } from '../sync/sequencing.ts'

/** Whether a gateway can serve, and if not why. */
export interface Readiness {
  readonly isReady: boolean
  /** What is wrong, a sentence each. */
  readonly reasons: readonly string[]
}

const answerWithinMs = 2_000
/** How long nobody may sequence: a failover takes a few seconds, in which the gateways serve all the same. */
const longestUnsequencedMs = 15_000

/** Looks whether a gateway can serve. Each look asks the database once. */
export function createHealth(database: Database, unsequencedMs = longestUnsequencedMs): { readonly look: () => Promise<Readiness> } {
  let lastSequencedAt = Date.now()
  const look = async (): Promise<Readiness> => {
    const state = await within(answerWithinMs, readState(database))
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

/** Undefined where it fails, or is not there in time. */
async function within<Answer>(ms: number, work: Promise<Answer>): Promise<Answer | undefined> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<undefined>((resolve) => (timer = setTimeout(() => resolve(undefined), ms)))
  try {
    return await Promise.race([work.catch(() => undefined), late])
  } finally {
    clearTimeout(timer)
  }
}
