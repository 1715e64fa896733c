import { stat } from 'node:fs/promises'
import type { Author } from '../../access/caller.ts'
import type { Database, OpenDatabase, Sql } from '../../db/client.ts'
import { SynkvyError } from '../../errors.ts'
import { handleFaults, longestSku } from '../product-input.ts'
import { upsertProducts } from '../products.ts'
import { setStock, type SetStockInput } from '../stock.ts'
import {
  isRefusal,
  type CsvFormat,
  type ImportContext,
  type ImportedProduct,
  type Refusal,
  type RowPlace,
  type SourceRow,
} from './format.ts'
import { readProductLine } from './json-lines.ts'
import { magento } from './magento.ts'
import { openSource, readBeginning, readCsv, readHeader, readLines, type Source } from './reading.ts'
import { shopify } from './shopify.ts'

export type FormatName = 'shopify' | 'magento' | 'jsonl'

export interface ImportOptions {
  readonly file: string
  /** Told by the file's header where it is not given. */
  readonly format?: FormatName | undefined
  /** Of prices: ISO 4217. */
  readonly currency: string
  /** Hears of each row, or part of one, that could not be taken. The import goes on. */
  readonly onRefused: (refusal: Refusal) => void
  /** Hears now and then how far it has come: bytes read while reading, then products written. */
  readonly onProgress?: (progress: ImportProgress) => void
}

interface ImportProgress {
  readonly bytesRead: number
  readonly bytes: number
  readonly products: number
}

export interface ImportResult {
  readonly format: FormatName
  readonly products: number
  readonly variants: number
  /** Products that were new, and that were there but differed. */
  readonly created: number
  readonly changed: number
  readonly refused: number
}

const csvFormats: Readonly<Record<'shopify' | 'magento', CsvFormat>> = { shopify, magento }
const productsAtOnce = 500
const rowsAtOnce = 500
const stockAtOnce = 1_000

/**
 * Imports a catalogue. Rows pass through a staging table, so that the rows of a product may stand anywhere and a large file needs no more memory than a small
 * one. What the file says replaces the lists of variants, tags and pictures of its products; other products stay. The same file again changes nothing.
 * Throws BAD_USER_INPUT for a file whose format cannot be told.
 */
export async function importCatalog(database: OpenDatabase, author: Author, options: ImportOptions): Promise<ImportResult> {
  const format = options.format ?? (await tellFormat(options.file))
  // Two connections: while the staged groups are read from the one, the other is asked which handles stood before.
  const staging = database.direct('import')
  const seen = database.direct('import handles')
  try {
    const writer = new Writer(database, seen, author, options)
    const source = openSource(options.file)
    const { size } = await stat(options.file)
    writer.onProgress = (products) => options.onProgress?.({ bytesRead: source.bytesRead(), bytes: size, products })
    await writer.begin()
    if (format === 'jsonl') await importLines(source, writer)
    else await importTable(staging, csvFormats[format], source, writer, { currency: options.currency })
    await writer.flush()
    return { format, ...writer.counts }
  } finally {
    await Promise.all([staging.end(), seen.end()])
  }
}

async function tellFormat(file: string): Promise<FormatName> {
  const beginning = await readBeginning(file)
  if (beginning.trimStart().startsWith('{')) return 'jsonl'
  const header = await readHeader(beginning)
  for (const name of ['shopify', 'magento'] as const) {
    if (csvFormats[name].isHeader(header)) return name
  }
  const message = `${file} is none of the formats that are known by their beginning: Shopify product CSV, Magento product CSV, JSON Lines. Name one with --format.`
  throw new SynkvyError('BAD_USER_INPUT', message, { inputPath: ['file'] })
}

async function importLines(source: Source, writer: Writer): Promise<void> {
  for await (const { line, text } of readLines(source)) {
    const input = readProductLine(text, line)
    if (isRefusal(input)) writer.refuse(input)
    else await writer.add({ input, stock: [], line, variantLines: (input.variants ?? []).map(() => line), refusals: [] })
  }
}

// ---- tables, by way of the staging table

async function importTable(staging: Sql, format: CsvFormat, source: Source, writer: Writer, context: ImportContext): Promise<void> {
  await staging`CREATE TEMP TABLE staged (ordinal bigint, grouping text, sku text, line int, cells json)`
  await staging`CREATE TEMP TABLE staged_children (sku text, parent text)`
  await stage(staging, format, source, writer)
  await staging`CREATE INDEX ON staged_children (sku)`
  await staging`
    UPDATE staged s SET grouping = c.parent FROM (SELECT DISTINCT ON (sku) sku, parent FROM staged_children) c
    WHERE s.sku = c.sku AND s.grouping <> c.parent`
  await buildProducts(staging, format, writer, context)
}

