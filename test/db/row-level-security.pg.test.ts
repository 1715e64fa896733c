import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { isObjectType } from 'graphql'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Context } from '../../schema/context.ts'
import { schema } from '../../schema/schema.ts'
import { createAccount } from '../../src/access/accounts.ts'
import { startApp } from '../../src/app.ts'
import { productsPage } from '../../src/catalog/products.ts'
import { readConfig } from '../../src/config.ts'
import { connectOnce, openDatabase, type Database, type OpenDatabase, type Sql, type TransactionSql } from '../../src/db/client.ts'
import { startEmbeddedPostgres, type EmbeddedPostgres } from '../../src/db/embedded.ts'
import { postgresFault } from '../../src/db/faults.ts'
import { migrateDatabase } from '../../src/db/migrate.ts'
import { identifier } from '../../src/db/sql.ts'
import { findWallGap } from '../../src/db/wall.ts'
import { freePort, hasPooler, PostgresServer } from '../faults/postgres-server.ts'
import { insertAccount } from '../helpers/account.ts'
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts'
import { createProducts, expectData, startShop } from '../helpers/gateway.ts'
import { withDatabase } from '../helpers/global-setup.ts'

interface Table {
  readonly name: string
  /** The column that says whose a row is. */
  readonly account: string
}

/** Every table that has rows of accounts. */
function tablesOfAccounts(sql: Sql): PromiseLike<readonly Table[]> {
  return sql<Table[]>`
    SELECT c.relname::text AS name, CASE c.relname WHEN 'accounts' THEN 'id' ELSE 'account_id' END AS account FROM pg_class c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
      AND (c.relname = 'accounts' OR EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'account_id')) ORDER BY 1`
}

/** A row of an account with something in every column that needs it, whatever the table is for. */
async function insertAnyRow(sql: Sql, { name, account }: Table, accountId: number): Promise<void> {
  const [{ row } = { row: '' }] = await sql<{ row: string }[]>`
    SELECT json_object_agg(a.attname, CASE
      WHEN a.attname = ${account} THEN ${String(accountId)}
      WHEN t.typname IN ('text', 'varchar') THEN ${`of ${accountId}`}
      WHEN t.typname IN ('timestamptz', 'date') THEN '2026-01-01'
      WHEN t.typname = 'bool' THEN 'false'
      WHEN t.typname = 'uuid' THEN gen_random_uuid()::text
      WHEN t.typcategory = 'A' OR t.typname IN ('json', 'jsonb') THEN '{}'
      WHEN t.typtype = 'e' THEN (SELECT e.enumlabel::text FROM pg_enum e WHERE e.enumtypid = t.oid ORDER BY e.enumsortorder LIMIT 1)
      ELSE '1' END)::text AS row
    FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
    WHERE a.attrelid = ${name}::regclass AND a.attnum > 0 AND NOT a.attisdropped AND a.attnotnull`
  await insertCopy(sql, name, row)
}

async function insertCopy(sql: Sql, table: string, row: string): Promise<void> {
  const columns = Object.keys(JSON.parse(row)).map(identifier)
  const list = columns.reduce((all, one) => sql`${all}, ${one}`)
  await sql`
    INSERT INTO ${identifier(table)} (${list}) OVERRIDING SYSTEM VALUE SELECT ${list} FROM json_populate_record(NULL::${identifier(table)}, ${row}::json)`
}

/** The wall's, that there is no such right, and that an id is not to be changed at all. */
const refusals = ['42501', '428C9']

/** Carries out a statement in a transaction that is undone. Answers how many rows it touched, or that it was refused. */
async function undone(database: Database, work: (tx: TransactionSql) => PromiseLike<readonly object[]>) {
  let touched: number | 'refused' = 0
  const over = new Error('undone')
  try {
    await database.sql.begin(async (tx) => {
      touched = (await work(tx)).length
      throw over
    })
  } catch (error) {
    if (error === over) return touched
    if (refusals.includes(postgresFault(error)?.code ?? '')) return 'refused'
    throw error
  }
  return touched
}

