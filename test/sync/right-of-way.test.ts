import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { Bell } from '../../src/sync/bell.ts'
import { RightOfWay } from '../../src/sync/right-of-way.ts'

/** Longer than a test may take: who does not go before goes never. */
const noEndMs = 60_000

/** Something live that is under way until it is told to end. */
function carryOne(rightOfWay: RightOfWay): { readonly end: () => void; readonly carried: Promise<void> } {
  const bell = new Bell()
  return { end: () => bell.ring(), carried: rightOfWay.go(() => bell.wait()) }
}

test('a page stands back until what is live has gone, also where that is followed at once by more', async () => {
  const rightOfWay = new RightOfWay(noEndMs)
  const seen: string[] = []
  const first = carryOne(rightOfWay)
  const page = rightOfWay.giveWay().then(() => seen.push('page'))
  await turn()
  await turn()
  first.end()
  await first.carried
  const second = carryOne(rightOfWay)
  seen.push('first')
  await turn()
  second.end()
  await second.carried
  seen.push('second')
  await page
  expect(seen).toEqual(['first', 'second', 'page'])
})

test('a page goes on where what is live never ceases', async () => {
  const rightOfWay = new RightOfWay()
  const endless = carryOne(rightOfWay)
  await Promise.all([rightOfWay.giveWay(), rightOfWay.giveWay(), rightOfWay.giveWay()])
  endless.end()
  await endless.carried
})

test('pages go one by one, and between two of them what has arrived is heard of', async () => {
  const rightOfWay = new RightOfWay()
  const seen: string[] = []
  const pages = [1, 2, 3].map((number) => rightOfWay.giveWay().then(() => seen.push(`page ${number}`)))
  const heard = (async () => {
    for (;;) {
      await turn()
      seen.push('turn')
      if (seen.includes('page 3')) return
    }
  })()
  await Promise.all([...pages, heard])
  for (const [before, after] of [
    ['page 1', 'page 2'],
    ['page 2', 'page 3'],
  ] as const)
    expect(seen.slice(seen.indexOf(before), seen.indexOf(after))).toContain('turn')
})

test('what fails is no longer under way', async () => {
  const rightOfWay = new RightOfWay(noEndMs)
  const failing = rightOfWay.go(async () => {
    await turn()
    throw new Error('gone')
  })
  const page = rightOfWay.giveWay()
  await expect(failing).rejects.toThrow('gone')
  await page
})
