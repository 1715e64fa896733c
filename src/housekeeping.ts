import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import { sweepAudit } from './access/audit.ts'
import { sweepSessions } from './access/sessions.ts'
import { sweepMovements } from './catalog/stock-ledger.ts'
import { sweepIdempotencyKeys } from './catalog/stock.ts'
import type { Database, TransactionSql } from './db/client.ts'
import { advisoryLocks } from './db/locks.ts'
import { feedSweeps, type Retention, type Sweep } from './sync/sweep.ts'
import { sweepMinutes } from './sync/throughput.ts'

/** How long everything that is over is kept. */
export interface Kept extends Retention {
  /** Days for which the ledger of stock is kept. */
  readonly ledgerDays: number
  /** Days for which the audit log is kept. */
  readonly auditDays: number
}

/** Sweeps now and then. Dispose of it to stop. */
export interface Housekeeping extends Disposable {
  /** Rows that went since it started, by what they were. */
  readonly swept: () => Readonly<Record<string, number>>
}

/** Rows of a batch: few enough that nobody waits for one. */
export const rowsAtOnce = 5_000
const everyMs = 3_600_000
/** So that gateways that are restarted often sweep all the same. */
const firstAfterMs = 300_000

const sweeps: readonly Sweep<Kept>[] = [
  ...feedSweeps,
  { what: 'idempotency keys', sweep: (tx, _kept, most) => sweepIdempotencyKeys(tx, most) },
  { what: 'sessions', sweep: (tx, _kept, most) => sweepSessions(tx, most) },
  { what: 'minutes of throughput', sweep: (tx, _kept, most) => sweepMinutes(tx, most) },
  { what: 'stock movements', sweep: (tx, { ledgerDays }, most) => sweepMovements(tx, ledgerDays, most) },
  { what: 'entries of the audit log', sweep: (tx, { auditDays }, most) => sweepAudit(tx, auditDays, most) },
]

/**
 * Sweeps everything that is over, in batches of a few thousand rows, each a transaction of its own, with a pause after each that is as long as it took. One gateway at a
 * time does so; where another does it leaves off. Answers how many rows went, by what they were.
 */
export async function sweepAll(database: Database, kept: Kept, signal?: AbortSignal): Promise<Readonly<Record<string, number>>> {
  const swept: Record<string, number> = {}
  for (const { what, sweep } of sweeps) {
    const gone = await sweepBatches(database, (tx) => sweep(tx, kept, rowsAtOnce), signal)
    if (gone > 0) swept[what] = gone
  }
  return swept
}

type Batch = (tx: TransactionSql) => Promise<number>

/** Batch after batch, until one is not full. */
async function sweepBatches(database: Database, sweep: Batch, signal: AbortSignal | undefined): Promise<number> {
  if (signal?.aborted === true) return 0
  const began = Date.now()
  const gone = await inTurn(database, sweep)
  if (gone < rowsAtOnce) return gone
  await sleep(Date.now() - began)
  return gone + (await sweepBatches(database, sweep, signal))
}

async function inTurn(database: Database, sweep: Batch): Promise<number> {
  return database.sql.begin(async (tx) => {
    const [turn] = await tx<{ isMine: boolean }[]>`SELECT pg_try_advisory_xact_lock(${advisoryLocks.housekeeping}, 0) AS "isMine"`
    return turn?.isMine === true ? sweep(tx) : 0
  })
}

/** Sweeps once an hour. Every gateway does: whichever comes first finds what there is. */
export function startHousekeeping(database: Database, kept: Kept, log: Logger): Housekeeping {
  const total: Record<string, number> = {}
  const stop = new AbortController()
  const sweepOnce = async (): Promise<void> => {
    try {
      const swept = await sweepAll(database, kept, stop.signal)
      for (const [what, rows] of Object.entries(swept)) {
        total[what] = (total[what] ?? 0) + rows
        log.info({ what, rows }, 'swept what is over')
      }
    } catch (error) {
      if (!stop.signal.aborted) log.warn({ err: error }, 'could not sweep what is over')
    }
    if (!stop.signal.aborted) timer = setTimeout(() => void sweepOnce(), everyMs).unref()
  }
  let timer = setTimeout(() => void sweepOnce(), firstAfterMs).unref()
  return {
    swept: () => total,
    [Symbol.dispose]: () => {
      stop.abort()
      clearTimeout(timer)
    },
  }
}
