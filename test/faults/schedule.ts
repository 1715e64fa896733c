import fc from 'fast-check'
import type { ConsumerKind } from './consumer.ts'
import type { WireMode } from './wire.ts'

/** What is done to the machines. `gateway` is one of three, `lastsMs` how long the fault stands. */
export type Fault =
  | { readonly is: 'kill' | 'terminate' | 'stop'; readonly gateway: number; readonly lastsMs: number }
  | { readonly is: 'kill-sequencing' | 'stop-sequencing' | 'kill-all' | 'end-sequencing-session' | 'two-leaders'; readonly lastsMs: number }
  | {
      readonly is: 'postgres-immediate' | 'postgres-fast' | 'end-sessions' | 'no-connections' | 'disk-full' | 'timeouts'
      readonly lastsMs: number
    }
  | { readonly is: 'pooler-restart'; readonly lastsMs: number }
  | { readonly is: 'postgres-wire' | 'consumer-wire'; readonly gateway: number; readonly mode: WireMode; readonly lastsMs: number }

export type Action =
  | { readonly is: 'link' | 'unlink'; readonly view: number; readonly from: number; readonly count: number }
  | { readonly is: 'resend' | 'cancel' | 'pause' | 'revoke-key' | 'auto-link' | 'widen'; readonly view: number }
  | { readonly is: 'delete'; readonly from: number; readonly count: number }

export interface Timed<Step> {
  readonly atMs: number
  readonly step: Step
}

/** One trial: what happens when. Everything else that is random in it follows from `seed`. */
export interface Schedule {
  readonly seed: number
  readonly productCount: number
  /** Each view has a consumer of each stream, of these kinds: PRODUCT, STOCK, ORDER, CUSTOMER. */
  readonly views: readonly (readonly ConsumerKind[])[]
  readonly faults: readonly Timed<Fault>[]
  readonly actions: readonly Timed<Action>[]
  readonly lastsMs: number
}

const lastsMs = 9_000

const kinds = fc.constantFrom<ConsumerKind>('fast', 'slow', 'stuck', 'forgetful', 'late', 'restored', 'sse', 'pull')
const gateway = fc.nat({ max: 2 })
const short = fc.integer({ min: 100, max: 3_000 })
/** Long enough for another gateway to take the one that sequences for stuck. */
const long = fc.integer({ min: 500, max: 9_000 })
const mode = fc.constantFrom<WireMode>('slow', 'stalled', 'half-open', 'cut')

const fault: fc.Arbitrary<Fault> = fc.oneof(
  fc.record({ is: fc.constantFrom('kill', 'terminate'), gateway, lastsMs: short }),
  fc.record({ is: fc.constant('stop'), gateway, lastsMs: long }),
  fc.record({ is: fc.constantFrom('kill-sequencing', 'kill-all', 'end-sequencing-session', 'two-leaders'), lastsMs: short }),
  fc.record({ is: fc.constant('stop-sequencing'), lastsMs: long }),
  fc.record({
    is: fc.constantFrom('postgres-immediate', 'postgres-fast', 'end-sessions', 'no-connections', 'disk-full', 'timeouts', 'pooler-restart'),
    lastsMs: short,
  }),
  fc.record({ is: fc.constantFrom('postgres-wire', 'consumer-wire'), gateway, mode, lastsMs: long }),
)

const view = fc.nat({ max: 4 })
const from = fc.nat({ max: 80 })
const count = fc.integer({ min: 1, max: 25 })
const action: fc.Arbitrary<Action> = fc.oneof(
  fc.record({ is: fc.constantFrom('link', 'unlink'), view, from, count }),
  fc.record({ is: fc.constantFrom('resend', 'cancel', 'pause', 'revoke-key', 'auto-link', 'widen'), view }),
  fc.record({ is: fc.constant('delete'), from, count: fc.integer({ min: 1, max: 4 }) }),
)

function timed<Step>(step: fc.Arbitrary<Step>, min: number, max: number): fc.Arbitrary<readonly Timed<Step>[]> {
  return fc
    .array(fc.record({ atMs: fc.nat({ max: lastsMs - 500 }), step }), { minLength: min, maxLength: max })
    .map((steps) => steps.toSorted((a, b) => a.atMs - b.atMs))
}

const schedules: fc.Arbitrary<Omit<Schedule, 'seed'>> = fc.record({
  productCount: fc.integer({ min: 5, max: 80 }),
  views: fc.array(fc.tuple(kinds, kinds, kinds, kinds), { minLength: 5, maxLength: 5 }),
  faults: timed(fault, 1, 5),
  actions: timed(action, 4, 16),
  lastsMs: fc.constant(lastsMs),
})

/** The schedule of a seed, always the same. */
export function scheduleOf(seed: number): Schedule {
  const [schedule] = fc.sample(schedules, { seed, numRuns: 1 })
  if (schedule === undefined) throw new Error('no schedule was made')
  return { seed, ...schedule }
}
