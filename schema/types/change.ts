import type { ObjectRef } from '@pothos/core'
import { SynkvyError } from '../../src/errors.ts'
import { globalId } from '../../src/global-id.ts'
import type { Batch, Change, EntityOf, Stream, StreamOptions } from '../../src/sync/change.ts'
import type { StreamKey } from '../../src/sync/checkpoint.ts'
import { streamStatus } from '../../src/sync/status.ts'
import { builder, given, type SchemaTypes } from '../builder.ts'
import { requireCaller, untilKeyEnds, whileWanted, type Context } from '../context.ts'
import { payloadType } from '../payload.ts'
import { Customer, Order, Product, StockLevel } from '../refs.ts'
import { StreamStatusType } from './sync-view.ts'

const ChangeKind = builder.enumType('ChangeKind', {
  description: 'What to do. Expect values that are new to you.',
  values: {
    UPSERT: { description: 'Store it as it is here, whether you have it or not.' },
    REMOVE: { description: 'It is no longer there for you: remove it, if you have it.' },
  },
})
const RemoveReason = builder.enumType('RemoveReason', {
  description: 'Why it is no longer there for you. Expect values that are new to you.',
  values: {
    DELETED: { description: 'The shop has deleted it.' },
    UNLINKED: { description: 'It was unlinked from your sync view.' },
  },
})
const Lane = builder.enumType('Lane', {
  description: 'Why it was sent. Expect values that are new to you.',
  values: {
    LIVE: { description: 'It changed.' },
    RESEND: { description: 'It was linked or resent.' },
  },
})

const idDescription = 'Its id, also where it is no longer there.'
const revisionDescription = 'Drop what is strictly older by this than what you have; take the rest.'

const ProductChange = builder.objectRef<Change<EntityOf['PRODUCT']>>('ProductChange').implement({
  description: 'A product as it is now, or that it is no longer there for you.',
  fields: (t) => ({
    kind: t.expose('kind', { type: ChangeKind, description: 'What to do.' }),
    lane: t.expose('lane', { type: Lane, description: 'Why it was sent.' }),
    productId: t.id({ description: idDescription, resolve: (change) => globalId('Product', change.id) }),
    revision: t.expose('revision', { type: 'BigInt', description: revisionDescription }),
    product: t.field({ type: Product, nullable: true, description: 'The product; null in a REMOVE.', resolve: (change) => change.entity }),
    reason: t.field({ type: RemoveReason, nullable: true, description: 'In a REMOVE: why.', resolve: (change) => change.reason }),
    handle: t.exposeString('key', { description: "The product's handle." }),
    externalId: t.string({
      nullable: true,
      description: 'What you call the product, if you have said so.',
      resolve: (change) => change.externalId,
    }),
  }),
})
const StockChange = builder.objectRef<Change<EntityOf['STOCK']>>('StockChange').implement({
  description: 'A stock level as it is now, or that it is no longer there for you.',
  fields: (t) => ({
    kind: t.expose('kind', { type: ChangeKind, description: 'What to do.' }),
    lane: t.expose('lane', { type: Lane, description: 'Why it was sent.' }),
    stockLevelId: t.id({ description: idDescription, resolve: (change) => globalId('StockLevel', change.id) }),
    revision: t.expose('revision', { type: 'BigInt', description: revisionDescription }),
    stockLevel: t.field({
      type: StockLevel,
      nullable: true,
      description: 'The stock level; null in a REMOVE.',
      resolve: (change) => change.entity,
    }),
    reason: t.field({ type: RemoveReason, nullable: true, description: 'In a REMOVE: why.', resolve: (change) => change.reason }),
    sku: t.exposeString('key', { description: 'Of which variant.' }),
    locationCode: t.exposeString('locationCode', { description: 'At which location.' }),
  }),
})

