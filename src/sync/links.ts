import type { Caller } from '../access/caller.ts'
import { badInput, checkItemCount, repeated, textFaults } from '../catalog/product-input.ts'
import type { Database, Sql, TransactionSql } from '../db/client.ts'
import type { Statement } from '../db/sql.ts'
import { SynkvyError, throwFaults } from '../errors.ts'
import { linkColumns, type LinkRow } from './link-list.ts'
import { viewGone } from './view-stream.ts'
import { lockView, type LockedView, type ViewNumbers } from './views.ts'

/**
 * Links products to a view: those that are not linked yet get a link at the end, and so are sent. Answers how many were made.
 * Throws NOT_FOUND for a view that is not the account's.
 */
export async function linkProducts(database: Database, accountId: number, viewId: number, productIds: readonly number[]): Promise<number> {
  return database.sql.begin(async (tx) => {
    const view = await lockView(tx, accountId, viewId)
    return insertLinks(
      tx,
      view,
      tx`SELECT p.id AS product_id, p.revision FROM products p WHERE p.account_id = ${accountId} AND p.id = ANY(${[...productIds]}::bigint[]) AND ${isNotLinked(tx, view)}`,
      { auto: false },
    )
  })
}

/** Links every product that is missing, for "Resend all products". */
export async function linkMissingProducts(tx: TransactionSql, view: LockedView): Promise<number> {
  const made = await insertLinks(tx, view, missingProducts(tx, view), { auto: false })
  await tx`UPDATE sync_views SET all_linked_to = ${view.head} WHERE account_id = ${view.accountId} AND id = ${view.id}`
  return made
}

/** How many products "Resend all products" would link. */
export async function countMissingProducts(tx: Sql | TransactionSql, view: ViewNumbers): Promise<number> {
  const [row] = await tx<{ count: number }[]>`SELECT count(*) FROM (${missingProducts(tx, view)}) missing`
  return row?.count ?? 0
}

/** SQL of whether the product `p` is not linked to the view. */
const isNotLinked = (tx: Sql | TransactionSql, { id }: ViewNumbers): Statement =>
  tx`NOT EXISTS (SELECT 1 FROM links l WHERE l.account_id = p.account_id AND l.view_id = ${id} AND l.product_id = p.id AND NOT l.unlinked)`

/**
 * The products that are not linked. After the first "Resend all" only what came later, what is not sequenced yet and what was unlinked can be
 * missing, so that the start does not grow with what is linked already.
 */
function missingProducts(tx: Sql | TransactionSql, view: ViewNumbers) {
  const isUnlinked = isNotLinked(tx, view)
  if (view.allLinkedTo === 0) {
    return tx`SELECT p.id AS product_id, p.revision FROM products p WHERE p.account_id = ${view.accountId} AND ${isUnlinked}`
  }
  return tx`
    SELECT p.id AS product_id, p.revision FROM products p
    WHERE p.account_id = ${view.accountId} AND ${isUnlinked} AND p.id IN (
      SELECT entity_id FROM feed WHERE account_id = ${view.accountId} AND subject = 'PRODUCT' AND first_position > ${view.allLinkedTo}
      UNION ALL SELECT entity_id FROM inbox WHERE account_id = ${view.accountId} AND subject = 'PRODUCT'
      UNION ALL SELECT product_id FROM links WHERE account_id = ${view.accountId} AND view_id = ${view.id} AND unlinked)`
}

/**
 * Makes links for what `chosen` selects (product_id, revision), none of which may be linked, in the order of product ids; what was unlinked and is still a marker of that goes before.
 * A link's revision is above the product's and above what it was, so that what comes after outranks what was sent before.
 */
async function insertLinks(tx: TransactionSql, view: LockedView, chosen: Statement, { auto }: { readonly auto: boolean }): Promise<number> {
  // Rather than by ON CONFLICT, which makes a million links take half as long again. Who holds the view's lock is alone in making links of it.
  const revived = await reviveMarkers(tx, view, chosen, auto)
  const [made] = await tx<Moved[]>`
    WITH numbered AS (
      SELECT c.product_id, c.revision, ${view.nextPosition}::bigint - 1 + ${revived.count}::bigint + row_number() OVER (ORDER BY c.product_id) AS position FROM (${chosen}) c),
    made AS (
      INSERT INTO links (account_id, view_id, product_id, position, revision, auto)
      SELECT ${view.accountId}, ${view.id}, product_id, position, greatest(position, revision + 1), ${auto} FROM numbered
      RETURNING position)
    SELECT count(*), max(position) AS last FROM made`
  const count = revived.count + (made?.count ?? 0)
  await movedLinks(tx, view, made?.last ?? revived.last ?? undefined, count)
  // What is asked of them next must not wait until Postgres gets to it by itself.
  if (count >= linksToAnalyze) await tx`SELECT analyze_links()`
  return count
}

