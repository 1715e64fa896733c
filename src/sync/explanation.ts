import { shownRevision } from './change.ts'
import type { ArticleFacts, Facts, LinkFacts, StreamFacts, Waiting } from './explanation-facts.ts'

/** Who can put it right. */
type Resolution = 'MERCHANT' | 'INTEGRATOR' | 'WAIT' | 'NONE'

/** One step of the way of an article to a view. */
export interface SyncStep {
  /** Stable, for translating. docs/explanations.md has a row for each. */
  readonly code: StepCode
  readonly ok: boolean
  /** What a shop worker understands. */
  readonly message: string
  readonly resolution: Resolution
  readonly since: Date | undefined
  /** What the message says, by name. */
  readonly values: Readonly<Record<string, string>>
}

/** The way of an article to a view, to the first step that fails. */
export interface SyncExplanation {
  readonly inSync: boolean
  readonly verdict: string
  readonly steps: readonly SyncStep[]
}

/** Every step that there is, in the order of the way. */
export const stepCodes = [
  'ARTICLE_FOUND',
  'ARTICLE_UNKNOWN',
  'ARTICLE_DELETED',
  'ARTICLE_DELETED_UNCONFIRMED',
  'LINKED',
  'NOT_LINKED',
  'NOT_LINKED_OLDER',
  'LINKING',
  'UNLINKED',
  'UNLINKED_UNCONFIRMED',
  'VIEW_ACTIVE',
  'VIEW_PAUSED',
  'CONNECTED',
  'NEVER_CONNECTED',
  'NOT_FOLLOWED',
  'OFFLINE',
  'CHANGE_TAKEN_UP',
  'CHANGE_NOT_TAKEN_UP',
  'QUEUED',
  'WAITS_IN_LIVE',
  'WAITS_IN_LINKED',
  'WAITS_IN_RESEND',
  'NOT_CONFIRMED',
  'SENT',
  'CONFIRMED',
  'OWN_CHANGE',
  'STOCK_CONFIRMED',
  'ACCEPTED',
  'REJECTED',
] as const
type StepCode = (typeof stepCodes)[number]

/** A system that was heard of so shortly before is on its way back, or asks now and then. */
const backSoonMs = 5 * 60_000
/** A system that is connected and has confirmed nothing for so long is slow, or stuck. */
const silentMs = 60_000
/** A change that has no place in the queue after so long will get none: nobody gives them out. */
const takenUpMs = 10_000

/** Why an article is, or is not, at the other end. Reads no clock and does no I/O: the same facts are always the same explanation. */
export function explain(facts: Facts): SyncExplanation {
  const steps = stepsTo(facts)
  const failed = steps.find((step) => !step.ok)
  return { inSync: failed === undefined, verdict: failed === undefined ? inSyncVerdict(facts) : failed.message, steps }
}

function stepsTo(facts: Facts): readonly SyncStep[] {
  const { article } = facts
  if (article === undefined) return [noArticle(facts)]
  const found = passed('ARTICLE_FOUND', `"${article.title}" is in the shop.`, article.createdAt, { title: article.title, sku: facts.sku })
  const { link } = facts
  if (link === undefined || link.isUnlinked) return [found, noLink(facts, article, link)]
  const linked = passed('LINKED', `It is linked to ${facts.view.label}.`, undefined, { view: facts.view.label })
  return [found, linked, ...(facts.rejection === undefined ? waysOn(facts, article) : [rejected(facts, facts.rejection)])]
}

// ---- the article

function noArticle({ sku, view, deleted }: Facts): SyncStep {
  const values = { sku, view: view.label }
  if (deleted === undefined)
    return failure('ARTICLE_UNKNOWN', 'MERCHANT', `The shop has no article "${sku}". Check how it is spelt.`, undefined, values)
  if (deleted.isConfirmed) return failure('ARTICLE_DELETED', 'NONE', `"${sku}" was deleted in the shop.`, deleted.at, values)
  const message = `"${sku}" was deleted in the shop. ${view.label} has not confirmed yet that it has taken it away.`
  return failure('ARTICLE_DELETED_UNCONFIRMED', 'WAIT', message, deleted.at, values)
}

// ---- the link

