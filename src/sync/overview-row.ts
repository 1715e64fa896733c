import { z } from 'zod'
import type { SyncViewRow } from './views.ts'

const moment = z.coerce.date()
const stream = z.enum(['PRODUCT', 'STOCK', 'ORDER', 'CUSTOMER'])

/** A view's overview, as Postgres writes it in JSON. */
export const overviewRow = z.object({
  now: moment,
  view: z
    .object({
      account_id: z.number(),
      id: z.number(),
      user_id: z.number(),
      name: z.string(),
      system: z.string().nullable(),
      auto_link: z.boolean(),
      order_scope: z.enum(['OWN', 'ALL']),
      paused: z.boolean(),
      doorbell_url: z.string().nullable(),
      doorbell_secret: z.string().nullable(),
      created_at: moment,
      created_position: z.number(),
      link_position: z.number(),
      link_count: z.number(),
      auto_linked_to: z.number(),
      all_linked_to: z.number(),
    })
    .transform((row): SyncViewRow => ({
      accountId: row.account_id,
      id: row.id,
      userId: row.user_id,
      name: row.name,
      system: row.system,
      autoLink: row.auto_link,
      orderScope: row.order_scope,
      paused: row.paused,
      doorbellUrl: row.doorbell_url,
      doorbellSecret: row.doorbell_secret,
      createdAt: row.created_at,
      createdPosition: row.created_position,
      linkPosition: row.link_position,
      linkCount: row.link_count,
      autoLinkedTo: row.auto_linked_to,
      allLinkedTo: row.all_linked_to,
    })),
  linkCount: z.number(),
  rejectedCount: z.number(),
  doorbell: z.unknown(),
  streams: z.array(
    z.object({
      stream,
      pending: z.number(),
      oldestPendingAt: moment.nullable(),
      acknowledgedAt: moment.nullable(),
      isOpened: z.boolean(),
      connected: z.boolean(),
      connectedAt: moment.nullable(),
      transport: z.string().nullable(),
      address: z.string().nullable(),
      offlineSince: moment.nullable(),
    }),
  ),
  resend: z
    .object({
      accountId: z.number(),
      id: z.number(),
      viewId: z.number(),
      state: z.enum(['RUNNING', 'COMPLETED', 'CANCELLED']),
      cause: z.enum(['ADMIN', 'COMMAND_LINE', 'FAILOVER']),
      total: z.number(),
      productResendTo: z.number(),
      stockResendTo: z.number(),
      linkedTo: z.number(),
      epoch: z.number(),
      startedBy: z.number().nullable(),
      startedAt: moment,
      firstAcknowledgedAt: moment.nullable(),
      finishedAt: moment.nullable(),
      done: z.number(),
    })
    .nullable(),
  minutes: z
    .array(z.object({ stream, minute: moment, live: z.number(), resent: z.number(), lagMsTotal: z.number(), lagMsWorst: z.number() }))
    .nullable(),
})
