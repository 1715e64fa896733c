import { findProductIds } from '../../src/catalog/products.ts'
import { findDoorbell, type DoorbellRow } from '../../src/sync/doorbell.ts'
import { linkProducts, unlinkProducts } from '../../src/sync/links.ts'
import type { ViewOverview } from '../../src/sync/overview.ts'
import { rejectionGroups, type RejectionGroup } from '../../src/sync/refusals.ts'
import { latestResend } from '../../src/sync/resend.ts'
import { offlineSinceOf, streamStatuses, syncViewStateOf, type StreamStatus } from '../../src/sync/status.ts'
import type { StreamMinute } from '../../src/sync/throughput.ts'
import {
  countSyncViews,
  createSyncView,
  deleteSyncView,
  findSyncView,
  linkCountOf,
  syncViewsPage,
  updateSyncView,
  type WrittenView,
} from '../../src/sync/views.ts'
import { builder, given, idOf, nodeNumber, stillThere } from '../builder.ts'
import { connectionOf, connectionType, pageArguments, pageWanted } from '../connection.ts'
import { maySeeView, requireAdmin, requireCaller, requireViewAccess, untilKeyEnds, type Context } from '../context.ts'
import { payloadType } from '../payload.ts'
import { ProductByInput, toProductBy } from '../product-by.ts'
import { Resend, SyncView, User, type SyncViewShape } from '../refs.ts'

const Stream = builder.enumType('Stream', {
  description: 'What can be followed. Expect values that are new to you.',
  values: {
    PRODUCT: { description: 'Products with their variants.' },
    STOCK: { description: 'Stock levels.' },
    ORDER: { description: 'Orders.' },
    CUSTOMER: { description: 'Customers.' },
  },
})

const SyncViewState = builder.enumType('SyncViewState', {
  description: 'How a sync view stands. Expect values that are new to you.',
  values: {
    NEVER_CONNECTED: { description: 'The external system has not opened a stream yet.' },
    CONNECTED: { description: 'It follows at least one stream now.' },
    OFFLINE: { description: 'It has followed, but does not now.' },
    PAUSED: { description: 'An admin has paused it: it is sent nothing.' },
  },
})

const OrderScope = builder.enumType('OrderScope', {
  description: 'Whose orders and customers a view receives. Expect values that are new to you.',
  values: {
    OWN: { description: 'Those that it sent in itself.' },
    ALL: { description: "The whole shop's, as an ERP or a warehouse needs." },
  },
})

const StreamConnection = builder
  .objectRef<{ readonly connectedAt: Date; readonly transport: string; readonly address: string | null }>('StreamConnection')
  .implement({
    description: 'A connection over which a stream is followed.',
    fields: (t) => ({
      since: t.expose('connectedAt', { type: 'DateTime', description: 'Since when; by PULL, when it was last asked for, to the minute.' }),
      transport: t.exposeString('transport', { description: 'WEBSOCKET, SSE or PULL. Expect values that are new to you.' }),
      address: t.exposeString('address', { nullable: true, description: 'Where the external system is, as far as can be told.' }),
    }),
  })

const StreamMinuteType = builder.objectRef<StreamMinute>('StreamMinute').implement({
  description: 'What was delivered on a stream within a minute: acknowledged or, by pull, fetched.',
  fields: (t) => ({
    stream: t.expose('stream', { type: Stream, description: 'Which stream.' }),
    minute: t.expose('minute', { type: 'DateTime', description: "The minute's beginning." }),
    live: t.exposeInt('live', { description: 'Changes that were delivered because something changed.' }),
    resent: t.exposeInt('resent', { description: 'Changes that were delivered because something was linked or resent.' }),
    averageLagMs: t.float({
      nullable: true,
      description: 'How long live changes took from their commit until they were acknowledged, on average; null where there were none.',
      resolve: ({ live, lagMsTotal }) => (live === 0 ? null : lagMsTotal / live),
    }),
    worstLagMs: t.float({
      nullable: true,
      description: 'The longest that one of them took; null where there were none.',
      resolve: ({ live, lagMsWorst }) => (live === 0 ? null : lagMsWorst),
    }),
  }),
})

