import type { Sql } from '../db/client.ts'
import { advisoryLocks } from '../db/locks.ts'

/** What waits in the inbox to be numbered. */
export interface InboxState {
  /** Changes; counts to 100 000, then stops. */
  readonly depth: number
  readonly oldestAt: Date | undefined
  /** The number of the gateway that sequences; undefined where none does. */
  readonly sequencedBy: number | undefined
  /** How often a gateway has begun to sequence. */
  readonly term: number
}

const mostCounted = 100_000

/** How the inbox and the sequencer stand. */
export async function readInbox(sql: Sql): Promise<InboxState> {
  const [row] = await sql<{ depth: number; oldestAt: Date | null; sequencedBy: number | null; term: number }[]>`
    SELECT i.depth, i.oldest_at AS "oldestAt", s.term, (${holder(sql)}) AS "sequencedBy"
    FROM sequencer s, (SELECT count(*) AS depth, min(at) AS oldest_at FROM (SELECT at FROM inbox LIMIT ${mostCounted}) w) i`
  if (row === undefined) throw new Error('the table sequencer has lost its row')
  return { depth: row.depth, oldestAt: row.oldestAt ?? undefined, sequencedBy: row.sequencedBy ?? undefined, term: row.term }
}

/** The number of the gateway that sequences; undefined where none does. */
export async function readSequencedBy(sql: Sql): Promise<number | undefined> {
  const [row] = await sql<{ node: number }[]>`${holder(sql)}`
  return row?.node
}

/** SQL of who holds the sequencer's lock: each gateway holds one on its own number by the same session. */
function holder(sql: Sql) {
  return sql`
    SELECT n.objid::int AS node FROM pg_locks l
    JOIN pg_locks n ON n.pid = l.pid AND n.database = l.database AND n.locktype = 'advisory' AND n.classid = ${advisoryLocks.node} AND n.granted
    WHERE l.locktype = 'advisory' AND l.classid = ${advisoryLocks.sequencer} AND l.objid = 0 AND l.granted
      AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) LIMIT 1`
}
