import { afterAll, beforeAll, expect, test } from 'vitest'
import { adminKey, createProducts, startShop, type GraphQLAnswer } from '../helpers/gateway.ts'

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