const OrderChange = builder.objectRef<Change<EntityOf['ORDER']>>('OrderChange').implement({
  description: 'An order as it is now, or that it is no longer there for you.',
  fields: (t) => ({
    kind: t.expose('kind', { type: ChangeKind, description: 'What to do.' }),
    lane: t.expose('lane', { type: Lane, description: 'Why it was sent: orders come LIVE.' }),
    orderId: t.id({ description: idDescription, resolve: (change) => globalId('Order', change.id) }),
    revision: t.expose('revision', { type: 'BigInt', description: revisionDescription }),
    order: t.field({ type: Order, nullable: true, description: 'The order; null in a REMOVE.', resolve: (change) => change.entity }),
    reason: t.field({ type: RemoveReason, nullable: true, description: 'In a REMOVE: why.', resolve: (change) => change.reason }),
    externalId: t.exposeString('key', { nullable: true, description: 'What its owner calls the order.' }),
  }),
})
const CustomerChange = builder.objectRef<Change<EntityOf['CUSTOMER']>>('CustomerChange').implement({
  description: 'A customer as it is now, or that it is no longer there for you.',
  fields: (t) => ({
    kind: t.expose('kind', { type: ChangeKind, description: 'What to do.' }),
    lane: t.expose('lane', { type: Lane, description: 'Why it was sent: customers come LIVE.' }),
    customerId: t.id({ description: idDescription, resolve: (change) => globalId('Customer', change.id) }),
    revision: t.expose('revision', { type: 'BigInt', description: revisionDescription }),
    customer: t.field({
      type: Customer,
      nullable: true,
      description: 'The customer; null in a REMOVE.',
      resolve: (change) => change.entity,
    }),
    reason: t.field({ type: RemoveReason, nullable: true, description: 'In a REMOVE: why.', resolve: (change) => change.reason }),
    externalId: t.exposeString('key', { nullable: true, description: 'What its owner calls the customer.' }),
  }),
})

/** A batch's type: the same for every stream but for the changes in it. */
function batchType<Entity>(name: string, of: string, change: ObjectRef<SchemaTypes, Change<Entity>>) {
  const batch = builder.objectRef<Batch<Entity>>(name)
  builder.objectType(batch, {
    description: `Changes of ${of} that are sent, and acknowledged, as one.`,
    fields: (t) => ({
      cursor: t.expose('cursor', {
        type: 'Cursor',
        description: 'Acknowledge this when everything in the batch is safely stored. An empty batch needs no acknowledge.',
      }),
      caughtUp: t.exposeBoolean('caughtUp', { description: 'Nothing more waits at the moment.' }),
    }),
  })
  builder.objectField(batch, 'changes', (t) =>
    t.field({ type: t.listRef(change), description: 'The changes, each entity once.', resolve: changesOf<Entity> }),
  )
  return batch
}

/** The same of a stream that a resend goes over. */
function resentBatchType<Entity>(name: string, of: string, change: ObjectRef<SchemaTypes, Change<Entity>>) {
  const batch = batchType(name, of, change)
  builder.objectFields(batch, (t) => ({
    resendId: t.field({
      type: 'ID',
      nullable: true,
      description: 'The resend that is under way.',
      resolve: ({ resendId }) => (resendId === undefined ? null : globalId('Resend', resendId)),
    }),
    resendComplete: t.boolean({
      description: 'With this batch all of the resend has been sent: what you did not see in it is not linked to you.',
      resolve: ({ resendComplete }) => resendComplete,
    }),
  }))
  return batch
}

/** A list as GraphQL takes it. */
function changesOf<Entity>(batch: Batch<Entity>): Change<Entity>[] {
  return [...batch.changes]
}

const ProductChangeBatch = resentBatchType<EntityOf['PRODUCT']>('ProductChangeBatch', 'products', ProductChange)
const StockChangeBatch = resentBatchType<EntityOf['STOCK']>('StockChangeBatch', 'stock levels', StockChange)
const OrderChangeBatch = batchType<EntityOf['ORDER']>('OrderChangeBatch', 'orders', OrderChange)
const CustomerChangeBatch = batchType<EntityOf['CUSTOMER']>('CustomerChangeBatch', 'customers', CustomerChange)

