import { countOrders, findOrder, findOrderByExternalId, ordersPage } from '../../src/trade/order-reading.ts'
import { setOrderState, upsertOrders } from '../../src/trade/orders.ts'
import type { OrderLineState, OrderState as OrderStateShape } from '../../src/trade/states.ts'
import { normaliseAmount } from '../../src/catalog/product-input.ts'
import { globalId } from '../../src/global-id.ts'
import { SynkvyError } from '../../src/errors.ts'
import { shownRevision } from '../../src/sync/change.ts'
import { builder, given, idOf, nodeNumber } from '../builder.ts'
import { connectionOf, connectionType, pageArguments, pageWanted } from '../connection.ts'
import { maySeeView, requireCaller } from '../context.ts'
import { payloadType } from '../payload.ts'
import { Customer, Order, SyncView, Variant } from '../refs.ts'
import { Address, AddressInput } from './customer.ts'
import { Money, MoneyInput } from './money.ts'
import { atLocation } from './stock.ts'

const OrderState = builder.enumType('OrderState', {
  description: 'How an order stands, and with it its stock. Expect values that are new to you.',
  values: {
    PLACED: { description: 'Its stock is reserved.' },
    SHIPPED: { description: 'Its stock has left the house.' },
    CANCELLED: { description: 'Its stock was given back, whether it had been reserved or had been shipped and came back.' },
  },
})

const OrderLine = builder.objectRef<OrderLineState>('OrderLine').implement({
  description: 'What was bought, and how many.',
  fields: (t) => ({
    id: t.id({ description: 'Its id.', resolve: (line) => globalId('OrderLine', line.id) }),
    variant: t.field({
      type: Variant,
      nullable: true,
      description: 'The variant as it is now; null where it was deleted since.',
      resolve: (line, _args, context) => context.loaders().variant.load(line.variantId),
    }),
    sku: t.exposeString('sku', { description: 'The SKU as it was when the order was placed.' }),
    title: t.exposeString('title', { description: 'The title as it was when the order was placed.' }),
    quantity: t.exposeInt('quantity', { description: 'How many, in whole units.' }),
    unitPrice: t.field({
      type: Money,
      description: 'What one of them cost.',
      resolve: (line) => ({ amount: line.unitPrice, currency: line.currency }),
    }),
    taxRate: t.expose('taxRate', { type: 'Decimal', nullable: true, description: 'The rate of tax as its owner gave it: "0.25".' }),
  }),
})

