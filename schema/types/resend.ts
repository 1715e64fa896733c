import {
  cancelResend,
  findResend,
  resendAllProducts,
  resendPlan,
  resendProducts,
  resendProgressOf,
  type ResendPlan,
  type ResendProgress,
  type ResendRow,
} from '../../src/sync/resend.ts'
import { findProductIds } from '../../src/catalog/products.ts'
import { builder, given, idOf, nodeNumber } from '../builder.ts'
import { maySeeView, requireAdmin, requireCaller, requireViewAccess, untilKeyEnds, type Context } from '../context.ts'
import { payloadType } from '../payload.ts'
import { ProductByInput, toProductBy } from '../product-by.ts'
import { Resend, User, type ResendShape } from '../refs.ts'
import { LinkState } from './link.ts'

const ResendState = builder.enumType('ResendState', {
  description: 'How a resend stands. Expect values that are new to you.',
  values: {
    RUNNING: { description: 'Under way.' },
    COMPLETED: { description: 'The external system has acknowledged the last of it.' },
    CANCELLED: { description: 'An admin ended it.' },
  },
})

const ResendCause = builder.enumType('ResendCause', {
  description: 'Why there is a resend. Expect values that are new to you.',
  values: {
    ADMIN: { description: 'An admin chose it.' },
    COMMAND_LINE: { description: 'Somebody started it from the command line.' },
    FAILOVER: { description: 'The database was set back, and this view had seen more than is there now.' },
  },
})

function progressOf(resend: ResendShape, context: Context): ResendProgress | Promise<ResendProgress> {
  return resend.progress ?? resendProgressOf(context.database, resend)
}

builder.node(Resend, {
  description: 'A run of "Resend all products". It never delays what changes meanwhile.',
  id: { resolve: (resend) => resend.id },
  loadOne: async (id, context) => {
    const resend = await findResend(context.database, requireCaller(context).accountId, nodeNumber(id))
    return resend !== undefined && maySeeView(context, resend.viewId) ? resend : null
  },
  fields: (t) => ({
    state: t.expose('state', { type: ResendState, description: 'How it stands.' }),
    cause: t.expose('cause', { type: ResendCause, description: 'Why there is one.' }),
    total: t.exposeInt('total', { description: 'Products to send.' }),
    acknowledged: t.int({
      description: 'Of them, done with.',
      resolve: async (resend, _args, context) => (await progressOf(resend, context)).acknowledged,
    }),
    ratePerSecond: t.float({
      nullable: true,
      description:
        'Products a second, measured from the first acknowledge (from the start, where all was acknowledged at once); null until then.',
      resolve: async (resend, _args, context) => (await progressOf(resend, context)).ratePerSecond,
    }),
    estimatedCompletionAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When it will be complete at that rate; null while that cannot be told.',
      resolve: async (resend, _args, context) => (await progressOf(resend, context)).estimatedCompletionAt,
    }),
    startedBy: t.field({
      type: User,
      nullable: true,
      description: 'Who started it; null where nobody did, or the command line.',
      resolve: (resend, _args, context) => (resend.startedBy === null ? null : context.loaders().user.load(resend.startedBy)),
    }),
    startedAt: t.expose('startedAt', { type: 'DateTime', description: 'When it began.' }),
    finishedAt: t.expose('finishedAt', { type: 'DateTime', nullable: true, description: 'When it ended; null while it runs.' }),
  }),
})

const ResendPlanType = builder.objectRef<ResendPlan>('ResendPlan').implement({
  description: 'What "Resend all products" would do.',
  fields: (t) => ({
    productCount: t.exposeInt('productCount', { description: 'How many products it would send.' }),
    linksToCreate: t.exposeInt('linksToCreate', { description: 'How many of them are not linked yet.' }),
    estimatedSeconds: t.float({
      nullable: true,
      description:
        'How long, at the rate that was measured for this view in its latest resend; null where nothing was acknowledged in any.',
      resolve: (plan) => plan.estimatedSeconds,
    }),
    running: t.field({ type: Resend, nullable: true, description: 'The one that runs.', resolve: (plan) => plan.running }),
    last: t.field({ type: Resend, nullable: true, description: 'The latest that has ended.', resolve: (plan) => plan.last }),
  }),
})

const ResendStarted = builder
  .objectRef<{ readonly at: 'started'; readonly resend: ResendRow; readonly linksCreated: number }>('ResendStarted')
  .implement({
    description: 'A resend has begun.',
    isTypeOf: (outcome) => isOutcome(outcome, 'started'),
    fields: (t) => ({
      resend: t.field({ type: Resend, description: 'The resend.', resolve: ({ resend }) => resend }),
      linksCreated: t.exposeInt('linksCreated', { description: 'How many products were not linked before.' }),
    }),
  })
