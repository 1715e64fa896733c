import { setTimeout as sleep } from 'node:timers/promises'
import { advisoryLocks } from '../../src/db/locks.ts'
import type { Random } from './random.ts'
import type { Fault } from './schedule.ts'
import type { World } from './world.ts'

/** Does a fault, for as long as it lasts, and mends it. What was ended is started again. */
export async function injectFault(world: World, fault: Fault, random: Random): Promise<void> {
  try {
    await inject(world, fault, random)
  } catch (error) {
    // Another fault was in the way: Postgres was away when its sessions were to be ended, say. The schedule goes on.
    if (!isConnectionFault(error)) throw error
  }
}

function isConnectionFault(error: unknown): boolean {
  return error instanceof Error && 'code' in error
}

async function inject(world: World, fault: Fault, random: Random): Promise<void> {
  switch (fault.is) {
    case 'kill':
      return restart(world, fault.gateway, 'SIGKILL', fault.lastsMs)
    case 'terminate':
      return restart(world, fault.gateway, 'SIGTERM', fault.lastsMs)
    case 'stop':
      return hold(world, fault.gateway, fault.lastsMs)
    case 'kill-sequencing':
      return restart(world, await sequencingIndex(world, random), 'SIGKILL', fault.lastsMs)
    case 'stop-sequencing':
      return hold(world, await sequencingIndex(world, random), fault.lastsMs)
    case 'kill-all':
      await Promise.all(world.nodes.map((_, index) => restart(world, index, 'SIGKILL', fault.lastsMs)))
      return
    case 'end-sequencing-session':
      await world.postgres.query(
        endSessions(
          "application_name = 'synkvy sequencer' AND pid IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND classid = 7591002)",
        ),
        'shop',
      )
      return
    case 'two-leaders':
      return twoLeaders(world, fault.lastsMs)
    case 'postgres-immediate':
    case 'postgres-fast':
      await world.postgres.stop(fault.is === 'postgres-fast' ? 'fast' : 'immediate')
      await sleep(fault.lastsMs)
      return world.postgres.start()
    case 'end-sessions':
      await world.postgres.query(endSessions("application_name NOT LIKE '%trial'"), 'shop')
      return
    case 'no-connections':
      return during(
        world,
        fault.lastsMs,
        'ALTER DATABASE shop CONNECTION LIMIT 3',
        'ALTER DATABASE shop CONNECTION LIMIT -1',
        endSessions("application_name NOT LIKE '%trial' AND pid % 2 = 0"),
      )
    case 'disk-full':
      return diskFull(world, fault.lastsMs)
    case 'timeouts':
      return during(
        world,
        fault.lastsMs,
        "ALTER DATABASE shop SET statement_timeout = '2ms'",
        'ALTER DATABASE shop RESET statement_timeout',
        endSessions("application_name NOT LIKE '%trial' AND pid % 2 = 0"),
      )
    case 'pooler-restart':
      return world.restartPooler()
    case 'postgres-wire':
      world.setPostgresWire(fault.gateway, fault.mode)
      await sleep(fault.lastsMs)
      return world.setPostgresWire(fault.gateway, 'through')
    case 'consumer-wire':
      world.nodes[fault.gateway]?.door.set(fault.mode)
      await sleep(fault.lastsMs)
      world.nodes[fault.gateway]?.door.set('through')
  }
}

async function sequencingIndex(world: World, random: Random): Promise<number> {
  const node = await world.sequencingNode()
  return node === undefined ? random.below(world.nodes.length) : world.nodes.indexOf(node)
}

async function restart(world: World, index: number, signal: NodeJS.Signals, afterMs: number): Promise<void> {
  const gateway = world.nodes[index]?.gateway
  // Of the process that there is: another fault may start the next one meanwhile.
  const ended = gateway?.ended()
  gateway?.signal(signal)
  await sleep(afterMs)
  gateway?.signal('SIGCONT')
  await ended
  gateway?.start()
}

async function hold(world: World, index: number, ms: number): Promise<void> {
  world.nodes[index]?.gateway.signal('SIGSTOP')
  await sleep(ms)
  world.nodes[index]?.gateway.signal('SIGCONT')
}

const endSessions = (which: string): string =>
  `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'shop' AND pid <> pg_backend_pid() AND ${which}`

async function during(world: World, ms: number, begin: string, end: string, then: string): Promise<void> {
  await world.postgres.query(begin)
  await world.postgres.query(then).catch(() => {})
  await sleep(ms)
  // Postgres itself may have been stopped meanwhile.
  await untilDone(() => world.postgres.query(end))
  // What sessions were given when they began stays with them.
  await untilDone(() => world.postgres.query(then))
}

/**
 * The lock is taken from the one that holds it without its knowing: its session is stopped, and its lock, so to speak, follows another. As a lock cannot be moved,
 * somebody else begins a term, so that the one that leads believes what is no longer so.
 */
async function twoLeaders(world: World, ms: number): Promise<void> {
  await world.postgres.query('SELECT * FROM begin_term(1000)', 'shop')
  await sleep(ms)
  await world.postgres.query(
    `SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND classid = ${advisoryLocks.sequencer}`,
    'shop',
  )
}

/** Commits that the disk has no room for: some by a trigger at the moment of the commit, all writes to the inbox by a small file system where one can be mounted. */
async function diskFull(world: World, ms: number): Promise<void> {
  await world.postgres.query(
    `CREATE OR REPLACE FUNCTION fail_commit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
       IF random() < 0.5 THEN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END IF; RETURN NULL; END $$;
     DROP TRIGGER IF EXISTS fail_commit ON inbox; DROP TRIGGER IF EXISTS fail_commit ON feed;
     CREATE CONSTRAINT TRIGGER fail_commit AFTER INSERT OR DELETE ON inbox DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fail_commit();
     CREATE CONSTRAINT TRIGGER fail_commit AFTER INSERT OR UPDATE ON feed DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fail_commit();`,
    'shop',
  )
  await sleep(ms)
  await untilDone(() =>
    world.postgres.query('DROP TRIGGER IF EXISTS fail_commit ON inbox; DROP TRIGGER IF EXISTS fail_commit ON feed', 'shop'),
  )
}

async function untilDone(work: () => Promise<unknown>): Promise<void> {
  for (;;) {
    try {
      await work()
      return
    } catch (error) {
      if (!isConnectionFault(error)) throw error
      await sleep(200)
    }
  }
}
