/**
 * A consumer on plain graphql-ws: what the kit does, in its simplest form. Keeps a copy of the shop's stock. Run it with a key of an INTEGRATION user that has a sync
 * view:
 *   SYNKVY_KEY=synkvy_… npx tsx examples/graphql-ws.ts
 */
import { createClient } from 'graphql-ws'
import { WebSocket } from 'ws'

interface StockChange {
  readonly kind: string
  readonly stockLevelId: string
  readonly revision: string
  readonly sku: string
  readonly locationCode: string
  readonly stockLevel: { readonly available: number } | null
}
interface Batch {
  readonly cursor: string
  readonly changes: readonly StockChange[]
}

const [url, key] = [process.env['SYNKVY_URL'] ?? 'http://127.0.0.1:4000', process.env['SYNKVY_KEY'] ?? '']
const client = createClient({
  url: `${url.replace(/^http/, 'ws')}/graphql`,
  webSocketImpl: WebSocket,
  connectionParams: { authorization: `Bearer ${key}` },
  retryAttempts: Number.POSITIVE_INFINITY,
  // Full jitter: a thousand systems that were cut off together do not come back together.
  retryWait: (retries) => new Promise((resolve) => setTimeout(resolve, Math.random() * Math.min(30_000, 500 * 2 ** retries))),
  shouldRetry: (closed) => !(typeof closed === 'object' && closed !== null && 'code' in closed && closed.code === 4403),
})

/** A real consumer keeps this in its database, and writes it in one transaction a batch. */
const copy = new Map<string, { readonly revision: bigint; readonly available: number | undefined }>()

function store(change: StockChange): void {
  const revision = BigInt(change.revision)
  const before = copy.get(change.stockLevelId)
  if (before !== undefined && revision < before.revision) return
  copy.set(change.stockLevelId, { revision, available: change.stockLevel?.available })
  console.log(`${change.sku} at ${change.locationCode}: ${change.stockLevel?.available ?? 'gone'}`)
}

const query = `subscription { stockChanges { cursor changes { kind stockLevelId revision sku locationCode stockLevel { available } } } }`
const acknowledge = `mutation ($cursor: Cursor!) { acknowledge(cursor: $cursor) { __typename } }`

for await (const { data, errors } of client.iterate<{ stockChanges: Batch }>({ query })) {
  if (errors !== undefined || !data) throw new Error(JSON.stringify(errors))
  const { cursor, changes } = data.stockChanges
  changes.forEach(store)
  if (changes.length === 0) continue
  for await (const answer of client.iterate({ query: acknowledge, variables: { cursor } }))
    if (answer.errors) throw new Error(JSON.stringify(answer.errors))
}
