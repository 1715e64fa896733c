import { countCustomers, customersPage, findCustomer, upsertCustomers } from '../../src/trade/customers.ts'
import type { CustomerState } from '../../src/trade/states.ts'
import { shownRevision } from '../../src/sync/change.ts'
import type { Address as AddressRow } from '../../src/db/tables/trade.ts'
import { builder, given, nodeNumber } from '../builder.ts'
import { connectionOf, connectionType, pageArguments, pageWanted } from '../connection.ts'
import { requireCaller } from '../context.ts'
import { payloadType } from '../payload.ts'
import { Customer } from '../refs.ts'

export const Address = builder.objectRef<AddressRow>('Address').implement({
  description: 'Where something is sent, or billed.',
  fields: (t) => ({
    name: t.exposeString('name', { nullable: true, description: 'Who lives there, where it is somebody else than the customer.' }),
    line1: t.exposeString('line1', { description: 'Street and number.' }),
    line2: t.exposeString('line2', { nullable: true, description: 'What else leads there: c/o, floor.' }),
    postalCode: t.exposeString('postalCode', { nullable: true, description: 'The postal code.' }),
    city: t.exposeString('city', { description: 'The city or post town.' }),
    countryCode: t.exposeString('countryCode', { description: 'ISO 3166-1, two letters: "SE".' }),
  }),
})

export const AddressInput = builder.inputType('AddressInput', {
  description: 'Where something is sent, or billed.',
  fields: (t) => ({
    name: t.string({ description: 'Who lives there, where it is somebody else than the customer.' }),
    line1: t.string({ required: true, description: 'Street and number.' }),
    line2: t.string({ description: 'What else leads there: c/o, floor.' }),
    postalCode: t.string({ description: 'The postal code.' }),
    city: t.string({ required: true, description: 'The city or post town.' }),
    countryCode: t.string({ required: true, description: 'ISO 3166-1, two capital letters: "SE".' }),
  }),
})

builder.node(Customer, {
  description: 'Who buys. Belongs to the external system that sent it in, or to the shop itself.',
  id: { resolve: (customer) => customer.id },
  loadOne: async (id, context) => (await findCustomer(context.database, requireCaller(context), nodeNumber(id))) ?? null,
  fields: (t) => ({
    externalId: t.exposeString('externalId', { nullable: true, description: 'What its owner calls it.' }),
    email: t.exposeString('email', { nullable: true, description: 'The email address, as it was sent in.' }),
    name: t.exposeString('name', { description: 'The name.' }),
    phone: t.exposeString('phone', { nullable: true, description: 'The telephone number, as it was sent in.' }),
    address: t.field({ type: Address, nullable: true, description: 'Where the customer lives.', resolve: (customer) => customer.address }),
    revision: t.field({
      type: 'BigInt',
      description: 'Grows with every change of this customer and is never used again.',
      resolve: (customer, _args, context) => shownRevision(context.sync.epoch, customer.revision),
    }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime', description: 'When it last changed.' }),
  }),
})

const CustomerConnection = connectionType(Customer, 'Customer', 'Customers, a page at a time.')

builder.queryField('customers', (t) =>
  t.field({
    type: CustomerConnection,
    description:
      'The customers that you may see, in the order in which they were made: an admin all, an integration those that its view receives.',
    args: {
      ...pageArguments,
      search: t.arg.string({ description: 'Only those whose name, email or external id holds this. Case does not matter.' }),
    },
    resolve: (_root, args, context) => {
      const caller = requireCaller(context)
      const filter = { search: given(args.search) }
      return connectionOf(
        pageWanted(args),
        (page) => customersPage(context.database, caller, { ...filter, ...page }),
        () => countCustomers(context.database, caller, filter),
      )
    },
  }),
)

const CustomerInput = builder.inputType('CustomerInput', {
  description: 'A customer as it is wanted, by your id of it. What is left out stays as it is; null clears.',
  fields: (t) => ({
    externalId: t.string({ required: true, description: 'What you call the customer: unique within your sync view.' }),
    name: t.string({ required: true, description: 'The name.' }),
    email: t.string({ description: 'The email address.' }),
    phone: t.string({ description: 'The telephone number.' }),
    address: t.field({ type: AddressInput, description: 'Where the customer lives.' }),
  }),
})

const UpsertCustomersPayload = payloadType<{ customers: readonly CustomerState[] }>('UpsertCustomersPayload', (t) => ({
  customers: t.field({
    type: [Customer],
    description: 'The customers as they are now, in the order of the input.',
    resolve: ({ customers }) => [...customers],
  }),
}))

builder.mutationField('upsertCustomers', (t) =>
  t.field({
    type: UpsertCustomersPayload,
    description:
      'Makes or changes customers, by your id of them. They belong to your sync view by themselves, and their later changes come back to it by customerChanges; ' +
      "an admin's belong to the shop. What does not differ is not written, so a call may be repeated.",
    args: { input: t.arg({ type: [CustomerInput], required: true, description: '1 to 1 000 customers.' }) },
    resolve: async (_root, { input }, context) => {
      const customers = await upsertCustomers(context.database, requireCaller(context), input)
      context.sync.poke()
      return { customers }
    },
  }),
)
