import { textFaults } from '../catalog/product-input.ts'
import type { Database, TransactionSql } from '../db/client.ts'
import { withOwnPlans } from '../db/plans.ts'
import type { Statement } from '../db/sql.ts'
import { throwFaults } from '../errors.ts'
import type { LinkedStream } from './change.ts'
import { explain, type SyncExplanation } from './explanation.ts'
import { rejectionsOfLinks } from './refusals.ts'
import { readStandings, type Range, type StreamStanding } from './standing.ts'
import { readConnections, type Connection } from './status.ts'
import { viewNotFound } from './views.ts'

/** Everything that decides how an article stands at a view, as it was read. */
export interface Facts {
  readonly sku: string
  readonly now: Date
  readonly epoch: number
  readonly view: ViewFacts
  readonly article: ArticleFacts | undefined
  /** Where there is no such article, but was. */
  readonly deleted: DeletedFacts | undefined
  readonly link: LinkFacts | undefined
  /** What holds of the product, or of this variant of it. */
  readonly rejection: { readonly reason: string; readonly revision: bigint; readonly at: Date } | undefined
  /** PRODUCT and STOCK, in so far as the view has ever opened them. */
  readonly streams: readonly StreamFacts[]
}

interface ViewFacts {
  /** What a shop worker knows the other end by. */
  readonly label: string
  readonly isPaused: boolean
  readonly autoLink: boolean
  readonly createdAt: Date
  /** It has opened streams of something else. */
  readonly followsOthers: boolean
}

export interface ArticleFacts {
  readonly variantId: number
  readonly productId: number
  readonly title: string
  readonly revision: number
  readonly createdAt: Date
  readonly updatedAt: Date
  /** It came after `autoLink` was last seen to. */
  readonly isNewToView: boolean
}

interface DeletedFacts {
  readonly at: Date
  /** The view was told and has confirmed it, or need not be told. */
  readonly isConfirmed: boolean
}

export interface LinkFacts {
  readonly id: number
  readonly position: number
  readonly revision: number
  readonly isUnlinked: boolean
  readonly isRemovalConfirmed: boolean
  /** When it was linked, unlinked or queued again. */
  readonly movedAt: Date
}

export interface StreamFacts {
  readonly stream: LinkedStream
  readonly isConnected: boolean
  readonly connectedAt: Date | undefined
  readonly acknowledgedAt: Date | undefined
  /** What of the article waits first; undefined where nothing does. */
  readonly waiting: Waiting | undefined
  /** Its latest change is the view's own. */
  readonly isOwn: boolean
}

/** A place in a lane, or that there is none yet. */
export type Waiting =
  | { readonly lane: 'UNNUMBERED'; readonly since: Date }
  | {
      readonly lane: 'LIVE' | 'LINKED' | 'RESEND'
      readonly since: Date
      readonly place: number
      readonly total: number
      /** Both are counted to their end. */
      readonly isCounted: boolean
    }

const longestSku = 255
const mostCounted = 10_000

/** The way of an article to a view. Throws NOT_FOUND for a view that is not the account's, BAD_USER_INPUT for what cannot be a SKU. */
export async function syncExplanation(database: Database, accountId: number, viewId: number, sku: string): Promise<SyncExplanation> {
  throwFaults(textFaults(sku, { most: longestSku, least: 1 }, ['sku']))
  const base = await readBase(database, accountId, viewId, sku)
  const connections = await readConnections(database, accountId, viewId)
  const opened = connections.filter(({ isOpened }) => isOpened)
  const view = { ...base.view, followsOthers: opened.some(({ stream }) => stream === 'ORDER' || stream === 'CUSTOMER') }
  const isLinked = base.link !== undefined && !base.link.isUnlinked
  return explain({
    ...base,
    sku,
    view,
    deleted: base.article === undefined ? await readDeletion(database, accountId, viewId, sku) : undefined,
    rejection: isLinked ? await readRejection(database, accountId, base) : undefined,
    streams: isLinked ? await readStreams(database, { accountId, viewId, ...base }, connections) : [],
  })
}

type Base = Pick<Facts, 'now' | 'epoch' | 'article' | 'link'> & { readonly view: Omit<ViewFacts, 'followsOthers'> }

/** As JSON carries it. */
type Written<Shape> = { readonly [Name in keyof Shape]: Shape[Name] extends Date ? string : Shape[Name] }

interface RawBase extends Pick<Base, 'now' | 'epoch'> {
  readonly view: Written<Base['view']>
  readonly article: Written<ArticleFacts> | null
  readonly link: Written<LinkFacts> | null
}