describe('behind the wall', () => {
  let here: TestDatabase
  let tables: readonly Table[]
  const [mine, theirs] = [1, 2]
  beforeAll(async () => {
    here = await createTestDatabase()
    const { sql } = here.database
    tables = await tablesOfAccounts(sql)
    for (const table of tables) {
      // What the rows mean is no matter here.
      await sql`ALTER TABLE ${identifier(table.name)} DISABLE TRIGGER ALL`
      await sql`DELETE FROM ${identifier(table.name)}`
      for (const accountId of [mine, theirs]) await insertAnyRow(sql, table, accountId)
    }
  })
  afterAll(() => here[Symbol.asyncDispose]())

  /** What each table answers, by its name, where it is not as it should be. */
  async function wrong(look: (table: Table) => Promise<unknown>, right: (found: unknown) => boolean) {
    const found: Record<string, unknown> = {}
    for (const table of tables) {
      const answer = await look(table)
      if (!right(answer)) found[table.name] = answer
    }
    return found
  }

  test('a statement that names no account sees the rows of its own, in every table', async () => {
    const { sql } = here.database.forAccount(mine)
    const owners = async ({ name, account }: Table) =>
      (await sql<{ owner: number }[]>`SELECT ${identifier(account)} AS owner FROM ${identifier(name)}`).map(({ owner }) => owner).join()

    expect(tables.length).toBeGreaterThan(20)
    expect(await wrong(owners, (found) => found === String(mine))).toEqual({})
  })

  test('without an account nothing is seen, in any table', async () => {
    const count =
      (sql: Sql) =>
      ({ name }: Table) =>
        undone({ ...here.database, sql }, (tx) => tx`SELECT 1 FROM ${identifier(name)}`)
    const { sql } = here.database
    const bare: Sql = Object.assign(sql.bind(undefined), {
      begin: <Result>(work: (tx: TransactionSql) => Promise<Result>) =>
        sql.begin(async (tx) => {
          await tx`SET LOCAL ROLE synkvy_requests`
          return work(tx)
        }),
    })

    expect(await wrong(count(bare), (found) => found === 0)).toEqual({})
    expect(await wrong(count(here.database.forAccount(0).sql), (found) => found === 0)).toEqual({})
  })

  test('rows of another account are neither changed nor deleted, nor made, nor given away, in any table', async () => {
    const own = here.database.forAccount(mine)
    const isHeldBack = (found: unknown) => found === 'refused' || found === 0
    const touchesOwn = (found: unknown) => found === 'refused' || found === 1
    const byName = ({ name, account }: Table) => [identifier(name), identifier(account)] as const

    const update = (table: Table) =>
      undone(own, (tx) => tx`UPDATE ${byName(table)[0]} SET ${byName(table)[1]} = ${byName(table)[1]} RETURNING 1`)
    expect(await wrong(update, touchesOwn)).toEqual({})
    const remove = (table: Table) => undone(own, (tx) => tx`DELETE FROM ${byName(table)[0]} RETURNING 1`)
    expect(await wrong(remove, touchesOwn)).toEqual({})
    const updateTheirs = (table: Table) =>
      undone(
        own,
        (tx) => tx`UPDATE ${byName(table)[0]} SET ${byName(table)[1]} = ${mine} WHERE ${byName(table)[1]} = ${theirs} RETURNING 1`,
      )
    expect(await wrong(updateTheirs, isHeldBack)).toEqual({})
    const give = (table: Table) => undone(own, (tx) => tx`UPDATE ${byName(table)[0]} SET ${byName(table)[1]} = ${theirs} RETURNING 1`)
    expect(await wrong(give, (found) => found === 'refused')).toEqual({})
    const make = async ({ name, account }: Table) => {
      const [{ row } = { row: '' }] = await here.database.sql<
        { row: string }[]
      >`SELECT to_json(t)::text AS row FROM ${identifier(name)} t WHERE ${identifier(account)} = ${theirs}`
      return insertCopy(own.sql, name, row).then(
        () => 'made',
        (error: unknown) => postgresFault(error)?.code,
      )
    }
    expect(await wrong(make, (found) => found === '42501')).toEqual({})
  })

  test('requests have no rights on anything else, such as the secret of cursors', async () => {
    const rights = await here.database.sql<{ on: string }[]>`
      SELECT c.relname || coalesce('.' || a.attname, '') AS on FROM pg_class c
      LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND c.relkind = 'r' AND a.attnum > 0 AND has_column_privilege('synkvy_requests', c.oid, a.attnum, 'SELECT, INSERT, UPDATE')
      WHERE c.relnamespace IN ('public'::regnamespace, 'drizzle'::regnamespace) AND c.relname <> ALL(${tables.map(({ name }) => name)}::text[]) AND (
        a.attname IS NOT NULL OR (c.relkind = 'S' AND has_sequence_privilege('synkvy_requests', c.oid, 'SELECT, USAGE, UPDATE'))) ORDER BY 1`

    expect(rights.map(({ on }) => on)).toEqual(['sequencer.epoch', 'sequencer.head', 'sequencer.only', 'sequencer_sleep'])
  })

  test('whoever is given rights on the tables, and answers no requests, is held back by nothing', async () => {
    const role = identifier(`writer_${process.pid}`)
    const { sql } = here.database
    await sql`CREATE ROLE ${role}`
    const seen = await sql.begin(async (tx) => {
      await tx`GRANT SELECT ON products TO ${role}`
      await tx`SET LOCAL ROLE ${role}`
      return tx`SELECT 1 FROM products`
    })
    await sql`DROP OWNED BY ${role}`
    await sql`DROP ROLE ${role}`

    expect(seen).toHaveLength(2)
  })

  test('the search, which looks for itself, finds nothing for another account', async () => {
    const find = (database: Database, accountId: number) =>
      database.sql<{ id: number }[]>`SELECT id FROM matching_products(${accountId}, ${'%of%'}, NULL) AS found (id)`

    expect(await find(here.database, theirs)).toHaveLength(1)
    expect(await find(here.database.forAccount(theirs), theirs)).toHaveLength(1)
    expect(await find(here.database.forAccount(mine), theirs)).toEqual([])
    expect(await find(here.database.forAccount(0), theirs)).toEqual([])
  })
})

