import type { Caller } from '../access/caller.ts'
import { badInput, checkItemCount, repeated, textFaults } from '../catalog/product-input.ts'
import type { Database, TransactionSql } from '../db/client.ts'
import { SynkvyError, throwFaults } from '../errors.ts'
import { shownRevision } from './change.ts'
import { linkColumns, type LinkRow } from './link-list.ts'
import { rejectionHolds, rejectionsThatHold } from './standing.ts'
import { viewGone } from './view-stream.ts'

/** That an external system cannot take something as it is. */
export interface RejectInput {
  /** What the id is of: 'Product' or 'Variant'. Of anything else nothing is found. */
  readonly typename: string
  readonly id: number
  /** As the change had it that cannot be taken. */
  readonly revision: bigint
  /** In the words of the other system, 1 to 2 000 characters. */
  readonly reason: string
}

/** A rejection that holds. */
export interface Rejection {
  readonly linkId: number
  readonly reason: string
  readonly revision: bigint
  readonly at: Date
  /** The variant that was named; null where the product as a whole was. */
  readonly variantId: number | null
}

const longestReason = 2_000

/**
 * Notes what the caller's system cannot take, all or nothing. That of a revision that has been overtaken is kept, but does not hold: the newer one is on its way. Answers the
 * links that it concerns, in the order of the input. Throws NO_SYNC_VIEW, NOT_FOUND for what is not linked to the view, BAD_USER_INPUT.
 */
export async function reject(database: Database, caller: Caller, inputs: readonly RejectInput[]): Promise<readonly LinkRow[]> {
  const { accountId, syncViewId: viewId } = caller
  if (viewId === undefined) throw viewGone()
  checkRejectInputs(inputs)
  return database.sql.begin(async (tx) => {
    const targets = await findTargets(tx, { accountId, viewId }, inputs)
    throwFaults(inputs.flatMap((input, index) => targetFaults(input, targets.get(index), index)))
    await storeRejections(
      tx,
      inputs.flatMap((input, index) => toRejection(input, targets.get(index))),
    )
    return [...new Map([...targets.values()].map(({ link }) => [link.id, link])).values()]
  })
}

function checkRejectInputs(inputs: readonly RejectInput[]): void {
  checkItemCount(inputs, 'input')
  throwFaults([
    ...inputs.flatMap(({ reason }, index) => textFaults(reason, { most: longestReason, least: 1 }, ['input', index, 'reason'])),
    ...repeated(
      inputs.map(({ typename, id }, index) => [`${typename} ${id}`, ['input', index, 'id']] as const),
      'id of the',
    ),
  ])
}

/** What an input is about. */
interface Target {
  readonly link: LinkRow
  readonly itemId: number
  readonly epoch: number
  /** The highest revision that has been given to the product, its link or its stock. */
  readonly newest: number
}

/** Orders and customers belong here too, once a view receives them: then without a link. */
async function findTargets(
  tx: TransactionSql,
  { accountId, viewId }: { readonly accountId: number; readonly viewId: number },
  inputs: readonly RejectInput[],
): Promise<ReadonlyMap<number, Target>> {
  const rows = await tx<(LinkRow & Omit<Target, 'link'> & { place: number })[]>`
    SELECT k.place::int - 1 AS place, ${linkColumns(tx)}, coalesce(v.id, 0) AS "itemId", q.epoch, greatest(p.revision, l.revision, (
        SELECT max(s.revision) FROM stock_levels s WHERE s.account_id = p.account_id AND s.product_id = p.id)) AS newest
    FROM unnest(${inputs.map((input) => input.typename)}::text[], ${inputs.map((input) => input.id)}::bigint[]) WITH ORDINALITY AS k (typename, id, place)
    CROSS JOIN sequencer q
    LEFT JOIN variants v ON k.typename = 'Variant' AND v.account_id = ${accountId} AND v.id = k.id
    JOIN products p ON p.account_id = ${accountId} AND p.id = CASE k.typename WHEN 'Product' THEN k.id WHEN 'Variant' THEN v.product_id END
    JOIN links l ON l.account_id = p.account_id AND l.view_id = ${viewId} AND l.product_id = p.id AND NOT l.unlinked
    ORDER BY k.place`
  return new Map(rows.map(({ place, itemId, epoch, newest, ...link }) => [place, { link, itemId, epoch, newest }]))
}

