import type { StockLevelRow } from '../../src/catalog/rows.ts'
import { stockLevelsByIds } from '../../src/catalog/products.ts'
import { countMovements, movementsPage, type StockMovementRow } from '../../src/catalog/stock-ledger.ts'
import { adjustStock, setStock } from '../../src/catalog/stock.ts'
import { shownRevision } from '../../src/sync/change.ts'
import { findOrder } from '../../src/trade/order-reading.ts'
import { builder, nodeNumber, stillThere } from '../builder.ts'
import { connectionOf, connectionType, pageArguments, pageWanted } from '../connection.ts'
import { requireCaller } from '../context.ts'
import { payloadType } from '../payload.ts'
import { authorOf } from '../product-by.ts'
import { shownQuantity } from '../quantity.ts'
import { Location, Order, StockLevel, User, Variant } from '../refs.ts'

builder.node(Location, {
  description: 'Where stock lies: a warehouse, a shop.',
  id: { resolve: (location) => location.id },
  loadOne: (id, context) => {
    requireCaller(context)
    return context.loaders().location.load(nodeNumber(id))
  },
  fields: (t) => ({
    code: t.exposeString('code', { description: 'Its short name, unique within the account; it never changes.' }),
    name: t.exposeString('name', { description: 'Its name.' }),
  }),
})

const MovementCause = builder.enumType('StockMovementCause', {
  description: 'Why stock moved. Expect values that are new to you.',
  values: {
    ORDER: { description: 'An order was placed, changed, shipped or cancelled.' },
    ADJUSTMENT: { description: 'adjustStock.' },
    IMPORT: { description: 'A catalogue was imported.' },
    SET: { description: 'setStock.' },
  },
})

const StockMovement = builder.objectRef<StockMovementRow>('StockMovement').implement({
  description: 'A movement of stock in the ledger.',
  fields: (t) => ({
    id: t.globalID({ description: 'Its id.', resolve: (movement) => ({ type: 'StockMovement', id: movement.id }) }),
    cause: t.expose('cause', { type: MovementCause, description: 'Why.' }),
    onHandDelta: t.int({ description: 'By how much what is on hand changed.', resolve: ({ onHandDelta }) => shownQuantity(onHandDelta) }),
    reservedDelta: t.int({
      description: 'By how much what is reserved changed.',
      resolve: ({ reservedDelta }) => shownQuantity(reservedDelta),
    }),
    onHand: t.exposeInt('onHand', { description: 'What was on hand afterwards.' }),
    reserved: t.exposeInt('reserved', { description: 'What was reserved afterwards.' }),
    order: t.field({
      type: Order,
      nullable: true,
      description: 'The order that moved it, where you may see it.',
      resolve: ({ orderId }, _args, context) => (orderId === null ? null : findOrder(context.database, requireCaller(context), orderId)),
    }),
    author: t.field({
      type: User,
      nullable: true,
      description: "Who did it; null for the command line. An integration is shown no other's name than its own.",
      resolve: ({ userId }, _args, context) => {
        const caller = requireCaller(context)
        return userId !== null && (caller.kind === 'ADMIN' || caller.userId === userId) ? context.loaders().user.load(userId) : null
      },
    }),
    at: t.expose('at', { type: 'DateTime', description: 'When.' }),
  }),
})
const StockMovementConnection = connectionType(StockMovement, 'StockMovement', 'Movements of stock, a page at a time.')

