import { createReadStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import pg from 'pg'
import { from as copyFrom } from 'pg-copy-streams'
import { hashSecret, newSecret } from '../src/access/api-keys.ts'
import { openDatabase, type Database } from '../src/db/client.ts'
import { startEmbeddedPostgres } from '../src/db/embedded.ts'
import { startGateway } from './children.ts'

const adminKey = 'synkvy_bench_admin_key_0123456789abcdef'

/** A durable Postgres, a gateway on it, and a shop. */
export interface Stage extends AsyncDisposable {
  readonly databaseUrl: string
  readonly database: Database
  readonly gateway: { readonly url: string; readonly pid: number }
  readonly accountId: number
  readonly adminKey: string
  /** Sync views to which every product is linked; answers their keys. */
  readonly addViews: (count: number) => Promise<readonly string[]>
  /** A view without links; answers its number. */
  readonly addUnlinkedView: () => Promise<number>
  /** Products with twelve fields, three variants each with a price and stock. */
  readonly addProducts: (count: number) => Promise<void>
  /** Products alone, as if they had been there for long. */
  readonly addBareProducts: (count: number) => Promise<void>
  /** COPY of a file into a table with its columns. */
  readonly copy: (target: string, file: string) => Promise<void>
}

export async function setStage(): Promise<Stage> {
  const folder = await mkdtemp(join(tmpdir(), 'synkvy-bench-'))
  const postgres = await startEmbeddedPostgres({ dataDir: folder })
  const gateway = await startGateway(postgres.url, adminKey)
  const database = openDatabase({ url: postgres.url, directUrl: postgres.url, poolSize: 20, timeoutMs: 600_000 })
  const { sql } = database
  const [account] = await sql<{ id: number }[]>`SELECT id FROM accounts WHERE slug = 'bench'`
  const accountId = account?.id ?? 0
  await sql`INSERT INTO locations (account_id, code, name) VALUES (${accountId}, 'default', 'Default') ON CONFLICT DO NOTHING`
  return {
    databaseUrl: postgres.url,
    database,
    gateway,
    accountId,
    adminKey,
    addUnlinkedView: () => addUnlinkedView(database, accountId),
    addViews: (count) => addViews(database, accountId, count),
    addProducts: (count) => addProducts(database, accountId, count),
    copy: (target, file) => copy(postgres.url, target, file),
    addBareProducts: (count) => addBareProducts(database, accountId, count),
    [Symbol.asyncDispose]: async () => {
      await gateway[Symbol.asyncDispose]()
      await database[Symbol.asyncDispose]()
      await postgres.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function addViews({ sql }: Database, accountId: number, count: number): Promise<readonly string[]> {
  const secrets = Array.from({ length: count }, () => newSecret())
  await sql`
    WITH hashes AS (SELECT hash, n FROM unnest(${secrets.map((secret) => hashSecret(secret))}::text[]) WITH ORDINALITY AS h (hash, n)),
    made AS (INSERT INTO users (account_id, name, kind) SELECT ${accountId}, 'System ' || n, 'INTEGRATION' FROM hashes ORDER BY n RETURNING id),
    numbered AS (SELECT id, row_number() OVER (ORDER BY id) AS n FROM made),
    keyed AS (INSERT INTO api_keys (account_id, user_id, prefix, secret_hash) SELECT ${accountId}, m.id, 'synkvy_', h.hash FROM numbered m JOIN hashes h USING (n)),
    viewed AS (
      INSERT INTO sync_views (account_id, user_id, name, auto_link, order_scope, created_position, auto_linked_to, link_position, link_count)
      SELECT ${accountId}, id, 'System ' || n, false, 'OWN', s.head, s.head, p.count, p.count FROM numbered, sequencer s, (SELECT count(*) FROM products WHERE account_id = ${accountId}) p
      RETURNING id)
    INSERT INTO links (account_id, view_id, product_id, position, revision)
    SELECT ${accountId}, v.id, p.id, p.n, p.revision + 1 FROM viewed v,
      (SELECT id, revision, row_number() OVER (ORDER BY id) AS n FROM products WHERE account_id = ${accountId}) p`
  return secrets
}

async function copy(databaseUrl: string, target: string, file: string): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    await pipeline(createReadStream(file), client.query(copyFrom(`COPY ${target} FROM STDIN`)))
  } finally {
    await client.end()
  }
}

async function addUnlinkedView({ sql }: Database, accountId: number): Promise<number> {
  const [view] = await sql<{ id: number }[]>`
    WITH made AS (INSERT INTO users (account_id, name, kind) VALUES (${accountId}, 'System', 'INTEGRATION') RETURNING id)
    INSERT INTO sync_views (account_id, user_id, name, auto_link, order_scope, created_position, auto_linked_to)
    SELECT ${accountId}, made.id, 'System', false, 'OWN', s.head, s.head FROM made, sequencer s RETURNING id`
  return view?.id ?? 0
}

async function addBareProducts({ sql }: Database, accountId: number, count: number): Promise<void> {
  await sql.begin(async (tx) => {
    await tx`SET LOCAL session_replication_role = replica`
    await tx`
      INSERT INTO products (account_id, handle, title, description, status, revision)
      SELECT ${accountId}, 'product-' || n, 'Product number ' || n, 'Bare', 'ACTIVE', n FROM generate_series(1, ${count}::int) n`
  })
  await sql`ANALYZE`
}

const words = 'Waterproof hiking jacket with taped seams, adjustable hood and two-way zip. Recycled polyester, made for wind and rain. '

async function addProducts({ sql }: Database, accountId: number, count: number): Promise<void> {
  await sql`
    INSERT INTO products (account_id, handle, title, description, vendor, product_type, tags, status, image_urls)
    SELECT ${accountId}, 'product-' || n, 'Product number ' || n, repeat(${words}, 4), 'Vendor ' || n % 50, 'Jackets', ARRAY['outdoor', 'tag-' || n % 20], 'ACTIVE',
      ARRAY['https://images.example/' || n || '.jpg'] FROM generate_series(1, ${count}::int) n`
  await sql`
    INSERT INTO variants (account_id, product_id, ordinal, sku, title, price, price_currency, barcode, weight_grams)
    SELECT account_id, id, v, 'SKU-' || id || '-' || v, 'Size ' || v, 499 + v, 'SEK', (7310000000000 + id * 10 + v)::text, 450 FROM products, generate_series(1, 3) v
    WHERE account_id = ${accountId}`
  await sql`
    INSERT INTO stock_levels (account_id, variant_id, location_id, on_hand)
    SELECT v.account_id, v.id, l.id, 100 FROM variants v JOIN locations l ON l.account_id = v.account_id AND l.code = 'default' WHERE v.account_id = ${accountId}`
  for (let waiting = 1; waiting > 0;) {
    const [row] = await sql<{ count: number }[]>`SELECT count(*) FROM inbox`
    waiting = row?.count ?? 0
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  await sql`ANALYZE`
}