/** How many links got a position, and the last that was given out. */
interface Moved {
  readonly count: number
  readonly last: number | null
}

async function reviveMarkers(tx: TransactionSql, view: LockedView, chosen: Statement, auto: boolean): Promise<Moved> {
  const none = { count: 0, last: null }
  const isMarker = tx`account_id = ${view.accountId} AND view_id = ${view.id} AND unlinked`
  const markers = await tx`SELECT FROM links WHERE ${isMarker} LIMIT 1`
  if (markers.length === 0) return none
  const [revived] = await tx<Moved[]>`
    WITH numbered AS (
      SELECT c.product_id, c.revision, ${view.nextPosition}::bigint - 1 + row_number() OVER (ORDER BY c.product_id) AS position FROM (${chosen}) c
      WHERE c.product_id IN (SELECT product_id FROM links WHERE ${isMarker})),
    revived AS (
      UPDATE links l SET position = n.position, revision = greatest(l.revision + 1, n.position, n.revision + 1), unlinked = false, auto = ${auto}
      FROM numbered n WHERE ${isMarker} AND l.product_id = n.product_id
      RETURNING l.position)
    SELECT count(*), max(position) AS last FROM revived`
  return revived ?? none
}

const linksToAnalyze = 10_000

/** Unlinks products: the other end gets a REMOVE for each. Answers how many were linked. Throws NOT_FOUND for the view. */
export async function unlinkProducts(
  database: Database,
  accountId: number,
  viewId: number,
  productIds: readonly number[],
): Promise<number> {
  return database.sql.begin(async (tx) => {
    const view = await lockView(tx, accountId, viewId)
    const [gone] = await tx<{ count: number; last: number | null }[]>`
      WITH numbered AS (
        SELECT product_id, ${view.nextPosition}::bigint - 1 + row_number() OVER (ORDER BY product_id) AS position FROM links
        WHERE account_id = ${accountId} AND view_id = ${viewId} AND product_id = ANY(${[...productIds]}::bigint[]) AND NOT unlinked),
      gone AS (
        UPDATE links l SET unlinked = true, auto = false, position = n.position,
          revision = greatest(n.position, l.revision + 1,
            (SELECT p.revision + 1 FROM products p WHERE p.account_id = l.account_id AND p.id = l.product_id),
            (SELECT max(s.revision) + 1 FROM stock_levels s WHERE s.account_id = l.account_id AND s.product_id = l.product_id))
        FROM numbered n WHERE l.account_id = ${accountId} AND l.view_id = ${viewId} AND l.product_id = n.product_id
        RETURNING l.position)
      SELECT count(*), max(position) AS last FROM gone`
    const count = gone?.count ?? 0
    await movedLinks(tx, view, gone?.last ?? undefined, -count)
    return count
  })
}

/**
 * Moves links to the end, so that they are sent once more, in their order, in one statement: those that the statements in `chosen` find (place, position), each once. A rejection holds no
 * longer, and what the view wrote itself is sent to it all the same. Answers how many. They are named by their places because whoever moves a link holds the view's lock, and a million
 * need not be looked up again.
 */
export async function requeueLinks(tx: TransactionSql, view: LockedView, chosen: readonly Statement[]): Promise<number> {
  const [moved] = await tx<{ count: number; last: number | null }[]>`
    WITH numbered AS MATERIALIZED (
      SELECT place, ${view.nextPosition}::bigint - 1 + row_number() OVER (ORDER BY position) AS position
      FROM (${chosen.reduce((all, one) => tx`${all} UNION ALL ${one}`)}) c),
    moved AS (
      UPDATE links l SET position = n.position, revision = greatest(n.position, l.revision + 1), auto = false
      FROM numbered n WHERE l.ctid = n.place RETURNING l.position)
    SELECT count(*), max(position) AS last FROM moved`
  const count = moved?.count ?? 0
  await movedLinks(tx, view, moved?.last ?? undefined, 0)
  return count
}

/** Says, under the view's lock, that positions up to `last` were given out. Raises the view's link position, which tells the gateways. */
async function movedLinks(tx: TransactionSql, view: LockedView, last: number | undefined, counted: number): Promise<void> {
  if (last === undefined) return
  await tx`
    UPDATE sync_views SET link_position = ${last}, link_count = link_count + ${counted}
    WHERE account_id = ${view.accountId} AND id = ${view.id}`
}

