import { sql } from 'drizzle-orm'
import {
  bigint,
  boolean,
  customType,
  foreignKey,
  index,
  integer,
  pgEnum,
  pgTable,
  primaryKey,
  text,
  unique,
  uuid,
} from 'drizzle-orm/pg-core'
import { id, moment, users } from './access.ts'

/** As the item of a point in the links: the link there is done with. */
export const wholeLink = Number.MAX_SAFE_INTEGER

/**
 * What an inbox or feed row is about. PRODUCT to CUSTOMER are streams that views consume; VIEW and KEY tell the gateways that something about a
 * sync view (its links, its resend, a pause, a take-over) or an API key has changed. Text, not an enum: Postgres looks nothing up by an enum below row-level security,
 * since to compare enums is not leakproof.
 */
const feedSubject = customType<{ data: 'PRODUCT' | 'STOCK' | 'ORDER' | 'CUSTOMER' | 'VIEW' | 'KEY' }>({
  dataType: () => 'text COLLATE "C"',
})

/**
 * What has changed and is not numbered yet: one narrow row per changed entity, written by triggers in the writer's own transaction and taken out
 * by the sequencer.
 */
export const inbox = pgTable(
  'inbox',
  {
    accountId: id().notNull(),
    id: id().notNull().generatedAlwaysAsIdentity(),
    subject: feedSubject().notNull(),
    entityId: id().notNull(),
    /** For PRODUCT and STOCK: whose links the change concerns. */
    productId: id(),
    /** For ORDER and CUSTOMER: to which user's view it belongs. */
    ownerUserId: id(),
    revision: id().notNull(),
    deleted: boolean().notNull().default(false),
    /** What a REMOVE must still be able to say: the product's handle, the SKU and its location's code, or the external id. */
    key: text(),
    locationCode: text(),
    /** The sync view whose own write this is, and how far it had acknowledged LIVE: it is not sent its own change back. */
    originViewId: id(),
    originLive: id(),
    at: moment()
      .notNull()
      .default(sql`clock_timestamp()`),
  },
  (t) => [primaryKey({ columns: [t.accountId, t.id] })],
)

/** The compacted feed: per entity one row, at the position of its latest change. */
export const feed = pgTable(
  'feed',
  {
    accountId: id().notNull(),
    subject: feedSubject().notNull(),
    entityId: id().notNull(),
    position: id().notNull(),
    /** Its first position of all: `autoLink` and "Resend all" ask what is new since. */
    firstPosition: id().notNull(),
    productId: id(),
    ownerUserId: id(),
    revision: id().notNull(),
    deleted: boolean().notNull(),
    key: text(),
    locationCode: text(),
    originViewId: id(),
    /** When it was captured: the age of what waits. */
    at: moment().notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.accountId, t.entityId, t.subject] }),
    // A view that was away reads on from its position.
    index('feed_position').on(t.accountId, t.subject, t.position),
    // The hubs read what is new, for all accounts at once.
    index('feed_head').on(t.position),
    index('feed_first_position')
      .on(t.accountId, t.firstPosition)
      .where(sql`subject = 'PRODUCT'`),
    // REMOVEs of a product's deleted stock levels, and the sweeping of tombstones.
    index('feed_tombstones')
      .on(t.accountId, t.productId)
      .where(sql`deleted`),
  ],
)

/**
 * The one row that sequencing is about. Taking the leadership raises `term`; whoever does not find its own term here no longer leads.
 * `head` is the last position that was given out.
 */
export const sequencer = pgTable('sequencer', {
  only: boolean().primaryKey().default(true),
  term: id().notNull().default(0),
  head: id().notNull().default(0),
  /** What is shown as a revision is `epoch * 2^53 +` the stored one. */
  epoch: bigint({ mode: 'number' }).notNull().default(0),
  /** Signs cursors. */
  cursorSecret: text().notNull(),
  /** The nonce of the range that is in use. */
  nonce: bigint({ mode: 'number' }).notNull().default(0),
  /** When the server was started that it was reserved on: on another, be it a replica that was promoted, nothing is sent before somebody sequences there. */
  serverStarted: moment(),
  /** A place in Postgres' log (bytes) that is known to be on the disk, and one that will be. */
  durableTo: id().notNull().default(0),
  writtenTo: id().notNull().default(0),
})

