/**
 * Every way in which synkvy refuses a call. The key is the code that callers see in `extensions.code`; the comment says what happened and
 * what to do next; `status` is what an HTTP answer carries when nothing else of the call succeeded; `retryable` says whether the very same
 * call may succeed later. docs/errors.md has a heading for each, kept equal by a test.
 */
export const errorCatalogue = {
  /** No API key, or one that is unknown, expired, revoked, or not for use from where the call comes from. Send a valid key: `Authorization: Bearer <secret>`. */
  UNAUTHENTICATED: { status: 401, retryable: false },
  /** The key is good, but its user may not do this, or the key lacks the scope for it. Use a key of a user of the kind that the message names, or one with the scope. */
  FORBIDDEN: { status: 403, retryable: false },
  /** No such thing in your account, or it is not linked to the sync view that it is named for. Check the id; things of other accounts are never found. */
  NOT_FOUND: { status: 404, retryable: false },
  /** An argument is malformed or out of range. `inputPath` says which; mend it and call again. */
  BAD_USER_INPUT: { status: 400, retryable: false },
  /** Sync views belong to external systems, so only an INTEGRATION user can create one. Create such a user and use its key. */
  USER_NOT_INTEGRATION: { status: 409, retryable: false },
  /** The user already has a sync view. Create another INTEGRATION user: every view needs one of its own. */
  USER_HAS_SYNC_VIEW: { status: 409, retryable: false },
  /** The key's user has no sync view yet. Call `createSyncView` first. */
  NO_SYNC_VIEW: { status: 409, retryable: false },
  /** The sync view is paused. Ask an admin of the shop to let it go on, then connect again. */
  SYNC_VIEW_PAUSED: { status: 409, retryable: true },
  /** A newer subscription of the same stream by the same sync view took over. Do not reconnect: the newer one is served. */
  STREAM_TAKEN_OVER: { status: 409, retryable: false },
  /** Not a cursor that was sent to this sync view on this stream. Leave `afterCursor` out to go on after what was acknowledged. */
  INVALID_CURSOR: { status: 400, retryable: false },
  /** There is no resend to cancel. */
  RESEND_NOT_RUNNING: { status: 409, retryable: false },
  /** There is less in stock than the call would take. Read the stock level and ask for what is available. */
  INSUFFICIENT_STOCK: { status: 409, retryable: false },
  /** The order cannot go from the state it is in to that one. */
  ILLEGAL_STATE: { status: 409, retryable: false },
  /** The call contradicts what is stored: a reused idempotency key, a SKU of another product, an expectation not met. Read again, then decide. */
  CONFLICT: { status: 409, retryable: false },
  /** The operation is over the limit of depth, cost, aliases, root fields or tokens: `limit` says which, with what is `allowed` and what was `asked`. Ask for less at once. */
  QUERY_TOO_COMPLEX: { status: 400, retryable: false },
  /** The body of the call is larger than it may be. Send less at once. */
  REQUEST_TOO_LARGE: { status: 413, retryable: false },
  /** Too many calls, or too much open at once: `limit` says of what. Wait for `retryAfterSeconds`. */
  RATE_LIMITED: { status: 429, retryable: true },
  /** There is no trusted document with this hash in your account. Have an admin register it with `registerDocument`, or send its text if your key may. */
  PERSISTED_QUERY_NOT_FOUND: { status: 404, retryable: false },
  /**
   * The database is away, or the gateway is stopping. Call again in a moment: whether a mutation was stored is not known, and each may be repeated; give
   * adjustStock an idempotencyKey.
   */
  SERVICE_UNAVAILABLE: { status: 503, retryable: true },
} as const satisfies Record<string, { readonly status: number; readonly retryable: boolean }>

export type ErrorCode = keyof typeof errorCatalogue

/** Where in the arguments the fault is, as in `['input', 3, 'sku']`. */
export type InputPath = readonly (string | number)[]

/** What is limited, by the names that callers, figures and docs/operations.md know. */
export type LimitName =
  | 'DEPTH'
  | 'COST'
  | 'ALIASES'
  | 'ROOT_FIELDS'
  | 'TOKENS'
  | 'BODY_BYTES'
  | 'HEADER_BYTES'
  | 'REQUEST_SECONDS'
  | 'MESSAGE_BYTES'
  | 'SOCKET_INIT_SECONDS'
  | 'SOCKET_IDLE_SECONDS'
  | 'SOCKETS_PER_KEY'
  | 'SOCKETS_PER_ADDRESS'
  | 'OPERATIONS_PER_SOCKET'
  | 'SUBSCRIPTIONS_PER_KEY'
  | 'CALLS_PER_KEY'
  | 'CALLS_PER_ADDRESS'
  | 'ANONYMOUS_CALLS'
  | 'FAILED_KEYS'
  | 'TRUSTED_DOCUMENTS'

/** Which limit a call is over, as callers see it beside the code. */
export interface Exceeded {
  readonly limit: LimitName
  readonly allowed: number
  /** What the call asked for, where that is known. */
  readonly asked?: number
  /** With RATE_LIMITED. */
  readonly retryAfterSeconds?: number
}

/** A refusal that the caller can act upon. The message says what to do; everything else that is thrown is a bug and is shown as `INTERNAL`. */
export class SynkvyError extends Error {
  override readonly name = 'SynkvyError'
  readonly code: ErrorCode
  readonly inputPath: InputPath | undefined
  readonly exceeded: Exceeded | undefined

  constructor(
    code: ErrorCode,
    message: string,
    options: { readonly inputPath?: InputPath; readonly exceeded?: Exceeded; readonly cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.inputPath = options.inputPath
    this.exceeded = options.exceeded
  }

  /** What GraphQL shows beside the message: whatever wraps this error in a GraphQLError takes it over. */
  get extensions(): {
    readonly code: ErrorCode
    readonly retryable: boolean
    readonly inputPath?: InputPath
    readonly http: { readonly status: number; readonly headers?: Readonly<Record<string, string>> }
  } & Partial<Exceeded> {
    const { status, retryable } = errorCatalogue[this.code]
    const seconds = this.exceeded?.retryAfterSeconds
    return {
      code: this.code,
      retryable,
      ...(this.inputPath === undefined ? {} : { inputPath: this.inputPath }),
      ...this.exceeded,
      http: { status, ...(seconds === undefined ? {} : { headers: { 'retry-after': String(seconds) } }) },
    }
  }
}

/** How many faults of one call are reported at once. */
const maxReportedFaults = 100

/** Throws what `faults` holds, all of it (the first 100) in one go; returns when there is nothing to throw. */
export function throwFaults(faults: readonly SynkvyError[]): void {
  const [first, ...rest] = faults.slice(0, maxReportedFaults)
  if (first === undefined) return
  if (rest.length === 0) throw first
  throw new AggregateError([first, ...rest], first.message)
}
