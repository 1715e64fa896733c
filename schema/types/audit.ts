import { auditPage, countAudit, findAuditEntry, type AuditRow } from '../../src/access/audit.ts'
import type { AuditDetail } from '../../src/db/tables/access.ts'
import { builder, given, idOf, nodeNumber } from '../builder.ts'
import { connectionOf, connectionType, pageArguments, pageWanted } from '../connection.ts'
import { requireAdmin, requireCaller } from '../context.ts'
import { AuditEntry, User } from '../refs.ts'

const AuditChannel = builder.enumType('AuditChannel', {
  description: 'By which way something was done. Expect values that are new to you.',
  values: {
    API_KEY: { description: 'By a call with an API key.' },
    SESSION: { description: 'On the admin page, by somebody who was signed in.' },
    COMMAND_LINE: { description: 'By whoever runs the gateway.' },
  },
})

const AuditDetailType = builder.objectRef<AuditDetail>('AuditDetail').implement({
  description: 'Something that an action was about.',
  fields: (t) => ({
    name: t.exposeString('name', { description: 'What it is: an argument of the mutation, or a field of its answer.' }),
    value: t.exposeString('value', {
      description: 'What it said: an id, a name, a word, a number, a moment. "[not kept]" for text that might hold a secret.',
    }),
    label: t.string({
      nullable: true,
      description: 'For the id of a user, a sync view or a key: its name, or its prefix, as it was then.',
      resolve: ({ label }) => label ?? null,
    }),
  }),
})

builder.node(AuditEntry, {
  description: 'Something that an admin did, or was refused; or that another was refused because it is for admins.',
  id: { resolve: (entry) => entry.id },
  loadOne: (id, context) => {
    const { kind, accountId } = requireCaller(context)
    return kind === 'ADMIN' ? findAuditEntry(context.database, accountId, nodeNumber(id)) : null
  },
  fields: (t) => ({
    at: t.expose('at', { type: 'DateTime', description: 'When.' }),
    action: t.exposeString('action', {
      description: 'What: the name of a mutation, signIn, signOut; of the command line also createAccount and eraseCustomers.',
    }),
    outcome: t.exposeString('outcome', { description: 'DONE, or the code of the error that was answered.' }),
    channel: t.expose('channel', { type: AuditChannel, description: 'By which way.' }),
    user: t.field({
      type: User,
      nullable: true,
      description: 'Who; null for the command line, and for a user that is deleted by now.',
      resolve: async ({ userId }, _args, context) => (userId === null ? null : ((await context.loaders().user.load(userId)) ?? null)),
    }),
    userName: t.exposeString('userName', { nullable: true, description: 'What the user was called then; null for the command line.' }),
    keyPrefix: t.exposeString('keyPrefix', {
      nullable: true,
      description: 'With which key, or signed in with which: its beginning; null for the command line.',
    }),
    address: t.exposeString('address', {
      nullable: true,
      description: 'From which address; null for the command line, and where it could not be told.',
    }),
    details: t.field({
      type: [AuditDetailType],
      description: 'What it was about: the first 50. Neither secrets nor anything of a customer is among it.',
      resolve: ({ details }) => [...details],
    }),
    detailCount: t.exposeInt('detailCount', { description: 'How many details there were.' }),
  }),
})

const AuditEntryConnection = connectionType(AuditEntry, 'AuditEntry', 'Entries of the audit log, a page at a time.')

builder.queryField('auditLog', (t) =>
  t.field({
    type: AuditEntryConnection,
    description:
      'What admins have done, what others were refused because it is for admins, who signed in and out: the latest first. Kept for as long as whoever runs the gateway has set. Admins only.',
    args: {
      ...pageArguments,
      userId: t.arg.globalID({ description: 'Only what this user did.' }),
      action: t.arg.string({ description: 'Only this: createApiKey, for example.' }),
    },
    resolve: (_root, args, context) => {
      const { accountId } = requireAdmin(context)
      const filter = { userId: args.userId ? idOf('User', args.userId, ['userId']) : undefined, action: given(args.action) }
      return connectionOf<AuditRow>(
        pageWanted(args),
        (page) => auditPage(context.database, accountId, { ...filter, ...page }),
        () => countAudit(context.database, accountId, filter),
      )
    },
  }),
)