/**
 * Positions that were reserved durably. Cursors carry the nonce of the range that was in use when they were made, and how much had been seen: a nonce that is not
 * here, or more than what the server that took over had, tells that the database was set back.
 */
export const positionRanges = pgTable('position_ranges', {
  /** The first position of the range. */
  begins: id().primaryKey(),
  /** The last. */
  ends: id().notNull(),
  nonce: bigint({ mode: 'number' }).notNull(),
  term: id().notNull(),
  /** Postgres' system identifier and timeline when it was reserved. */
  lineage: text().notNull(),
  /** The head when the next range was begun; null while it is in use. */
  usedTo: id(),
  /** When the server was started that it was reserved on. */
  serverStarted: moment().notNull(),
  /** Where another server, or the same after a restart, took up Postgres' log (bytes); null where the range before was reserved on the same. */
  tookUpAt: id(),
  at: moment().notNull().defaultNow(),
})

export const orderScope = pgEnum('order_scope', ['OWN', 'ALL'])

/** An external system's view of the shop. No two share a user: the constraint says so, not only the code. */
export const syncViews = pgTable(
  'sync_views',
  {
    accountId: id().notNull(),
    id: id().notNull().generatedAlwaysAsIdentity(),
    userId: id().notNull(),
    name: text().notNull(),
    system: text(),
    autoLink: boolean().notNull(),
    orderScope: orderScope().notNull(),
    paused: boolean().notNull().default(false),
    doorbellUrl: text(),
    doorbellSecret: text(),
    createdAt: moment().notNull().defaultNow(),
    /** The feed's head when the view was made: LIVE of PRODUCT and STOCK begins here. */
    createdPosition: id().notNull(),
    /** The last link position that was given out. Taken under this row's lock, so that a view's links become visible in order. */
    linkPosition: id().notNull().default(0),
    /** How many products are linked. Kept under this row's lock. */
    linkCount: bigint({ mode: 'number' }).notNull().default(0),
    /** Products whose first position is not above this have been linked by `autoLink`, or were there before it was switched on. */
    autoLinkedTo: id().notNull(),
    /** Products whose first position is not above this were all linked by `resendAllProducts`; only later ones and unlinked ones can be missing. */
    allLinkedTo: id().notNull().default(0),
  },
  (t) => [
    primaryKey({ columns: [t.accountId, t.id] }),
    foreignKey({ columns: [t.accountId, t.userId], foreignColumns: [users.accountId, users.id] }),
    unique('sync_views_user').on(t.accountId, t.userId),
    // The linker asks for these alone after every batch that made products.
    index('sync_views_auto_link')
      .on(t.accountId, t.autoLinkedTo)
      .where(sql`auto_link`),
    // Whose doorbell may have to be rung is asked while anything changes.
    index('sync_views_doorbell')
      .on(t.accountId, t.id)
      .where(sql`doorbell_url IS NOT NULL`),
  ],
)

/**
 * How the doorbell of a view stands. The row is made when something is first seen to wait. Whoever rings takes it first, by its `turn`, so that one gateway rings.
 */
export const doorbells = pgTable(
  'doorbells',
  {
    accountId: id().notNull(),
    viewId: id().notNull(),
    /** Of what lies up to here, in the feed, in the view's links and among its resends, the bell has told, or there was nothing to tell. */
    heardHead: id().notNull(),
    heardLink: id().notNull(),
    heardResend: id().notNull(),
    /** Something waits that the bell has not told of, or not with success. */
    waits: boolean().notNull(),
    /** Names what is told: every attempt to tell of the same has the same. */
    messageId: uuid().notNull(),
    /** How often it was rung since the system last acknowledged anything: the pause before the next attempt grows with it. */
    attempts: integer().notNull().default(0),
    nextAttemptAt: moment().notNull(),
    /** Counts who has taken it, and until when it is theirs. */
    turn: id().notNull().default(0),
    ringingUntil: moment(),
    lastRungAt: moment(),
    lastStatus: integer(),
    lastError: text(),
  },
  (t) => [
    primaryKey({ columns: [t.accountId, t.viewId] }),
    foreignKey({ columns: [t.accountId, t.viewId], foreignColumns: [syncViews.accountId, syncViews.id] }).onDelete('cascade'),
  ],
)