describe('a resolver that forgets to name the account', () => {
  test('sees nothing of another', async () => {
    await using shop = await startShop()
    const { database } = shop.app
    const other = await createAccount(database, { slug: 'other', name: 'Other', currency: 'SEK', pricesIncludeTax: true })
    await createProducts(shop, ['of-the-shop'])
    await createProducts(shop, ['of-the-other'], undefined, other.adminKey)
    const account = schema.getType('Account')
    const field = isObjectType(account) ? account.getFields()['name'] : undefined
    if (field === undefined) throw new Error('an account has no name any more')
    const before = field.resolve
    field.resolve = async (_account, _args, context: Context) => {
      const byDrizzle = await context.database.drizzle.execute('SELECT handle FROM products')
      const bySql = await context.database.sql`SELECT handle FROM products`
      const inTransaction = await context.database.transaction((tx) => tx.execute('SELECT handle FROM products'))
      return JSON.stringify([byDrizzle.rows, bySql, inTransaction.rows])
    }
    try {
      const { viewer } = await expectData(shop.call('{ viewer { account { name } } }', {}, other.adminKey))
      const all = [{ handle: 'of-the-other' }]
      expect(JSON.parse(viewer.account.name)).toEqual([all, all, all])
    } finally {
      if (before === undefined) delete field.resolve
      else field.resolve = before
    }
    // Nor does one that names the wrong one.
    expect(await productsPage(database.forAccount(other.account.id), 1, { first: 10 })).toEqual([])
    expect(await productsPage(database, 1, { first: 10 })).toHaveLength(1)
  })
})

/** What may happen on a connection. */
type Step = readonly [account: number, what: (typeof happenings)[number]]
const happenings = [
  'typed',
  'sql',
  'transaction',
  'fault',
  'bad SQL',
  'failed transaction',
  'given up',
  'lost',
  'lost within',
  'whole',
] as const

const accountIds = [1, 2, 3, 4, 5]
const killed = (sql: (strings: TemplateStringsArray) => PromiseLike<unknown>) =>
  Promise.resolve(sql`SELECT pg_terminate_backend(pg_backend_pid())`).catch(() => {})

