import { expect, test } from 'vitest'
import { createTestDatabase } from '../helpers/database.ts'
import { fuzz } from './fuzz.ts'

// A long run with new inputs is `npm run fuzz`.
test(
  'whatever is sent, it is refused in words or done whole, nobody else notices, and nothing is left behind',
  { timeout: 300_000 },
  async () => {
    await using database = await createTestDatabase()

    const { faults, tried, seed } = await fuzz({ databaseUrl: database.url, inputs: 30_000, seed: 1 })

    expect(faults, `seed ${seed}`).toEqual([])
    expect(Math.min(...tried.values())).toBeGreaterThan(50)
  },
)
