import { parseArgs } from 'node:util'
import { median, ratio, type Rounds } from './figures.ts'
import { catchUp } from './catch-up.ts'
import { housekeeping, tellingLag } from './housekeeping.ts'
import { idle } from './idle.ts'
import { importing } from './import.ts'
import { latency } from './latency.ts'
import { resendRate, resendStart, stockDuringResend } from './resend.ts'
import { setStage } from './stage.ts'
import { writers } from './writers.ts'

// npm run bench -- [--quick] [QUESTION …]: synkvy beside the physical floor and beside what one would otherwise use, in turns, as medians and ratios.
const { values, positionals } = parseArgs({ options: { quick: { type: 'boolean', default: false } }, allowPositionals: true })
const isQuick = values.quick
const [seconds, rounds] = isQuick ? [3, 2] : [10, 5]

const loads = [
  [1, 100],
  [1, 1_000],
  [100, 50],
  [1_000, 20],
] as const

const questions: Readonly<Record<string, () => Promise<void>>> = {
  ...Object.fromEntries(
    loads.map(([consumers, perSecond]) => [
      `latency-${consumers}x${perSecond}`,
      async () => {
        await using stage = await setStage()
        await stage.addProducts(1_000)
        show(
          `latency in ms: ${consumers} views, ${perSecond} changes a second, each concerns all`,
          'floor',
          await latency(stage, { consumers, perSecond, seconds, rounds }),
        )
      },
    ]),
  ),
  writers: async () => {
    await using stage = await setStage()
    await stage.addProducts(10_000)
    show('commits a second of 16 writers', 'no triggers', await writers(stage, { seconds, rounds }))
  },
  'resend-start': async () => {
    for (const count of isQuick ? [1_000, 50_000] : [1_000, 100_000, 1_000_000]) {
      await using stage = await setStage()
      await stage.addBareProducts(count)
      show(`start of a resend in ms: ${count} products`, 'INSERT … SELECT', await resendStart(stage, isQuick ? 3 : 5))
    }
  },
  'resend-rate': async () => {
    const count = isQuick ? 20_000 : 200_000
    await using stage = await setStage()
    await stage.addProducts(count)
    show(`resend, products a second: ${count} products`, 'floor', await resendRate(stage, count, isQuick ? 2 : 3))
    show('live stock changes in ms, 100 a second', 'alone', await stockDuringResend(stage, isQuick ? 3 : 10, isQuick ? 2 : 3))
  },
  idle: async () => {
    const count = isQuick ? 500 : 5_000
    await using stage = await setStage()
    await stage.addProducts(100)
    show(`${count} connected views that wait`, 'graphql-ws, empty', await idle(stage, count, isQuick ? 1 : 2))
  },
  'catch-up': async () => {
    const [products, changes] = isQuick ? [2_000, 120_000] : [17_000, 1_000_000]
    await using stage = await setStage()
    await stage.addProducts(products)
    show(
      `a view that was away for ${changes} changes of ${products * 3} stock levels`,
      'replay',
      await catchUp(stage, changes, isQuick ? 1 : 3),
    )
  },
  housekeeping: async () => {
    const rows = isQuick ? 50_000 : 1_000_000
    await using stage = await setStage()
    await stage.addProducts(10)
    show(`housekeeping, ${rows} rows of each kind`, '', await housekeeping(stage, rows))
  },
  lag: async () => {
    const views = isQuick ? 100 : 2_000
    await using stage = await setStage()
    await stage.addProducts(1_000)
    show(`to tell what waits for ${views} views`, '', await tellingLag(stage, views, 3_000))
  },
  import: async () => {
    await using stage = await setStage()
    show('import, products a second', 'COPY', await importing(stage, isQuick ? 5_000 : 20_000, isQuick ? 2 : 3))
  },
}

const asked = positionals.length === 0 ? Object.keys(questions) : positionals
for (const name of asked) {
  const question = questions[name]
  if (question === undefined) throw new Error(`There is no question "${name}". There are: ${Object.keys(questions).join(', ')}.`)
  await question()
}

/** Each figure of each contender: its median, and how it stands to the contender that all are held against, round by round. */
function show(title: string, against: string, figures: ReadonlyMap<string, Rounds>): void {
  console.log(`\n${title}`)
  for (const [figure, byContender] of figures) {
    const base = byContender[against]
    for (const [name, numbers] of Object.entries(byContender)) {
      const times = base === undefined || name === against ? undefined : ratio(numbers, base)
      const shown =
        times === undefined ? '' : `  ${times.median.toFixed(2)} × ${against} (${times.from.toFixed(2)} to ${times.to.toFixed(2)})`
      console.log(`  ${figure.padEnd(9)} ${name.padEnd(24)} ${median(numbers).toFixed(2).padStart(10)}${shown}`)
    }
  }
}
