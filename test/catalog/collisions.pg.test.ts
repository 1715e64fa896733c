import { afterAll, beforeAll, expect, test } from 'vitest'
import { untilOneWaits } from '../helpers/database.ts'
import { adminKey, createIntegration, createProducts, startShop, type GraphQLAnswer } from '../helpers/gateway.ts'
import { numberOf } from '../helpers/ids.ts'

let shop: Awaited<ReturnType<typeof startShop>>
beforeAll(async () => {
  shop = await startShop()
})
afterAll(async () => {
  await shop[Symbol.asyncDispose]()
})

const setStock = 'mutation ($onHand: Int!) { setStock(input: [{ sku: "SKU-fleeting", onHand: $onHand }]) { stockLevels { onHand } } }'
const remove = 'mutation { deleteProducts(products: [{ handle: "fleeting" }]) { __typename } }'

test('stock that is set while its product is deleted and made anew is set, or refused because there is none; never a fault', async () => {
  await createProducts(shop, ['fleeting'])
  const codes = new Set<unknown>()
  const note = ({ errors }: GraphQLAnswer): void => {
    errors?.forEach(({ extensions }) => codes.add(extensions['code']))
  }

  for (let round = 0; round < 40; round += 1) {
    await Promise.all([
      shop.call(setStock, { onHand: round }).then(note),
      shop.call(setStock, { onHand: round + 1 }).then(note),
      shop.call(remove, {}, adminKey).then(note),
      createProducts(shop, ['fleeting']),
    ])
  }

  expect([...codes].filter((code) => code !== 'NOT_FOUND' && code !== 'BAD_USER_INPUT')).toEqual([])
})

const makeView = 'mutation { createSyncView(input: { name: "Fleeting" }) { syncView { id } } }'
const makeKey = 'mutation ($userId: ID!) { createApiKey(userId: $userId) { secret } }'

test('a view or a key of a user who is deleted before it is written is refused, and there is none', async () => {
  const { sql } = shop.database.database
  for (const what of ['its view', 'its key'] as const) {
    const { userId, key } = await createIntegration(shop, what)
    const id = numberOf(userId)
    const answer = await sql.begin(async (tx) => {
      await tx`SELECT 1 FROM users WHERE id = ${id} FOR UPDATE`
      const called = what === 'its view' ? shop.call(makeView, {}, key) : shop.call(makeKey, { userId }, adminKey)
      // It has seen the user, and waits for what becomes of it.
      await untilOneWaits(shop.database.database)
      await tx`DELETE FROM api_keys WHERE user_id = ${id}`
      await tx`DELETE FROM users WHERE id = ${id}`
      return { called }
    })

    expect(
      (await answer.called).errors?.map(({ extensions }) => extensions['code']),
      what,
    ).toEqual(['CONFLICT'])
    expect(await sql`SELECT 1 FROM sync_views WHERE user_id = ${id} UNION ALL SELECT 1 FROM api_keys WHERE user_id = ${id}`).toEqual([])
  }
})
