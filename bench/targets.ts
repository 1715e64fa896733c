import { median, ratio, type Rounds } from './figures.ts'
import { productsLabel, viewsLabel } from './growth.ts'

/** What was measured of a table, by figure and contender. */
export type Figures = Readonly<Record<string, Rounds>>
/** What was measured, by the name of the table. */
export type Tables = Readonly<Record<string, Figures>>

/** One figure of one contender, and what it is held against. */
export interface Target {
  readonly what: string
  readonly table: string
  readonly figure: string
  readonly of: string
  /** Of several the better one; left out: nothing, the figure itself is bounded. */
  readonly against?: readonly string[]
  /** Where that was measured, if in another table. */
  readonly againstTable?: string
  /** Which figure of theirs, if another one. */
  readonly againstFigure?: string
  readonly bound: { readonly atMost: number } | { readonly atLeast: number }
}

export interface Verdict {
  readonly target: Target
  /** Whom it was held against. */
  readonly against: string | undefined
  readonly value: number
  readonly from: number
  readonly to: number
  readonly isMet: boolean
}

const peers = ['written by hand', 'PostGraphile'] as const

/** The targets of the project: ratios in one run on one machine. */
export const targets: readonly Target[] = [
  { what: 'latency, 1 view × 100/s, p50', table: 'latency-1x100', figure: 'p50', of: 'synkvy', against: ['floor'], bound: { atMost: 2.5 } },
  { what: 'latency, 1 view × 100/s, p50', table: 'latency-1x100', figure: 'p50', of: 'synkvy', against: peers, bound: { atMost: 1.5 } },
  { what: 'latency, 1 view × 100/s, p99', table: 'latency-1x100', figure: 'p99', of: 'synkvy', against: peers, bound: { atMost: 1 } },
  { what: 'latency, 100 views × 50/s, p50', table: 'latency-100x50', figure: 'p50', of: 'synkvy', against: peers, bound: { atMost: 0.7 } },
  { what: 'latency, 100 views × 50/s, p99', table: 'latency-100x50', figure: 'p99', of: 'synkvy', against: peers, bound: { atMost: 0.5 } },
  {
    what: 'latency, 1 000 views × 20/s, p50',
    table: 'latency-1000x20',
    figure: 'p50',
    of: 'synkvy',
    against: peers,
    bound: { atMost: 0.7 },
  },
  {
    what: 'latency, 1 000 views × 20/s, p99',
    table: 'latency-1000x20',
    figure: 'p99',
    of: 'synkvy',
    against: peers,
    bound: { atMost: 0.5 },
  },
  {
    what: 'deliveries/s before p99 passes 1 s, 200 views',
    table: 'deliveries',
    figure: 'deliveries/s',
    of: 'synkvy',
    against: peers,
    bound: { atLeast: 2 },
  },
  {
    what: 'live rate',
    table: 'writers',
    figure: 'live',
    of: 'synkvy',
    against: ['no triggers'],
    againstFigure: 'rate',
    bound: { atLeast: 0.5 },
  },
  {
    what: 'writers, triggers alone',
    table: 'writers',
    figure: 'rate',
    of: 'triggers alone',
    against: ['no triggers'],
    bound: { atLeast: 0.9 },
  },
  {
    what: 'writers, the gateway at work',
    table: 'writers',
    figure: 'rate',
    of: 'synkvy',
    against: ['no triggers'],
    bound: { atLeast: 0.55 },
  },
  {
    what: 'writers, the gateway at work',
    table: 'writers',
    figure: 'rate',
    of: 'synkvy',
    against: ['written by hand'],
    bound: { atLeast: 1 },
  },
  { what: 'resend rate', table: 'resend-rate', figure: 'rate', of: 'synkvy', against: ['floor'], bound: { atLeast: 0.5 } },
  { what: 'resend rate', table: 'resend-rate', figure: 'rate', of: 'synkvy', against: ['Relay pages'], bound: { atLeast: 5 } },
  {
    what: 'resend start, second, at 1 000 000',
    table: 'resend-start-1000000',
    figure: 'second',
    of: 'synkvy',
    against: ['synkvy'],
    againstTable: 'resend-start-1000',
    bound: { atMost: 2 },
  },
  {
    what: 'resend start, first, at 1 000 000',
    table: 'resend-start-1000000',
    figure: 'first',
    of: 'synkvy',
    against: ['INSERT … SELECT'],
    bound: { atMost: 1.3 },
  },
  {
    what: 'stock p99 while a resend runs',
    table: 'stock-during-resend',
    figure: 'p99',
    of: 'while a resend runs',
    against: ['alone'],
    bound: { atMost: 3 },
  },
  { what: 'fan-out, p99', table: 'fan-out', figure: 'p99', of: 'synkvy', against: ['written by hand'], bound: { atMost: 0.5 } },
  { what: 'fan-out, statements per sequenced batch', table: 'fan-out', figure: 'stmts/batch', of: 'synkvy', bound: { atMost: 4 } },
  { what: 'idle, kB a view', table: 'idle', figure: 'kilobytes', of: 'synkvy', bound: { atMost: 20 } },
  { what: 'idle, statements a second', table: 'idle', figure: 'stmts/s', of: 'synkvy', bound: { atMost: 1 } },
  { what: 'catch-up', table: 'catch-up', figure: 'ms', of: 'synkvy', against: ['replay'], bound: { atMost: 0.1 } },
  { what: 'import, the command line', table: 'import', figure: 'rate', of: 'synkvy import', against: ['COPY'], bound: { atLeast: 0.3 } },
  { what: 'import, upsertProducts', table: 'import', figure: 'rate', of: 'upsertProducts', against: ['COPY'], bound: { atLeast: 0.15 } },
  ...(['product pages', 'stock changes'] as const).map((figure): Target => ({
    what: `row-level security, ${figure}`,
    table: 'wall',
    figure,
    of: 'row-level security',
    against: ['without it'],
    bound: { atLeast: 0.9 },
  })),
  ...(['p50', 'start'] as const).flatMap((figure): readonly Target[] => [
    {
      what: `growth from 1 to 1 000 idle views, ${figure}`,
      table: 'growth-views',
      figure,
      of: viewsLabel(1_000),
      against: [viewsLabel(1)],
      bound: { atMost: 1.3 },
    },
    {
      what: `growth from 10 000 to 1 000 000 products, ${figure}`,
      table: 'growth-products',
      figure,
      of: productsLabel(1_000_000),
      against: [productsLabel(10_000)],
      bound: { atMost: 1.5 },
    },
  ]),
  {
    what: 'growth from 1 to 1 000 idle views, resend rate',
    table: 'growth-views',
    figure: 'rate',
    of: viewsLabel(1_000),
    against: [viewsLabel(1)],
    bound: { atLeast: 1 / 1.3 },
  },
  {
    what: 'growth from 10 000 to 1 000 000 products, resend rate',
    table: 'growth-products',
    figure: 'rate',
    of: productsLabel(1_000_000),
    against: [productsLabel(10_000)],
    bound: { atLeast: 1 / 1.5 },
  },
]

/** How a target stands; undefined where what it needs was not measured. */
export function judge(target: Target, tables: Tables): Verdict | undefined {
  const numbers = tables[target.table]?.[target.figure]?.[target.of]
  if (numbers === undefined) return undefined
  const isLowBetter = 'atMost' in target.bound
  const others = tables[target.againstTable ?? target.table]?.[target.againstFigure ?? target.figure] ?? {}
  const [against] = (target.against ?? [])
    .filter((name) => others[name] !== undefined)
    .toSorted((a, b) => (median(others[a] ?? []) - median(others[b] ?? [])) * (isLowBetter ? 1 : -1))
  const base = against === undefined ? undefined : others[against]
  if (target.against !== undefined && base === undefined) return undefined
  const { median: value, from, to } = ratio(numbers, base ?? numbers.map(() => 1))
  const isMet = 'atMost' in target.bound ? value <= target.bound.atMost : value >= target.bound.atLeast
  return { target, against, value, from, to, isMet }
}