const ResendAlreadyRunning = builder.objectRef<{ readonly at: 'running'; readonly resend: ResendRow }>('ResendAlreadyRunning').implement({
  description: 'A resend runs: you have joined it. It was not restarted.',
  isTypeOf: (outcome) => isOutcome(outcome, 'running'),
  fields: (t) => ({ resend: t.field({ type: Resend, description: 'The resend that runs.', resolve: ({ resend }) => resend }) }),
})
const ResendNeedsConfirmation = builder
  .objectRef<{ readonly at: 'needs-confirmation'; readonly plan: ResendPlan }>('ResendNeedsConfirmation')
  .implement({
    description:
      'Everything was sent to this view before. Nothing was started: look at the plan, and call again with `confirm: true` if you mean it.',
    isTypeOf: (outcome) => isOutcome(outcome, 'needs-confirmation'),
    fields: (t) => ({ plan: t.field({ type: ResendPlanType, description: 'What it would do.', resolve: ({ plan }) => plan }) }),
  })

function isOutcome(outcome: unknown, at: string): boolean {
  return typeof outcome === 'object' && outcome !== null && 'at' in outcome && outcome.at === at
}

const ResendAllProductsResult = builder.unionType('ResendAllProductsResult', {
  description: 'What came of "Resend all products". Expect types that are new to you.',
  types: [ResendStarted, ResendAlreadyRunning, ResendNeedsConfirmation],
})
const CancelResendPayload = payloadType<{ resend: ResendRow }>('CancelResendPayload', (t) => ({
  resend: t.field({ type: Resend, description: 'The resend as it is now.', resolve: ({ resend }) => resend }),
}))

const ResendProductsPayload = payloadType<{ linksQueued: number }>('ResendProductsPayload', (t) => ({
  linksQueued: t.exposeInt('linksQueued', { description: 'How many products are sent once more.' }),
}))

builder.queryField('resendPlan', (t) =>
  t.field({
    type: ResendPlanType,
    description: 'What resendAllProducts would do, before anyone does it. Admins only.',
    args: { syncViewId: t.arg.globalID({ required: true, description: 'The view.' }) },
    resolve: (_root, args, context) =>
      resendPlan(context.database, requireAdmin(context).accountId, idOf('SyncView', args.syncViewId, ['syncViewId'])),
  }),
)

builder.mutationFields((t) => ({
  resendAllProducts: t.field({
    type: ResendAllProductsResult,
    description:
      'Step 2: links every product to the view and sends all of them with their stock. Calling it again while it runs joins the one that runs. The first time it starts at once; later it asks. Admins only.',
    args: {
      syncViewId: t.arg.globalID({ required: true, description: 'The view.' }),
      confirm: t.arg.boolean({ defaultValue: false, description: 'Start although everything was sent before.' }),
    },
    resolve: async (_root, { syncViewId, confirm }, context) => {
      const { accountId, userId } = requireAdmin(context)
      const viewId = idOf('SyncView', syncViewId, ['syncViewId'])
      const outcome = await resendAllProducts(context.database, accountId, viewId, { confirm: confirm ?? false, cause: 'ADMIN', userId })
      context.sync.poke()
      return outcome
    },
  }),
  resendProducts: t.field({
    type: ResendProductsPayload,
    description:
      'Sends products once more with their stock, after what waits already: these, or all whose links are in a state, or, where both are given, those of these. A rejection ends by it. Admins only.',
    args: {
      syncViewId: t.arg.globalID({ required: true, description: 'The view.' }),
      products: t.arg({ type: [ProductByInput], description: '1 to 1 000 products that are linked to the view.' }),
      state: t.arg({ type: LinkState, description: 'All links in this state: REJECTED, once what was wrong has been put right.' }),
    },
    resolve: async (_root, { syncViewId, products, state }, context) => {
      const { accountId } = requireAdmin(context)
      const viewId = idOf('SyncView', syncViewId, ['syncViewId'])
      const productIds = products ? await findProductIds(context.database, accountId, products.map(toProductBy)) : undefined
      const linksQueued = await resendProducts(context.database, accountId, viewId, { productIds, state: given(state) })
      context.sync.poke()
      return { linksQueued }
    },
  }),
  cancelResend: t.field({
    type: CancelResendPayload,
    description: 'Ends the resend that runs. What was linked is still sent once, and everything that changes. Admins only.',
    args: { syncViewId: t.arg.globalID({ required: true, description: 'The view.' }) },
    resolve: async (_root, args, context) => {
      const resend = await cancelResend(
        context.database,
        requireAdmin(context).accountId,
        idOf('SyncView', args.syncViewId, ['syncViewId']),
      )
      context.sync.poke()
      return { resend }
    },
  }),
}))

builder.subscriptionField('resendProgress', (t) =>
  t.field({
    type: Resend,
    description: "The view's latest resend, and again whenever it moves. Admins, and an integration for its own view.",
    args: { syncViewId: t.arg.globalID({ required: true, description: 'The view.' }) },
    subscribe: (_root, args, context) => {
      const { accountId, viewId } = requireViewAccess(context, args.syncViewId)
      return untilKeyEnds(context, context.sync.watchResend(accountId, viewId))
    },
    resolve: (resend) => resend,
  }),
)