/** Does one thing, and sees to it that whatever was read was of the account, and of all of them where nothing was set. */
async function happen(database: OpenDatabase, [account, what]: Step): Promise<void> {
  const own = database.forAccount(account)
  const ids = (rows: readonly { id: number }[]) => rows.map(({ id }) => id)
  switch (what) {
    case 'typed': {
      const { rows } = await own.drizzle.execute<{ id: number }>('SELECT id FROM accounts')
      return expect(ids(rows)).toEqual([account])
    }
    case 'sql':
      return expect(ids(await own.sql<{ id: number }[]>`SELECT id FROM accounts WHERE id > ${0}`)).toEqual([account])
    case 'transaction':
      return own.sql.begin(async (tx) => {
        for (const _ of [1, 2]) expect(ids(await tx<{ id: number }[]>`SELECT id FROM accounts WHERE id > ${0}`)).toEqual([account])
      })
    case 'fault':
      return expect(own.sql`SELECT 1 / (id - id) FROM accounts`).rejects.toThrow('division by zero')
    case 'bad SQL':
      return expect(own.sql`SELECT nothing FROM accounts`).rejects.toThrow('does not exist')
    case 'failed transaction':
      return expect(own.transaction((tx) => tx.execute('SELECT 1 / (id - id) FROM accounts'))).rejects.toThrow('Failed query')
    case 'given up':
      return expect(own.sql.begin(() => Promise.reject(new Error('given up')))).rejects.toThrow('given up')
    case 'lost':
      await killed(own.sql)
      return
    case 'lost within':
      await own.sql.begin((tx) => killed(tx)).catch(() => {})
      return
    case 'whole': {
      const rows = await database.sql<{ id: number; isNobodys: boolean }[]>`
        SELECT id, current_user = session_user AND coalesce(current_setting('synkvy.account', true), '') = '' AS "isNobodys" FROM accounts WHERE id > ${0} ORDER BY id`
      expect(ids(rows)).toEqual(accountIds)
      return expect(rows.every(({ isNobodys }) => isNobodys)).toBe(true)
    }
  }
}

const steps = fc.array(fc.tuple(fc.constantFrom(...accountIds), fc.constantFrom(...happenings)), { minLength: 5, maxLength: 60 })

async function mixAccounts(database: OpenDatabase): Promise<void> {
  await fc.assert(
    fc.asyncProperty(steps, async (all) => {
      await Promise.all(all.map((step) => happen(database, step)))
      await Promise.all(accountIds.map((account) => happen(database, [account, 'sql'])))
      await happen(database, [1, 'whole'])
    }),
    { numRuns: 30 },
  )
}

describe('connections that serve many accounts', () => {
  test.each([
    ['with prepared statements', (url: string) => url],
    ['without', (url: string) => `${url}${url.includes('?') ? '&' : '?'}fallback_application_name=x`],
  ])('never serve one with the rows of another, whatever happens on them: %s', async (_how, toUrl) => {
    await using here = await createTestDatabase()
    for (const id of accountIds) await insertAccount(here.database, `shop-${id}`)
    const database = openDatabase({ url: toUrl(here.url), directUrl: here.url, poolSize: 3, timeoutMs: 10_000 })
    await using _closed = database

    await mixAccounts(database)
  })

  test.runIf(hasPooler())('nor behind a pooler in transaction mode', async () => {
    await using server = await PostgresServer.create()
    const directUrl = server.url
    await migrateDatabase(directUrl)
    const port = await freePort()
    const pooler = await server.startPooler(server.port, port)
    try {
      const url = directUrl.replace(String(server.port), String(port))
      const database = openDatabase({ url, directUrl, poolSize: 30, timeoutMs: 10_000 })
      await using _closed = database
      for (const id of accountIds) await insertAccount(database, `shop-${id}`)

      expect(await findWallGap(database)).toBeUndefined()
      await mixAccounts(database)
    } finally {
      pooler?.stop()
    }
  })
})

