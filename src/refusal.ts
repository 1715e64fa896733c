import { isDangling, isDatabaseAway, isUnstorable } from './db/faults.ts'
import { SynkvyError } from './errors.ts'

/** The refusal that an error comes to, which callers are shown; undefined for a bug. */
export function refusalOf(error: unknown): SynkvyError | undefined {
  if (error instanceof SynkvyError) return error
  if (isDatabaseAway(error)) {
    return new SynkvyError(
      'SERVICE_UNAVAILABLE',
      'The database is away. Call again in a moment: every call may be repeated (adjustStock with an idempotencyKey).',
      { cause: error },
    )
  }
  if (isDangling(error)) {
    return new SynkvyError(
      'CONFLICT',
      'What this call is about, or who calls, was deleted while it ran: nothing of it is done. Look what is there, and call again.',
      { cause: error },
    )
  }
  if (!isUnstorable(error)) return undefined
  return new SynkvyError('BAD_USER_INPUT', 'A text of this call holds a character that cannot be stored, such as NUL. Leave it out.', {
    cause: error,
  })
}
