import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startEmbeddedPostgres } from '../../src/db/embedded.ts'
import { fuzz } from './fuzz.ts'

// npm run fuzz -- --inputs N [--seed S] [--minutes M]: what nobody should send, and what came of it.
const { values } = parseArgs({
  options: { inputs: { type: 'string', default: '1000000' }, seed: { type: 'string' }, minutes: { type: 'string' } },
})
const folder = await mkdtemp(join(tmpdir(), 'synkvy-hostile-'))
const postgres = await startEmbeddedPostgres({ dataDir: folder, durable: false })
try {
  const report = await fuzz({
    databaseUrl: postgres.url,
    inputs: Number(values.inputs),
    seed: values.seed === undefined ? Math.floor(Date.now() / 1000) % 1_000_000_000 : Number(values.seed),
    ...(values.minutes === undefined ? {} : { minutes: Number(values.minutes) }),
    tell: console.log,
  })
  const table = (head: string, rows: ReadonlyMap<string, number>) =>
    `\n| ${head} | how many |\n|---|---:|\n${[...rows].map(([name, count]) => `| ${name} | ${count} |`).join('\n')}`
  console.log(table('tried', report.tried), '\n', table('answered', report.answers))
  console.log(
    `\nseed ${report.seed}, ${report.seconds} s, heap ${report.heapMb.filter((_, index, all) => index % Math.ceil(all.length / 12) === 0).join(' ')} MB`,
  )
  for (const fault of report.faults) console.log(`FAULT ${fault}`)
  if (report.faults.length > 0) process.exitCode = 1
} finally {
  await postgres.stop()
  await rm(folder, { recursive: true, force: true })
}
