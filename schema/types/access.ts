import { findAccount } from '../../src/access/accounts.ts'
import {
  createApiKey,
  findApiKey,
  revokeApiKey,
  rotateApiKey,
  type ApiKeyRow,
  type MadeKey,
  type RotatedKey,
} from '../../src/access/api-keys.ts'
import { countUsers, createUser, deleteUser, usersByIds, usersPage, type UserRow } from '../../src/access/users.ts'
import { builder, idOf, nodeNumber, stillThere } from '../builder.ts'
import { connectionOf, connectionType, pageArguments, pageWanted } from '../connection.ts'
import { maySeeView, requireAdmin, requireCaller } from '../context.ts'
import { payloadType } from '../payload.ts'
import { Account, ApiKey, SyncView, User } from '../refs.ts'

const UserKind = builder.enumType('UserKind', {
  description: 'What a user is. Expect values that are new to you.',
  values: {
    ADMIN: { description: 'An admin of the shop.' },
    INTEGRATION: { description: 'An external system. It may have one sync view.' },
  },
})

const KeyScope = builder.enumType('KeyScope', {
  description: 'What a key may write; each mutation says which it needs. Expect values that are new to you.',
  values: {
    CATALOGUE: { description: 'Products and their variants.' },
    STOCK: { description: 'What is on hand.' },
    ORDERS: { description: 'Orders, and the stock that they move.' },
    CUSTOMERS: { description: 'Customers.' },
  } satisfies Record<NonNullable<ApiKeyRow['scopes']>[number], unknown>,
})

builder.node(Account, {
  description: 'The shop whose key you use. Everything that you see belongs to it.',
  id: { resolve: (account) => account.id },
  loadOne: (id, context) => (nodeNumber(id) === requireCaller(context).accountId ? findAccount(context.database, nodeNumber(id)) : null),
  fields: (t) => ({
    slug: t.exposeString('slug', { description: 'Its short name, unique on this gateway.' }),
    name: t.exposeString('name', { description: 'Its name.' }),
    currency: t.exposeString('currency', { description: 'The currency that its prices are in where nothing else is said: ISO 4217.' }),
    pricesIncludeTax: t.exposeBoolean('pricesIncludeTax', { description: 'Whether its prices include tax.' }),
  }),
})

builder.node(ApiKey, {
  description: 'An API key. Its secret was shown once, when it was made; only a hash of it is kept.',
  id: { resolve: (key) => key.id },
  loadOne: async (id, context) => {
    const caller = requireCaller(context)
    const key = await findApiKey(context.database, caller.accountId, nodeNumber(id))
    return caller.kind === 'ADMIN' || key?.userId === caller.userId ? key : null
  },
  fields: (t) => ({
    prefix: t.exposeString('prefix', { description: "The secret's beginning, by which people know it." }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was made.' }),
    lastUsedAt: t.expose('lastUsedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it was last used, to the minute or so; null when never.',
    }),
    expiresAt: t.expose('expiresAt', { type: 'DateTime', nullable: true, description: 'When it stops being good; null for never.' }),
    revokedAt: t.expose('revokedAt', { type: 'DateTime', nullable: true, description: 'When it was revoked; null when it was not.' }),
    scopes: t.expose('scopes', {
      type: [KeyScope],
      nullable: true,
      description:
        'What it may write; null for everything. Whatever they are, it may read, follow and acknowledge what concerns its sync view.',
    }),
    addresses: t.exposeStringList('addresses', {
      nullable: true,
      description: 'Whence it may be used: addresses, and networks as CIDR; null for anywhere.',
    }),
    trustedDocumentsOnly: t.exposeBoolean('trustedDocumentsOnly', {
      description: 'Whether it may send nothing but documents that are registered.',
    }),
  }),
})

