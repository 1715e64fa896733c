import { serverAudits } from 'graphql-http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startShop } from '../helpers/gateway.ts'

/**
 * The audits that the GraphQL Foundation keeps for the specification "GraphQL over HTTP": what it says MUST and SHOULD be. Of MAY each has a pair that excludes
 * the other, so that not all of them can pass; which do is told.
 */
let shop: Awaited<ReturnType<typeof startShop>>
beforeAll(async () => {
  shop = await startShop()
})
afterAll(async () => {
  await shop[Symbol.asyncDispose]()
})

const audits = serverAudits({ url: () => `${shop.url}/graphql` })

describe('GraphQL over HTTP', () => {
  test.each(audits.filter(({ name }) => !name.startsWith('MAY')).map((audit) => [audit.id, audit] as const))('%s', async (_id, audit) => {
    const result = await audit.fn()

    expect(result.status, `${audit.name}: ${'reason' in result ? result.reason : ''}`).toBe('ok')
  })

  test('what it says MAY be', async () => {
    const may = audits.filter(({ name }) => name.startsWith('MAY'))
    const results = await Promise.all(may.map((audit) => audit.fn()))

    console.log(results.map(({ id, name, status }) => `${status} ${id} ${name}`).join('\n'))
    expect(results.length).toBeGreaterThan(0)
  })
})
