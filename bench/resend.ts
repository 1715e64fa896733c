import { z } from 'zod'
import { globalId } from '../src/global-id.ts'
import { startChild } from './children.ts'
import { sharedNow } from './clock.ts'
import { synkvy } from './contenders.ts'
import { inTurns, type Rounds } from './figures.ts'
import { carry, quantiles } from './load.ts'
import type { Stage } from './stage.ts'

const url = z.string()
export const socketUrl = ({ gateway }: Stage): string => `${gateway.url.replace('http', 'ws')}/graphql`
const answer = z.object({ data: z.unknown().optional(), errors: z.array(z.unknown()).optional() })
const fields = `id handle title description vendor productType tags status imageUrls allowBackorder revision updatedAt
  variants { sku title barcode price { amount currency } available stockLevels { onHand } }`

/** Calls a mutation or query as an admin, or with another key. */
export async function call(stage: Stage, query: string, variables: Record<string, unknown>, key = stage.adminKey): Promise<unknown> {
  const response = await fetch(`${stage.gateway.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body: JSON.stringify({ query, variables }),
  })
  const { data, errors } = answer.parse(await response.json())
  if (errors !== undefined) throw new Error(JSON.stringify(errors))
  return data
}

export const resendQuery = `subscription { productChanges(batchSize: 500, maxInFlight: 4) { cursor resendComplete changes { product { ${fields} } } } }`
export const resendMutation = 'mutation ($id: ID!) { resendAllProducts(syncViewId: $id, confirm: true) { __typename } }'
const viewId = (number: number): string => globalId('SyncView', number)

/** A view that has every product already; its key and its id. */
export async function addView(stage: Stage): Promise<{ readonly key: string; readonly id: string }> {
  const [key = ''] = await stage.addViews(1, 'PRODUCT')
  const [view] = await stage.database.sql<{ id: number }[]>`SELECT max(id) AS id FROM sync_views`
  return { key, id: viewId(view?.id ?? 0) }
}

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

/** Ends a resend that is under way; one that is over was too short for what was to be measured beside it. */
export async function cancelResend(stage: Stage, id: string): Promise<void> {
  const [run] = await stage.database.sql<
    { isRunning: boolean }[]
  >`SELECT EXISTS (SELECT 1 FROM resends WHERE state = 'RUNNING') AS "isRunning"`
  if (run?.isRunning !== true) throw new Error('the resend had ended before the measurement: more products are needed')
  await call(stage, 'mutation ($id: ID!) { cancelResend(syncViewId: $id) { __typename } }', { id })
}

const delivered = z.object({ products: z.number(), beganAt: z.number(), endedAt: z.number() })

/**
 * Products a second to a consumer that acknowledges every batch: a resend, the floor (a page by SELECT, JSON.stringify, send, wait for the echo), and Relay pagination over
 * the products query.
 */
export async function resendRate(stage: Stage, productCount: number, rounds: number): Promise<ReadonlyMap<string, Rounds>> {
  await using floor = await startChild('./page-process.ts', { databaseUrl: stage.databaseUrl, accountId: stage.accountId }, (message) =>
    url.parse(message),
  )
  const { key, id } = await addView(stage)
  return await inTurns(
    {
      floor: () => receive({ url: floor.ready, floorCount: productCount }),
      synkvy: async () => {
        await call(stage, resendMutation, { id })
        return receive({ url: socketUrl(stage), key, query: resendQuery })
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

/** What a consumer receives of a resend. */
export async function receive(config: unknown): Promise<Record<string, number>> {
  await using receiver = await startChild('./receiver-process.ts', config, () => undefined)
  const { products, beganAt, endedAt } = delivered.parse(await receiver.ask('receive'))
  return { rate: (products * 1_000) / (endedAt - beganAt), products }
}

/** p99 of live stock changes of one view, 100 a second: alone, and while a resend of all products runs to another view. */
export async function stockDuringResend(stage: Stage, seconds: number, rounds: number): Promise<ReadonlyMap<string, Rounds>> {
  const start = await synkvy(stage, await stage.addViews(1))
  const measure = async (beside?: () => Promise<() => Promise<void>>): Promise<Record<string, number>> => {
    await using contender = await start()
    return quantiles((await carry(stage, contender, { perSecond: 100, seconds, levels: 1_000, concerned: 1 }, beside)).latencies)
  }
  const { key, id } = await addView(stage)
  const beginResend = async (): Promise<() => Promise<void>> => {
    await call(stage, resendMutation, { id })
    const receiver = await startChild('./receiver-process.ts', { url: socketUrl(stage), key, query: resendQuery }, () => undefined)
    void receiver.ask('receive').catch(() => undefined)
    return async () => {
      await receiver[Symbol.asyncDispose]()
      await cancelResend(stage, id)
    }
  }
  return await inTurns({ alone: () => measure(), 'while a resend runs': () => measure(beginResend) }, rounds)
}