const RejectionGroupType = builder.objectRef<RejectionGroup>('RejectionGroup').implement({
  description: 'Products that an external system cannot take, for one and the same reason.',
  fields: (t) => ({
    reason: t.exposeString('reason', { description: 'Why, in the words of the external system.' }),
    count: t.exposeInt('count', { description: 'How many products.' }),
    latestAt: t.expose('latestAt', { type: 'DateTime', description: 'When the latest of them was rejected.' }),
  }),
})

export const StreamStatusType = builder.objectRef<StreamStatus>('StreamStatus').implement({
  description: 'How a sync view stands on a stream.',
  fields: (t) => ({
    stream: t.expose('stream', { type: Stream, description: 'Which.' }),
    pending: t.exposeInt('pending', { description: 'Entities whose latest change is not acknowledged yet. Counts to 10 000, then stops.' }),
    oldestPendingAt: t.expose('oldestPendingAt', {
      type: 'DateTime',
      nullable: true,
      description: 'Since when the oldest of them waits; null when nothing does.',
    }),
    acknowledgedAt: t.expose('acknowledgedAt', { type: 'DateTime', nullable: true, description: 'When something was last acknowledged.' }),
    opened: t.exposeBoolean('isOpened', { description: 'Whether anybody has ever followed it.' }),
    connected: t.exposeBoolean('connected', { description: 'Whether somebody follows it now.' }),
    connection: t.field({
      type: StreamConnection,
      nullable: true,
      description: 'Who follows it now; null where nobody does.',
      resolve: ({ connectedAt, transport, address }) =>
        connectedAt === null || transport === null ? null : { connectedAt, transport, address },
    }),
  }),
})

const Doorbell = builder.objectRef<DoorbellRow>('Doorbell').implement({
  description: 'How the doorbell of a sync view stands.',
  fields: (t) => ({
    lastRungAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When it was last tried; null where it never was.',
      resolve: (doorbell) => doorbell.lastRungAt,
    }),
    lastStatus: t.exposeInt('lastStatus', {
      nullable: true,
      description:
        'The HTTP status that it answered then: 200 to 299 is a success, anything else is tried again. Null where it gave no answer.',
    }),
    lastError: t.exposeString('lastError', { nullable: true, description: 'What went wrong then, in words; null where nothing did.' }),
    attempts: t.exposeInt('attempts', {
      description:
        'How often it was rung since the external system last acknowledged anything. The pause before the next time grows with it, up to 15 minutes.',
    }),
    nextAttemptAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When it is rung next, if something waits then and nobody is connected; null while there is nothing new to tell.',
      resolve: (doorbell) => doorbell.nextAttemptAt,
    }),
  }),
})

const neverRung: DoorbellRow = { lastRungAt: null, lastStatus: null, lastError: null, attempts: 0, nextAttemptAt: null }

/** How the view stands: as it was loaded, or read now. */
async function overviewOf(view: SyncViewShape, context: Context): Promise<ViewOverview> {
  if (view.overview !== undefined) return view.overview
  const [overview] = await context.sync.overviews(view.accountId, view.id)
  return stillThere(overview, 'This sync view')
}

/** A view with how it stands. */
function withOverview(overview: ViewOverview): SyncViewShape {
  return { ...overview.view, overview }
}

