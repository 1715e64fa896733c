import pg from 'pg'
import { z } from 'zod'
import { sharedNow } from './clock.ts'

// A process with sixteen writers in it, each on a connection of its own, that commit one update after another as fast as they can.

const config = z.object({ databaseUrl: z.string(), text: z.string(), rows: z.number(), connections: z.number() })
const envelope = z.object({ config: config.optional(), question: z.object({ seconds: z.number() }).optional() })

let writers: readonly { readonly client: pg.Client; readonly text: string; readonly rows: number }[] = []

process.on('message', (received) => {
  const { config: given, question } = envelope.parse(received)
  if (given !== undefined) void connect(given).then(() => process.send?.('ready'))
  else if (question !== undefined) void write(question.seconds).then((answer) => process.send?.(answer))
})

async function connect({ databaseUrl, text, rows, connections }: z.infer<typeof config>): Promise<void> {
  const clients = Array.from({ length: connections }, () => new pg.Client({ connectionString: databaseUrl }))
  await Promise.all(clients.map((client) => client.connect()))
  writers = clients.map((client) => ({ client, text, rows }))
}

/** Answers how many were committed, and when the first began and the last had returned. */
async function write(seconds: number): Promise<{ commits: number; beganAt: number; endedAt: number }> {
  const beganAt = sharedNow()
  const until = beganAt + seconds * 1_000
  let commits = 0
  await Promise.all(
    writers.map(async ({ client, text, rows }) => {
      while (sharedNow() < until) {
        await client.query({ name: 'write', text, values: [Math.floor(Math.random() * rows)] })
        commits += 1
      }
    }),
  )
  return { commits, beganAt, endedAt: sharedNow() }
}
