import { z } from 'zod'
import { startChild, type Child } from './children.ts'
import { preparePeers } from './peers.ts'
import type { Stage } from './stage.ts'

export const stockQuery = 'subscription { stockChanges(maxInFlight: 64) { cursor caughtUp changes { stockLevel { onHand } } } }'

/** Somebody who pushes changes to consumers, for as long as it is not disposed of. */
export interface Contender extends AsyncDisposable {
  readonly name: string
  readonly url: string
  /** Of the process that pushes. */
  readonly pid: number
  /** What consumers subscribe to; left out where they need only connect. "%KEY%" stands for the consumer's key, here and in the URL. */
  readonly query?: string
  readonly keys: readonly string[]
  readonly acknowledgeEveryMs?: number
  /** Writes `$1`, a number that tells one change from another at the other end, to the level at place `$2`. */
  readonly write: string
}

export type Start = () => Promise<Contender>

/** Each table of the floor and of the peers, and what its trigger tells: the floor all that is to be sent, the others what is to be read. */
const tables = {
  floor: "json_build_object('id', NEW.id, 'onHand', NEW.on_hand, 'views', NEW.views)",
  hand_written: "json_build_object('id', NEW.id, 'views', NEW.views)",
  postgraphile: "json_build_object('id', NEW.id)",
} as const

/** Levels in a table of each contender, numbered from 0. `views` is SQL of an array, of whom a change of level `n` concerns; null is all. */
export async function addPlainLevels(stage: Stage, count: number, views = 'NULL'): Promise<void> {
  for (const [name, payload] of Object.entries(tables)) {
    await stage.run(`
      CREATE SCHEMA IF NOT EXISTS bench_${name};
      CREATE TABLE bench_${name}.levels (id int PRIMARY KEY, on_hand int NOT NULL, views int[]) WITH (fillfactor = 80);
      INSERT INTO bench_${name}.levels SELECT n, 0, ${views} FROM generate_series(0, ${count - 1}) n;
      CREATE FUNCTION bench_${name}.tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_notify('${name}', ${payload}::text); RETURN NULL; END $$;
      CREATE TRIGGER tell AFTER UPDATE ON bench_${name}.levels FOR EACH ROW EXECUTE FUNCTION bench_${name}.tell()`)
  }
}

const url = z.string()
const writeTo = (name: keyof typeof tables): string => `UPDATE bench_${name}.levels SET on_hand = $1 WHERE id = $2`

function toContender(child: Child<string>, what: Omit<Contender, 'pid' | typeof Symbol.asyncDispose>): Contender {
  return { ...what, pid: child.process.pid ?? 0, [Symbol.asyncDispose]: child[Symbol.asyncDispose] }
}

/** NOTIFY with the row in its payload, sent as it is. */
export function floor({ databaseUrl }: Stage, keys: readonly string[]): Start {
  return async () => {
    const child = await startChild('./floor-process.ts', { databaseUrl }, (message) => url.parse(message))
    return toContender(child, { name: 'floor', url: `${child.ready}?view=%KEY%`, keys, write: writeTo('floor') })
  }
}

/** What people write by hand: GraphQL Yoga with createPubSub, fed by LISTEN; each subscriber reads the row that changed. */
export function handWritten({ databaseUrl }: Stage, keys: readonly string[]): Start {
  return async () => {
    const child = await startChild('./hand-written-process.ts', { databaseUrl }, (message) => url.parse(message))
    const query = 'subscription { stockChanges(view: %KEY%) { id onHand } }'
    return toContender(child, { name: 'written by hand', url: child.ready, query, keys, write: writeTo('hand_written') })
  }
}

/** PostGraphile 5 with its subscriptions over LISTEN; undefined where it cannot be installed. */
export async function postGraphile({ databaseUrl }: Stage, keys: readonly string[]): Promise<Start | undefined> {
  const node = await preparePeers()
  if (node === undefined) return undefined
  return async () => {
    const child = await startChild('./peers/postgraphile.js', { databaseUrl }, (message) => url.parse(message), node)
    const query = 'subscription { stockChanges { level { id onHand } } }'
    return toContender(child, { name: 'PostGraphile', url: child.ready, query, keys, write: writeTo('postgraphile') })
  }
}

/** The stage's gateway, whose consumers acknowledge. The levels that are there by then are numbered. */
export async function synkvy(stage: Stage, keys: readonly string[]): Promise<Start> {
  // The level at a place, as a table of its own, so that it is found as fast as the others are.
  await stage.run(`
    CREATE TABLE bench_places AS SELECT (row_number() OVER (ORDER BY id) - 1)::int AS place, account_id, id FROM stock_levels;
    ALTER TABLE bench_places ADD PRIMARY KEY (place); ANALYZE bench_places`)
  return async () => ({
    name: 'synkvy',
    pid: stage.gateway.pid,
    url: `${stage.gateway.url.replace('http', 'ws')}/graphql`,
    query: stockQuery,
    keys,
    acknowledgeEveryMs: Math.max(20, keys.length * 2),
    write: 'UPDATE stock_levels s SET on_hand = $1 FROM bench_places p WHERE p.place = $2 AND s.account_id = p.account_id AND s.id = p.id',
    [Symbol.asyncDispose]: async () => {},
  })
}

/** Consumers that every change concerns need no key where nobody asks for one. */
export function everybody(count: number): readonly string[] {
  return Array.from({ length: count }, () => 'null')
}
