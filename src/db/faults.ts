import postgres from 'postgres'

/** Postgres' own error behind what was thrown (Drizzle wraps it), or undefined when it is something else. */
export function postgresFault(error: unknown): postgres.PostgresError | undefined {
  if (error instanceof postgres.PostgresError) return error
  return error instanceof Error && error.cause !== undefined ? postgresFault(error.cause) : undefined
}

/** Whether `error` says that a row with this unique key is there already. */
export function isUniqueViolation(error: unknown, constraint: string): boolean {
  const fault = postgresFault(error)
  return fault?.code === '23505' && fault.constraint_name === constraint
}
