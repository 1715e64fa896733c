import type { Sql } from '../db/client.ts'
import type { EntityOf, Stream } from './change.ts'
import type { StreamKey } from './checkpoint.ts'
import { readLinksPage, type LinksPage } from './feed.ts'
import type { LinkPoint } from './progress.ts'
import type { RightOfWay } from './right-of-way.ts'

/** Links after a point, and up to the link at a position. */
interface Range {
  readonly after: LinkPoint
  readonly to: number | undefined
}

/** A page that is read before it is asked for. */
interface Ahead<S extends Stream> {
  readonly range: Range
  readonly page: Promise<LinksPage<EntityOf[S]>>
  readonly begunAt: number
  /** What was sent since it was begun: it may hold older states of that. */
  readonly sent: Set<number>
}

/**
 * How many a page holds at most, whatever the consumer takes: to write it out keeps the gateway from everything else for some milliseconds, and live changes wait. Larger ones
 * would be hardly any cheaper.
 */
const mostOfPage: { readonly [S in Stream]: number } = { PRODUCT: 100, STOCK: 500, ORDER: 100, CUSTOMER: 100 }

/** Up to how many links a page is written out as soon as a live change would be. To write out more takes so long that live changes go first. */
const mostOfSmallPage = 10

/** How old a page may be that was read before it was asked for: a change is sent as it is then. */
const freshForMs = 250

/** Reads a view's links page by page: the next one while the last is on its way to the consumer. */
export class LinksReader<S extends Stream> {
  readonly #sql: Sql
  readonly #key: StreamKey & { readonly stream: S }
  readonly #limit: number
  readonly #rightOfWay: RightOfWay
  readonly #now: () => number
  #ahead: Ahead<S> | undefined

  constructor(sql: Sql, key: StreamKey & { readonly stream: S }, limit: number, rightOfWay: RightOfWay, now = Date.now) {
    this.#rightOfWay = rightOfWay
    this.#now = now
    this.#sql = sql
    this.#key = key
    this.#limit = Math.min(limit, mostOfPage[key.stream])
  }

  /** The page of this range: as it was read ahead, unless that is old by now or holds something that was sent meanwhile. */
  async read(range: Range): Promise<LinksPage<EntityOf[S]>> {
    const page = await this.#read(range)
    if (page.rows.length > mostOfSmallPage) await this.#rightOfWay.giveWay()
    return page
  }

  async #read(range: Range): Promise<LinksPage<EntityOf[S]>> {
    const ahead = this.#ahead
    this.#ahead = undefined
    if (ahead !== undefined && isSame(ahead.range, range) && this.#now() - ahead.begunAt < freshForMs) {
      const page = await ahead.page
      if (!page.rows.some((row) => ahead.sent.has(row.entityId))) return page
    }
    return this.#readNow(range)
  }

  /** Begins to read what will be asked for next. */
  readAhead(range: Range): void {
    const page = this.#readNow(range)
    // Whoever asks for the page hears of it, if anybody does.
    page.catch(() => {})
    this.#ahead = { range, page, begunAt: this.#now(), sent: new Set() }
  }

  /** What was read ahead is of no use: the stream was rewound. */
  drop(): void {
    this.#ahead = undefined
  }

  onSent(entityIds: readonly number[]): void {
    for (const id of entityIds) this.#ahead?.sent.add(id)
  }

  #readNow(range: Range): Promise<LinksPage<EntityOf[S]>> {
    return readLinksPage(this.#sql, this.#key.stream, this.#key, range, this.#limit)
  }
}

function isSame(a: Range, b: Range): boolean {
  return a.to === b.to && a.after.position === b.after.position && a.after.item === b.after.item
}