builder.node(SyncView, {
  description: "An external system's view of the shop: what is linked to it is sent to it. No two share a user.",
  id: { resolve: (view) => view.id },
  loadOne: async (id, context) => {
    const caller = requireCaller(context)
    const view = await findSyncView(context.database, caller.accountId, nodeNumber(id))
    return view !== undefined && (maySeeView(context, view.id) || view.userId === caller.userId) ? view : null
  },
  fields: (t) => ({
    name: t.exposeString('name', { description: 'What admins know it by.' }),
    system: t.exposeString('system', { nullable: true, description: 'What is at the other end: "Fortnox", "POS Göteborg".' }),
    user: t.field({
      type: User,
      description: 'Whose it is. Unique: no two sync views share a user.',
      resolve: async (view, _args, context) => stillThere(await context.loaders().user.load(view.userId), 'The user of this sync view'),
    }),
    state: t.field({
      type: SyncViewState,
      description: 'How it stands, in a word.',
      resolve: (view, _args, context) => view.overview?.state ?? syncViewStateOf(context.database, view),
    }),
    autoLink: t.exposeBoolean('autoLink', { description: 'Whether new products are linked by themselves.' }),
    orderScope: t.expose('orderScope', { type: OrderScope, description: 'Whose orders and customers it receives.' }),
    linkCount: t.int({
      description: 'How many products are linked to it.',
      resolve: (view, _args, context) => view.overview?.linkCount ?? linkCountOf(context.database, view),
    }),
    rejectedCount: t.int({
      description: 'How many of them the external system cannot take.',
      resolve: async (view, _args, context) => (await overviewOf(view, context)).rejectedCount,
    }),
    rejections: t.field({
      type: [RejectionGroupType],
      description: 'Why it cannot take them: each reason once, the commonest first, 100 at most.',
      resolve: async (view, _args, context) => [...(await rejectionGroups(context.database, view.accountId, view.id))],
    }),
    offlineSince: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'Since when it follows no stream, as far as is known; null while it follows one, and before it ever has.',
      resolve: async (view, _args, context) => offlineSinceOf((await overviewOf(view, context)).streams),
    }),
    lastHour: t.field({
      type: [StreamMinuteType],
      description:
        'What was delivered within the last hour, minute by minute and stream by stream, the oldest first. Minutes without anything are left out.',
      resolve: async (view, _args, context) => [...(await overviewOf(view, context)).minutes],
    }),
    streams: t.field({
      type: [StreamStatusType],
      description: 'How it stands on each stream.',
      resolve: async (view, _args, context) => [
        ...(view.overview?.streams ?? (await streamStatuses(context.database, view.accountId, view.id))),
      ],
    }),
    resend: t.field({
      type: Resend,
      nullable: true,
      description: 'The latest resend, whatever its state.',
      resolve: (view, _args, context) =>
        view.overview === undefined ? latestResend(context.database, view.accountId, view.id) : view.overview.resend,
    }),
    doorbellUrl: t.exposeString('doorbellUrl', {
      nullable: true,
      description: 'Called (signed) when something waits and nobody is connected.',
    }),
    doorbell: t.field({
      type: Doorbell,
      nullable: true,
      description: 'How the doorbell stands; null where there is none.',
      resolve: async (view, _args, context) =>
        view.doorbellUrl === null ? null : ((await findDoorbell(context.database, view.accountId, view.id)) ?? neverRung),
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was made.' }),
  }),
})

const SyncViewConnection = connectionType(SyncView, 'SyncView', 'Sync views, a page at a time.')

builder.queryFields((t) => ({
  syncView: t.field({
    type: SyncView,
    nullable: true,
    description: 'A sync view; null when there is none. Admins only: an external system finds its own by `viewer`.',
    args: { id: t.arg.globalID({ required: true, description: 'Which.' }) },
    resolve: (_root, { id }, context) =>
      findSyncView(context.database, requireAdmin(context).accountId, id.typename === 'SyncView' ? nodeNumber(id.id) : 0),
  }),
  syncViews: t.field({
    type: SyncViewConnection,
    description: 'The sync views of the shop, in the order in which they were made. Admins only.',
    args: {
      ...pageArguments,
    },
    resolve: (_root, args, context) => {
      const { accountId } = requireAdmin(context)
      return connectionOf(
        pageWanted(args),
        (page) => syncViewsPage(context.database, accountId, page),
        () => countSyncViews(context.database, accountId),
      )
    },
  }),
}))

