import { parseArgs } from 'node:util'
import { scheduleOf } from './schedule.ts'
import { runSchedule, type Report } from './trial.ts'
import { World } from './world.ts'

// npm run trial -- --minutes N [--seed S] [--count C]: seeded schedules one after another, and what they came to.
const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '5' }, seed: { type: 'string' }, count: { type: 'string' } },
})
const until = Date.now() + Number(values.minutes) * 60_000
const firstSeed = values.seed === undefined ? Math.floor(Date.now() / 1000) % 1_000_000 : Number(values.seed)
const count = values.count === undefined ? (values.seed === undefined ? Number.POSITIVE_INFINITY : 1) : Number(values.count)

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
const reports: Report[] = []
await using world = await World.create()
for (let seed = firstSeed; seed < firstSeed + count && Date.now() < until; seed += 1) {
  const report = await runSchedule(world, scheduleOf(seed))
  reports.push(report)
  const resident = report.residentBytes.map((bytes) => Math.round(bytes / 1e6)).join('/')
  console.log(
    `seed ${seed}: ${report.faults.join(' ')} · ${report.written.committed} committed · ${report.tally.changes} delivered, ${report.tally.again} again, ${report.tally.overlapping} overlapping, ${report.tally.reconnects} reconnects · level after ${report.levelAfterMs} ms · ${resident} MB`,
  )
  if (report.violations.length > 0) {
    console.log(`  FAILED; again with: npm run trial -- --seed ${seed}`)
    for (const violation of report.violations.slice(0, 30)) console.log(`  ${violation}`)
    process.exitCode = 1
  }
}
