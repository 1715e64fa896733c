import pg from 'pg'

/** Postgres' own error behind what was thrown (Drizzle wraps it), or undefined when it is something else. */
export function postgresFault(error: unknown): pg.DatabaseError | undefined {
  return causesOf(error).find((cause) => cause instanceof pg.DatabaseError)
}

/** Whether `error` says that a row with this unique key is there already. */
export function isUniqueViolation(error: unknown, constraint: string): boolean {
  const fault = postgresFault(error)
  return fault?.code === '23505' && fault.constraint === constraint
}

const networkCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'ENOENT',
  'ENOTFOUND',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'EAI_AGAIN',
])
/** What the driver says in words alone: that the connection has ended, or could not be made, or that an answer took too long. */
const driverWords =
  /^(Connection terminated|Client has encountered a connection error|Client was closed|timeout exceeded when trying to connect|timeout expired|Query read timeout|Cannot use a pool after)/

/** Whether the connection was lost, or could not be made: what was asked may have been done or not. */
export function isConnectionLost(error: unknown): boolean {
  const fault = postgresFault(error)
  if (fault !== undefined) return fault.severity === 'FATAL' || fault.severity === 'PANIC'
  return causesOf(error).some(
    (cause) => driverWords.test(cause.message) || ('code' in cause && typeof cause.code === 'string' && networkCodes.has(cause.code)),
  )
}

/**
 * Whether the same may succeed later: the database is away, going down, coming up, out of connections, of room or of time, or others were in the way for too long.
 */
export function isDatabaseAway(error: unknown): boolean {
  const sqlState = postgresFault(error)?.code
  return sqlState === undefined ? isConnectionLost(error) : /^(08|40|53|55P03|57)/.test(sqlState)
}

/** Whether a row was to refer to one that is not there: what a call has just seen was deleted before it wrote. */
export function isDangling(error: unknown): boolean {
  return postgresFault(error)?.code === '23503'
}

/** Whether Postgres refused a character: NUL is one that GraphQL strings may hold and its texts may not. */
export function isUnstorable(error: unknown): boolean {
  return ['22021', '22P05'].includes(postgresFault(error)?.code ?? '')
}

function causesOf(error: unknown): readonly Error[] {
  return error instanceof Error ? [error, ...causesOf(error.cause)] : []
}