const CreateSyncViewInput = builder.inputType('CreateSyncViewInput', {
  description: 'A sync view to be.',
  fields: (t) => ({
    name: t.string({ required: true, description: 'What admins are to know it by, 1 to 200 characters.' }),
    system: t.string({ description: 'What is at the other end.' }),
    autoLink: t.boolean({ defaultValue: false, description: 'Link new products by themselves.' }),
    orderScope: t.field({ type: OrderScope, defaultValue: 'OWN', description: 'Whose orders and customers it receives.' }),
    doorbellUrl: t.string({
      description:
        'Where to call, by a signed POST, when something waits and nobody is connected: an http:// or https:// address of the public internet, or of a network that whoever runs the gateway has allowed.',
    }),
  }),
})
const UpdateSyncViewInput = builder.inputType('UpdateSyncViewInput', {
  description: 'What is to be different. What is left out stays as it is; null clears.',
  fields: (t) => ({
    name: t.string({ description: 'What admins know it by.' }),
    system: t.string({ description: 'What is at the other end.' }),
    autoLink: t.boolean({ description: 'Link new products by themselves: what is new from now on.' }),
    orderScope: t.field({ type: OrderScope, description: 'Whose orders and customers it receives.' }),
    paused: t.boolean({ description: 'Send it nothing until this is false again. Nothing is lost: it goes on where it was.' }),
    doorbellUrl: t.string({
      description:
        'Where to call, by a signed POST, when something waits and nobody is connected: an http:// or https:// address of the public internet, or of a network that whoever runs the gateway has allowed. It gets a new secret, also where it is the same as before.',
    }),
  }),
})

const CreateSyncViewPayload = payloadType<WrittenView>('CreateSyncViewPayload', (t) => ({
  syncView: t.field({ type: SyncView, description: 'The view.', resolve: ({ view }) => view }),
  doorbellSecret: t.exposeString('doorbellSecret', {
    nullable: true,
    description:
      'The secret that calls to the doorbell are signed with, as the Standard Webhooks specification has it: shown once, where a doorbellUrl was given.',
  }),
}))
const UpdateSyncViewPayload = payloadType<WrittenView>('UpdateSyncViewPayload', (t) => ({
  syncView: t.field({ type: SyncView, description: 'The view as it is now.', resolve: ({ view }) => view }),
  doorbellSecret: t.exposeString('doorbellSecret', {
    nullable: true,
    description: 'The new secret: shown once, where a doorbellUrl was given.',
  }),
}))
const DeleteSyncViewPayload = payloadType<{ viewId: number }>('DeleteSyncViewPayload', (t) => ({
  deletedId: t.globalID({ description: 'What its id was.', resolve: ({ viewId }) => ({ type: 'SyncView', id: viewId }) }),
}))
const LinkProductsPayload = payloadType<{ linksCreated: number }>('LinkProductsPayload', (t) => ({
  linksCreated: t.exposeInt('linksCreated', { description: 'How many were not linked before.' }),
}))
const UnlinkProductsPayload = payloadType<{ linksRemoved: number }>('UnlinkProductsPayload', (t) => ({
  linksRemoved: t.exposeInt('linksRemoved', { description: 'How many were linked before.' }),
}))

