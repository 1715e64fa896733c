import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { startChild } from './children.ts'
import { sharedNow } from './clock.ts'
import { inTurns, quantile, type Rounds } from './figures.ts'
import type { Stage } from './stage.ts'
import pg from 'pg'

const url = z.string()
const answer = z.object({ data: z.unknown().optional(), errors: z.array(z.unknown()).optional() })
const fields = `id handle title description vendor productType tags status imageUrls allowBackorder revision updatedAt
  variants { sku title barcode price { amount currency } available stockLevels { onHand } }`

/** Calls a mutation or query as an admin, or with another key. */
async function call(stage: Stage, query: string, variables: Record<string, unknown>, key = stage.adminKey): Promise<unknown> {
  const response = await fetch(`${stage.gateway.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body: JSON.stringify({ query, variables }),
  })
  const { data, errors } = answer.parse(await response.json())
  if (errors !== undefined) throw new Error(JSON.stringify(errors))
  return data
}

const resendMutation = 'mutation ($id: ID!) { resendAllProducts(syncViewId: $id, confirm: true) { __typename } }'
const viewId = (number: number): string => Buffer.from(`SyncView:${number}`).toString('base64')

/** How long the mutation takes that starts a resend of all products: the first makes the links, the second finds them there. The floor is one INSERT … SELECT of the links. */
export async function resendStart(stage: Stage, rounds: number): Promise<ReadonlyMap<string, Rounds>> {
  const { sql } = stage.database
  await sql`DROP TABLE IF EXISTS plain_links`
  await sql`CREATE TABLE plain_links (LIKE links INCLUDING ALL)`
  return await inTurns(
    {
      'INSERT … SELECT': async () => {
        await sql`TRUNCATE plain_links`
        const began = sharedNow()
        await sql`
          INSERT INTO plain_links (account_id, view_id, product_id, position, revision, auto)
          SELECT account_id, 1, id, row_number() OVER (ORDER BY id), revision + 1, false FROM products WHERE account_id = ${stage.accountId}`
        return { first: sharedNow() - began }
      },
      synkvy: async () => {
        const id = await stage.addUnlinkedView()
        const begin = async (): Promise<number> => {
          const began = sharedNow()
          await call(stage, resendMutation, { id: viewId(id) })
          return sharedNow() - began
        }
        const first = await begin()
        await sql`UPDATE resends SET state = 'COMPLETED', finished_at = now() WHERE state = 'RUNNING' AND view_id = ${id}`
        const second = await begin()
        await sql`DELETE FROM links WHERE view_id = ${id}`
        await sql`DELETE FROM sync_views WHERE id = ${id}`
        return { first, second }
      },
    },
    rounds,
  )
}

const delivered = z.object({ products: z.number(), beganAt: z.number(), endedAt: z.number() })

/**
 * Products a second to a consumer that acknowledges every batch: a resend, the floor (a page by SELECT, JSON.stringify, send, wait for the echo), and Relay pagination over
 * the products query.
 */
export async function resendRate(stage: Stage, productCount: number, rounds: number): Promise<ReadonlyMap<string, Rounds>> {
  const { sql } = stage.database
  await using floor = await startChild('./page-process.ts', { databaseUrl: stage.databaseUrl, accountId: stage.accountId }, (message) =>
    url.parse(message),
  )
  const [key = ''] = await stage.addViews(1)
  const [view] = await sql<{ id: number }[]>`SELECT max(id) AS id FROM sync_views`
  return await inTurns(
    {
      floor: () => receive({ url: floor.ready, floorCount: productCount }),
      synkvy: async () => {
        await call(stage, resendMutation, { id: viewId(view?.id ?? 0) })
        const query = `subscription { productChanges(batchSize: 500, maxInFlight: 4) { cursor resendComplete changes { product { ${fields} } } } }`
        return receive({ url: `${stage.gateway.url.replace('http', 'ws')}/graphql`, key, query })
      },
      'Relay pages': async () => {
        let products = 0
        let after: string | null = null
        const beganAt = sharedNow()
        const page = z.object({
          products: z.object({
            nodes: z.array(z.unknown()),
            pageInfo: z.object({ hasNextPage: z.boolean(), endCursor: z.string().nullable() }),
          }),
        })
        // A tenth of them tells as much, and takes a tenth of the time.
        while (products < productCount / 10) {
          const data = page.parse(
            await call(
              stage,
              `query ($after: String) { products(first: 250, after: $after) { nodes { ${fields} } pageInfo { hasNextPage endCursor } } }`,
              { after },
              key,
            ),
          )
          products += data.products.nodes.length
          after = data.products.pageInfo.endCursor
          if (!data.products.pageInfo.hasNextPage) break
        }
        return { rate: (products * 1_000) / (sharedNow() - beganAt), products }
      },
    },
    rounds,
  )
}

async function receive(config: unknown): Promise<Record<string, number>> {
  await using receiver = await startChild('./receiver-process.ts', config, () => undefined)
  const { products, beganAt, endedAt } = delivered.parse(await receiver.ask('receive'))
  return { rate: (products * 1_000) / (endedAt - beganAt), products }
}

const numbers = z.instanceof(Float64Array)
const stockQuery = 'subscription { stockChanges(maxInFlight: 64) { cursor caughtUp changes { stockLevel { onHand } } } }'

/** p99 of live stock changes, 100 a second, of one view: alone, and while a resend of all products runs to another view. */
export async function stockDuringResend(stage: Stage, seconds: number, rounds: number): Promise<ReadonlyMap<string, Rounds>> {
  const { sql } = stage.database
  const [liveKey = ''] = await stage.addViews(1)
  const socketUrl = `${stage.gateway.url.replace('http', 'ws')}/graphql`
  await using consumer = await startChild('./consumer-process.ts', { url: socketUrl, keys: [liveKey], query: stockQuery }, () => undefined)
  const ids = await sql<{ id: number }[]>`SELECT id FROM stock_levels WHERE account_id = ${stage.accountId} ORDER BY id LIMIT 1000`
  const writer = new pg.Client({ connectionString: stage.databaseUrl })
  await writer.connect()
  let number = 1_000_000
  const measure = async (): Promise<Record<string, number>> => {
    const committedAt = new Map<number, number>()
    const began = sharedNow()
    for (let count = 0; count < seconds * 100; count += 1) {
      number += 1
      await writer.query({
        name: 'write',
        text: 'UPDATE stock_levels SET on_hand = $1 WHERE account_id = $2 AND id = $3',
        values: [number, stage.accountId, ids[count % ids.length]?.id],
      })
      committedAt.set(number, sharedNow())
      const wait = began + (count + 1) * 10 - sharedNow()
      if (wait > 1) await sleep(wait)
    }
    await sleep(1_000)
    const arrivals = numbers.parse(await consumer.ask('what has arrived'))
    const latencies: number[] = []
    for (let index = 0; index + 1 < arrivals.length; index += 2) {
      const committed = committedAt.get(arrivals[index] ?? Number.NaN)
      if (committed !== undefined) latencies.push(Math.max(0, (arrivals[index + 1] ?? 0) - committed))
    }
    return { p50: quantile(latencies, 0.5), p99: quantile(latencies, 0.99) }
  }
  const [key = ''] = await stage.addViews(1)
  const [view] = await sql<{ id: number }[]>`SELECT max(id) AS id FROM sync_views`
  try {
    return await inTurns(
      {
        alone: measure,
        'while a resend runs': async () => {
          await call(stage, resendMutation, { id: viewId(view?.id ?? 0) })
          const query = `subscription { productChanges(batchSize: 500, maxInFlight: 4) { cursor resendComplete changes { product { ${fields} } } } }`
          await using receiver = await startChild('./receiver-process.ts', { url: socketUrl, key, query }, () => undefined)
          const received = receiver.ask('receive')
          const figures = await measure()
          receiver.process.kill('SIGKILL')
          await Promise.race([received, sleep(100)])
          await call(stage, 'mutation ($id: ID!) { cancelResend(syncViewId: $id) { __typename } }', { id: viewId(view?.id ?? 0) }).catch(
            () => {},
          )
          return figures
        },
      },
      rounds,
    )
  } finally {
    await writer.end()
  }
}
