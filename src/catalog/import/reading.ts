import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { parse, type CsvError } from 'csv-parse'
import type { Refusal, SourceRow } from './format.ts'

const largestRecord = 10 * 1024 * 1024
const replacement = '\uFFFD'

/** The bytes of a file, and how many of them have been read. */
export interface Source {
  readonly stream: Readable
  readonly bytesRead: () => number
}

export function openSource(file: string): Source {
  const stream = createReadStream(file)
  return { stream, bytesRead: () => stream.bytesRead }
}

/** The first bytes of a file, by which its format is told. */
export async function readBeginning(file: string): Promise<string> {
  const stream = createReadStream(file, { start: 0, end: 65_535 })
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks)
    .toString('utf8')
    .replace(/^\uFEFF/, '')
}

/** The columns that a CSV begins with. */
export async function readHeader(beginning: string): Promise<readonly string[]> {
  const rows: unknown = await new Promise((resolve) => {
    parse(beginning, { to: 1, relax_column_count: true, relax_quotes: true }, (_error, records) => resolve(records ?? []))
  })
  const header: unknown = Array.isArray(rows) ? rows[0] : undefined
  return Array.isArray(header) ? header.map(String) : []
}

/** The rows of a CSV, one after the other, with the line at which each begins. What is no row is refused, and the reading goes on. */
export async function* readCsv(source: Source): AsyncGenerator<SourceRow | Refusal> {
  const faults: Refusal[] = []
  const parser = parse({
    bom: true,
    info: true,
    raw: false,
    relax_column_count: true,
    skip_empty_lines: true,
    skip_records_with_error: true,
    max_record_size: largestRecord,
    on_skip: (error) => void faults.push(toRefusal(error)),
  })
  source.stream.on('error', (error) => parser.destroy(error))
  source.stream.pipe(parser)
  let columns: readonly string[] | undefined
  let ended = 0
  for await (const parsed of parser) {
    yield* faults.splice(0)
    const { record, lines } = readParsed(parsed)
    const line = ended + 1
    ended = lines
    if (columns === undefined) columns = record
    else yield toRow(columns, record, line)
  }
  yield* faults
}

function readParsed(parsed: unknown): { record: readonly string[]; lines: number } {
  if (typeof parsed !== 'object' || parsed === null || !('record' in parsed) || !('info' in parsed))
    throw new Error('csv-parse answered something else')
  const { record, info } = parsed
  const lines = typeof info === 'object' && info !== null && 'lines' in info && typeof info.lines === 'number' ? info.lines : 0
  return { record: Array.isArray(record) ? record.map(String) : [], lines }
}

function toRow(columns: readonly string[], record: readonly string[], line: number): SourceRow | Refusal {
  if (record.length !== columns.length) return { line, reason: `the row has ${record.length} cells, the header has ${columns.length}` }
  const broken = record.findIndex((text) => text.includes(replacement))
  if (broken >= 0) return { line, field: columns[broken], reason: 'the text is not valid UTF-8' }
  const unstorable = record.findIndex((text) => text.includes('\0'))
  if (unstorable >= 0) return { line, field: columns[unstorable], reason: 'the text has a NUL character, which cannot be stored' }
  return { line, cells: Object.fromEntries(columns.map((column, index) => [column, record[index] ?? ''])) }
}

function toRefusal(error: CsvError | undefined): Refusal {
  const line: unknown = error === undefined || !('lines' in error) ? undefined : error['lines']
  return { line: typeof line === 'number' ? line : 0, reason: error?.message ?? 'the row cannot be read' }
}

/** The lines of a text file that hold something, with their numbers. */
export async function* readLines(source: Source): AsyncGenerator<{ readonly line: number; readonly text: string }> {
  let line = 0
  for await (const text of createInterface({ input: source.stream, crlfDelay: Number.POSITIVE_INFINITY })) {
    line += 1
    const plain = line === 1 ? text.replace(/^\uFEFF/, '') : text
    if (plain.trim() !== '') yield { line, text: plain }
  }
}
