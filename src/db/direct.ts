import pg from 'pg'
import { ConfigError } from '../config.ts'
import { connectionSettings } from './client.ts'

/**
 * Throws ConfigError where a URL that must lead to Postgres itself leads to a pooler: LISTEN and session locks would seem to work there, until another client gets the
 * session. A pooler tells its clients of processes that it makes up, so what it said when it let us in is not what Postgres says.
 */
export async function refusePooler(directUrl: string): Promise<void> {
  if (await leadsToPooler(directUrl)) throw new ConfigError(message)
}

/** Whether a pooler answers there, rather than Postgres. */
export async function leadsToPooler(url: string): Promise<boolean> {
  const client = new pg.Client(connectionSettings({ url, name: 'check' }))
  client.on('error', () => {})
  try {
    await client.connect()
    const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
    return 'processID' in client && client.processID !== rows[0]?.pid
  } finally {
    await client.end()
  }
}

const message =
  'DATABASE_DIRECT_URL (or DATABASE_URL, where the other is not set) leads to a pooler. Listening and the lock of the gateway that sequences need a session of their own: ' +
  'set DATABASE_DIRECT_URL to an address of Postgres itself.'