describe('a server that has no such role yet', () => {
  let folder: string
  let server: EmbeddedPostgres
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'synkvy-wall-'))
    server = await startEmbeddedPostgres({ dataDir: folder, durable: false })
  })
  afterAll(async () => {
    await server.stop()
    await rm(folder, { recursive: true, force: true })
  })

  async function createDatabase(name: string, owner?: string): Promise<string> {
    const admin = connectOnce({ url: server.url, name: 'test' })
    await admin`CREATE DATABASE ${identifier(name)}`
    if (owner !== undefined) await admin`ALTER DATABASE ${identifier(name)} OWNER TO ${identifier(owner)}`
    await admin.end()
    const url = new URL(withDatabase(server.url, name))
    if (owner !== undefined) url.username = owner
    return url.href
  }

  async function gapOf(url: string) {
    const database = openDatabase({ url, directUrl: url, poolSize: 2, timeoutMs: 10_000 })
    await using _closed = database
    return await findWallGap(database)
  }

  async function asAdmin(statement: string): Promise<void> {
    const database = openDatabase({ url: server.url, directUrl: server.url, poolSize: 1, timeoutMs: 10_000 })
    await using _closed = database
    await database.drizzle.execute(statement)
  }

  test('gets it once, from any number of databases that are migrated at once', async () => {
    const names = ['one', 'two', 'three', 'four']
    const urls: string[] = []
    for (const name of names) urls.push(await createDatabase(name))
    await Promise.all(urls.map(migrateDatabase))

    for (const url of urls) expect(await gapOf(url)).toBeUndefined()

    for (const name of names) await asAdmin(`DROP DATABASE ${name}`)
    await asAdmin('DROP ROLE synkvy_requests')
  })

  test('takes one that another database makes at the same moment', async () => {
    const url = await createDatabase('late')
    const other = connectOnce({ url: server.url, name: 'test' })
    const look = connectOnce({ url: server.url, name: 'test' })

    await other`BEGIN`
    await other`CREATE ROLE synkvy_requests NOLOGIN`
    const migrated = migrateDatabase(url)
    await expect.poll(async () => (await look`SELECT 1 FROM pg_locks WHERE NOT granted`).length).toBe(1)
    await other`COMMIT`

    await migrated
    expect(await gapOf(url)).toBeUndefined()
    await Promise.all([other.end(), look.end()])
    await asAdmin('DROP DATABASE late')
    await asAdmin('DROP ROLE synkvy_requests')
  })

  test('says to an owner of the tables who may not make it what to run, and starts once that was run', async () => {
    await asAdmin('CREATE ROLE plain LOGIN')
    const url = await createDatabase('plain', 'plain')
    const settings = { ...readConfig({ PORT: '0' }), databaseUrl: url, databaseDirectUrl: url }
    const start = () => startApp(settings, pino({ level: 'silent' }))

    await expect(start()).rejects.toThrow(
      /CREATE ROLE synkvy_requests NOLOGIN; GRANT synkvy_requests TO "plain"; Then start again\.\n.*SYNKVY_ROW_SECURITY=off/,
    )
    const without = await startApp({ ...settings, rowSecurity: false }, pino({ level: 'silent' }))
    await without[Symbol.asyncDispose]()
    await asAdmin('CREATE ROLE synkvy_requests NOLOGIN')
    expect((await gapOf(url))?.advice).toBe('As a superuser: GRANT synkvy_requests TO "plain"; Then start again.')
    await asAdmin('GRANT synkvy_requests TO plain')
    expect((await gapOf(url))?.advice).toContain('CALL raise_wall()')
    const started = await start()
    await started[Symbol.asyncDispose]()
    expect(await gapOf(url)).toBeUndefined()
  })

  test('finds a role that may see too much, and tables that are open', async () => {
    const url = await createDatabase('open')
    await migrateDatabase(url)
    const admin = connectOnce({ url, name: 'test' })

    await admin`ALTER ROLE synkvy_requests BYPASSRLS`
    expect((await gapOf(url))?.found).toContain('is not held back on accounts, api_keys')
    await admin`ALTER ROLE synkvy_requests NOBYPASSRLS`
    await admin`ALTER TABLE links DISABLE ROW LEVEL SECURITY`
    expect((await gapOf(url))?.found).toContain('is not held back on links, or')
    await admin`DROP POLICY own_account ON orders`
    await admin`REVOKE ALL ON users FROM synkvy_requests`
    expect((await gapOf(url))?.found).toContain('is not held back on links, orders, users, or')
    await migrateDatabase(url)
    expect(await gapOf(url)).toBeUndefined()
    await admin.end()
  })
})
