import type { KeyScope } from './api-keys.ts'

/** Who calls: an account's user with one of its API keys, or signed in with one. Everything that is asked or done on behalf of a call names `accountId`. */
export interface Caller {
  readonly accountId: number
  readonly userId: number
  readonly userName: string
  readonly kind: 'ADMIN' | 'INTEGRATION'
  readonly keyId: number
  /** By which people know the key. */
  readonly keyPrefix: string
  /** What an integration may write with it; undefined for everything. */
  readonly scopes: readonly KeyScope[] | undefined
  /** When the key stops being good, or, where one is signed in, the session. */
  readonly expiresAt: Date | undefined
  /** Where one is signed in to the admin page rather than calls with the key itself. */
  readonly sessionId: number | undefined
  /** Whether the key may send nothing but trusted documents. */
  readonly trustedDocumentsOnly: boolean
  /** The sync view of an INTEGRATION user that has made one. */
  readonly syncViewId: number | undefined
}

/** On whose behalf something is written. A sync view's own writes carry it as their origin and are not sent back to it. */
export interface Author {
  readonly accountId: number
  readonly userId?: number | undefined
  readonly syncViewId?: number | undefined
}