builder.node(User, {
  description: 'Who may call: an admin of the shop, or an external system.',
  id: { resolve: (user) => user.id },
  loadOne: async (id, context) => {
    const caller = requireCaller(context)
    if (caller.kind !== 'ADMIN' && caller.userId !== nodeNumber(id)) return null
    return (await usersByIds(context.database, caller.accountId, [nodeNumber(id)])).get(nodeNumber(id))
  },
  fields: (t) => ({
    name: t.exposeString('name', { description: 'Its name.' }),
    kind: t.expose('kind', { type: UserKind, description: 'What it is.' }),
    account: t.field({
      type: Account,
      description: 'The shop that it belongs to.',
      resolve: async (user, _args, context) => {
        const account = await findAccount(context.database, user.accountId)
        if (account === undefined) throw new Error('a user without an account')
        return account
      },
    }),
    apiKeys: t.field({
      type: [ApiKey],
      description: 'Its API keys, the oldest first, those that are no longer good among them.',
      resolve: async (user, _args, context) => [...(await context.loaders().apiKeysOfUser.load(user.id))],
    }),
    syncView: t.field({
      type: SyncView,
      nullable: true,
      description: 'Its sync view: an INTEGRATION user has one at most, and no two share one.',
      resolve: async (user, _args, context) => {
        const view = await context.loaders().syncViewOfUser.load(user.id)
        return view !== undefined && (view.userId === requireCaller(context).userId || maySeeView(context, view.id)) ? view : null
      },
    }),
  }),
})

builder.queryFields((t) => ({
  viewer: t.field({
    type: User,
    description: 'Whose key you use. An external system finds its sync view here.',
    resolve: async (_root, _args, context) => {
      const caller = requireCaller(context)
      return stillThere(await context.loaders().user.load(caller.userId), 'Your user')
    },
  }),
  account: t.field({
    type: Account,
    description: 'The shop whose key you use.',
    resolve: async (_root, _args, context) => {
      const account = await findAccount(context.database, requireCaller(context).accountId)
      if (account === undefined) throw new Error('a key without an account')
      return account
    },
  }),
}))

const UserConnection = connectionType(User, 'User', 'Users, a page at a time.')

builder.queryField('users', (t) =>
  t.field({
    type: UserConnection,
    description: 'Who may call: the admins and the external systems of the shop, in the order in which they were made. Admins only.',
    args: {
      ...pageArguments,
    },
    resolve: (_root, args, context) => {
      const { accountId } = requireAdmin(context)
      return connectionOf(
        pageWanted(args),
        (page) => usersPage(context.database, accountId, page),
        () => countUsers(context.database, accountId),
      )
    },
  }),
)

const CreateUserInput = builder.inputType('CreateUserInput', {
  description: 'A user to be.',
  fields: (t) => ({
    name: t.string({ required: true, description: 'Its name: what admins know it by, 1 to 200 characters.' }),
    kind: t.field({ type: UserKind, required: true, description: 'INTEGRATION for an external system.' }),
  }),
})

const CreateUserPayload = payloadType<{ user: UserRow }>('CreateUserPayload', (t) => ({
  user: t.field({ type: User, description: 'The user.', resolve: ({ user }) => user }),
}))
const DeleteUserPayload = payloadType<{ userId: number }>('DeleteUserPayload', (t) => ({
  deletedId: t.globalID({ description: 'What its id was.', resolve: ({ userId }) => ({ type: 'User', id: userId }) }),
}))
const CreateApiKeyPayload = payloadType<MadeKey>('CreateApiKeyPayload', (t) => ({
  apiKey: t.field({ type: ApiKey, description: 'The key.', resolve: ({ apiKey }) => apiKey }),
  secret: t.exposeString('secret', { description: 'The secret. It is shown this once: store it now.' }),
}))
const RotateApiKeyPayload = payloadType<RotatedKey>('RotateApiKeyPayload', (t) => ({
  apiKey: t.field({ type: ApiKey, description: 'The new key.', resolve: ({ apiKey }) => apiKey }),
  secret: t.exposeString('secret', { description: 'The secret of the new key. It is shown this once: store it now.' }),
  replaced: t.field({ type: ApiKey, description: 'The old key as it is now.', resolve: ({ replaced }) => replaced }),
}))
const RevokeApiKeyPayload = payloadType<{ apiKey: ApiKeyRow }>('RevokeApiKeyPayload', (t) => ({
  apiKey: t.field({ type: ApiKey, description: 'The key as it is now.', resolve: ({ apiKey }) => apiKey }),
}))

