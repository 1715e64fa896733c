import { countLinksOfView, findLink, linksOfView, type LinkRow } from '../../src/sync/link-list.ts'
import { setExternalIds } from '../../src/sync/links.ts'
import { reject, type Rejection } from '../../src/sync/refusals.ts'
import { builder, given, nodeNumber, stillThere } from '../builder.ts'
import { connectionOf, connectionType, pageArguments, pageWanted } from '../connection.ts'
import { maySeeView, requireCaller, requireViewAccess } from '../context.ts'
import { payloadType } from '../payload.ts'
import { Link, Product, SyncView, Variant } from '../refs.ts'

export const LinkState = builder.enumType('LinkState', {
  description: 'How a product stands at the other end. Expect values that are new to you.',
  values: {
    PENDING: { description: 'Something of it waits to be sent or acknowledged.' },
    IN_SYNC: { description: 'Everything of it is acknowledged, on the streams that the external system has opened.' },
    REJECTED: { description: 'The external system cannot take it as it is, and said why.' },
  },
})

const RejectionType = builder.objectRef<Rejection>('Rejection').implement({
  description:
    'That the external system cannot take a product as it is, in its own words. It holds until the product (not its stock) changes, or is resent: then it is sent again.',
  fields: (t) => ({
    reason: t.exposeString('reason', { description: 'Why.' }),
    revision: t.expose('revision', { type: 'BigInt', description: 'Which revision it could not take.' }),
    at: t.expose('at', { type: 'DateTime', description: 'When it said so.' }),
    variant: t.field({
      type: Variant,
      nullable: true,
      description: 'The variant that it named; null where it named the product as a whole.',
      resolve: async ({ variantId }, _args, context) => (variantId === null ? null : context.loaders().variant.load(variantId)),
    }),
  }),
})

builder.node(Link, {
  description: 'Ties a product to a sync view: its changes are sent there.',
  id: { resolve: (link) => link.id },
  loadOne: async (id, context) => {
    const link = await findLink(context.database, requireCaller(context).accountId, nodeNumber(id))
    return link !== undefined && maySeeView(context, link.viewId) ? link : null
  },
  fields: (t) => ({
    syncView: t.field({
      type: SyncView,
      description: 'The view.',
      resolve: async (link, _args, context) => stillThere(await context.loaders().syncView.load(link.viewId), 'The sync view of this link'),
    }),
    product: t.field({
      type: Product,
      description: 'The product.',
      resolve: async (link, _args, context) => stillThere(await context.loaders().product.load(link.productId), 'The product of this link'),
    }),
    state: t.field({
      type: LinkState,
      description: 'How it stands.',
      resolve: (link, _args, context) => context.loaders().linkState.load(link),
    }),
    externalId: t.exposeString('externalId', {
      nullable: true,
      description: 'What the external system calls the product, if it has said so (setExternalIds).',
    }),
    rejection: t.field({
      type: RejectionType,
      nullable: true,
      description: 'Why the external system cannot take it as it is: what it said last. Null unless the state is REJECTED.',
      resolve: async (link, _args, context) => (await context.loaders().rejections.load(link.id))?.[0],
    }),
    rejections: t.field({
      type: [RejectionType],
      description: 'All that it said of it, the latest first: it may have named several variants.',
      resolve: async (link, _args, context) => [...((await context.loaders().rejections.load(link.id)) ?? [])],
    }),
  }),
})

export const LinkConnection = connectionType(Link, 'Link', 'Links, a page at a time.')

builder.queryField('links', (t) =>
  t.field({
    type: LinkConnection,
    description:
      'The products that are linked to a sync view, in the order in which the products were made. Admins, and an integration for its own view.',
    args: {
      syncViewId: t.arg.globalID({ required: true, description: 'The view.' }),
      state: t.arg({ type: LinkState, description: 'Only those in this state.' }),
      search: t.arg.string({
        description: 'Only those whose handle, title or vendor, or one of whose SKUs, holds this. Case does not matter.',
      }),
      rejectionReason: t.arg.string({ description: 'Only those that were rejected for this very reason.' }),
      ...pageArguments,
    },
    resolve: (_root, args, context) => {
      const { accountId, viewId } = requireViewAccess(context, args.syncViewId)
      const filter = { viewId, state: given(args.state), rejectionReason: given(args.rejectionReason), search: given(args.search) }
      return connectionOf(
        pageWanted(args),
        (page) => linksOfView(context.database, accountId, filter, page),
        () => countLinksOfView(context.database, accountId, filter),
        (link) => link.productId,
      )
    },
  }),
)

const RejectInput = builder.inputType('RejectInput', {
  description: 'That your system cannot take something as it is.',
  fields: (t) => ({
    id: t.globalID({ required: true, description: 'The id of a product that is linked to your sync view, or of a variant of one.' }),
    revision: t.field({
      type: 'BigInt',
      required: true,
      description: 'The revision that you cannot take, as the change had it.',
    }),
    reason: t.string({
      required: true,
      description: 'Why, in words that somebody in the shop understands, 1 to 2 000 characters: "The barcode is missing".',
    }),
  }),
})
const ExternalIdInput = builder.inputType('ExternalIdInput', {
  description: 'What your system calls a product.',
  fields: (t) => ({
    id: t.globalID({ required: true, description: 'The id of a product that is linked to your sync view.' }),
    externalId: t.string({ description: 'Your name of it, 1 to 255 characters; null, or left out, where you have none any more.' }),
  }),
})

const links = 'The links that it concerns, each once, in the order of the input.'
const RejectPayload = payloadType<{ links: readonly LinkRow[] }>('RejectPayload', (t) => ({
  links: t.field({ type: [Link], description: links, resolve: (payload) => [...payload.links] }),
}))
const SetExternalIdsPayload = payloadType<{ links: readonly LinkRow[] }>('SetExternalIdsPayload', (t) => ({
  links: t.field({ type: [Link], description: links, resolve: (payload) => [...payload.links] }),
}))

/** What an id names, for functions that take ids of several types. */
function namedBy(id: { readonly typename: string; readonly id: string }) {
  return { typename: id.typename, id: nodeNumber(id.id) }
}

builder.mutationFields((t) => ({
  reject: t.field({
    type: RejectPayload,
    description:
      'Your system cannot take these as they are: the shop is shown why. It holds nothing up, so acknowledge as ever; it holds until the product changes, or is resent, and is then sent again. That of a revision that has been overtaken counts for nothing.',
    args: { input: t.arg({ type: [RejectInput], required: true, description: '1 to 1 000 items.' }) },
    resolve: async (_root, { input }, context) => ({
      links: await reject(
        context.database,
        requireCaller(context),
        input.map(({ id, revision, reason }) => ({ ...namedBy(id), revision, reason })),
      ),
    }),
  }),
  setExternalIds: t.field({
    type: SetExternalIdsPayload,
    description:
      'What your system calls products that are linked to your sync view: changes and links then say so. Nothing is sent for it.',
    args: { input: t.arg({ type: [ExternalIdInput], required: true, description: '1 to 1 000 items.' }) },
    resolve: async (_root, { input }, context) => ({
      links: await setExternalIds(
        context.database,
        requireCaller(context),
        input.map(({ id, externalId }) => ({ ...namedBy(id), externalId: externalId ?? null })),
      ),
    }),
  }),
}))