function noLink({ view }: Facts, article: ArticleFacts, link: LinkFacts | undefined): SyncStep {
  const values = { view: view.label, title: article.title }
  if (link !== undefined) {
    const removed = `"${article.title}" was unlinked from ${view.label}, so it is not sent there. Link it again, if it should be.`
    if (link.isRemovalConfirmed) return failure('UNLINKED', 'MERCHANT', removed, link.movedAt, values)
    const message = `${removed} ${view.label} has not confirmed yet that it has taken it away.`
    return failure('UNLINKED_UNCONFIRMED', 'MERCHANT', message, link.movedAt, values)
  }
  if (view.autoLink && article.isNewToView) {
    return failure('LINKING', 'WAIT', `"${article.title}" is new, and is being linked to ${view.label}.`, article.createdAt, values)
  }
  if (view.autoLink) {
    const message = `"${article.title}" is not linked to ${view.label}: only products that are made from now on are linked by themselves. Link it, or resend all products.`
    return failure('NOT_LINKED_OLDER', 'MERCHANT', message, undefined, values)
  }
  const message = `"${article.title}" is not linked to ${view.label}, so it is not sent there. Link it, or resend all products.`
  return failure('NOT_LINKED', 'MERCHANT', message, undefined, values)
}

// ---- the way on

function waysOn(facts: Facts, article: ArticleFacts): readonly SyncStep[] {
  const { view, streams } = facts
  if (streams.length === 0) return [viewStep(facts), ...(view.isPaused ? [] : [neverConnected(facts)])]
  const waits = streams.find(({ waiting }) => waiting !== undefined)
  const done = streams.filter(({ waiting }) => waiting === undefined).flatMap((stream) => confirmed(facts, article, stream))
  if (waits === undefined) return [...done, passed('ACCEPTED', `${view.label} has not refused it.`, undefined, { view: view.label })]
  if (view.isPaused) return [viewStep(facts)]
  const connection = connectionStep(facts, waits)
  if (!connection.ok) return [viewStep(facts), connection]
  return [viewStep(facts), connection, ...done, ...waitingSteps(facts, waits)]
}

function viewStep({ view }: Facts): SyncStep {
  const values = { view: view.label }
  if (!view.isPaused) return passed('VIEW_ACTIVE', `${view.label} is not paused.`, undefined, values)
  return failure('VIEW_PAUSED', 'MERCHANT', `${view.label} is paused, so nothing is sent there. Let it go on.`, undefined, values)
}

function neverConnected({ view }: Facts): SyncStep {
  const values = { view: view.label }
  if (!view.followsOthers) {
    const message = `${view.label} has never connected, so it has been sent nothing.`
    return failure('NEVER_CONNECTED', 'INTEGRATOR', message, view.createdAt, values)
  }
  const message = `${view.label} has never asked for products or stock, so it has been sent none.`
  return failure('NOT_FOLLOWED', 'INTEGRATOR', message, view.createdAt, values)
}

function connectionStep({ view, now }: Facts, { stream, isConnected, connectedAt, acknowledgedAt }: StreamFacts): SyncStep {
  const values = { view: view.label, stream }
  if (isConnected) return passed('CONNECTED', `${view.label} is connected.`, connectedAt, values)
  const heardAt = latest(connectedAt, acknowledgedAt)
  const isBackSoon = heardAt !== undefined && now.getTime() - heardAt.getTime() < backSoonMs
  const message = `${view.label} is not connected. What waits is sent as soon as it connects, or asks.`
  return failure('OFFLINE', isBackSoon ? 'WAIT' : 'INTEGRATOR', message, heardAt, values)
}

const laneWords = {
  LIVE: 'changes that wait for',
  LINKED: 'products that were linked or queued again and wait for',
  RESEND: 'products of the resend that wait for',
} as const

/**
 * What waits may be on its way already: only the gateway that serves the system knows, and it may be another one. So this says what is known everywhere, which is what has been
 * confirmed.
 */