/**
 * Links what is new to the views that want new products by themselves. Done after sequencing, and from where each view stood, so that nothing is
 * missed when a gateway dies in between.
 */
export async function linkNewProducts(sql: Sql): Promise<void> {
  const waiting = await sql<{ accountId: number; id: number }[]>`
    SELECT v.account_id AS "accountId", v.id FROM sync_views v
    WHERE v.auto_link AND EXISTS (
      SELECT 1 FROM feed f WHERE f.account_id = v.account_id AND f.subject = 'PRODUCT' AND f.first_position > v.auto_linked_to)`
  for (const { accountId, id } of waiting) {
    await sql.begin((tx) => linkNewProductsOf(tx, accountId, id))
  }
}

async function linkNewProductsOf(tx: TransactionSql, accountId: number, viewId: number): Promise<void> {
  const [there] = await tx`SELECT 1 FROM sync_views WHERE account_id = ${accountId} AND id = ${viewId} AND auto_link FOR UPDATE`
  if (there === undefined) return
  const view = await lockView(tx, accountId, viewId)
  await insertLinks(
    tx,
    view,
    tx`
      SELECT p.id AS product_id, p.revision FROM feed f JOIN products p ON p.account_id = f.account_id AND p.id = f.entity_id
      WHERE f.account_id = ${accountId} AND f.subject = 'PRODUCT' AND f.first_position > ${view.autoLinkedTo} AND f.first_position <= ${view.head}
        AND NOT EXISTS (SELECT 1 FROM links l WHERE l.account_id = f.account_id AND l.view_id = ${viewId} AND l.product_id = f.entity_id)`,
    { auto: true },
  )
  await tx`UPDATE sync_views SET auto_linked_to = ${view.head} WHERE account_id = ${accountId} AND id = ${viewId}`
}

// ---- what the other end calls the products

/** What an external system calls a product. */
export interface ExternalIdInput {
  /** What the id is of: 'Product'. */
  readonly typename: string
  readonly id: number
  /** 1 to 255 characters; null where it has no name for it any more. */
  readonly externalId: string | null
}

const longestExternalId = 255

/**
 * Notes what the caller's system calls products that are linked to its view, all or nothing. Answers their links, in the order of the input. Nothing is sent for it. Throws
 * NO_SYNC_VIEW, NOT_FOUND for what is not linked to the view, BAD_USER_INPUT.
 */
export async function setExternalIds(database: Database, caller: Caller, inputs: readonly ExternalIdInput[]): Promise<readonly LinkRow[]> {
  const { accountId, syncViewId: viewId } = caller
  if (viewId === undefined) throw viewGone()
  checkExternalIds(inputs)
  return database.sql.begin(async (tx) => {
    await lockView(tx, accountId, viewId)
    const ids = inputs.map(({ typename, id }) => (typename === 'Product' ? id : 0))
    const rows = await tx<LinkRow[]>`
      UPDATE links l SET external_id = n.external_id
      FROM unnest(${ids}::bigint[], ${inputs.map(({ externalId }) => externalId)}::text[]) AS n (product_id, external_id)
      WHERE l.account_id = ${accountId} AND l.view_id = ${viewId} AND l.product_id = n.product_id AND NOT l.unlinked
        AND EXISTS (SELECT FROM products p WHERE p.account_id = l.account_id AND p.id = l.product_id)
      RETURNING ${linkColumns(tx)}`
    const byProduct = new Map(rows.map((row) => [row.productId, row]))
    throwFaults(ids.flatMap((id, index) => (byProduct.has(id) ? [] : [notLinked(['input', index, 'id'])])))
    return ids.flatMap((id) => byProduct.get(id) ?? [])
  })
}

function notLinked(inputPath: readonly (string | number)[]): SynkvyError {
  return new SynkvyError(
    'NOT_FOUND',
    'This is not the id of a product that is linked to your sync view. Leave the item out and call again.',
    {
      inputPath,
    },
  )
}

function checkExternalIds(inputs: readonly ExternalIdInput[]): void {
  checkItemCount(inputs, 'input')
  throwFaults([
    ...inputs.flatMap(({ typename }, index) =>
      typename === 'Variant'
        ? [badInput('External ids are kept for products as a whole. Give the id of the product of this variant.', ['input', index, 'id'])]
        : [],
    ),
    ...inputs.flatMap(({ externalId }, index) =>
      textFaults(externalId, { most: longestExternalId, least: 1 }, ['input', index, 'externalId']),
    ),
    ...repeated(
      inputs.map(({ typename, id }, index) => [`${typename} ${id}`, ['input', index, 'id']] as const),
      'id of the',
    ),
  ])
}
