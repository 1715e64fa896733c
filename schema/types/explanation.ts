import { syncExplanation } from '../../src/sync/explanation-facts.ts'
import type { SyncExplanation, SyncStep } from '../../src/sync/explanation.ts'
import { builder } from '../builder.ts'
import { requireViewAccess } from '../context.ts'

const Resolution = builder.enumType('Resolution', {
  description: 'Who can put it right. Expect values that are new to you.',
  values: {
    MERCHANT: { description: 'The shop.' },
    INTEGRATOR: { description: 'Whoever runs the external system, or the gateway.' },
    WAIT: { description: 'Nobody: it will be by itself.' },
    NONE: { description: 'Nothing is wrong, or nothing can be done.' },
  },
})

const SyncStepValue = builder.objectRef<{ readonly name: string; readonly value: string }>('SyncStepValue').implement({
  description: 'Something that a message says, for who translates it.',
  fields: (t) => ({
    name: t.exposeString('name', {
      description: 'What it is: "view", "title", "sku", "place", "total", "revision", "reason" or "stream".',
    }),
    value: t.exposeString('value', { description: 'What is said.' }),
  }),
})

const SyncStepType = builder.objectRef<SyncStep>('SyncStep').implement({
  description: 'A step of the way of an article to a sync view.',
  fields: (t) => ({
    code: t.exposeString('code', { description: 'Which, and what came of it: stable, for translating. Expect codes that are new to you.' }),
    ok: t.exposeBoolean('ok', { description: 'Whether it was done.' }),
    message: t.exposeString('message', { description: 'What came of it, in English, for who works in the shop.' }),
    resolution: t.expose('resolution', { type: Resolution, description: 'Who can put it right.' }),
    since: t.expose('since', { type: 'DateTime', nullable: true, description: 'Since when it is so, where that is known.' }),
    values: t.field({
      type: [SyncStepValue],
      description: 'What the message says, by name.',
      resolve: ({ values }) => Object.entries(values).map(([name, value]) => ({ name, value })),
    }),
  }),
})

const SyncExplanationType = builder.objectRef<SyncExplanation>('SyncExplanation').implement({
  description: 'Why an article is, or is not, at the other end.',
  fields: (t) => ({
    inSync: t.exposeBoolean('inSync', { description: 'Whether it is there as it is in the shop, and was not refused.' }),
    verdict: t.exposeString('verdict', { description: 'The same in a sentence.' }),
    steps: t.field({
      type: [SyncStepType],
      description: 'Its way in order, to the first step that fails.',
      resolve: ({ steps }) => [...steps],
    }),
  }),
})

builder.queryField('syncExplanation', (t) =>
  t.field({
    type: SyncExplanationType,
    description: 'Why is this article (not) over there? Admins, and an integration for its own view.',
    args: {
      syncViewId: t.arg.globalID({ required: true, description: 'The view.' }),
      sku: t.arg.string({ required: true, description: 'The SKU of the article.' }),
    },
    resolve: (_root, { syncViewId, sku }, context) => {
      const { accountId, viewId } = requireViewAccess(context, syncViewId)
      return syncExplanation(context.database, accountId, viewId, sku)
    },
  }),
)