builder.node(Order, {
  description: 'What a customer has bought. Belongs to the external system that sent it in, or to the shop itself.',
  id: { resolve: (order) => order.id },
  loadOne: async (id, context) => (await findOrder(context.database, requireCaller(context), nodeNumber(id))) ?? null,
  fields: (t) => ({
    externalId: t.exposeString('externalId', {
      nullable: true,
      description: "The id that its owner gave it: unique within that sync view, or, of the shop's own orders, within the shop.",
    }),
    number: t.exposeString('number', { description: 'What people call it: on receipts and parcels.' }),
    state: t.expose('state', { type: OrderState, description: 'How it stands.' }),
    owner: t.field({
      type: SyncView,
      nullable: true,
      description: 'The sync view that sent it in; null: entered by the shop itself. An integration sees no other view than its own here.',
      resolve: async (order, _args, context) => {
        const view = order.ownerUserId === null ? undefined : await context.loaders().syncViewOfUser.load(order.ownerUserId)
        return view !== undefined && maySeeView(context, view.id) ? view : null
      },
    }),
    customer: t.field({ type: Customer, nullable: true, description: 'Who bought, as of now.', resolve: (order) => order.customer }),
    shippingAddress: t.field({
      type: Address,
      nullable: true,
      description: 'Where it is sent.',
      resolve: (order) => order.shippingAddress,
    }),
    billingAddress: t.field({
      type: Address,
      nullable: true,
      description: 'Where the bill is sent.',
      resolve: (order) => order.billingAddress,
    }),
    lines: t.field({ type: [OrderLine], description: 'What was bought, in its order.', resolve: (order) => [...order.lines] }),
    total: t.field({
      type: Money,
      description: "The sum of its lines: quantity times unit price. With or without tax as the account's prices are.",
      resolve: (order) => ({ amount: normaliseAmount(order.total), currency: order.currency }),
    }),
    placedAt: t.expose('placedAt', { type: 'DateTime', description: 'When it was placed.' }),
    revision: t.field({
      type: 'BigInt',
      description: 'Grows with every change of the order or its lines and is never used again.',
      resolve: (order, _args, context) => shownRevision(context.sync.epoch, order.revision),
    }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime', description: 'When the order or one of its lines last changed.' }),
  }),
})

const OrderConnection = connectionType(Order, 'Order', 'Orders, a page at a time.')

builder.queryFields((t) => ({
  order: t.field({
    type: Order,
    nullable: true,
    description: 'An order that you may see, by its id or by the id that its owner gave it; null when there is none.',
    args: {
      id: t.arg.globalID({ description: 'Its id.' }),
      externalId: t.arg.string({
        description: 'What its owner calls it. Your own is meant first; CONFLICT where only others have it, and several of them.',
      }),
    },
    resolve: async (_root, { id, externalId }, context) => {
      const caller = requireCaller(context)
      if (id) return id.typename === 'Order' ? findOrder(context.database, caller, nodeNumber(id.id)) : undefined
      if (externalId) return findOrderByExternalId(context.database, caller, externalId)
      throw new SynkvyError('BAD_USER_INPUT', 'Say which order: give "id" or "externalId".', { inputPath: ['id'] })
    },
  }),
  orders: t.field({
    type: OrderConnection,
    description:
      'The orders that you may see, in the order in which they came in: an admin all, an integration those that its view receives.',
    args: {
      ...pageArguments,
      state: t.arg({ type: OrderState, description: 'Only those in this state.' }),
      updatedAfter: t.arg({ type: 'DateTime', description: 'Only those that have changed after this.' }),
    },
    resolve: (_root, args, context) => {
      const caller = requireCaller(context)
      const filter = { state: given(args.state), updatedAfter: given(args.updatedAfter) }
      return connectionOf(
        pageWanted(args),
        (page) => ordersPage(context.database, caller, { ...filter, ...page }),
        () => countOrders(context.database, caller, filter),
      )
    },
  }),
}))

const OrderLineInput = builder.inputType('OrderLineInput', {
  description: 'What is bought, and how many.',
  fields: (t) => ({
    sku: t.string({ required: true, description: 'The article.' }),
    quantity: t.int({ required: true, description: 'How many: 1 or more, in whole units.' }),
    unitPrice: t.field({
      type: MoneyInput,
      required: true,
      description: 'What one of them costs. All lines of an order are in one currency.',
    }),
    taxRate: t.field({ type: 'Decimal', description: 'The rate of tax: "0.25". It is kept as it is given.' }),
    location: t.string({ defaultValue: 'default', description: "From which location it is taken: the location's code." }),
  }),
})
const OrderInput = builder.inputType('OrderInput', {
  description:
    'An order as it is wanted, by your id of it. What is left out stays as it is (a new one: PLACED, now, without lines); null clears; lines that are given replace all lines.',
  fields: (t) => ({
    externalId: t.string({ required: true, description: 'What you call the order: unique within your sync view.' }),
    number: t.string({ description: 'What people call it; the externalId where a new one has none.' }),
    state: t.field({
      type: OrderState,
      description:
        'PLACED reserves its stock, SHIPPED takes it, CANCELLED gives it back. From SHIPPED only to CANCELLED, from CANCELLED to nothing.',
    }),
    customerExternalId: t.string({ description: 'Who buys: your id of a customer whom you have sent in.' }),
    shippingAddress: t.field({ type: AddressInput, description: 'Where it is sent.' }),
    billingAddress: t.field({ type: AddressInput, description: 'Where the bill is sent.' }),
    placedAt: t.field({ type: 'DateTime', description: 'When it was placed.' }),
    lines: t.field({ type: [OrderLineInput], description: 'All of its lines. An article may stand in several.' }),
  }),
})

const UpsertOrdersPayload = payloadType<{ orders: readonly OrderStateShape[] }>('UpsertOrdersPayload', (t) => ({
  orders: t.field({
    type: [Order],
    description: 'The orders as they are now, in the order of the input.',
    resolve: ({ orders }) => [...orders],
  }),
}))
const SetOrderStatePayload = payloadType<{ order: OrderStateShape }>('SetOrderStatePayload', (t) => ({
  order: t.field({ type: Order, description: 'The order as it is now.', resolve: ({ order }) => order }),
}))

builder.mutationFields((t) => ({
  upsertOrders: t.field({
    type: UpsertOrdersPayload,
    description:
      'Makes or changes orders, by your id of them, and moves their stock. They belong to your sync view by themselves, and their later changes come back to it by orderChanges; ' +
      "an admin's are the shop's own. INSUFFICIENT_STOCK names the line and what is available. What does not differ is not written, so a call may be repeated.",
    args: { input: t.arg({ type: [OrderInput], required: true, description: '1 to 1 000 orders.' }) },
    resolve: async (_root, { input }, context) => {
      const wanted = input.map((order) => ({ ...order, lines: order.lines?.map(atLocation) }))
      const orders = await upsertOrders(context.database, requireCaller(context), wanted)
      context.sync.poke()
      return { orders }
    },
  }),
  setOrderState: t.field({
    type: SetOrderStatePayload,
    description:
      'Moves an order to another state, and its stock with it. Admins, and integrations for the orders that they receive. The state that it has already changes nothing.',
    args: {
      id: t.arg.globalID({ required: true, description: 'Which.' }),
      state: t.arg({ type: OrderState, required: true, description: 'What it is to be.' }),
    },
    resolve: async (_root, { id, state }, context) => {
      const order = await setOrderState(context.database, requireCaller(context), idOf('Order', id, ['id']), state)
      context.sync.poke()
      return { order }
    },
  }),
}))
