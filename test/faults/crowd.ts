import { createClient, type Client } from 'graphql-ws'
import { WebSocket } from 'ws'
import { hashSecret, newSecret } from '../../src/access/api-keys.ts'
import type { Sql } from '../../src/db/client.ts'

/** Sync views by the hundred, with the key of each: made in SQL, because it is not their making that is asked about. */
export async function createViews(sql: Sql, accountId: number, count: number): Promise<readonly string[]> {
  const secrets = Array.from({ length: count }, () => newSecret())
  await sql`
    WITH hashes AS (SELECT hash, n FROM unnest(${secrets.map((secret) => hashSecret(secret))}::text[]) WITH ORDINALITY AS h (hash, n)),
    made AS (
      INSERT INTO users (account_id, name, kind) SELECT ${accountId}, 'System ' || n, 'INTEGRATION' FROM hashes ORDER BY n RETURNING id),
    numbered AS (SELECT id, row_number() OVER (ORDER BY id) AS n FROM made),
    keyed AS (
      INSERT INTO api_keys (account_id, user_id, prefix, secret_hash)
      SELECT ${accountId}, m.id, 'synkvy_', h.hash FROM numbered m JOIN hashes h USING (n))
    INSERT INTO sync_views (account_id, user_id, name, auto_link, order_scope, created_position, auto_linked_to)
    SELECT ${accountId}, id, 'System ' || n, false, 'OWN', (SELECT head FROM sequencer), 0 FROM numbered`
  return secrets
}

export interface Follower {
  readonly client: Client
  /** When its first batch had come. */
  readonly connected: Promise<void>
  /** What it has received. */
  readonly batches: { cursor: string; at: number; changes: readonly { onHand: number | null }[] }[]
}

interface StockBatch {
  readonly batch: { readonly cursor: string; readonly changes: readonly { readonly stockLevel: { readonly onHand: number } | null }[] }
}

const document = 'subscription { batch: stockChanges { cursor changes { ... on StockChange { stockLevel { onHand } } } } }'

/** Follows stock over a socket; acknowledges each batch when `acknowledges`. */
export function follow(port: number, key: string, acknowledges: boolean): Follower {
  const client = createClient({
    url: `ws://127.0.0.1:${port}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: { authorization: `Bearer ${key}` },
    retryAttempts: 0,
  })
  const batches: Follower['batches'] = []
  const connected = new Promise<void>((resolve, reject) => {
    client.subscribe<StockBatch>(
      { query: document },
      {
        next: ({ data, errors }) => {
          if (!data) return reject(new Error(JSON.stringify(errors)))
          const { cursor, changes } = data.batch
          batches.push({
            cursor,
            at: performance.now(),
            changes: changes.map(({ stockLevel }) => ({ onHand: stockLevel?.onHand ?? null })),
          })
          if (acknowledges && changes.length > 0) acknowledge(client, cursor)
          resolve()
        },
        error: (error) => reject(error instanceof Error ? error : new Error(JSON.stringify(error))),
        complete: () => {},
      },
    )
  })
  return { client, connected, batches }
}

function acknowledge(client: Client, cursor: string): void {
  const query = 'mutation ($cursor: Cursor!) { acknowledge(cursor: $cursor) { __typename } }'
  client.subscribe({ query, variables: { cursor } }, { next: () => {}, error: () => {}, complete: () => {} })
}