function waitingSteps(facts: Facts, { stream, waiting, acknowledgedAt, connectedAt }: StreamFacts): readonly SyncStep[] {
  const { view, now } = facts
  const what = stream === 'STOCK' ? 'Its stock' : 'It'
  if (waiting === undefined) return []
  if (waiting.lane === 'UNNUMBERED') return [unnumbered(facts, what, waiting)]
  const place = `${what} is ${placeWords(waiting)} ${laneWords[waiting.lane]} ${view.label}.`
  const values = { view: view.label, stream, place: String(waiting.place), total: String(waiting.total) }
  const silentSince = latest(latest(waiting.since, acknowledgedAt), connectedAt)
  if (now.getTime() - silentSince.getTime() < silentMs)
    return [failure(`WAITS_IN_${waiting.lane}`, 'WAIT', `${place} Nothing need be done.`, waiting.since, values)]
  const message = `${view.label} is connected, but has confirmed nothing for a while: it is slow, or stuck.`
  return [passed('QUEUED', place, waiting.since, values), failure('NOT_CONFIRMED', 'INTEGRATOR', message, silentSince, values)]
}

/** Lanes are counted up to a number: what stands farther back is only known to. */
function placeWords({ place, total, isCounted }: Exclude<Waiting, { lane: 'UNNUMBERED' }>): string {
  if (isCounted) return `number ${place} of ${total}`
  return place < total ? `number ${place} of more than ${total}` : `beyond number ${total} of the`
}

function unnumbered({ view, now }: Facts, what: string, { since }: { readonly since: Date }): SyncStep {
  const values = { view: view.label }
  if (now.getTime() - since.getTime() < takenUpMs)
    return failure('CHANGE_TAKEN_UP', 'WAIT', `${what} has changed a moment ago, and is being queued for ${view.label}.`, since, values)
  const message = `${what} has changed, but no gateway queues it. Whoever runs the gateway should look whether it is well.`
  return failure('CHANGE_NOT_TAKEN_UP', 'INTEGRATOR', message, since, values)
}

function confirmed(
  { view, epoch, link }: Facts,
  article: ArticleFacts,
  { stream, isOwn, acknowledgedAt }: StreamFacts,
): readonly SyncStep[] {
  const values = { view: view.label }
  if (stream === 'STOCK') return [passed('STOCK_CONFIRMED', `${view.label} has confirmed its stock.`, acknowledgedAt, values)]
  if (isOwn) {
    const message = `${view.label} itself has made its latest change, so it is not sent back there.`
    return [passed('OWN_CHANGE', message, article.updatedAt, values)]
  }
  const revision = String(shownRevision(epoch, Math.max(article.revision, link?.revision ?? 0)))
  return [
    passed('SENT', `It was sent to ${view.label}.`, undefined, values),
    passed('CONFIRMED', `${view.label} has confirmed it as it is now (revision ${revision}).`, acknowledgedAt, { ...values, revision }),
  ]
}

// ---- whether it is taken

function rejected({ view }: Facts, { reason, revision, at }: NonNullable<Facts['rejection']>): SyncStep {
  const message = `${view.label} cannot take it: "${reason}". Put that right, and it is sent again by itself; or send it once more, if the fault was there.`
  return failure('REJECTED', 'MERCHANT', message, at, { view: view.label, reason, revision: String(revision) })
}

function inSyncVerdict({ article, view, streams }: Facts): string {
  const isThere = `"${article?.title ?? ''}" is at ${view.label} as it is in the shop.`
  if (view.isPaused) return `${isThere} The sync view is paused now, so what changes will wait.`
  return streams.some(({ isConnected }) => isConnected)
    ? isThere
    : `${isThere} ${view.label} is not connected now, so what changes will wait.`
}

// ---- making steps

function passed(code: StepCode, message: string, since: Date | undefined, values: SyncStep['values']): SyncStep {
  return { code, ok: true, message, resolution: 'NONE', since, values }
}

function failure(code: StepCode, resolution: Resolution, message: string, since: Date | undefined, values: SyncStep['values']): SyncStep {
  return { code, ok: false, message, resolution, since, values }
}

function latest(a: Date, b: Date | undefined): Date
function latest(a: Date | undefined, b: Date | undefined): Date | undefined
function latest(a: Date | undefined, b: Date | undefined): Date | undefined {
  if (a === undefined || b === undefined) return a ?? b
  return a > b ? a : b
}
