import type { Database } from '../../src/db/client.ts'

/** An account, for tests that go without a gateway. Answers its id. */
export async function insertAccount(database: Database, slug = 'shop'): Promise<number> {
  const [row] = await database.sql<{ id: number }[]>`
    INSERT INTO accounts (slug, name, currency, prices_include_tax) VALUES (${slug}, ${slug}, 'SEK', true) RETURNING id`
  return row?.id ?? 0
}
