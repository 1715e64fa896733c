import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import fc, { type Arbitrary } from 'fast-check'
import { createAccount, findAccount } from '../../src/access/accounts.ts'
import { isRefusal } from '../../src/catalog/import/format.ts'
import { importCatalog } from '../../src/catalog/import/import.ts'
import { readProductLine } from '../../src/catalog/import/json-lines.ts'
import { magento } from '../../src/catalog/import/magento.ts'
import { readCsv } from '../../src/catalog/import/reading.ts'
import { shopify } from '../../src/catalog/import/shopify.ts'
import { openDatabase, type OpenDatabase } from '../../src/db/client.ts'
import { SynkvyError } from '../../src/errors.ts'
import { shownCodes } from '../../src/server/metrics.ts'
import { createCursorCodec, type Cursor } from '../../src/sync/cursor.ts'
import { GatewayProcess } from '../faults/gateway-process.ts'
import { freePort } from '../faults/postgres-server.ts'
import { csvFiles, jsonLines } from './catalogues.ts'
import { HttpDoor, sayFrames, sayMessages, sayRaw, type Answered, type HttpInput } from './doors.ts'
import { mutatedDocuments, realDocuments } from './documents.ts'
import * as inputs from './inputs.ts'
import type { Known } from './values.ts'

interface FuzzOptions {
  /** An empty database of its own. */
  readonly databaseUrl: string
  readonly inputs: number
  readonly seed: number
  /** It ends after this, however many there were. */
  readonly minutes?: number
  readonly tell?: (line: string) => void
}

interface FuzzReport {
  readonly seed: number
  /** How many were tried, by where. */
  readonly tried: ReadonlyMap<string, number>
  /** What came of them: codes of errors, of closing, statuses. */
  readonly answers: ReadonlyMap<string, number>
  readonly faults: readonly string[]
  readonly seconds: number
  readonly heapMb: readonly number[]
}

const adminKey = 'synkvy_hostile_admin_key_0123456789abcdef'
/** Collects the gateway's garbage now and then. */
const collecting = `data:text/javascript,import{setFlagsFromString}from'node:v8';import{runInNewContext}from'node:vm';setFlagsFromString('--expose-gc');setInterval(runInNewContext('gc'),3000).unref()`
const roundSize = 8_000
/** Inputs of a place that are under way at once. */
const atOnce = 8
const mostFaults = 60
/** Shares of a round. */
const shares = {
  'cursors, decoded': 0.4,
  'import lines, read': 0.25,
  'fields by variables': 0.11,
  documents: 0.08,
  'cursors, by HTTP': 0.05,
  'HTTP bodies': 0.03,
  'query strings': 0.02,
  'raw HTTP': 0.01,
  'socket messages': 0.025,
  'socket frames': 0.01,
  'event streams': 0.008,
  'several in a call': 0.007,
} as const
type Place = keyof typeof shares
/** Closes that a client has asked for: 1011 and 4500 are for faults of the gateway. */
const closes = new Set([0, 1000, 1001, 1002, 1003, 1005, 1007, 1008, 1009, 4400, 4401, 4403, 4406, 4408, 4409, 4429, 4080, 4290])

/** Sends a gateway of its own, which is a process, what nobody should send it, and looks what comes of it. */
export async function fuzz(options: FuzzOptions): Promise<FuzzReport> {
  await using run = await Run.begin(options)
  // Awaited: else it would be disposed of at once.
  return await run.go()
}

class Run implements AsyncDisposable {
  readonly #options: FuzzOptions
  readonly #gateway: GatewayProcess
  readonly #database: OpenDatabase
  /** For what is HTTP, and for what may end its connection. */
  readonly #door: HttpDoor
  readonly #roughDoor: HttpDoor
  readonly #healthyKey: string
  readonly #accountId: number
  readonly #tried = new Map<string, number>()
  readonly #answers = new Map<string, number>()
  readonly #faults: string[] = []
  /** How many faults of a kind there were: two of each are told. */
  readonly #kinds = new Map<string, number>()
  readonly #heapMb: number[] = []
  readonly #documents = realDocuments()
  #keys: inputs.Keys
  /** Of a cursor all bits are turned round, one after the other. */
  #bit = 0