builder.mutationFields((t) => ({
  createUser: t.field({
    type: CreateUserPayload,
    description: 'Makes a user. Admins only.',
    args: { input: t.arg({ type: CreateUserInput, required: true, description: 'The user to be.' }) },
    resolve: async (_root, { input }, context) => ({ user: await createUser(context.database, requireAdmin(context).accountId, input) }),
  }),
  deleteUser: t.field({
    type: DeleteUserPayload,
    description:
      'Deletes a user with its keys; connections that use them are closed within a second. CONFLICT for yourself, and for a user that has a sync view: delete that first. Admins only.',
    args: { id: t.arg.globalID({ required: true, description: 'Which.' }) },
    resolve: async (_root, { id }, context) => {
      const caller = requireAdmin(context)
      const userId = idOf('User', id, ['id'])
      await deleteUser(context.database, caller, userId)
      context.sync.poke()
      return { userId }
    },
  }),
  createApiKey: t.field({
    type: CreateApiKeyPayload,
    description: 'Makes an API key for a user. Admins only.',
    args: {
      userId: t.arg.globalID({ required: true, description: 'Whose key it is to be.' }),
      expiresAt: t.arg({ type: 'DateTime', description: 'When it stops being good; never where it is left out.' }),
      scopes: t.arg({
        type: [KeyScope],
        description:
          'What an integration may write with it: everything where it is left out, nothing where it is empty. Not for admins, who may do everything.',
      }),
      addresses: t.arg.stringList({
        description:
          'Whence it may be used: 1 to 100 addresses, and networks as CIDR, such as "203.0.113.0/24"; anywhere where it is left out.',
      }),
      trustedDocumentsOnly: t.arg.boolean({
        defaultValue: false,
        description:
          'Whether it may send nothing but documents that are registered with `registerDocument`. The admin page cannot be used with such a key.',
      }),
    },
    resolve: (_root, { userId, ...limits }, context) =>
      createApiKey(context.database, requireAdmin(context).accountId, idOf('User', userId, ['userId']), limits),
  }),
  rotateApiKey: t.field({
    type: RotateApiKeyPayload,
    description:
      'Replaces an API key: makes another of the same user with the same limits, and lets the old one be good for a while longer, so that nothing is interrupted. CONFLICT for a key that is no longer good. Admins only.',
    args: {
      id: t.arg.globalID({ required: true, description: 'The key to be replaced.' }),
      overlapHours: t.arg.int({
        defaultValue: 24,
        description: 'For how many hours the old one is still good, up to 8 760, unless it ends before; 0 revokes it now.',
      }),
      expiresAt: t.arg({ type: 'DateTime', description: 'When the new one stops being good; never where it is left out.' }),
    },
    resolve: async (_root, { id, overlapHours, expiresAt }, context) => {
      const wanted = { overlapHours: overlapHours ?? 24, expiresAt }
      const rotated = await rotateApiKey(context.database, requireAdmin(context).accountId, idOf('ApiKey', id, ['id']), wanted)
      context.sync.poke()
      return rotated
    },
  }),
  revokeApiKey: t.field({
    type: RevokeApiKeyPayload,
    description: 'Ends an API key now; connections that use it are closed within a second. Admins only.',
    args: { id: t.arg.globalID({ required: true, description: 'The key.' }) },
    resolve: async (_root, { id }, context) => {
      const apiKey = await revokeApiKey(context.database, requireAdmin(context).accountId, idOf('ApiKey', id, ['id']))
      context.sync.poke()
      return { apiKey }
    },
  }),
}))
