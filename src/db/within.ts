import pg from 'pg'

// How statements get behind the wall between accounts (drizzle/0007_wall.sql): they run as the role of requests, with the setting of an account. Both are set for a transaction,
// never for a session, so that a connection that goes back to the pool is nobody's, behind a pooler too.

/** Answers requests, and sees the rows of one account. */
export const requestsRole = 'synkvy_requests'

/** Begins a transaction within an account. */
export function beginWithin(accountId: number): string {
  return `BEGIN; SET LOCAL ROLE ${requestsRole}; SET LOCAL synkvy.account = ${accountId}`
}

const goWithin = {
  name: 'synkvy_within',
  text: `SELECT set_config('role', '${requestsRole}', true), set_config('synkvy.account', $1, true)`,
}

/** The connections that have the statement above prepared. */
const prepared = new WeakSet<pg.ClientBase>()

/**
 * Carries out one statement within an account, at no further way to Postgres and back: what sets the account is sent with it, as one transaction, in which nothing is carried out
 * after an error. `isPrepared` where connections keep prepared statements.
 */
export async function queryWithin(
  client: pg.ClientBase,
  { accountId, isPrepared }: { readonly accountId: number; readonly isPrepared: boolean },
  config: pg.QueryConfig,
  values = config.values,
): Promise<pg.QueryResult> {
  if (isPrepared && !prepared.has(client)) {
    await client.query({ ...goWithin, values: [accountId] })
    prepared.add(client)
  }
  return new Promise((resolve, reject) => {
    const whenDone = (error: Error | undefined, results: pg.QueryResult | readonly pg.QueryResult[]): void => {
      const last = [results].flat().at(-1)
      if (error || last === undefined) reject(error ?? new Error('a statement answered nothing'))
      else resolve(last)
    }
    const extended = { ...config, queryMode: 'extended' }
    const query = new pg.Query(extended, values, whenDone)
    const submit = query.submit.bind(query)
    query.submit = (connection) => {
      connection.stream.cork()
      if (!isPrepared) connection.parse({ ...goWithin, name: '', types: [] }, true)
      connection.bind({ statement: isPrepared ? goWithin.name : '', values: [String(accountId)] }, true)
      connection.describe({ type: 'P' }, true)
      connection.execute({}, true)
      const fault = submit(connection)
      connection.stream.uncork()
      return fault
    }
    client.query(query)
  })
}
