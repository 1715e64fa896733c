import type { Client } from 'graphql-ws'
import { z } from 'zod'
import type { ProgressLine } from '../progress.ts'

const answer = z.record(z.string(), z.looseObject({ syncView: z.object({ id: z.string() }).optional() }).nullable())

/** Calls over a socket. Throws what is refused, unless it `mayFail`. */
export async function operate(
  client: Client,
  query: string,
  variables: Record<string, unknown>,
  { mayFail = false }: { readonly mayFail?: boolean } = {},
): Promise<z.infer<typeof answer>> {
  for await (const { data, errors } of client.iterate({ query, variables })) {
    if (errors === undefined) return answer.parse(data)
    if (mayFail) return {}
    throw new Error(errors.map((error) => error.message).join('\n'))
  }
  throw new Error('the gateway gave no answer')
}

const head = 'cursor caughtUp resendComplete'
const documents = {
  product: `subscription { batch: productChanges { ${head} changes { kind lane key: handle entity: product { title updatedAt tags } } } }`,
  stock: `subscription { batch: stockChanges { ${head} changes { kind lane key: sku entity: stockLevel { available updatedAt location { code } } } } }`,
} as const

const change = z.object({
  kind: z.string(),
  lane: z.string(),
  key: z.string(),
  entity: z
    .object({
      title: z.string().optional(),
      tags: z.array(z.string()).optional(),
      available: z.number().optional(),
      updatedAt: z.string(),
      location: z.object({ code: z.string() }).optional(),
    })
    .nullable(),
})
const batch = z.object({ cursor: z.string(), caughtUp: z.boolean(), resendComplete: z.boolean(), changes: z.array(change) })

/** Follows both streams as a system would: stores (here: counts), acknowledges, goes on. Resolves when both are level for the first time. */
export async function follow(client: Client, name: string, line: ProgressLine): Promise<void> {
  const began = Date.now()
  const counts = { product: 0, stock: 0 }
  let isFollowing = false
  await Promise.all(
    (['product', 'stock'] as const).map(
      (stream) =>
        new Promise<void>((resolve, reject) => {
          void followStream(client, name, stream, (received, isLevel) => {
            if (isFollowing) return
            counts[stream] += received
            line.show(`${name}: ${counts.product} products, ${counts.stock} stock levels`)
            if (isLevel) resolve()
          }).catch(reject)
        }),
    ),
  )
  isFollowing = true
  line.end()
  process.stdout.write(
    `${name} is level: ${counts.product} products and ${counts.stock} stock levels in ${((Date.now() - began) / 1000).toFixed(1)} s\n`,
  )
}

async function followStream(
  client: Client,
  name: string,
  stream: 'product' | 'stock',
  onBatch: (received: number, isLevel: boolean) => void,
): Promise<void> {
  let wasLevel = false
  for await (const { data, errors } of client.iterate<{ batch: unknown }>({ query: documents[stream] })) {
    if (errors !== undefined) throw new Error(errors.map((error) => error.message).join('\n'))
    const received = batch.parse(data?.batch)
    for (const one of received.changes) if (wasLevel) process.stdout.write(`${describe(name, stream, one)}\n`)
    if (received.changes.length > 0)
      await operate(client, 'mutation ($cursor: Cursor!) { acknowledge(cursor: $cursor) { __typename } }', { cursor: received.cursor })
    onBatch(received.changes.length, received.caughtUp)
    wasLevel ||= received.caughtUp
  }
}

function describe(name: string, stream: string, { kind, key, entity }: z.infer<typeof change>): string {
  const now = new Date()
  const age = entity === null ? '' : `  (${Math.max(0, now.getTime() - new Date(entity.updatedAt).getTime())} ms after it was written)`
  const what =
    entity?.available === undefined
      ? `${key} [${(entity?.tags ?? []).join(', ')}]`
      : `${key} ${entity.location?.code ?? ''}: ${entity.available} available`
  return `${now.toTimeString().slice(0, 8)}  ${name.padEnd(13)} ← ${kind === 'REMOVE' ? 'removed ' : ''}${stream} ${what}${age}`
}