builder.mutationFields((t) => ({
  createSyncView: t.field({
    type: CreateSyncViewPayload,
    description:
      'Step 1, by the external system with the key of its own INTEGRATION user: makes its sync view. The same input again answers the view that is there.',
    args: { input: t.arg({ type: CreateSyncViewInput, required: true, description: 'The view to be.' }) },
    resolve: async (_root, { input }, context) => {
      const wanted = { ...input, autoLink: input.autoLink ?? false, orderScope: input.orderScope ?? 'OWN' }
      const written = await createSyncView(context.database, requireCaller(context), wanted, context.sync.doorbellNetworks)
      context.onViewMade?.()
      context.sync.poke()
      return written
    },
  }),
  updateSyncView: t.field({
    type: UpdateSyncViewPayload,
    description: 'Changes a sync view: its name, its options, whether it is paused. Admins only.',
    args: {
      id: t.arg.globalID({ required: true, description: 'Which.' }),
      input: t.arg({ type: UpdateSyncViewInput, required: true, description: 'What is to be different.' }),
    },
    resolve: async (_root, { id, input }, context) => {
      const { accountId } = requireAdmin(context)
      const changes = {
        name: given(input.name),
        system: input.system,
        autoLink: given(input.autoLink),
        orderScope: given(input.orderScope),
        paused: given(input.paused),
        doorbellUrl: input.doorbellUrl,
      }
      const viewId = idOf('SyncView', id, ['id'])
      const written = await updateSyncView(context.database, accountId, viewId, changes, context.sync.doorbellNetworks)
      context.sync.poke()
      return written
    },
  }),
  deleteSyncView: t.field({
    type: DeleteSyncViewPayload,
    description: 'Deletes a sync view with its links. Nothing is sent for that; its user stays, and may make another. Admins only.',
    args: { id: t.arg.globalID({ required: true, description: 'Which.' }) },
    resolve: async (_root, { id }, context) => {
      const { accountId } = requireAdmin(context)
      const viewId = idOf('SyncView', id, ['id'])
      await deleteSyncView(context.database, accountId, viewId)
      context.sync.poke()
      return { viewId }
    },
  }),
  linkProducts: t.field({
    type: LinkProductsPayload,
    description: 'Links products to a sync view, so that they, and their changes from now on, are sent there. Admins only.',
    args: {
      syncViewId: t.arg.globalID({ required: true, description: 'The view.' }),
      products: t.arg({ type: [ProductByInput], required: true, description: '1 to 1 000 products.' }),
    },
    resolve: async (_root, { syncViewId, products }, context) => {
      const { accountId } = requireAdmin(context)
      const ids = await findProductIds(context.database, accountId, products.map(toProductBy))
      const linksCreated = await linkProducts(context.database, accountId, idOf('SyncView', syncViewId, ['syncViewId']), ids)
      context.sync.poke()
      return { linksCreated }
    },
  }),
  unlinkProducts: t.field({
    type: UnlinkProductsPayload,
    description: 'Unlinks products from a sync view: the other end gets a REMOVE for each. Admins only.',
    args: {
      syncViewId: t.arg.globalID({ required: true, description: 'The view.' }),
      products: t.arg({ type: [ProductByInput], required: true, description: '1 to 1 000 products.' }),
    },
    resolve: async (_root, { syncViewId, products }, context) => {
      const { accountId } = requireAdmin(context)
      const ids = await findProductIds(context.database, accountId, products.map(toProductBy))
      const linksRemoved = await unlinkProducts(context.database, accountId, idOf('SyncView', syncViewId, ['syncViewId']), ids)
      context.sync.poke()
      return { linksRemoved }
    },
  }),
}))

builder.subscriptionField('syncViewStatus', (t) =>
  t.field({
    type: SyncView,
    description:
      'A sync view, and again whenever it or its streams change: how it stands, what waits. Admins, and an integration for its own view.',
    args: { syncViewId: t.arg.globalID({ required: true, description: 'Which.' }) },
    subscribe: (_root, args, context) => {
      const { accountId, viewId } = requireViewAccess(context, args.syncViewId)
      return untilKeyEnds(context, context.sync.watchView(accountId, viewId))
    },
    resolve: withOverview,
  }),
)

builder.subscriptionField('syncViewStatuses', (t) =>
  t.field({
    type: [SyncView],
    description:
      'All sync views of the shop, in the order in which they were made, and again whenever one of them or its streams change: at most about once a second. At most 500. Admins only.',
    subscribe: (_root, _args, context) => untilKeyEnds(context, context.sync.watchViews(requireAdmin(context).accountId)),
    resolve: (overviews) => overviews.map(withOverview),
  }),
)
