import { startGateway } from './children.ts'
import { sharedNow } from './clock.ts'
import { inTurns, type Rounds } from './figures.ts'
import { call } from './resend.ts'
import type { Stage } from './stage.ts'

const callers = 4
const products = '{ products(first: 20) { nodes { id handle title variants { sku price { amount } stockLevels { onHand } } } } }'
const setStock = 'mutation ($sku: String!, $onHand: Int!) { setStock(input: [{ sku: $sku, onHand: $onHand }]) { stockLevels { onHand } } }'

/** Calls a second of four callers with Postgres' row-level security under them and without it. Both gateways leave the sequencing to a third. */
export async function wall(stage: Stage, forMs: number, rounds: number): Promise<ReadonlyMap<string, Rounds>> {
  await using open = await startGateway(stage.databaseUrl, stage.adminKey, { SYNKVY_ROW_SECURITY: 'off' })
  await using walled = await startGateway(stage.databaseUrl, stage.adminKey, { SYNKVY_ROW_SECURITY: 'on' })
  const [variant] = await stage.database.sql<
    { sku: string }[]
  >`SELECT sku FROM variants WHERE account_id = ${stage.accountId} ORDER BY id LIMIT 1`
  const measure = async (gateway: Stage['gateway']): Promise<Record<string, number>> => {
    const through = { ...stage, gateway }
    const pages = await callsASecond(forMs, () => call(through, products, {}))
    const changes = await callsASecond(forMs, (number) => call(through, setStock, { sku: variant?.sku, onHand: number }))
    return { 'product pages': pages, 'stock changes': changes }
  }
  return await inTurns({ 'without it': () => measure(open), 'row-level security': () => measure(walled) }, rounds)
}

async function callsASecond(forMs: number, carryOut: (number: number) => Promise<unknown>): Promise<number> {
  const began = sharedNow()
  let count = 0
  const callOn = async (): Promise<void> => {
    while (sharedNow() - began < forMs) {
      count += 1
      await carryOut(count)
    }
  }
  await Promise.all(Array.from({ length: callers }, callOn))
  return (count * 1_000) / (sharedNow() - began)
}
