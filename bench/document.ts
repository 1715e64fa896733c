import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { median, ratio } from './figures.ts'
import { draw, type Plot } from './plot.ts'
import type { MeasuredTable, Result } from './result.ts'
import { judge, targets, type Target, type Verdict } from './targets.ts'

const documentFile = new URL('../docs/performance.md', import.meta.url)
const imageFile = (name: string): URL => new URL(`../docs/images/${name}.svg`, import.meta.url)

/** Makes what docs/performance.md shows of the result anew: the plots, and the tables between their marks. */
export async function writeDocument(result: Result): Promise<void> {
  await mkdir(fileURLToPath(new URL('../docs/images', import.meta.url)), { recursive: true })
  for (const [name, plot] of Object.entries(plotsOf(result))) await writeFile(imageFile(name), draw(plot))
  const machines = [...new Set(Object.values(result).map(({ machine }) => machine))]
  const parts = {
    machine: machines.map((machine) => `${nameOf(machine, machines)}${machine}.`).join('\n\n'),
    targets: targetTable(result),
    figures: Object.values(result)
      .map((table) => figureTable(table, nameOf(table.machine, machines)))
      .join('\n\n'),
  }
  let text = await readFile(documentFile, 'utf8')
  for (const [name, content] of Object.entries(parts)) {
    const [before, after] = [`<!-- bench: ${name} -->`, `<!-- bench: end of ${name} -->`]
    const [from, to] = [text.indexOf(before), text.indexOf(after)]
    if (from < 0 || to < from) throw new Error(`docs/performance.md has lost its marks ${before} and ${after}`)
    text = `${text.slice(0, from + before.length)}\n${content}\n${text.slice(to)}`
  }
  await writeFile(documentFile, text)
}

/** Where there is more than one: what stands before all that concerns it. */
function nameOf(machine: string, machines: readonly string[]): string {
  return machines.length > 1 ? `Machine ${machines.indexOf(machine) + 1}: ` : ''
}

function targetTable(result: Result): string {
  const tables = Object.fromEntries(Object.entries(result).map(([name, { figures }]) => [name, figures]))
  const rows = targets.map((target) => targetRow(target, judge(target, tables)))
  return ['| what | target | measured | spread | met |', '|---|---|---|---|---|', ...rows].join('\n')
}

function targetRow(target: Target, verdict: Verdict | undefined): string {
  const { against, bound } = target
  const to = against === undefined ? '' : ` × ${verdict?.against ?? against.join(' or ')}`
  const wanted = `${'atMost' in bound ? `≤ ${shown(bound.atMost)}` : `≥ ${shown(bound.atLeast)}`}${to}`
  if (verdict === undefined) return `| ${target.what} | ${wanted} | not measured | | |`
  const { value, from, to: most, isMet } = verdict
  return `| ${target.what} | ${wanted} | ${shown(value)} | ${shown(from)} to ${shown(most)} | ${isMet ? 'yes' : '**no**'} |`
}

function figureTable({ title, against, scale, measuredAt, tookSeconds, figures }: MeasuredTable, machine: string): string {
  const rows = Object.entries(figures).flatMap(([figure, byContender]) =>
    Object.entries(byContender).map(([name, numbers]) => {
      const base = byContender[against]
      const times = base === undefined || name === against ? undefined : ratio(numbers, base)
      const held = times === undefined ? '' : `${shown(times.median)} (${shown(times.from)} to ${shown(times.to)})`
      return `| ${figure} | ${name} | ${shown(median(numbers))} | ${held} |`
    }),
  )
  const rounds = Math.max(...Object.values(figures).flatMap((byContender) => Object.values(byContender).map((numbers) => numbers.length)))
  const note = `${machine}${rounds} ${rounds === 1 ? 'round' : 'rounds'}, ${tookSeconds} s, ${measuredAt.slice(0, 10)}${scale === 'full' ? '' : `, only a ${scale} look`}.`
  return [`### ${title}`, '', note, '', `| figure | who | median | × ${against} |`, '|---|---|---|---|', ...rows].join('\n')
}

/** The plots for which there is something to draw. */
function plotsOf(result: Result): Readonly<Record<string, Plot>> {
  const loads = ['latency-1x100', 'latency-1x1000', 'latency-100x50', 'latency-1000x20'].filter((name) => result[name] !== undefined)
  const latency = (figure: string): Plot => ({
    title: `Latency, ${figure}`,
    unit: 'milliseconds from commit to consumer',
    kind: 'bars',
    labels: loads.map((name) => name.replace('latency-', '').replace('x', ' × ') + '/s'),
    series: ['floor', 'synkvy', 'written by hand', 'PostGraphile'].map((who) => ({
      name: who,
      values: loads.map((load) => medianOf(result[load], figure, who)),
    })),
  })
  const rates = ['floor', 'synkvy', 'Relay pages']
  const resend: Plot = {
    title: 'Resend of all products',
    unit: 'products a second',
    kind: 'bars',
    labels: [result['resend-rate']?.title.replace(/^.*: /, '') ?? ''],
    series: rates.map((who) => ({ name: who, values: [medianOf(result['resend-rate'], 'rate', who)] })),
  }
  const plots = {
    ...(loads.length === 0 ? {} : { 'latency-p50': latency('p50'), 'latency-p99': latency('p99') }),
    ...(result['resend-rate'] === undefined ? {} : { 'resend-rate': resend }),
    ...growthPlot(result['growth-views'], 'growth-views', 'More and more views that wait'),
    ...growthPlot(result['growth-products'], 'growth-products', 'More and more products'),
  }
  return plots
}

function growthPlot(table: MeasuredTable | undefined, name: string, title: string): Readonly<Record<string, Plot>> {
  if (table === undefined) return {}
  const labels = Object.keys(table.figures['p50'] ?? {})
  const named = { p50: 'latency p50, ms', p99: 'latency p99, ms', start: 'start of a resend, ms', rate: 'resend, thousands/s' }
  const series = Object.entries(named).map(([figure, text]) => ({
    name: text,
    values: labels.map((label) => {
      const value = medianOf(table, figure, label)
      return value !== undefined && figure === 'rate' ? value / 1_000 : value
    }),
  }))
  return { [name]: { title, unit: 'as named', kind: 'lines', labels, series } }
}

function medianOf(table: MeasuredTable | undefined, figure: string, who: string): number | undefined {
  const numbers = table?.figures[figure]?.[who]
  return numbers === undefined ? undefined : median(numbers)
}

/** Three figures that count. */
function shown(value: number): string {
  if (!Number.isFinite(value)) return '–'
  return Math.abs(value) >= 1_000 ? Math.round(value).toLocaleString('en').replaceAll(',', ' ') : String(Number(value.toPrecision(3)))
}
