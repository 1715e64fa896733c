/** One refusal, as the gateway says it. */
export interface Refusal {
  readonly message: string
  readonly extensions?: Readonly<Record<string, unknown>> | undefined
}

/** What the code is where the connection, not the gateway, was at fault. Whether a call was carried out is not known then. */
const connectionLost = 'CONNECTION_LOST'

/** Why a stream has ended, waits or is opened again, or a call was refused. */
export class SynkvyClientError extends Error {
  override readonly name = 'SynkvyClientError'
  /** One of docs/errors.md, one that GraphQL servers give to faults of the query itself, or `CONNECTION_LOST`. Expect codes that are new to you. */
  readonly code: string
  /** Whether the very same may succeed later. False where the gateway does not say. */
  readonly retryable: boolean
  /** For bad input: where in the arguments the fault is, as in `['input', 3, 'sku']`. */
  readonly inputPath: readonly (string | number)[] | undefined
  /** With RATE_LIMITED: how long to wait. */
  readonly retryAfterSeconds: number | undefined
  /** All refusals of the call, one for each bad item; this error tells of the first. */
  readonly refusals: readonly Refusal[]

  constructor(code: string, message: string, options: { readonly refusals?: readonly Refusal[]; readonly retryable?: boolean } = {}) {
    super(message)
    const [first] = options.refusals ?? []
    this.code = code
    this.refusals = options.refusals ?? []
    this.retryable = options.retryable ?? first?.extensions?.['retryable'] === true
    this.inputPath = toPath(first?.extensions?.['inputPath'])
    const seconds = first?.extensions?.['retryAfterSeconds']
    this.retryAfterSeconds = typeof seconds === 'number' ? seconds : undefined
  }
}

function toPath(value: unknown): readonly (string | number)[] | undefined {
  if (!Array.isArray(value)) return undefined
  return value.filter((part): part is string | number => typeof part === 'string' || typeof part === 'number')
}

export function refused(refusals: readonly Refusal[]): SynkvyClientError {
  const [first] = refusals
  const code = first?.extensions?.['code']
  const message = refusals.map((one) => one.message).join('\n')
  return new SynkvyClientError(typeof code === 'string' ? code : 'UNKNOWN', message, { refusals })
}

export function isRetryable(error: unknown): error is SynkvyClientError {
  return error instanceof SynkvyClientError && error.retryable
}

/** What the socket's client reports, in one form: refusals, a close with its code, or whatever else went wrong on the way. */
export function toClientError(reason: unknown): SynkvyClientError {
  if (Array.isArray(reason)) return refused(reason.filter(isRefusal))
  if (isClose(reason)) return closed(reason.code, reason.reason)
  return new SynkvyClientError(connectionLost, isRefusal(reason) ? reason.message : 'The connection failed.', { retryable: true })
}

/** Close codes: only a key that is no good is for ever. */
function closed(code: number, reason: string): SynkvyClientError {
  if (code === 4403)
    return new SynkvyClientError('UNAUTHENTICATED', 'The gateway does not take this API key: it is unknown, expired or revoked.')
  return new SynkvyClientError(connectionLost, `The connection was closed (${code}${reason === '' ? '' : `, ${reason}`}).`, {
    retryable: true,
  })
}

function isRefusal(value: unknown): value is Refusal {
  return typeof value === 'object' && value !== null && 'message' in value && typeof value.message === 'string'
}

function isClose(value: unknown): value is { readonly code: number; readonly reason: string } {
  return (
    typeof value === 'object' &&
    value !== null &&
    'code' in value &&
    typeof value.code === 'number' &&
    'reason' in value &&
    typeof value.reason === 'string'
  )
}
