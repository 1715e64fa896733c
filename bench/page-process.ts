import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import pg from 'pg'
import { WebSocketServer } from 'ws'
import { z } from 'zod'

// The physical floor of a resend: a page of products with their variants and stock by one SELECT, JSON.stringify, send, wait for the echo, the next page.

const envelope = z.object({ config: z.object({ databaseUrl: z.string(), accountId: z.number(), table: z.string().optional() }) })
const pageSize = 500

process.on('message', (received) => {
  const { databaseUrl, accountId, table } = envelope.parse(received).config
  void start(databaseUrl, accountId, table)
})

async function start(databaseUrl: string, accountId: number, table: string | undefined): Promise<void> {
  const server = createServer()
  const sockets = new WebSocketServer({ server })
  const pool = new pg.Pool({ connectionString: databaseUrl })
  sockets.on('connection', (socket) => {
    let after = 0
    const sendNext = async (): Promise<void> => {
      const rows = await (table === undefined ? readPage(pool, accountId, after) : readLog(pool, table, after))
      after = rows.at(-1)?.id ?? after
      socket.send(JSON.stringify({ rows }))
    }
    socket.on('message', () => {
      void sendNext()
    })
  })
  server.listen(0, '127.0.0.1', () => {
    const address: AddressInfo | string | null = server.address()
    process.send?.(`ws://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`)
  })
}

/** A page of a log, where a table is given. */
async function readLog(pool: pg.Pool, table: string, after: number): Promise<readonly { readonly id: number }[]> {
  const { rows } = await pool.query<{ id: number }>({
    name: 'log',
    text: `SELECT id::int, sku, on_hand, revision FROM ${pg.escapeIdentifier(table)} WHERE id > $1 ORDER BY id LIMIT ${pageSize}`,
    values: [after],
  })
  return rows
}

async function readPage(pool: pg.Pool, accountId: number, after: number): Promise<readonly { readonly id: number }[]> {
  const { rows } = await pool.query<{ id: number }>({
    name: 'page',
    text: `SELECT p.id::int, p.handle, p.title, p.description, p.vendor, p.product_type, p.tags, p.status, p.image_urls, p.allow_backorder, p.revision, p.updated_at,
        (SELECT json_agg(json_build_object('sku', v.sku, 'title', v.title, 'barcode', v.barcode, 'price', v.price, 'currency', v.price_currency, 'levels',
          (SELECT json_agg(s.on_hand) FROM stock_levels s WHERE s.account_id = v.account_id AND s.variant_id = v.id)))
         FROM variants v WHERE v.account_id = p.account_id AND v.product_id = p.id) AS variants
      FROM products p WHERE p.account_id = $1 AND p.id > $2 ORDER BY p.id LIMIT ${pageSize}`,
    values: [accountId, after],
  })
  return rows
}