async function stage(staging: Sql, format: CsvFormat, source: Source, writer: Writer): Promise<void> {
  let rows: { ordinal: number; row: SourceRow; place: RowPlace }[] = []
  let ordinal = 0
  for await (const row of readCsv(source)) {
    const place = isRefusal(row) ? row : format.placeOf(row)
    if (isRefusal(row) || isRefusal(place)) {
      writer.refuse(isRefusal(row) ? row : isRefusal(place) ? place : { line: 0, reason: '' })
      continue
    }
    rows.push({ ordinal: (ordinal += 1), row, place })
    if (rows.length === rowsAtOnce) await store(staging, rows.splice(0))
  }
  await store(staging, rows)
  rows = []
}

async function store(staging: Sql, rows: readonly { ordinal: number; row: SourceRow; place: RowPlace }[]): Promise<void> {
  if (rows.length === 0) return
  const records = rows.map(({ ordinal, row, place }) => ({
    ordinal,
    grouping: place.group,
    sku: place.sku ?? null,
    line: row.line,
    cells: row.cells,
  }))
  await staging`
    INSERT INTO staged SELECT * FROM json_to_recordset(${JSON.stringify(records)}::text::json) AS r (ordinal bigint, grouping text, sku text, line int, cells json)`
  // What is longer is no SKU, and no index would take it.
  const children = rows.flatMap(({ place }) =>
    (place.children ?? []).filter((sku) => sku.length <= longestSku).map((sku) => ({ sku, parent: place.group })),
  )
  if (children.length === 0) return
  await staging`INSERT INTO staged_children SELECT * FROM json_to_recordset(${JSON.stringify(children)}::text::json) AS r (sku text, parent text)`
}

/** Reads the groups back, in the order in which they first stood in the file, and has the format build a product of each. */
async function buildProducts(staging: Sql, format: CsvFormat, writer: Writer, context: ImportContext): Promise<void> {
  await staging`
    CREATE TEMP TABLE staged_groups AS
    SELECT min(ordinal) AS first, json_agg(json_build_object('line', line, 'cells', cells) ORDER BY ordinal) AS rows FROM staged GROUP BY grouping`
  await staging`CREATE INDEX ON staged_groups (first)`
  for (let last = 0; ;) {
    const groups = await staging<{ first: number; rows: SourceRow[] }[]>`
      SELECT first, rows FROM staged_groups WHERE first > ${last} ORDER BY first LIMIT ${productsAtOnce}`
    if (groups.length === 0) return
    for (const { first, rows } of groups) {
      last = first
      const built = format.build(rows, context)
      if (isRefusal(built)) {
        writer.refuse(built)
        continue
      }
      built.refusals.forEach((refusal) => writer.refuse(refusal))
      await writer.add(built)
    }
  }
}

// ---- writing

/** Writes products batch by batch. A batch that is refused is written without what was wrong with it. */
class Writer {
  readonly #database: Database
  readonly #seen: Sql
  readonly #author: Author
  readonly #onRefused: (refusal: Refusal) => void
  #begunAt = new Date(0)
  #waiting: ImportedProduct[] = []
  #writing = Promise.resolve()
  readonly #counts = { products: 0, variants: 0, created: 0, changed: 0, refused: 0 }
  onProgress: (products: number) => void = () => {}

  constructor(database: Database, seen: Sql, author: Author, { onRefused }: Pick<ImportOptions, 'onRefused'>) {
    this.#database = database
    this.#seen = seen
    this.#author = author
    this.#onRefused = onRefused
  }

  get counts(): {
    readonly products: number
    readonly variants: number
    readonly created: number
    readonly changed: number
    readonly refused: number
  } {
    return this.#counts
  }

  /** By the database's clock, which also says when a product was made and changed. */
  async begin(): Promise<void> {
    const [row] = await this.#database.sql<{ now: Date }[]>`SELECT clock_timestamp() AS now`
    this.#begunAt = row?.now ?? new Date()
    const seen = this.#seen
    await seen`CREATE TEMP TABLE seen_handles (handle text PRIMARY KEY, line int NOT NULL)`
  }

  refuse(refusal: Refusal): void {
    this.#counts.refused += 1
    this.#onRefused(refusal)
  }

  async add(product: ImportedProduct): Promise<void> {
    this.#waiting.push(product)
    if (this.#waiting.length >= productsAtOnce) await this.#writeWaiting()
  }

  /** Writes what is left. */
  async flush(): Promise<void> {
    await this.#writeWaiting()
    await this.#writing
  }

  /** Begins to write what waits as soon as the batch before is written. Resolves when it has begun, so that the next batch is read meanwhile. */
  async #writeWaiting(): Promise<void> {
    const named = this.#waiting.splice(0).filter((product) => this.#isNamed(product))
    const products = await this.#withoutRepeated(named)
    await this.#writing
    this.#writing = this.#write(products)
    // Whoever waits for it hears of it.
    this.#writing.catch(() => {})
  }

