import type { StockLevelRow } from '../../src/catalog/rows.ts'
import { stockLevelsByIds } from '../../src/catalog/products.ts'
import { adjustStock, setStock } from '../../src/catalog/stock.ts'
import { shownRevision } from '../../src/sync/change.ts'
import { builder, nodeNumber } from '../builder.ts'
import { requireCaller } from '../context.ts'
import { payloadType } from '../payload.ts'
import { authorOf } from '../product-by.ts'
import { Location, StockLevel, Variant } from '../refs.ts'

builder.node(Location, {
  description: 'Where stock lies: a warehouse, a shop.',
  id: { resolve: (location) => location.id },
  loadOne: (id, context) => {
    requireCaller(context)
    return context.loaders.location.load(nodeNumber(id))
  },
  fields: (t) => ({
    code: t.exposeString('code', { description: 'Its short name, unique within the account; it never changes.' }),
    name: t.exposeString('name', { description: 'Its name.' }),
  }),
})

builder.node(StockLevel, {
  description: 'How much of a variant lies at a location, in whole units: sell cloth by the centimetre.',
  id: { resolve: (level) => level.id },
  loadOne: async (id, context) =>
    (await stockLevelsByIds(context.database, requireCaller(context).accountId, [nodeNumber(id)])).get(nodeNumber(id)),
  fields: (t) => ({
    variant: t.field({
      type: Variant,
      description: 'What lies there.',
      resolve: (level, _args, context) => level.variant ?? context.loaders.variant.load(level.variantId).then(expectRow),
    }),
    location: t.field({
      type: Location,
      description: 'Where it lies.',
      resolve: (level, _args, context) => level.location ?? context.loaders.location.load(level.locationId).then(expectRow),
    }),
    onHand: t.exposeInt('onHand', { description: 'What is there.' }),
    reserved: t.exposeInt('reserved', { description: 'What of it is promised to orders that are placed.' }),
    available: t.int({ description: 'What can be sold: on hand less reserved.', resolve: (level) => level.onHand - level.reserved }),
    revision: t.field({
      type: 'BigInt',
      description: 'Grows with every change of this stock level and is never used again.',
      resolve: (level, _args, context) => shownRevision(context.sync.epoch, level.revision),
    }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime', description: 'When it last changed.' }),
  }),
})

function expectRow<Row>(row: Row | undefined): Row {
  if (row === undefined) throw new Error('a stock level refers to what is not there')
  return row
}

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
const atLocation = <Input extends { readonly location?: string | null | undefined }>(input: Input) => ({
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