export const resendState = pgEnum('resend_state', ['RUNNING', 'COMPLETED', 'CANCELLED'])
export const resendCause = pgEnum('resend_cause', ['ADMIN', 'COMMAND_LINE', 'FAILOVER'])

/**
 * Ties a product to a view. `position` is the view's own count of what was linked, unlinked or queued again. An unlinked one stays as a marker
 * until its REMOVE is acknowledged. There is no foreign key to products on purpose: a deleted product's links say who must hear of it.
 */
export const links = pgTable(
  'links',
  {
    accountId: id().notNull(),
    viewId: id().notNull(),
    productId: id().notNull(),
    id: id().notNull().generatedAlwaysAsIdentity(),
    position: id().notNull(),
    revision: id().notNull(),
    unlinked: boolean().notNull().default(false),
    /** Made by `autoLink`: the view that itself wrote the product is not sent it back. */
    auto: boolean().notNull().default(false),
    externalId: text(),
  },
  (t) => [
    // No foreign key: links are made under their view's lock, a million at a time, and go with it by a trigger.
    primaryKey({ columns: [t.accountId, t.viewId, t.productId] }),
    // LINKED and RESEND read along it.
    index('links_position').on(t.accountId, t.viewId, t.position),
    // A change asks whom it concerns.
    index('links_product').on(t.accountId, t.productId, t.viewId),
    index('links_id').on(t.accountId, t.id),
    index('links_unlinked')
      .on(t.accountId, t.viewId, t.position)
      .where(sql`unlinked`),
  ],
)

/**
 * What an external system said that it cannot take. That is true of one revision and one queueing of the link: whether it still holds is asked of the entity and
 * its link as they are now, so nothing has to be lifted. The latest of each entity, and of each part of it that was named.
 */
export const rejections = pgTable(
  'rejections',
  {
    accountId: id().notNull(),
    viewId: id().notNull(),
    /** PRODUCT, ORDER or CUSTOMER. */
    subject: feedSubject().notNull(),
    entityId: id().notNull(),
    /** The variant that was named; 0 where the entity as a whole was. */
    itemId: id().notNull(),
    /** For PRODUCT: where the link stood. It is moved when the product is sent once more, and then the rejection is over. */
    linkPosition: id(),
    /** As it was sent, with the epoch in it. */
    revision: bigint({ mode: 'bigint' }).notNull(),
    reason: text().notNull(),
    at: moment()
      .notNull()
      .default(sql`clock_timestamp()`),
  },
  (t) => [
    primaryKey({ columns: [t.accountId, t.viewId, t.subject, t.entityId, t.itemId] }),
    foreignKey({ columns: [t.accountId, t.viewId], foreignColumns: [syncViews.accountId, syncViews.id] }).onDelete('cascade'),
  ],
)