  private constructor(parts: {
    readonly options: FuzzOptions
    readonly gateway: GatewayProcess
    readonly database: OpenDatabase
    readonly healthyKey: string
    readonly accountId: number
  }) {
    this.#options = parts.options
    this.#gateway = parts.gateway
    this.#database = parts.database
    this.#door = new HttpDoor(parts.gateway.port)
    this.#roughDoor = new HttpDoor(parts.gateway.port)
    this.#healthyKey = parts.healthyKey
    this.#accountId = parts.accountId
    this.#keys = { admin: adminKey, system: '', viewless: '' }
  }

  static async begin(options: FuzzOptions): Promise<Run> {
    const { databaseUrl } = options
    const gateway = new GatewayProcess(await freePort(), {
      DATABASE_URL: databaseUrl,
      SYNKVY_ACCOUNT: 'hostile',
      SYNKVY_ADMIN_KEY: adminKey,
      // Where memory grew without bound this would end the process; and what is counted of it is in use.
      NODE_OPTIONS: `--max-old-space-size=512 --import=${collecting}`,
    })
    await gateway.untilReady()
    const database = openDatabase({ url: databaseUrl, directUrl: databaseUrl, poolSize: 4, timeoutMs: 60_000 })
    const healthy = await createAccount(database, { slug: 'healthy', name: 'Healthy', currency: 'SEK', pricesIncludeTax: true })
    const [account] = await database.sql<{ id: number }[]>`SELECT id FROM accounts WHERE slug = 'hostile'`
    return new Run({ options, gateway, database, healthyKey: healthy.adminKey ?? '', accountId: account?.id ?? 0 })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#door[Symbol.dispose]()
    this.#roughDoor[Symbol.dispose]()
    await this.#gateway[Symbol.asyncDispose]()
    await this.#database[Symbol.asyncDispose]()
  }