async function readBase({ sql }: Database, accountId: number, viewId: number, sku: string): Promise<Base> {
  const [row] = await sql<RawBase[]>`
    SELECT clock_timestamp() AS now, q.epoch,
      json_build_object('label', coalesce(nullif(v.system, ''), v.name), 'isPaused', v.paused, 'autoLink', v.auto_link, 'createdAt', v.created_at) AS view,
      CASE WHEN p.id IS NOT NULL THEN json_build_object('variantId', t.id, 'productId', p.id, 'title', p.title, 'revision', p.revision, 'createdAt', p.created_at,
        'updatedAt', p.updated_at, 'isNewToView', coalesce((
          SELECT f.first_position > v.auto_linked_to FROM feed f WHERE f.account_id = p.account_id AND f.entity_id = p.id AND concat(f.subject) = 'PRODUCT'), true)) END AS article,
      CASE WHEN l.id IS NOT NULL THEN json_build_object('id', l.id, 'position', l.position, 'revision', l.revision, 'isUnlinked', l.unlinked,
        'movedAt', to_timestamp(l.position / 1e6), 'isRemovalConfirmed', NOT EXISTS (
          SELECT FROM checkpoints c WHERE c.account_id = l.account_id AND c.view_id = l.view_id AND c.subject IN ('PRODUCT', 'STOCK')
            AND links_behind(c.account_id, c.view_id, c.linked, c.linked_item) < l.position)) END AS link
    FROM sync_views v CROSS JOIN sequencer q
    LEFT JOIN variants t ON t.account_id = v.account_id AND t.sku = ${sku}
    LEFT JOIN products p ON p.account_id = t.account_id AND p.id = t.product_id
    LEFT JOIN links l ON l.account_id = p.account_id AND l.view_id = v.id AND l.product_id = p.id
    WHERE v.account_id = ${accountId} AND v.id = ${viewId}`
  if (row === undefined) throw viewNotFound()
  const { view, article, link } = row
  return {
    now: row.now,
    epoch: row.epoch,
    view: { ...view, createdAt: new Date(view.createdAt) },
    article: article ? { ...article, createdAt: new Date(article.createdAt), updatedAt: new Date(article.updatedAt) } : undefined,
    link: link ? { ...link, movedAt: new Date(link.movedAt) } : undefined,
  }
}

/** Of an article that is no more its stock tells, as long as somebody may have to hear of it. */
async function readDeletion({ sql }: Database, accountId: number, viewId: number, sku: string): Promise<DeletedFacts | undefined> {
  const [row] = await sql<DeletedFacts[]>`
    SELECT f.at, NOT EXISTS (
      SELECT FROM links l JOIN checkpoints c ON c.account_id = l.account_id AND c.view_id = l.view_id
      JOIN feed t ON t.account_id = l.account_id AND t.product_id = l.product_id AND t.deleted AND t.subject = c.subject AND t.position > c.live
      WHERE l.account_id = f.account_id AND l.view_id = ${viewId} AND l.product_id = f.product_id AND (t.subject = 'PRODUCT' OR t.entity_id = f.entity_id)) AS "isConfirmed"
    FROM feed f WHERE f.account_id = ${accountId} AND f.deleted AND f.subject = 'STOCK' AND f.key = ${sku} ORDER BY f.position DESC LIMIT 1`
  return row
}

async function readRejection(database: Database, accountId: number, { article, link }: Base): Promise<Facts['rejection']> {
  if (link === undefined) return undefined
  const rejections = (await rejectionsOfLinks(database, accountId, [link.id])).get(link.id) ?? []
  return rejections.find(({ variantId }) => variantId === null || variantId === article?.variantId)
}

interface Target extends Base {
  readonly accountId: number
  readonly viewId: number
}

async function readStreams(database: Database, target: Target, connections: readonly Connection[]): Promise<readonly StreamFacts[]> {
  return withOwnPlans(database, async (tx) => {
    const standings = await readStandings(tx, target.accountId, target.viewId)
    const facts: StreamFacts[] = []
    for (const standing of standings.toSorted((a, b) => a.stream.localeCompare(b.stream))) {
      const connection = connections.find(({ stream }) => stream === standing.stream)
      facts.push({
        stream: standing.stream,
        isConnected: connection?.connected === true,
        connectedAt: connection?.connectedAt ?? undefined,
        acknowledgedAt: connection?.acknowledgedAt ?? undefined,
        ...(await readWaiting(tx, target, standing)),
      })
    }
    return facts
  })
}