builder.node(StockLevel, {
  description: 'How much of a variant lies at a location, in whole units: sell cloth by the centimetre.',
  id: { resolve: (level) => level.id },
  loadOne: async (id, context) =>
    (await stockLevelsByIds(context.database, requireCaller(context).accountId, [nodeNumber(id)])).get(nodeNumber(id)),
  fields: (t) => ({
    variant: t.field({
      type: Variant,
      description: 'What lies there.',
      resolve: (level, _args, context) =>
        level.variant ??
        context
          .loaders()
          .variant.load(level.variantId)
          .then((variant) => stillThere(variant, 'The variant of this stock level')),
    }),
    location: t.field({
      type: Location,
      description: 'Where it lies.',
      resolve: (level, _args, context) =>
        level.location ??
        context
          .loaders()
          .location.load(level.locationId)
          .then((location) => stillThere(location, 'The location of this stock level')),
    }),
    onHand: t.exposeInt('onHand', { description: 'What is there.' }),
    reserved: t.exposeInt('reserved', { description: 'What of it is promised to orders that are placed.' }),
    available: t.int({
      description: 'What can be sold: on hand less reserved.',
      resolve: (level) => shownQuantity(level.onHand - level.reserved),
    }),
    revision: t.field({
      type: 'BigInt',
      description: 'Grows with every change of this stock level and is never used again.',
      resolve: (level, _args, context) => shownRevision(context.sync.epoch, level.revision),
    }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime', description: 'When it last changed.' }),
    movements: t.field({
      type: StockMovementConnection,
      description: 'The ledger of this stock level, the latest movement first: what was moved through synkvy. Plain SQL leaves none.',
      args: {
        ...pageArguments,
      },
      resolve: (level, args, context) =>
        connectionOf(
          pageWanted(args),
          (page) => movementsPage(context.database, level.accountId, level.id, page),
          () => countMovements(context.database, level.accountId, level.id),
        ),
    }),
  }),
})

const SetStockInput = builder.inputType('SetStockInput', {
  description: 'What is to be on hand of a variant at a location.',
  fields: (t) => ({
    sku: t.string({ required: true, description: 'Of which variant.' }),
    location: t.string({ defaultValue: 'default', description: "The location's code. It is made when it is first named." }),
    onHand: t.int({ required: true, description: 'What is there: 0 or more, unless the product allows backorders.' }),
    expectedOnHand: t.int({
      description: 'Compare-and-set: CONFLICT if another number is on hand by now. A stock level that is not there counts as 0.',
    }),
  }),
})
const AdjustStockInput = builder.inputType('AdjustStockInput', {
  description: 'By how much what is on hand of a variant at a location changes.',
  fields: (t) => ({
    sku: t.string({ required: true, description: 'Of which variant.' }),
    location: t.string({ defaultValue: 'default', description: "The location's code. It is made when it is first named." }),
    delta: t.int({ required: true, description: 'What comes (above zero) or goes (below zero).' }),
  }),
})

const StockPayload = payloadType<{ stockLevels: readonly StockLevelRow[] }>('StockPayload', (t) => ({
  stockLevels: t.field({
    type: [StockLevel],
    description: 'The stock levels as they are now, in the order of the input.',
    resolve: ({ stockLevels }) => [...stockLevels],
  }),
}))

/** GraphQL gives null where a client says so; the default holds there as well. */
export const atLocation = <Input extends { readonly location?: string | null | undefined }>(input: Input) => ({
  ...input,
  location: input.location ?? 'default',
})

builder.mutationFields((t) => ({
  setStock: t.field({
    type: StockPayload,
    description: 'Sets what is on hand. Admins, and integrations.',
    args: { input: t.arg({ type: [SetStockInput], required: true, description: '1 to 1 000 stock levels, each once.' }) },
    resolve: async (_root, { input }, context) => {
      const stockLevels = await setStock(context.database, authorOf(requireCaller(context)), input.map(atLocation))
      context.sync.poke()
      return { stockLevels }
    },
  }),
  adjustStock: t.field({
    type: StockPayload,
    description: 'Changes what is on hand by a number. INSUFFICIENT_STOCK where available would fall below zero. Admins, and integrations.',
    args: {
      input: t.arg({ type: [AdjustStockInput], required: true, description: '1 to 1 000 changes.' }),
      idempotencyKey: t.arg.string({
        description:
          'A key of your own: the same call with the same key is done once, and answered the same again for 30 days. With other input: CONFLICT.',
      }),
    },
    resolve: async (_root, { input, idempotencyKey }, context) => {
      const stockLevels = await adjustStock(context.database, authorOf(requireCaller(context)), input.map(atLocation), idempotencyKey)
      context.sync.poke()
      return { stockLevels }
    },
  }),
}))
