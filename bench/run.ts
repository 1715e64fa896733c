import { parseArgs } from 'node:util'
import { median, ratio, type Rounds } from './figures.ts'
import { latency } from './latency.ts'
import { setStage } from './stage.ts'

// npm run bench -- [--quick]: synkvy beside the physical floor and beside what one would otherwise use, in turns, as medians and ratios.
const { values } = parseArgs({ options: { quick: { type: 'boolean', default: false }, load: { type: 'string' } } })
const [seconds, rounds] = values.quick ? [3, 2] : [10, 5]

await using stage = await setStage()
await stage.addProducts(1_000)
for (const [consumers, perSecond] of [
  [1, 100],
  [1, 1_000],
  [100, 50],
  [1_000, 20],
] as const) {
  if (values.load !== undefined && values.load !== `${consumers}x${perSecond}`) continue
  console.log(`\nlatency, ms: ${consumers} consumers, ${perSecond} changes a second`)
  show(await latency(stage, { consumers, perSecond, seconds, rounds }))
}

function show(figures: ReadonlyMap<string, Rounds>): void {
  for (const [figure, byContender] of figures) {
    const own = byContender['synkvy'] ?? []
    const parts = Object.entries(byContender).map(([name, numbers]) => {
      if (name === 'synkvy') return `synkvy ${median(numbers).toFixed(2)}`
      const { median: middle, from, to } = ratio(own, numbers)
      return `${name} ${median(numbers).toFixed(2)} (synkvy is ${middle.toFixed(2)} of it, ${from.toFixed(2)} to ${to.toFixed(2)})`
    })
    console.log(`  ${figure.padEnd(8)} ${parts.join(' · ')}`)
  }
}