  async go(): Promise<FuzzReport> {
    const { inputs: wanted, seed, minutes = Number.POSITIVE_INFINITY, tell = () => {} } = this.#options
    const began = Date.now()
    const count = (): number => [...this.#tried.values()].reduce((sum, one) => sum + one, 0)
    for (let round = 0; count() < wanted && Date.now() - began < minutes * 60_000 && this.#faults.length < mostFaults; round += 1) {
      await this.#round(seed + round * 101, Math.min(roundSize, wanted - count()))
      const seconds = Math.round((Date.now() - began) / 1000)
      tell(`${count()} inputs in ${seconds} s, ${this.#faults.length} faults, ${this.#heapMb.at(-1)} MB`)
    }
    await this.#checkNothingIsLeft()
    return {
      seed,
      tried: this.#tried,
      answers: new Map([...this.#answers].toSorted(([, a], [, b]) => b - a)),
      faults: this.#faults,
      seconds: Math.round((Date.now() - began) / 1000),
      heapMb: this.#heapMb,
    }
  }

  async #round(seed: number, size: number): Promise<void> {
    const known = await this.#prepare(seed)
    const take = <Input>(place: Place, of: Arbitrary<Input>): readonly Input[] =>
      fc.sample(of, { numRuns: Math.max(1, Math.round(size * shares[place])), seed })
    // All of it first: a generator that fails must not leave half a round under way.
    const samples = {
      decoded: take('cursors, decoded', fc.tuple(cursors, fc.nat())),
      bundles: take('several in a call', inputs.bundles(known, this.#keys, `h${seed}`)),
      calls: [
        ['fields by variables', take('fields by variables', inputs.operations(known, this.#keys))],
        ['documents', take('documents', inputs.documents(this.#documents, known, this.#keys))],
      ] as const,
      roughCalls: [
        ['HTTP bodies', take('HTTP bodies', inputs.bodies(this.#keys))],
        ['query strings', take('query strings', inputs.queryStrings(this.#keys))],
        ['event streams', take('event streams', inputs.streams(known, this.#keys))],
      ] as const,
      bent: take('cursors, by HTTP', inputs.bentCursors(known.cursors)).slice(0, Math.ceil((size * shares['cursors, by HTTP']) / 2)),
      raw: take('raw HTTP', inputs.rawRequests(this.#keys)),
      // A socket takes several.
      messages: take('socket messages', inputs.messages(known, mutatedDocuments(this.#documents))).slice(
        0,
        Math.ceil((size * shares['socket messages']) / 5),
      ),
      frames: take('socket frames', inputs.frames()),
    }
    this.#decodeCursors(samples.decoded)
    await this.#readImports(known, seed, Math.round(size * shares['import lines, read']))
    const stored = new Map<inputs.Bundle, boolean>()
    await Promise.all([
      ...samples.calls.map(([place, all]) => this.#try(place, all, (input) => this.#call(input))),
      ...samples.roughCalls.map(([place, all]) =>
        this.#try(place, all, async (input) => this.#judgeHttp(await this.#roughDoor.call(input))),
      ),
      this.#try('cursors, by HTTP', samples.bent, (input) => this.#callWithCursor(input, known)),
      this.#try('raw HTTP', samples.raw, async (input) => this.#judgeHttp(await sayRaw(this.#gateway.port, input))),
      this.#try('socket messages', samples.messages, (input) => this.#sayMessages(input)),
      this.#try('socket frames', samples.frames, async (input) => this.#judgeClose(await sayFrames(this.#gateway.port, input))),
      this.#try('several in a call', samples.bundles, async (bundle) => {
        const answered = await this.#door.callSurely(bundle.input)
        stored.set(bundle, answered.text.startsWith('{"data"') && !answered.text.includes('"errors"'))
        return this.#judgeHttp(answered)
      }),
    ])
    await this.#checkBundles(stored)
    await this.#checkGateway(seed)
    await this.#checkStored(seed)
  }

  // ---- what is tried

  async #try<Input>(place: Place, all: readonly Input[], tryOne: (input: Input) => Promise<string | undefined>): Promise<void> {
    let next = 0
    const work = async (): Promise<void> => {
      for (;;) {
        const input = all[(next += 1) - 1]
        if (input === undefined) return
        this.#count(this.#tried, place)
        const fault = await tryOne(input).catch((error: unknown) => String(error))
        if (fault !== undefined) this.#fault(place, fault, input)
      }
    }
    await Promise.all(Array.from({ length: atOnce }, work))
  }

  async #call(input: HttpInput): Promise<string | undefined> {
    return this.#judgeHttp(await this.#door.callSurely(input))
  }

  async #callWithCursor(cursor: string, known: Known): Promise<string | undefined> {
    const real = Buffer.from(known.cursors[this.#bit % known.cursors.length] ?? '', 'base64url')
    this.#bit += 1
    const results = await Promise.all(
      [cursor, inputs.flipped(real, this.#bit).toString('base64url')].map(async (bent, index) => {
        const query =
          index === 0
            ? [
                'mutation ($c: Cursor!) { acknowledge(cursor: $c) { __typename } }',
                'mutation ($c: Cursor!) { rewind(cursor: $c) { __typename } }',
              ][this.#bit % 2]
            : ['productChanges', 'stockChanges', 'orderChanges', 'customerChanges'].map(
                (name) => `query ($c: Cursor!) { ${name}(afterCursor: $c) { cursor } }`,
              )[this.#bit % 4]
        const answered = await this.#door.callSurely({
          method: 'POST',
          path: '/graphql',
          headers: { 'content-type': 'application/json', authorization: `Bearer ${this.#keys.system}` },
          body: JSON.stringify({ query, variables: { c: bent } }),
        })
        this.#count(this.#answers, 'cursor refused')
        // The view may have gone meanwhile: that is no cursor either.
        const isRefused = answered.status >= 400 && /"code":"(INVALID_CURSOR|NO_SYNC_VIEW|SYNC_VIEW_PAUSED)"/.test(answered.text)
        return isRefused ? undefined : `a bent cursor: ${answered.status} ${answered.text.slice(0, 300)}`
      }),
    )
    this.#count(this.#tried, 'cursors, by HTTP')
    return results.find((fault) => fault !== undefined)
  }

  async #sayMessages(said: readonly (string | Buffer)[]): Promise<string | undefined> {
    this.#count(this.#tried, 'socket messages', said.length - 1)
    const keys = [this.#keys.admin, this.#keys.system, this.#keys.system, this.#keys.viewless]
    return this.#judgeClose(await sayMessages(this.#gateway.port, keys[said.length % keys.length] ?? '', said))
  }

  #decodeCursors(all: readonly (readonly [Cursor, number])[]): void {
    const codec = createCursorCodec('secret')
    for (const [cursor, at] of all) {
      const text = codec.encode(cursor)
      const bytes = Buffer.from(text, 'base64url')
      const bent =
        [inputs.flipped(bytes, at).toString('base64url'), text.slice(0, at % text.length), `${text}${'A='[at % 2]}`][
          at % 8 === 0 ? 1 + (at % 2) : 0
        ] ?? ''
      this.#count(this.#tried, 'cursors, decoded')
      try {
        codec.decode(bent)
        this.#fault('cursors, decoded', 'it was taken', bent)
      } catch (error) {
        if (!(error instanceof SynkvyError && error.code === 'INVALID_CURSOR')) this.#fault('cursors, decoded', String(error), bent)
      }
    }
  }

  /** Most are read and no more; some are imported whole, twice: the second time changes nothing. */
  async #readImports(known: Known, seed: number, size: number): Promise<void> {
    const lines = fc.sample(jsonLines(known), { numRuns: Math.max(1, Math.round(size * 0.6)), seed })
    const rowsOfFile = 10
    const files = Math.max(1, Math.round((size * 0.2) / rowsOfFile))
    const csv = [
      ...fc.sample(csvFiles('shopify'), { numRuns: files, seed }).map((file) => ({ format: shopify, name: 'shopify', file }) as const),
      ...fc.sample(csvFiles('magento'), { numRuns: files, seed }).map((file) => ({ format: magento, name: 'magento', file }) as const),
    ]
    for (const line of lines) {
      this.#count(this.#tried, 'import lines, read')
      try {
        readProductLine(line, 1)
      } catch (error) {
        this.#fault('import lines, read', String(error), line)
      }
    }
    for (const { format, file } of csv) {
      try {
        for await (const row of readCsv({ stream: Readable.from([file]), bytesRead: () => 0 })) {
          this.#count(this.#tried, 'import lines, read')
          if (!isRefusal(row) && !isRefusal(format.placeOf(row))) format.build([row], { currency: 'SEK' })
        }
      } catch (error) {
        this.#fault('import lines, read', String(error), file.toString('latin1'))
      }
    }
    const whole = [
      { name: 'jsonl', file: Buffer.from(lines.slice(0, 40).join('\n')) },
      ...csv.filter(({ name }) => name === 'shopify').slice(0, 1),
      ...csv.filter(({ name }) => name === 'magento').slice(0, 1),
    ] as const
    for (const { name, file } of whole) await this.#importTwice(name, file)
  }

  async #importTwice(name: 'jsonl' | 'shopify' | 'magento', bytes: Buffer): Promise<void> {
    const folder = await mkdtemp(join(tmpdir(), 'synkvy-hostile-'))
    const file = join(folder, 'catalogue')
    await writeFile(file, bytes)
    const options = { file, format: name, currency: 'SEK', onRefused: () => {} }
    try {
      const account = await findAccount(this.#database, this.#accountId)
      await importCatalog(this.#database, { accountId: account?.id ?? 0 }, options)
      const again = await importCatalog(this.#database, { accountId: account?.id ?? 0 }, options)
      if (again.created + again.changed > 0)
        this.#fault('import lines, read', `a file of ${name} changes something again: ${JSON.stringify(again)}`, bytes.toString('latin1'))
    } catch (error) {
      const cause = error instanceof Error && error.cause instanceof Error ? `: ${error.cause.message}` : ''
      this.#fault('import lines, read', `an import of ${name}: ${String(error).slice(0, 300)}${cause}`, bytes.toString('latin1'))
    } finally {
      await rm(folder, { recursive: true })
    }
  }

  // ---- what came of it

  #judgeHttp({ status, text }: Answered): string | undefined {
    this.#count(this.#answers, status === 0 ? `HTTP none ${text.slice(0, 30)}` : `HTTP ${status}`)
    // 501 and 505 are Node's own, of what is no request that it knows.
    if (status >= 500 && !/^HTTP\/1\.1 50[15] /.test(text)) return `${status} ${text.slice(0, 400)}`
    const data = text.startsWith('{') ? text : /^data: (\{.*\})$/m.exec(text)?.[1]
    // A server that says what it is built of says too much.
    if ((data !== undefined || status >= 400) && /node_modules|\n\s+at .+\(|"INTERNAL"/.test(text))
      return `it says too much: ${text.slice(0, 400)}`
    return data === undefined ? undefined : this.#judgeErrors(data)
  }

  #judgeErrors(text: string): string | undefined {
    const answer: unknown = JSON.parse(text)
    const errors = typeof answer === 'object' && answer !== null && 'errors' in answer && Array.isArray(answer.errors) ? answer.errors : []
    for (const error of errors) {
      const code = String(error?.extensions?.code)
      this.#count(this.#answers, code)
      if (!shownCodes.has(code) || code === 'INTERNAL') return `an error with the code ${code}: ${JSON.stringify(error).slice(0, 400)}`
    }
    return undefined
  }

  #judgeClose({ status, text }: Answered): string | undefined {
    this.#count(this.#answers, `closed ${status}`)
    if (!closes.has(status)) return `closed with ${status}`
    return /"INTERNAL"|node_modules|"payload":\[\{"message":"[^"]*"(,"locations":[^\]]*\])?\}/.test(text)
      ? `it says ${text.slice(0, 400)}`
      : undefined
  }

  async #checkBundles(all: ReadonlyMap<inputs.Bundle, boolean>): Promise<void> {
    const { sql } = this.#database
    const found = await sql<{ place: string; name: string }[]>`
      SELECT 'products' AS place, handle AS name FROM products WHERE account_id = ${this.#accountId} AND handle LIKE 'h%-%'
      UNION ALL SELECT 'customers', external_id FROM customers WHERE account_id = ${this.#accountId} AND external_id LIKE 'h%-%'
      UNION ALL SELECT 'orders', external_id FROM orders WHERE account_id = ${this.#accountId} AND external_id LIKE 'h%-%'
      UNION ALL SELECT 'locations', code FROM locations WHERE account_id = ${this.#accountId} AND code LIKE 'h%-%'`
    const there = new Set(found.map(({ place, name }) => `${place} ${name}`))
    for (const [bundle, isStored] of all) {
      this.#count(this.#answers, isStored ? 'stored whole' : 'stored not at all')
      const stored = bundle.names.filter((name) => there.has(`${bundle.table} ${name}`)).length
      if (stored !== (isStored ? bundle.names.length : 0))
        this.#fault('several in a call', `${stored} of ${bundle.names.length} were stored`, bundle.input)
    }
  }

  async #checkGateway(seed: number): Promise<void> {
    if (!this.#gateway.isRunning) throw new Error(`the gateway has ended (seed ${seed}):\n${this.#gateway.log.slice(-3_000)}`)
    const began = Date.now()
    const { text } = await this.#ask('{ viewer { name account { slug } } }', {}, this.#healthyKey)
    if (!text.includes('"healthy"') || Date.now() - began > 10_000) this.#fault('documents', `somebody else is not served: ${text}`, seed)
    // What is no line of the log was written by a library, whoever may read it.
    const strange = this.#gateway.log.split('\n').filter((line) => /^(?!\{)(\S*Error|\s+at |Internal|Warning|\(node)/.test(line))
    for (const line of [...strange.slice(0, 3), ...this.#gateway.takeErrors().slice(0, 5)])
      this.#fault('documents', `the log: ${line.slice(0, 1_500)}`, seed)
    const heap = await this.#gateway.metric('nodejs_heap_size_used_bytes')
    this.#heapMb.push(Math.round((heap ?? 0) / 1e6))
  }

  /** What must be so whatever was called. */
  async #checkStored(seed: number): Promise<void> {
    const { sql } = this.#database
    const broken = await sql<{ what: string; count: number }[]>`
      SELECT 'stock that is reserved for no order, or not reserved' AS what, count(*)::int AS count FROM stock_levels s LEFT JOIN (
          SELECT l.account_id, l.variant_id, l.location_id, sum(l.quantity) AS quantity FROM order_lines l JOIN orders o ON o.account_id = l.account_id AND o.id = l.order_id
          WHERE o.state = 'PLACED' GROUP BY 1, 2, 3) h ON h.account_id = s.account_id AND h.variant_id = s.variant_id AND h.location_id = s.location_id
        WHERE s.reserved <> coalesce(h.quantity, 0)
      UNION ALL SELECT 'stock that its ledger does not explain', count(*)::int FROM stock_levels s CROSS JOIN LATERAL (
          SELECT m.on_hand, m.reserved FROM stock_movements m WHERE m.account_id = s.account_id AND m.stock_level_id = s.id ORDER BY m.id DESC LIMIT 1) m
        WHERE m.on_hand <> s.on_hand OR m.reserved <> s.reserved
      UNION ALL SELECT 'views that count their links wrongly', count(*)::int FROM sync_views v
        WHERE v.link_count <> (SELECT count(*) FROM links l WHERE l.account_id = v.account_id AND l.view_id = v.id AND NOT l.unlinked)
      UNION ALL SELECT 'products without a title', count(*)::int FROM products WHERE title = ''
      UNION ALL SELECT 'variants out of order', count(*)::int FROM (
          SELECT 1 FROM variants GROUP BY account_id, product_id HAVING max(ordinal) <> count(*) - 1 OR min(ordinal) <> 0) v
      UNION ALL SELECT 'customers or orders of nobody', count(*)::int FROM (
          SELECT account_id, owner_user_id FROM orders UNION ALL SELECT account_id, owner_user_id FROM customers) o
        WHERE owner_user_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM users u WHERE u.account_id = o.account_id AND u.id = o.owner_user_id)`
    for (const { what, count } of broken) if (count > 0) this.#fault('fields by variables', `${count} ${what}`, seed)
  }

  async #checkNothingIsLeft(): Promise<void> {
    this.#door[Symbol.dispose]()
    this.#roughDoor[Symbol.dispose]()
    for (const name of ['synkvy_streams', 'synkvy_sockets']) {
      const deadline = Date.now() + 20_000
      while ((await this.#gateway.metric(name)) !== 0 && Date.now() < deadline) await sleep(200)
      const left = await this.#gateway.metric(name)
      if (left !== 0) this.#fault('socket messages', `${left} ${name} are left`, this.#options.seed)
    }
  }

  // ---- the shop

  /** Makes good what was undone, and names what there is. */
  async #prepare(seed: number): Promise<Known> {
    const { sql } = this.#database
    await sql`UPDATE api_keys SET revoked_at = NULL, expires_at = NULL WHERE account_id = ${this.#accountId} AND prefix = ${adminKey.slice(0, 14)}`
    if (!(await this.#ask('{ viewer { syncView { id } } }', {}, this.#keys.system)).text.includes('"id"')) {
      this.#keys = { ...this.#keys, system: await this.#makeSystem(`System ${seed}`) }
      await this.#ask(
        'mutation ($input: CreateSyncViewInput!) { createSyncView(input: $input) { __typename } }',
        { input: { name: 'View', autoLink: true } },
        this.#keys.system,
      )
    }
    if (
      !(await this.#ask('{ viewer { name } }', {}, this.#keys.viewless)).text.includes('"data":{') ||
      (await this.#ask('{ viewer { syncView { id } } }', {}, this.#keys.viewless)).text.includes('"id"')
    )
      this.#keys = { ...this.#keys, viewless: await this.#makeSystem(`No view ${seed}`) }
    await sql`UPDATE sync_views SET paused = false WHERE account_id = ${this.#accountId}`
    const names = Array.from({ length: 12 }, (_, index) => `base-${index}`)
    const products = names.map((handle) => ({
      handle,
      title: handle,
      variants: [{ sku: handle.toUpperCase(), title: 'One', price: { amount: '10.00', currency: 'SEK' } }],
    }))
    // What took a SKU away gives it back.
    await sql`DELETE FROM products p WHERE p.account_id = ${this.#accountId} AND p.handle <> ALL(${names}) AND EXISTS (
      SELECT 1 FROM variants v WHERE v.account_id = p.account_id AND v.product_id = p.id AND v.sku = ANY(${products.map(({ variants: [variant] }) => variant?.sku ?? '')}))`
    await this.#ask('mutation ($input: [ProductInput!]!) { upsertProducts(input: $input) { __typename } }', { input: products }, adminKey)
    await this.#ask(
      'mutation ($input: [SetStockInput!]!) { setStock(input: $input) { __typename } }',
      { input: names.map((name) => ({ sku: name.toUpperCase(), onHand: 1_000_000 })) },
      adminKey,
    )
    const trade = { externalId: 'base', name: 'Base' }
    await this.#ask(
      'mutation ($input: [CustomerInput!]!) { upsertCustomers(input: $input) { __typename } }',
      { input: [trade] },
      this.#keys.system,
    )
    const order = { externalId: 'base', lines: [{ sku: 'BASE-1', quantity: 1, unitPrice: { amount: '1', currency: 'SEK' } }] }
    await this.#ask(
      'mutation ($input: [OrderInput!]!) { upsertOrders(input: $input) { __typename } }',
      { input: [order] },
      this.#keys.system,
    )
    return {
      ids: await this.#idsOf(names),
      cursors: await this.#readCursors(),
      skus: names.map((name) => name.toUpperCase()),
      handles: names,
    }
  }

  async #makeSystem(name: string): Promise<string> {
    const made = await this.#ask(
      'mutation ($name: String!) { createUser(input: { name: $name, kind: INTEGRATION }) { user { id } } }',
      { name },
      adminKey,
    )
    const userId = /"id":"([^"]+)"/.exec(made.text)?.[1]
    const key = await this.#ask('mutation ($userId: ID!) { createApiKey(userId: $userId) { secret } }', { userId }, adminKey)
    return /"secret":"([^"]+)"/.exec(key.text)?.[1] ?? ''
  }

  async #readCursors(): Promise<readonly string[]> {
    const { text } = await this.#ask(
      '{ a: productChanges(first: 2) { cursor } b: stockChanges(first: 2) { cursor } c: orderChanges { cursor } d: customerChanges { cursor } }',
      {},
      this.#keys.system,
    )
    const found = [...text.matchAll(/"cursor":"([^"]+)"/g)].map(([, cursor]) => cursor ?? '')
    if (found.length !== 4) throw new Error(`no cursors: ${text}`)
    return found
  }

  /** Not of keys: without them nothing would be tried. */
  async #idsOf(handles: readonly string[]): Promise<readonly string[]> {
    const account = this.#accountId
    const rows = await this.#database.sql<{ name: string }[]>`
      SELECT 'Product:' || id AS name FROM products WHERE account_id = ${account} AND handle = ANY(${[...handles]})
      UNION ALL (SELECT 'Variant:' || v.id FROM variants v JOIN products p ON p.account_id = v.account_id AND p.id = v.product_id WHERE v.account_id = ${account} AND p.handle = ANY(${[...handles]}))
      UNION ALL (SELECT 'SyncView:' || id FROM sync_views WHERE account_id = ${account} ORDER BY id DESC LIMIT 6)
      UNION ALL (SELECT 'User:' || id FROM users WHERE account_id = ${account} ORDER BY id DESC LIMIT 4)
      UNION ALL (SELECT 'Order:' || id FROM orders WHERE account_id = ${account} ORDER BY id LIMIT 6)
      UNION ALL (SELECT 'Customer:' || id FROM customers WHERE account_id = ${account} LIMIT 3)
      UNION ALL (SELECT 'Link:' || id FROM links WHERE account_id = ${account} LIMIT 3)
      UNION ALL (SELECT 'Resend:' || id FROM resends WHERE account_id = ${account} LIMIT 3)
      UNION ALL (SELECT 'StockLevel:' || id FROM stock_levels WHERE account_id = ${account} LIMIT 3)
      UNION ALL (SELECT 'Location:' || id FROM locations WHERE account_id = ${account} LIMIT 2)
      UNION ALL SELECT 'Account:' || id FROM accounts`
    return rows.map(({ name }) => Buffer.from(name).toString('base64'))
  }

  #ask(query: string, variables: Readonly<Record<string, unknown>>, key: string): Promise<Answered> {
    return this.#door.callSurely({
      method: 'POST',
      path: '/graphql',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
      body: JSON.stringify({ query, variables }),
    })
  }

  #fault(place: Place, what: string, input: unknown): void {
    const kind = `${place}: ${what.replaceAll(/"[^"]*"|[0-9]+/g, '').slice(0, 60)}`
    this.#count(this.#kinds, kind)
    if (this.#faults.length >= mostFaults || (this.#kinds.get(kind) ?? 0) > 2) return
    const said = Buffer.isBuffer(input) ? input.toString('latin1') : typeof input === 'string' ? input : JSON.stringify(input, shown)
    this.#faults.push(`${place}: ${what}\n    ${said.slice(0, 1_200)}`)
  }

  #count(map: Map<string, number>, name: string, by = 1): void {
    map.set(name, (map.get(name) ?? 0) + by)
  }
}

function shown(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value
}

const position = fc.maxSafeNat()
const cursors: Arbitrary<Cursor> = fc.record({
  viewId: position,
  stream: fc.constantFrom('PRODUCT', 'STOCK', 'ORDER', 'CUSTOMER'),
  epoch: position,
  sighting: fc.record({ nonce: position, head: position, durableTo: position }),
  progress: fc.record({
    live: position,
    linked: fc.record({ position, item: position }),
    resendId: fc.option(fc.integer({ min: 1 }), { nil: undefined }),
    resend: fc.record({ position, item: position }),
    done: position,
    restarts: position,
  }),
})