const largestBatch = 1_000
const widestWindow = 64
const longestWaitSeconds = 30

function checkRange(name: string, value: number, from: number, to: number): void {
  if (value < from || value > to) throw new SynkvyError('BAD_USER_INPUT', `"${name}" is from ${from} to ${to}.`, { inputPath: [name] })
}

interface StreamArgs {
  readonly afterCursor?: string | null | undefined
  readonly batchSize?: number | null | undefined
  readonly maxInFlight?: number | null | undefined
}

function streamOptions(args: StreamArgs, usualBatch: number, context: Context): StreamOptions {
  const options = { afterCursor: given(args.afterCursor), batchSize: args.batchSize ?? usualBatch, maxInFlight: args.maxInFlight ?? 4 }
  checkRange('batchSize', options.batchSize, 1, largestBatch)
  checkRange('maxInFlight', options.maxInFlight, 1, widestWindow)
  return { ...options, transport: context.transport, address: context.address }
}

interface PullArgs {
  readonly afterCursor?: string | null | undefined
  readonly first?: number | null | undefined
  readonly waitSeconds?: number | null | undefined
}

function pullOptions(args: PullArgs, usualBatch: number) {
  const options = { afterCursor: given(args.afterCursor), first: args.first ?? usualBatch, waitSeconds: args.waitSeconds ?? 0 }
  checkRange('first', options.first, 1, largestBatch)
  checkRange('waitSeconds', options.waitSeconds, 0, longestWaitSeconds)
  return options
}

/** How many changes a batch holds where nothing is said. */
const usual: { readonly [S in Stream]: number } = { PRODUCT: 200, STOCK: 500, ORDER: 200, CUSTOMER: 200 }

async function subscribe<S extends Stream>(
  context: Context,
  stream: S,
  args: StreamArgs,
): Promise<AsyncIterableIterator<Batch<EntityOf[S]>>> {
  const caller = requireCaller(context)
  return untilKeyEnds(context, await context.sync.open(caller, stream, streamOptions(args, usual[stream], context)))
}

function pull<S extends Stream>(context: Context, stream: S, args: PullArgs): Promise<Batch<EntityOf[S]>> {
  const caller = requireCaller(context)
  const options = pullOptions(args, usual[stream])
  return whileWanted(context, (signal) => context.sync.pull(caller, stream, { ...options, address: context.address, signal }))
}

const streamRules =
  'Starts after the larger of what the view has acknowledged and `afterCursor`. The first batch comes at once: empty and caughtUp if nothing waits. ' +
  'At most `maxInFlight` batches are out unacknowledged. A newer subscription of the same stream by the same view takes over: the older ends with STREAM_TAKEN_OVER, on which not to reconnect.'
const ownedRules =
  "A view with the orderScope ALL receives the whole shop's, others those that they have sent in. What you write yourself is not sent back to you."
const pullRules = 'The same stream by pull, for a system that cannot hold a connection open: same cursors, same acknowledge.'

