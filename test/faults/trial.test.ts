import { afterAll, beforeAll, expect, test } from 'vitest'
import { scheduleOf } from './schedule.ts'
import { runSchedule } from './trial.ts'
import { World } from './world.ts'

let world: World
beforeAll(async () => {
  world = await World.create()
})
afterAll(async () => {
  await world[Symbol.asyncDispose]()
})

// A long run with new seeds is `npm run trial`.
test.each([1, 2, 3, 4])(
  'whatever fails on the way, every consumer equals the shop in the end and no promise is broken (seed %i)',
  async (seed) => {
    const report = await runSchedule(world, scheduleOf(seed))

    expect(report.violations.join('\n')).toBe('')
  },
  180_000,
)
