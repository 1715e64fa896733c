import { createViews, follow, type Follower } from './crowd.ts'
import { openShop } from './shop.ts'
import { World } from './world.ts'

// npx tsx test/faults/measure-stuck.ts: how long a stock change takes to twenty live consumers, alone and beside two hundred that acknowledge nothing, in turns.
const [liveCount, stuckCount, rounds, writesPerRound] = [20, 200, 6, 60]

await using world = await World.create()
const shop = await openShop(world, 'stuck', 0, 5)
const sql = world.connect()
const keys = await createViews(sql, shop.accountId, liveCount + stuckCount)
await sql`
  INSERT INTO links (account_id, view_id, product_id, position, revision)
  SELECT v.account_id, v.id, p.id, row_number() OVER (PARTITION BY v.id ORDER BY p.id), p.revision + 1 FROM sync_views v JOIN products p ON p.account_id = v.account_id
  WHERE v.account_id = ${shop.accountId}`
await sql`UPDATE sync_views SET link_position = 5, link_count = 5 WHERE account_id = ${shop.accountId}`
const port = world.nodes[0]?.gateway.port ?? 0
const live = keys.slice(0, liveCount).map((key) => follow(port, key, true))
await Promise.all(live.map(({ connected }) => connected))

const results = { alone: [] as number[], beside: [] as number[] }
for (let round = 0; round < rounds; round += 1) {
  await measure(results.alone)
  const stuck = keys.slice(liveCount).map((key) => follow(port, key, false))
  await Promise.all(stuck.map(({ connected }) => connected))
  // Their windows fill.
  for (let write = 0; write < 10; write += 1) await change(-1 - write)
  await measure(results.beside)
  for (const { client } of stuck) await client.dispose()
}
for (const [name, latencies] of Object.entries(results)) {
  const sorted = latencies.toSorted((a, b) => a - b)
  const at = (part: number): string => (sorted[Math.floor(part * (sorted.length - 1))] ?? 0).toFixed(1)
  console.log(`${name}: median ${at(0.5)} ms, 99th percentile ${at(0.99)} ms, of ${sorted.length} deliveries`)
}
await sql.end()
for (const { client } of live) await client.dispose()

async function measure(into: number[]): Promise<void> {
  for (let write = 0; write < writesPerRound; write += 1) {
    const onHand = 1_000 + Math.floor(Math.random() * 1_000_000)
    const committed = await change(onHand)
    const arrivals = await Promise.all(live.map((follower) => arrival(follower, onHand)))
    into.push(...arrivals.map((at) => at - committed))
  }
}

async function change(onHand: number): Promise<number> {
  await sql`UPDATE stock_levels SET on_hand = ${Math.abs(onHand)} WHERE account_id = ${shop.accountId} AND variant_id = (SELECT min(id) FROM variants WHERE account_id = ${shop.accountId})`
  return performance.now()
}

async function arrival(follower: Follower, onHand: number): Promise<number> {
  for (;;) {
    const batch = follower.batches.slice(-5).find(({ changes }) => changes.some((one) => one.onHand === onHand))
    if (batch !== undefined) return batch.at
    await new Promise((resolve) => setImmediate(resolve))
  }
}
