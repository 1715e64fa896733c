import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { connectionSettings, type OpenDatabase } from './client.ts'

const pauseMs = 500
/** How often a connection that hears nothing is asked whether it lives, as a part of the time that an answer may take. */
const askEveryPart = 1 / 2

/** What is called for a channel, with the number of Postgres' process that notified; without one where something may have been missed. */
export type Channels = Readonly<Record<string, (processId?: number) => void>>

/**
 * Listens on a connection of its own: calls the function of a channel whenever it is notified, and all of them when a connection is made again, for something may
 * have been missed. Resolves when it listens for the first time. Throws what keeps it from that.
 */
export async function listen(database: OpenDatabase, channels: Channels): Promise<AsyncDisposable> {
  const stop = new AbortController()
  const first = await subscribe(database, channels)
  const work = keepListening(database, channels, first, stop.signal)
  return {
    [Symbol.asyncDispose]: async () => {
      stop.abort()
      await work
    },
  }
}

async function keepListening(database: OpenDatabase, channels: Channels, first: pg.Client, signal: AbortSignal): Promise<void> {
  let client: pg.Client | undefined = first
  while (!signal.aborted) {
    if (client !== undefined) await untilLost(client, database.options.timeoutMs * askEveryPart, signal)
    if (!signal.aborted) await sleep(pauseMs, undefined, { signal }).catch(() => {})
    if (signal.aborted) return
    client = await subscribe(database, channels).catch(() => undefined)
    if (client !== undefined) Object.values(channels).forEach((onNotify) => onNotify())
  }
}

async function subscribe({ options: { directUrl: url, timeoutMs } }: OpenDatabase, channels: Channels): Promise<pg.Client> {
  const client = new pg.Client(connectionSettings({ url, name: 'listener', timeoutMs }))
  client.on('error', () => {})
  client.on('notification', ({ channel, processId }) => channels[channel]?.(processId))
  try {
    await client.connect()
    for (const channel of Object.keys(channels)) await client.query(`LISTEN ${pg.escapeIdentifier(channel)}`)
    return client
  } catch (error) {
    await end(client)
    throw error
  }
}

/** Who only listens would never learn that nobody is there any more, so it asks now and then. */
async function untilLost(client: pg.Client, askEveryMs: number, signal: AbortSignal): Promise<void> {
  const ended = new AbortController()
  const onEnd = (): void => ended.abort()
  client.on('end', onEnd)
  signal.addEventListener('abort', onEnd)
  try {
    while (!ended.signal.aborted) {
      await sleep(askEveryMs, undefined, { signal: ended.signal })
      await client.query('SELECT 1')
    }
  } catch {
    // Lost, or to be stopped.
  } finally {
    signal.removeEventListener('abort', onEnd)
    await end(client)
  }
}

async function end(client: pg.Client): Promise<void> {
  await client.end().catch(() => {})
}