function targetFaults({ revision }: RejectInput, target: Target | undefined, index: number): readonly SynkvyError[] {
  if (target === undefined) {
    const message =
      'This is not the id of a product that is linked to your sync view, or of a variant of one. Leave the item out and call again.'
    return [new SynkvyError('NOT_FOUND', message, { inputPath: ['input', index, 'id'] })]
  }
  if (revision > 0n && revision <= shownRevision(target.epoch, target.newest)) return []
  return [
    badInput('No such revision was ever sent to you. Give the one that the change has which you cannot take.', [
      'input',
      index,
      'revision',
    ]),
  ]
}

interface StoredRejection {
  readonly link: LinkRow
  readonly itemId: number
  readonly revision: bigint
  readonly reason: string
}

/** Of what was lost when the database was set back there is nothing to keep: what is here now is sent anew. */
function toRejection({ revision, reason }: RejectInput, target: Target | undefined): readonly StoredRejection[] {
  if (target === undefined || BigInt.asUintN(53, revision) > BigInt(target.newest)) return []
  return [{ link: target.link, itemId: target.itemId, revision, reason }]
}

/** In the order of their key, so that two calls wait for each other rather than deadlock. What comes late of an older revision overwrites nothing. */
async function storeRejections(tx: TransactionSql, rejections: readonly StoredRejection[]): Promise<void> {
  await tx`
    INSERT INTO rejections AS x (account_id, view_id, subject, entity_id, item_id, link_position, revision, reason)
    SELECT account_id, view_id, 'PRODUCT', entity_id, item_id, link_position, revision, reason
    FROM unnest(${rejections.map(({ link }) => link.accountId)}::bigint[], ${rejections.map(({ link }) => link.viewId)}::bigint[],
      ${rejections.map(({ link }) => link.productId)}::bigint[], ${rejections.map(({ itemId }) => itemId)}::bigint[], ${rejections.map(({ link }) => link.position)}::bigint[],
      ${rejections.map(({ revision }) => String(revision))}::bigint[], ${rejections.map(({ reason }) => reason)}::text[])
      AS r (account_id, view_id, entity_id, item_id, link_position, revision, reason)
    ORDER BY entity_id, item_id
    ON CONFLICT (account_id, view_id, subject, entity_id, item_id) 
      DO UPDATE SET link_position = excluded.link_position, revision = excluded.revision, reason = excluded.reason, at = excluded.at
      WHERE excluded.revision >= x.revision OR excluded.link_position > x.link_position`
}

/** The rejections that hold, by link, the latest first. */
export async function rejectionsOfLinks(
  { sql }: Database,
  accountId: number,
  linkIds: readonly number[],
): Promise<ReadonlyMap<number, readonly Rejection[]>> {
  const rows = await sql<(Omit<Rejection, 'revision'> & { revision: string })[]>`
    SELECT l.id AS "linkId", x.reason, x.revision::text AS revision, x.at, nullif(x.item_id, 0) AS "variantId" FROM links l
    JOIN products p ON p.account_id = l.account_id AND p.id = l.product_id
    JOIN rejections x ON x.account_id = l.account_id AND x.view_id = l.view_id AND concat(x.subject) = 'PRODUCT' AND x.entity_id = l.product_id
    WHERE l.account_id = ${accountId} AND l.id = ANY(${[...linkIds]}::bigint[]) AND ${rejectionHolds(sql)} ORDER BY x.at DESC, x.item_id`
  return new Map(
    linkIds.map((id) => [id, rows.filter((row) => row.linkId === id).map((row) => ({ ...row, revision: BigInt(row.revision) }))]),
  )
}

/** Products that a system cannot take, for one and the same reason. */
export interface RejectionGroup {
  readonly reason: string
  readonly count: number
  /** When the latest of them was rejected. */
  readonly latestAt: Date
}

const mostReasons = 100

/** Why a view's system cannot take products: each reason once, the commonest first. */
export async function rejectionGroups({ sql }: Database, accountId: number, viewId: number): Promise<readonly RejectionGroup[]> {
  return sql<RejectionGroup[]>`
    SELECT x.reason, count(DISTINCT x.entity_id) AS count, max(x.at) AS "latestAt" FROM ${rejectionsThatHold(sql)} AND x.account_id = ${accountId} AND x.view_id = ${viewId}
    GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT ${mostReasons}`
}