builder.subscriptionFields((t) => {
  const args = (batch: number) => ({
    afterCursor: t.arg({ type: 'Cursor', description: 'Start after this, if it is beyond what is acknowledged.' }),
    batchSize: t.arg.int({ defaultValue: batch, description: 'Changes in a batch at most: 1 to 1 000.' }),
    maxInFlight: t.arg.int({ defaultValue: 4, description: 'Batches that may be out unacknowledged: 1 to 64.' }),
  })
  return {
    productChanges: t.field({
      type: ProductChangeBatch,
      description: `The products that are linked to your sync view, as they change. ${streamRules}`,
      args: args(usual.PRODUCT),
      subscribe: (_root, given_, context) => subscribe(context, 'PRODUCT', given_),
      resolve: (batch) => batch,
    }),
    stockChanges: t.field({
      type: StockChangeBatch,
      description: `The stock of the products that are linked to your sync view, as it changes. ${streamRules}`,
      args: args(usual.STOCK),
      subscribe: (_root, given_, context) => subscribe(context, 'STOCK', given_),
      resolve: (batch) => batch,
    }),
    orderChanges: t.field({
      type: OrderChangeBatch,
      description: `The orders that your sync view receives, as they change. ${ownedRules} ${streamRules}`,
      args: args(usual.ORDER),
      subscribe: (_root, given_, context) => subscribe(context, 'ORDER', given_),
      resolve: (batch) => batch,
    }),
    customerChanges: t.field({
      type: CustomerChangeBatch,
      description: `The customers that your sync view receives, as they change. ${ownedRules} ${streamRules}`,
      args: args(usual.CUSTOMER),
      subscribe: (_root, given_, context) => subscribe(context, 'CUSTOMER', given_),
      resolve: (batch) => batch,
    }),
  }
})

builder.queryFields((t) => {
  const args = (first: number) => ({
    afterCursor: t.arg({ type: 'Cursor', description: 'Start after this, if it is beyond what is acknowledged.' }),
    first: t.arg.int({ defaultValue: first, description: 'Changes at most: 1 to 1 000.' }),
    waitSeconds: t.arg.int({ defaultValue: 0, description: 'How long to wait for something to come: 0 to 30.' }),
  })
  return {
    productChanges: t.field({
      type: ProductChangeBatch,
      description: `The products that are linked to your sync view, as they changed. ${pullRules}`,
      args: args(usual.PRODUCT),
      resolve: (_root, given_, context) => pull(context, 'PRODUCT', given_),
    }),
    stockChanges: t.field({
      type: StockChangeBatch,
      description: `The stock of the products that are linked to your sync view, as it changed. ${pullRules}`,
      args: args(usual.STOCK),
      resolve: (_root, given_, context) => pull(context, 'STOCK', given_),
    }),
    orderChanges: t.field({
      type: OrderChangeBatch,
      description: `The orders that your sync view receives, as they changed. ${ownedRules} ${pullRules}`,
      args: args(usual.ORDER),
      resolve: (_root, given_, context) => pull(context, 'ORDER', given_),
    }),
    customerChanges: t.field({
      type: CustomerChangeBatch,
      description: `The customers that your sync view receives, as they changed. ${ownedRules} ${pullRules}`,
      args: args(usual.CUSTOMER),
      resolve: (_root, given_, context) => pull(context, 'CUSTOMER', given_),
    }),
  }
})

const AcknowledgePayload = payloadType<StreamKey>('AcknowledgePayload', (t) => ({
  stream: t.field({
    type: StreamStatusType,
    description: 'How the view stands on the stream now. Leave it out where you do not need it: to count what waits is work.',
    resolve: ({ accountId, viewId, stream }, _args, context) => streamStatus(context.database, accountId, viewId, stream),
  }),
}))

builder.mutationFields((t) => ({
  acknowledge: t.field({
    type: AcknowledgePayload,
    description: 'Everything up to the cursor is safely stored over there: it is not sent again, unless it changes or is resent.',
    args: { cursor: t.arg({ type: 'Cursor', required: true, description: "A batch's cursor." }) },
    resolve: async (_root, { cursor }, context) => {
      const key = await context.sync.acknowledge(requireCaller(context), cursor)
      context.sync.poke()
      return key
    },
  }),
  rewind: t.field({
    type: AcknowledgePayload,
    description: 'Goes back to a cursor: the other end was restored from a backup. A subscription that is open reads on from there.',
    args: { cursor: t.arg({ type: 'Cursor', required: true, description: 'The last cursor that the restored system knows.' }) },
    resolve: async (_root, { cursor }, context) => {
      const key = await context.sync.rewind(requireCaller(context), cursor)
      context.sync.poke()
      return key
    },
  }),
}))
