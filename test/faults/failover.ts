import { setTimeout as sleep } from 'node:timers/promises'
import { beginTrial, type Report } from './trial.ts'
import type { PostgresServer } from './postgres-server.ts'
import { Wire } from './wire.ts'
import { World } from './world.ts'

/**
 * How the database is lost. `lagging-replica`: the primary is lost with its last commits, and a replica that had not got them is promoted. `lagging-replica-restart`: all
 * gateways are killed as well. `switch-over`: the primary is stopped cleanly, so that the replica has everything. `backup`: the files are put back to what they were, on the same
 * timeline.
 */
export type Failover = 'lagging-replica' | 'lagging-replica-restart' | 'switch-over' | 'backup'

export interface FailoverReport extends Report {
  /** Resends that began by themselves. */
  readonly resends: number
  /** Commits of writers that the database lacked afterwards: rows that were in the feed's number range and are gone. */
  readonly epoch: number
}

/** Consumers that keep what they were sent, and one that keeps no cursor but its connection. */
const views = [
  ['fast', 'sse', 'fast', 'pull'],
  ['pull', 'fast', 'sse', 'fast'],
  ['slow', 'pull', 'slow', 'slow'],
] as const

/** Loses the database under load in one of these ways, and asks whether everybody is put right. */
export async function runFailover(kind: Failover, seed: number): Promise<FailoverReport> {
  await using world = await World.create({ withReplicas: kind !== 'backup' })
  const first = world.postgres
  await using replication = await Wire.to(first.port)
  await using replica = kind === 'backup' ? undefined : await first.createReplica(replication.port)
  const trial = await beginTrial(world, { seed, views, productCount: 40 }, { losesCommits: true })
  trial.startWriting()
  await sleep(3_000)
  if (kind === 'backup') await setBack(first)
  else if (replica !== undefined) await promoteInstead(world, replica, replication, kind)
  await sleep(3_000)
  const report = await trial.finish()
  const [row] = await world.postgres.query(
    "SELECT (SELECT count(*) FROM resends WHERE cause = 'FAILOVER')::int AS resends, (SELECT epoch FROM sequencer)::int AS epoch",
    'shop',
  )
  // Disposed of on its own; the world ends the server that took its place.
  if (world.postgres !== first) await first[Symbol.asyncDispose]()
  return { seed, faults: [kind], ...report, resends: Number(row?.['resends']), epoch: Number(row?.['epoch']) }
}

async function setBack(postgres: PostgresServer): Promise<void> {
  await postgres.stop('immediate')
  const copy = await postgres.saveFiles()
  await postgres.start()
  await sleep(4_000)
  await postgres.stop('immediate')
  await postgres.restoreFiles(copy)
  await postgres.start()
}

async function promoteInstead(world: World, replica: PostgresServer, replication: Wire, kind: Failover): Promise<void> {
  const first = world.postgres
  if (kind === 'switch-over') {
    await first.stop('fast')
  } else {
    replication.set('half-open')
    await sleep(2_000)
    if (kind === 'lagging-replica-restart') for (const { gateway } of world.nodes) gateway.signal('SIGKILL')
    await first.stop('immediate')
  }
  await replica.promote()
  world.moveTo(replica)
}
