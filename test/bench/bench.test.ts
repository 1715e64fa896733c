import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { draw } from '../../bench/plot.ts'
import { judge, targets } from '../../bench/targets.ts'

const runFile = promisify(execFile)

// It measures a gateway that was compiled, as it runs in production.
test('the bench still measures: everything that is pushed arrives, from synkvy and from whom it is held against', async () => {
  const run = fileURLToPath(new URL('../../bench/run.ts', import.meta.url))

  const { stdout } = await runFile(process.execPath, ['--import', 'tsx', run, '--smoke', 'fan-out'], { env: { PATH: process.env['PATH'] } })

  for (const who of ['floor', 'synkvy', 'written by hand']) expect(stdout).toMatch(new RegExp(`arrived +${who} +1\\.00`))
})

test('a target is held against the better of the peers, round by round, and says whether it is met', () => {
  const [target] = targets.filter(({ table, figure, against }) => table === 'latency-100x50' && figure === 'p50' && against?.length === 2)
  if (target === undefined) throw new Error('there is no such target')
  const figures = { p50: { synkvy: [6, 7, 8], 'written by hand': [10, 10, 10], PostGraphile: [20, 20, 20] } }

  expect(judge(target, { 'latency-100x50': figures })).toMatchObject({
    against: 'written by hand',
    value: 0.7,
    from: 0.6,
    to: 0.8,
    isMet: true,
  })
  expect(judge(target, {}), 'not measured').toBeUndefined()
})

test('a plot draws nothing where nothing was measured', () => {
  const series = [{ name: 'synkvy', values: [1, undefined, Number.NaN, 100] }]

  const svg = draw({ title: 'Latency', unit: 'ms', kind: 'lines', labels: ['a', 'b', 'c', 'd'], series })

  expect(svg.match(/<circle/g)).toHaveLength(2)
  expect(svg).not.toMatch(/NaN|undefined/)
})