/** SQL of the feed's rows of an article on a stream, with what is not numbered yet at no position. */
function changesOf(tx: TransactionSql, { accountId, article }: Target, stream: LinkedStream): Statement {
  const ids =
    stream === 'PRODUCT'
      ? tx`SELECT ${article?.productId}::bigint`
      : tx`SELECT id FROM stock_levels WHERE account_id = ${accountId} AND variant_id = ${article?.variantId}`
  return tx`
    SELECT f.position, f.at, f.origin_view_id FROM (${ids}) i (id)
    CROSS JOIN LATERAL (SELECT * FROM feed WHERE account_id = ${accountId} AND entity_id = i.id AND concat(subject) = ${stream} OFFSET 0) f
    UNION ALL
    SELECT NULL, n.at, n.origin_view_id FROM inbox n WHERE n.account_id = ${accountId} AND n.subject = ${stream} AND n.entity_id IN (${ids})`
}

/** The place at which the article comes first: LIVE goes before LINKED before RESEND. */
async function readWaiting(tx: TransactionSql, target: Target, standing: StreamStanding): Promise<Pick<StreamFacts, 'waiting' | 'isOwn'>> {
  const { stream, live } = standing
  const changes = await tx<{ position: number | null; at: Date; isOwn: boolean }[]>`
    SELECT c.position, c.at, c.origin_view_id IS NOT DISTINCT FROM ${target.viewId} AS "isOwn" FROM (${changesOf(tx, target, stream)}) c
    WHERE c.position IS NULL OR c.position > ${live} ORDER BY c.position`
  const news = changes.filter((change) => !change.isOwn)
  const [first] = news
  const isOwn = news.length === 0 && changes.length > 0
  if (first !== undefined && first.position !== null)
    return { isOwn, waiting: await placeInLive(tx, target, standing, first.position, first.at) }
  const ofLink = await placeOfLink(tx, target, standing)
  return { isOwn, waiting: ofLink ?? (first && { lane: 'UNNUMBERED', since: first.at }) }
}

async function placeInLive(
  tx: TransactionSql,
  target: Target,
  { stream, live }: StreamStanding,
  position: number,
  since: Date,
): Promise<Waiting> {
  const [row] = await tx<{ place: number; total: number }[]>`
    SELECT count(*) FILTER (WHERE position <= ${position}) AS place, count(*) AS total FROM (
      SELECT f.position FROM feed f
      CROSS JOIN LATERAL (
        SELECT FROM links WHERE account_id = f.account_id AND view_id = ${target.viewId} AND product_id = f.product_id AND NOT unlinked OFFSET 0) l
      WHERE f.account_id = ${target.accountId} AND f.subject = ${stream} AND f.position > ${live} AND f.origin_view_id IS DISTINCT FROM ${target.viewId}
      ORDER BY f.position LIMIT ${mostCounted}) waiting`
  return placed('LIVE', since, row?.place ?? 0, row?.total ?? 0)
}

/** LINKED and RESEND: the ranges of links that wait are known, and the link's place in them. */
async function placeOfLink(
  tx: TransactionSql,
  target: Target,
  { waiting: [linked, resend] }: StreamStanding,
): Promise<Waiting | undefined> {
  const { link } = target
  if (link === undefined) return undefined
  for (const [lane, range] of [
    ['LINKED', linked],
    ['RESEND', resend],
  ] as const) {
    if (range === undefined || link.position <= range.after || link.position > range.to) continue
    const [row] = await countRange(tx, target, range, link.position)
    return placed(lane, lane === 'LINKED' ? link.movedAt : (row?.resentAt ?? link.movedAt), row?.place ?? 0, row?.total ?? 0)
  }
  return undefined
}

function countRange(tx: TransactionSql, { accountId, viewId }: Target, { after, to }: Range, position: number) {
  return tx<{ place: number; total: number; resentAt: Date | null }[]>`
    SELECT count(*) FILTER (WHERE position <= ${position}) AS place, count(*) AS total,
      (SELECT started_at FROM resends WHERE account_id = ${accountId} AND view_id = ${viewId} AND state = 'RUNNING') AS "resentAt" FROM (
      SELECT position FROM links WHERE account_id = ${accountId} AND view_id = ${viewId} AND position > ${after} AND position <= ${to}
      ORDER BY position LIMIT ${mostCounted}) waiting`
}

function placed(lane: 'LIVE' | 'LINKED' | 'RESEND', since: Date, place: number, total: number): Waiting {
  return { lane, since, place, total, isCounted: total < mostCounted }
}
