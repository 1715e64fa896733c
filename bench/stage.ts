import { createReadStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { from as copyFrom } from 'pg-copy-streams'
import { hashSecret, newSecret } from '../src/access/api-keys.ts'
import { openDatabase, type Database, type OpenDatabase } from '../src/db/client.ts'
import { startEmbeddedPostgres } from '../src/db/embedded.ts'
import { startGateway } from './children.ts'

const gatewayUser = 'bench_gateway'
const adminKey = 'synkvy_bench_admin_key_0123456789abcdef'

/** A durable Postgres, a gateway on it, and a shop. */
export interface Stage extends AsyncDisposable {
  readonly databaseUrl: string
  readonly database: OpenDatabase
  readonly gateway: { readonly url: string; readonly pid: number }
  readonly accountId: number
  readonly adminKey: string
  /** Sync views to which every product is linked, and which have received them all on a stream, by itself that of stock; answers their keys. */
  readonly addViews: (count: number, stream?: 'PRODUCT' | 'STOCK') => Promise<readonly string[]>
  /** As many sync views, in turn for every account but the bench's own, each of whose products is linked to so many of its account's; answers their keys. */
  readonly addShopViews: (count: number, mostLinked: number) => Promise<readonly string[]>
  /** A view without links; answers its number. */
  readonly addUnlinkedView: () => Promise<number>
  /** Products with twelve fields, three variants each with a price and stock. */
  readonly addProducts: (count: number) => Promise<void>
  /** Products alone, without variants. */
  readonly addBareProducts: (count: number) => Promise<void>
  /** COPY of a file into a table with its columns. */
  readonly copy: (target: string, file: string) => Promise<void>
  /** Statements as they stand. */
  readonly run: (text: string) => Promise<void>
}

/** `countsStatements`: the gateway has a user of its own, whose statements pg_stat_statements counts. */
export async function setStage({ countsStatements = false } = {}): Promise<Stage> {
  const folder = await mkdtemp(join(tmpdir(), 'synkvy-bench-'))
  const postgres = await startEmbeddedPostgres({
    dataDir: folder,
    settings: countsStatements
      ? { shared_preload_libraries: 'pg_stat_statements', 'pg_stat_statements.track': process.env['BENCH_TRACK'] ?? 'top' }
      : {},
  })
  if (countsStatements) await run(postgres.url, `CREATE EXTENSION pg_stat_statements; CREATE ROLE ${gatewayUser} SUPERUSER LOGIN`)
  const gateway = await startGateway(countsStatements ? asUser(postgres.url, gatewayUser) : postgres.url, adminKey)
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
    addViews: (count, stream = 'STOCK') =>
      addViews(
        database,
        stream,
        Array.from({ length: count }, () => accountId),
      ),
    addShopViews: (count, mostLinked) => addShopViews(database, accountId, count, mostLinked),
    addProducts: (count) => addProducts(database, accountId, count),
    copy: (target, file) => copy(postgres.url, target, file),
    run: (text) => run(postgres.url, text),
    addBareProducts: (count) => addBareProducts(database, accountId, count),
    [Symbol.asyncDispose]: async () => {
      await gateway[Symbol.asyncDispose]()
      await database[Symbol.asyncDispose]()
      await postgres.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** A view for each of these accounts, linked to all of its products, which it has on a stream; with `mostLinked`, each product is linked to so many of its account's views. */
async function addViews(
  { sql }: Database,
  stream: 'PRODUCT' | 'STOCK',
  accountIds: readonly number[],
  mostLinked = accountIds.length,
): Promise<readonly string[]> {
  const secrets = accountIds.map(() => newSecret())
  await sql`
    WITH asked AS (SELECT * FROM unnest(${accountIds}::bigint[], ${secrets.map((secret) => hashSecret(secret))}::text[]) WITH ORDINALITY AS h (account_id, hash, n)),
    made AS (INSERT INTO users (account_id, name, kind) SELECT account_id, 'System ' || n, 'INTEGRATION' FROM asked ORDER BY n RETURNING id),
    numbered AS (
      SELECT m.id AS user_id, a.account_id, a.hash FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM made) m JOIN asked a USING (n)),
    keyed AS (INSERT INTO api_keys (account_id, user_id, prefix, secret_hash) SELECT account_id, user_id, 'synkvy_', hash FROM numbered),
    counts AS (SELECT account_id, count(*) FROM products GROUP BY account_id),
    viewed AS (
      INSERT INTO sync_views (account_id, user_id, name, auto_link, order_scope, created_position, auto_linked_to, link_position, link_count)
      SELECT n.account_id, n.user_id, 'System ' || n.user_id, false, 'OWN', s.head, s.head, c.count, c.count
      FROM numbered n CROSS JOIN sequencer s JOIN counts c ON c.account_id = n.account_id
      RETURNING account_id, id, created_position, link_position),
    levelled AS (
      INSERT INTO checkpoints (account_id, view_id, subject, live, linked)
      SELECT account_id, id, ${stream}, created_position, link_position FROM viewed),
    placed AS (
      SELECT account_id, id, row_number() OVER (PARTITION BY account_id ORDER BY id) AS place, count(*) OVER (PARTITION BY account_id) AS count FROM viewed)
    INSERT INTO links (account_id, view_id, product_id, position, revision)
    SELECT v.account_id, v.id, p.id, p.n, p.revision + 1 FROM placed v
    JOIN (SELECT account_id, id, revision, row_number() OVER (PARTITION BY account_id ORDER BY id) AS n FROM products) p ON p.account_id = v.account_id
    WHERE (v.place + p.n) % v.count < ${mostLinked}`
  return secrets
}

/** The accounts that were made beside the bench's own, each in its turn. */
async function addShopViews(database: Database, accountId: number, count: number, mostLinked: number): Promise<readonly string[]> {
  const shops = await database.sql<{ id: number }[]>`SELECT id FROM accounts WHERE id <> ${accountId} ORDER BY id`
  const accountIds = Array.from({ length: count }, (_, index) => shops[index % shops.length]?.id ?? 0)
  return addViews(database, 'STOCK', accountIds, mostLinked)
}

async function run(databaseUrl: string, text: string): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    await client.query(text)
  } finally {
    await client.end()
  }
}

function asUser(databaseUrl: string, user: string): string {
  const url = new URL(databaseUrl)
  if (url.searchParams.has('user')) url.searchParams.set('user', user)
  else url.username = user
  return url.href
}

/** How many statements the gateway has made, and how often it asked for a batch to be numbered. */
export async function countStatements({ database: { sql } }: Stage): Promise<{ readonly all: number; readonly batches: number }> {
  const [row] = await sql<{ all: number; batches: number }[]>`
    SELECT coalesce(sum(s.calls), 0)::bigint AS all, coalesce(sum(s.calls) FILTER (WHERE s.query LIKE '%FROM sequence_batch%'), 0)::bigint AS batches
    FROM pg_stat_statements s JOIN pg_roles r ON r.oid = s.userid WHERE r.rolname = ${gatewayUser}`
  return row ?? { all: Number.NaN, batches: Number.NaN }
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

async function addBareProducts(database: Database, accountId: number, count: number): Promise<void> {
  await database.sql`
    INSERT INTO products (account_id, handle, title, description, status)
    SELECT ${accountId}, 'bare-' || n, 'Product number ' || n, 'Bare', 'ACTIVE' FROM generate_series(1, ${count}::int) n`
  await settle(database)
}

const words = 'Waterproof hiking jacket with taped seams, adjustable hood and two-way zip. Recycled polyester, made for wind and rain. '

async function addProducts(database: Database, accountId: number, count: number): Promise<void> {
  const { sql } = database
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
  await settle(database)
}

/** Waits until everything that was written has its position, so that what is measured is not that. */
export async function settle({ sql }: Database): Promise<void> {
  for (let waiting = 1; waiting > 0; await sleep(100)) {
    const [row] = await sql<{ count: number }[]>`SELECT count(*) FROM inbox`
    waiting = row?.count ?? 0
  }
  await sql`ANALYZE`
}