  async #write(products: readonly ImportedProduct[]): Promise<void> {
    const written = await this.#writeProducts(products)
    const stock = written.flatMap((product) => product.stock.map((item) => ({ item, product })))
    for (let at = 0; at < stock.length; at += stockAtOnce) await this.#writeStock(stock.slice(at, at + stockAtOnce))
    this.onProgress(this.#counts.products)
  }

  /** Whether its handle is one, by which it can be looked up. */
  #isNamed({ input, line }: ImportedProduct): boolean {
    const [fault] = handleFaults(input.handle, ['handle'])
    if (fault !== undefined) this.refuse({ line, field: 'handle', reason: fault.message })
    return fault === undefined
  }

  /** Without those whose handle stood before in the file: the first is meant. */
  async #withoutRepeated(products: readonly ImportedProduct[]): Promise<readonly ImportedProduct[]> {
    const rows = products.map(({ input, line }) => ({ handle: input.handle, line }))
    const seen = this.#seen
    await seen`
      INSERT INTO seen_handles SELECT * FROM json_to_recordset(${JSON.stringify(rows)}::text::json) AS r (handle text, line int) ON CONFLICT DO NOTHING`
    const first = await this.#seen<
      { handle: string; line: number }[]
    >`SELECT handle, line FROM seen_handles WHERE handle = ANY(${rows.map((row) => row.handle)})`
    const lines = new Map(first.map((row) => [row.handle, row.line]))
    return products.filter(({ input, line }) => {
      const before = lines.get(input.handle)
      if (before === line) return true
      this.refuse({ line, field: 'handle', reason: `the product "${input.handle}" stands in line ${before} already` })
      return false
    })
  }

  async #writeProducts(products: readonly ImportedProduct[]): Promise<readonly ImportedProduct[]> {
    return this.#writeGood(
      products,
      async (good) => {
        const rows = await upsertProducts(
          this.#database,
          this.#author,
          good.map(({ input }) => input),
        )
        this.#counts.products += rows.length
        this.#counts.variants += good.reduce((sum, { input }) => sum + (input.variants?.length ?? 0), 0)
        this.#counts.created += rows.filter((row) => row.createdAt >= this.#begunAt).length
        this.#counts.changed += rows.filter((row) => row.createdAt < this.#begunAt && row.updatedAt >= this.#begunAt).length
      },
      (product, path) => ({ line: lineOf(product, path), field: path.join('.') }),
    )
  }

  async #writeStock(stock: readonly { readonly item: SetStockInput; readonly product: ImportedProduct }[]): Promise<void> {
    await this.#writeGood(
      stock,
      async (good) =>
        void (await setStock(
          this.#database,
          this.#author,
          good.map(({ item }) => item),
          'IMPORT',
        )),
      ({ item, product }) => {
        const index = (product.input.variants ?? []).findIndex((variant) => variant.sku === item.sku)
        return { line: product.variantLines[index] ?? product.line, field: 'stock' }
      },
    )
  }

  /** Writes the items, leaving out those that are refused, until none is. */
  async #writeGood<Item>(
    items: readonly Item[],
    write: (items: readonly Item[]) => Promise<void>,
    placeOf: (item: Item, path: readonly (string | number)[]) => { readonly line: number; readonly field: string },
  ): Promise<readonly Item[]> {
    let good = items
    while (good.length > 0) {
      try {
        await write(good)
        return good
      } catch (error) {
        const faults = faultsOf(error)
        const bad = new Set(faults.map((fault) => fault.inputPath?.[1]))
        if (bad.size === 0 || ![...bad].every((index) => typeof index === 'number' && index < good.length)) throw error
        for (const fault of faults) {
          const item = good[Number(fault.inputPath?.[1])]
          if (item !== undefined) this.refuse({ ...placeOf(item, fault.inputPath?.slice(2) ?? []), reason: fault.message })
        }
        good = good.filter((_item, index) => !bad.has(index))
      }
    }
    return []
  }
}

function lineOf(product: ImportedProduct, path: readonly (string | number)[]): number {
  const [list, index] = path
  return list === 'variants' && typeof index === 'number' ? (product.variantLines[index] ?? product.line) : product.line
}

function faultsOf(error: unknown): readonly SynkvyError[] {
  if (error instanceof SynkvyError) return [error]
  return error instanceof AggregateError ? error.errors.filter((one) => one instanceof SynkvyError) : []
}
