import { parseArgs } from 'node:util'
import { writeDocument } from './document.ts'
import { median, ratio } from './figures.ts'
import { questions, type Scale, type Table } from './questions.ts'
import { describeMachine, mergeIntoResult, type Result } from './result.ts'
import { judge, targets, type Tables } from './targets.ts'

// npm run bench -- [--quick | --smoke] [--write] [QUESTION …]: synkvy beside the physical floor and beside what one would otherwise use, in turns, as medians and ratios.
// --write keeps what was measured in bench/result.json, beside what was measured before, and makes the tables and plots of docs/performance.md anew.
const { values, positionals } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    smoke: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
  },
  allowPositionals: true,
})
const scale: Scale = values.smoke ? 'smoke' : values.quick ? 'quick' : 'full'

const asked = positionals.length === 0 ? Object.keys(questions) : positionals
const unknown = asked.find((name) => questions[name] === undefined)
if (unknown !== undefined) throw new Error(`There is no question "${unknown}". There are: ${Object.keys(questions).join(', ')}.`)

for (const name of asked) {
  const began = Date.now()
  const tables = (await questions[name]?.(scale)) ?? []
  const tookSeconds = Math.round((Date.now() - began) / 1_000)
  tables.forEach(show)
  console.log(`  (${name} took ${tookSeconds} s)`)
  const measured: Result = Object.fromEntries(tables.map((table) => [table.name, toMeasured(table, tookSeconds)]))
  if (scale !== 'smoke') judgeAll(Object.fromEntries(Object.entries(measured).map(([table, { figures }]) => [table, figures])))
  if (values.write) await writeDocument(await mergeIntoResult(measured))
}

function toMeasured({ title, against, figures }: Table, tookSeconds: number): Result[string] {
  const measuredAt = new Date().toISOString()
  return { title, against, measuredAt, scale, tookSeconds, machine: describeMachine(), figures: Object.fromEntries(figures) }
}

/** Each figure of each contender: its median, and how it stands to the contender that all are held against, round by round. */
function show({ title, against, figures }: Table): void {
  console.log(`\n${title}`)
  for (const [figure, byContender] of figures) {
    const base = byContender[against]
    for (const [name, numbers] of Object.entries(byContender)) {
      const times = base === undefined || name === against ? undefined : ratio(numbers, base)
      const shown =
        times === undefined ? '' : `  ${times.median.toFixed(2)} × ${against} (${times.from.toFixed(2)} to ${times.to.toFixed(2)})`
      console.log(`  ${figure.padEnd(12)} ${name.padEnd(24)} ${median(numbers).toFixed(2).padStart(12)}${shown}`)
    }
  }
}

/** The targets that this run can tell about. */
function judgeAll(tables: Tables): void {
  for (const verdict of targets.flatMap((target) => judge(target, tables) ?? [])) {
    const { target, against, value, from, to, isMet } = verdict
    const bound = 'atMost' in target.bound ? `≤ ${target.bound.atMost.toFixed(2)}` : `≥ ${target.bound.atLeast.toFixed(2)}`
    const held = against === undefined ? '' : ` × ${against}`
    console.log(
      `  ${isMet ? 'met   ' : 'MISSED'} ${target.what}: ${value.toFixed(2)}${held} (${from.toFixed(2)} to ${to.toFixed(2)}), target ${bound}`,
    )
  }
}