/** A run of "Resend all products". The row is the truth about a run; the advisory lock only guards its start. */
export const resends = pgTable(
  'resends',
  {
    accountId: id().notNull(),
    id: id().notNull().generatedAlwaysAsIdentity(),
    viewId: id().notNull(),
    state: resendState().notNull().default('RUNNING'),
    cause: resendCause().notNull(),
    total: bigint({ mode: 'number' }).notNull(),
    /** RESEND goes over the links from 0 to this: what LINKED had reached, by stream, when the run began. */
    productResendTo: id().notNull(),
    stockResendTo: id().notNull(),
    /** LINKED does the rest, up to the last link that the run made. */
    linkedTo: id().notNull(),
    /** The epoch that a FAILOVER run puts right. */
    epoch: bigint({ mode: 'number' }).notNull().default(0),
    startedBy: id(),
    startedAt: moment().notNull().defaultNow(),
    /** When the external system acknowledged the first of it: the rate is measured from here. */
    firstAcknowledgedAt: moment(),
    finishedAt: moment(),
  },
  (t) => [
    primaryKey({ columns: [t.accountId, t.id] }),
    foreignKey({ columns: [t.accountId, t.viewId], foreignColumns: [syncViews.accountId, syncViews.id] }).onDelete('cascade'),
    foreignKey({ columns: [t.accountId, t.startedBy], foreignColumns: [users.accountId, users.id] }),
    index('resends_view').on(t.accountId, t.viewId, t.id),
  ],
)

/** How far a view has come on a stream. The row is there from the first time that the stream is opened. */
export const checkpoints = pgTable(
  'checkpoints',
  {
    accountId: id().notNull(),
    viewId: id().notNull(),
    subject: feedSubject().notNull(),
    live: id().notNull(),
    linked: id().notNull().default(0),
    /** How far within the link at `linked`: for STOCK the last stock level's id; for a link that is done with, and so always for PRODUCT, 2^53 - 1. */
    linkedItem: id().notNull().default(wholeLink),
    /** The run that `resend` belongs to. */
    resendId: id(),
    resend: id().notNull().default(0),
    resendItem: id().notNull().default(wholeLink),
    /** How many links of the run are behind this checkpoint. */
    resendDone: bigint({ mode: 'number' }).notNull().default(0),
    acknowledgedAt: moment(),
    /** Counts how often it was set back: a stream that sees it grow reads on from here. */
    rewinds: id().notNull().default(0),
    /**
     * For ORDER and CUSTOMER: counts how often LIVE was begun anew from 0, because the view receives more than before or has seen what was lost. Of a cursor from before
     * nothing counts, so that a late acknowledge cannot pass over what is sent anew.
     */
    restarts: id().notNull().default(0),
    /** Begun anew after a loss, LIVE brings the view's own changes too, up to this position: those too may be others than it remembers. */
    ownTo: id().notNull().default(0),
    /** Counts the subscriptions: the one with the latest number is served, older ones are told that it took over. */
    session: id().notNull().default(0),
    /** The node that serves it, while it is connected. */
    nodeId: bigint({ mode: 'number' }),
    connectedAt: moment(),
    /** When the last subscription ended; null while one is served, or where its gateway died. */
    disconnectedAt: moment(),
    /** WebSocket or SSE. */
    transport: text(),
    /** Where the consumer is, as far as can be told: to be shown. */
    address: text(),
  },
  (t) => [
    primaryKey({ columns: [t.accountId, t.viewId, t.subject] }),
    foreignKey({ columns: [t.accountId, t.viewId], foreignColumns: [syncViews.accountId, syncViews.id] }).onDelete('cascade'),
  ],
)

/** What was delivered to a view, a minute and a stream a row: written by the gateways that served it, at most once a minute, and only where something was. */
export const streamMinutes = pgTable(
  'stream_minutes',
  {
    accountId: id().notNull(),
    viewId: id().notNull(),
    subject: feedSubject().notNull(),
    /** The minute's beginning. */
    minute: moment().notNull(),
    /** Changes that were delivered by LIVE, and by the other lanes. */
    live: integer().notNull(),
    resent: integer().notNull(),
    /** From a change's commit to its acknowledge, over the LIVE ones: the sum, and the worst. */
    lagMsTotal: bigint({ mode: 'number' }).notNull(),
    lagMsWorst: bigint({ mode: 'number' }).notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.accountId, t.viewId, t.subject, t.minute] }),
    foreignKey({ columns: [t.accountId, t.viewId], foreignColumns: [syncViews.accountId, syncViews.id] }).onDelete('cascade'),
    // Old ones are swept.
    index('stream_minutes_minute').on(t.minute),
  ],
)
