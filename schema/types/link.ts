import { SynkvyError } from '../../src/errors.ts'
import { countLinks, linksPage } from '../../src/sync/links.ts'
import { builder, given, nodeNumber } from '../builder.ts'
import { connectionOf, connectionType, pageWanted } from '../connection.ts'
import { maySeeView, requireCaller, requireViewAccess } from '../context.ts'
import { Link, Product, SyncView } from '../refs.ts'

const LinkState = builder.enumType('LinkState', {
  description: 'How a product stands at the other end. Expect values that are new to you.',
  values: {
    PENDING: { description: 'Something of it waits to be sent or acknowledged.' },
    IN_SYNC: { description: 'Everything of it is acknowledged.' },
    REJECTED: { description: 'The external system cannot take it, and said why.' },
  },
})

const Rejection = builder.objectRef<{ readonly reason: string; readonly revision: bigint; readonly at: Date }>('Rejection').implement({
  description: 'That the external system cannot take a product, in its own words.',
  fields: (t) => ({
    reason: t.exposeString('reason', { description: 'Why.' }),
    revision: t.expose('revision', { type: 'BigInt', description: 'Which revision it could not take.' }),
    at: t.expose('at', { type: 'DateTime', description: 'When it said so.' }),
  }),
})

builder.node(Link, {
  description: 'Ties a product to a sync view: its changes are sent there.',
  id: { resolve: (link) => link.id },
  loadOne: async (id, context) => {
    const [link] = await linksPage(context.database, requireCaller(context).accountId, { first: 1, after: nodeNumber(id) - 1 })
    return link?.id === nodeNumber(id) && maySeeView(context, link.viewId) ? link : null
  },
  fields: (t) => ({
    syncView: t.field({
      type: SyncView,
      description: 'The view.',
      resolve: async (link, _args, context) => {
        const view = await context.loaders.syncView.load(link.viewId)
        if (view === undefined) throw new Error('a link without a view')
        return view
      },
    }),
    product: t.field({
      type: Product,
      description: 'The product.',
      resolve: async (link, _args, context) => {
        const product = await context.loaders.product.load(link.productId)
        if (product === undefined) throw new SynkvyError('NOT_FOUND', 'The product of this link has just been deleted.')
        return product
      },
    }),
    state: t.field({
      type: LinkState,
      description: 'How it stands.',
      resolve: (link, _args, context) => context.loaders.linkState.load(link),
    }),
    externalId: t.exposeString('externalId', { nullable: true, description: 'What the external system calls the product.' }),
    rejection: t.field({
      type: Rejection,
      nullable: true,
      description: 'Why the external system cannot take it, where it said so.',
      resolve: (link) =>
        link.rejectionReason === null || link.rejectionRevision === null || link.rejectedAt === null
          ? null
          : { reason: link.rejectionReason, revision: link.rejectionRevision, at: link.rejectedAt },
    }),
  }),
})

export const LinkConnection = connectionType(Link, 'Link', 'Links, a page at a time.')

builder.queryField('links', (t) =>
  t.field({
    type: LinkConnection,
    description: 'The products that are linked to a sync view. Admins, and an integration for its own view.',
    args: {
      syncViewId: t.arg.globalID({ required: true, description: 'The view.' }),
      state: t.arg({ type: LinkState, description: 'Only those in this state.' }),
      rejectionReason: t.arg.string({ description: 'Only those that were rejected for this very reason.' }),
      search: t.arg.string({ description: 'Only those whose handle or title, or one of whose SKUs, holds this. Case does not matter.' }),
      first: t.arg.int({ description: 'How many: 50 by default, 250 at most.' }),
      after: t.arg.string({ description: 'After which: a cursor of this connection.' }),
    },
    resolve: (_root, args, context) => {
      const { accountId, viewId } = requireViewAccess(context, args.syncViewId)
      const filter = { viewId, state: given(args.state), rejectionReason: given(args.rejectionReason), search: given(args.search) }
      return connectionOf(
        pageWanted(args),
        (page) => linksPage(context.database, accountId, { ...filter, ...page }),
        () => countLinks(context.database, accountId, filter),
      )
    },
  }),
)
