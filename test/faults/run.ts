import { parseArgs } from 'node:util'
import { runFailover, type Failover } from './failover.ts'
import { debianBinaries } from './postgres-server.ts'
import { scheduleOf } from './schedule.ts'
import { runSchedule, type Report } from './trial.ts'
import { World } from './world.ts'

// npm run trial -- --minutes N [--seed S] [--count C]: seeded schedules one after another, every tenth a loss of the database, and what they came to.
const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '5' }, seed: { type: 'string' }, count: { type: 'string' } },
})
const until = Date.now() + Number(values.minutes) * 60_000
const firstSeed = values.seed === undefined ? Math.floor(Date.now() / 1000) % 1_000_000 : Number(values.seed)
const count = values.count === undefined ? (values.seed === undefined ? Number.POSITIVE_INFINITY : 1) : Number(values.count)
const failovers: readonly Failover[] =
  debianBinaries() === undefined ? ['backup'] : ['lagging-replica', 'backup', 'switch-over', 'lagging-replica-restart']
const schedulesPerFailover = 9

const reports: Report[] = []
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    summarize(reports)
    process.exit(1)
  })
}
await using world = await World.create()
for (let seed = firstSeed; seed < firstSeed + count && Date.now() < until; seed += 1) {
  tell(await runSchedule(world, scheduleOf(seed)), `--seed ${seed}`)
  const kind = failovers[Math.floor(reports.length / (schedulesPerFailover + 1)) % failovers.length]
  if (kind !== undefined && reports.length % (schedulesPerFailover + 1) === schedulesPerFailover) tell(await runFailover(kind, seed), kind)
}
summarize(reports)

function tell(report: Report, again: string): void {
  reports.push(report)
  const { tally, written } = report
  const resident = report.residentBytes.map((bytes) => Math.round(bytes / 1e6)).join('/')
  console.log(
    `seed ${report.seed}: ${report.faults.join(' ')} · ${written.committed} committed · ${tally.changes} delivered, ${tally.again} again, ${tally.overlapping} overlapping, ${tally.reconnects} reconnects · level after ${report.levelAfterMs} ms · ${resident} MB`,
  )
  if (report.violations.length === 0) return
  console.log(`  FAILED; again with: npm run trial -- ${again}`)
  for (const violation of report.violations.slice(0, 30)) console.log(`  ${violation}`)
  process.exitCode = 1
}

function summarize(all: readonly Report[]): void {
  const total = (figure: (report: Report) => number): number => all.reduce((sum, report) => sum + figure(report), 0)
  const levels = all.map(({ levelAfterMs }) => levelAfterMs).toSorted((a, b) => a - b)
  const at = (part: number): string => `${((levels[Math.floor(part * (levels.length - 1))] ?? 0) / 1000).toFixed(1)} s`
  const faults = new Map<string, number>()
  for (const fault of all.flatMap((report) => report.faults)) faults.set(fault, (faults.get(fault) ?? 0) + 1)
  const rows: readonly (readonly [string, string | number])[] = [
    ['schedules', all.length],
    ['schedules with a broken promise', all.filter(({ violations }) => violations.length > 0).length],
    ['faults injected', total((report) => report.faults.length)],
    ['changes committed', total(({ written }) => written.committed)],
    ['changes delivered', total(({ tally }) => tally.changes)],
    ['changes lost', total(({ lost }) => lost)],
    ['sent again without cause', total(({ tally }) => tally.again)],
    ['sent once more after a reconnect', total(({ tally }) => tally.overlapping)],
    ['own writes sent back, where others had changed it before', total(({ tally }) => tally.echoes)],
    ['connections lost and made again', total(({ tally }) => tally.reconnects)],
    ['level after all was mended, median', at(0.5)],
    ['level after all was mended, longest', at(1)],
  ]
  console.log(`\n| | |\n|---|---:|\n${rows.map(([name, value]) => `| ${name} | ${value} |`).join('\n')}`)
  const kinds = [...faults].toSorted(([, a], [, b]) => b - a)
  console.log(`\n| fault | times |\n|---|---:|\n${kinds.map(([name, times]) => `| ${name} | ${times} |`).join('\n')}`)
}
