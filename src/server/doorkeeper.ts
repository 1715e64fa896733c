import { authenticate, authenticateKey, type Credentials } from '../access/authenticate.ts'
import type { Caller } from '../access/caller.ts'
import type { Limits } from '../config.ts'
import type { Database } from '../db/client.ts'
import { SynkvyError, type LimitName } from '../errors.ts'
import { Buckets } from './buckets.ts'
import { FailedKeys } from './failed-keys.ts'

/** How soon what is open may have been closed: nobody knows. */
const retryOpeningSeconds = 5

/** Where callers are whose address cannot be told. */
const nowhere = 'nowhere'

/** Counts what is open, by whose it is. */
class Open<Key> {
  readonly #limit: LimitName
  readonly #most: number
  readonly #counts = new Map<Key, number>()

  constructor(limit: LimitName, most: number) {
    this.#limit = limit
    this.#most = most
  }

  /** Counts one more. Answers what counts it no more, to be called once. Throws RATE_LIMITED. */
  add(key: Key): () => void {
    const count = this.#counts.get(key) ?? 0
    if (count >= this.#most) throw tooMuchOpen(this.#limit, this.#most)
    this.#counts.set(key, count + 1)
    return () => {
      const left = (this.#counts.get(key) ?? 1) - 1
      if (left === 0) this.#counts.delete(key)
      else this.#counts.set(key, left)
    }
  }
}

/** Says who comes in, and how often. What it knows is this gateway's alone, and forgotten when that ends. */
export class Doorkeeper {
  readonly #database: Database
  readonly #limits: Limits
  readonly #byKey: Buckets<number>
  readonly #byAddress: Buckets<string>
  readonly #anonymous: Buckets<string>
  readonly #failedKeys: FailedKeys
  readonly socketsOfKeys: Open<number>
  readonly socketsOfAddresses: Open<string>
  readonly subscriptionsOfKeys: Open<number>

  constructor(database: Database, limits: Limits) {
    this.#database = database
    this.#limits = limits
    this.#byKey = bucketsOf(limits.callsPerKey)
    this.#byAddress = bucketsOf(limits.callsPerAddress)
    this.#anonymous = bucketsOf(limits.anonymousCalls)
    this.#failedKeys = new FailedKeys(limits.failedKeys)
    this.socketsOfKeys = new Open('SOCKETS_PER_KEY', limits.socketsPerKey)
    this.socketsOfAddresses = new Open('SOCKETS_PER_ADDRESS', limits.socketsPerAddress)
    this.subscriptionsOfKeys = new Open('SUBSCRIPTIONS_PER_KEY', limits.subscriptionsPerKey)
  }

  /** A call came from there. Throws RATE_LIMITED. */
  callFrom(address = nowhere): void {
    refuseAfter(this.#byAddress.take(address), 'CALLS_PER_ADDRESS', this.#limits.callsPerAddress, 'from your address')
  }

  /** Whose call it is has become known: nobody's, where no good key came with it. Throws RATE_LIMITED. */
  callBy(caller: Caller | undefined, address = nowhere): void {
    if (caller !== undefined) refuseAfter(this.#byKey.take(caller.keyId), 'CALLS_PER_KEY', this.#limits.callsPerKey, 'with this key')
    else refuseAfter(this.#anonymous.take(address), 'ANONYMOUS_CALLS', this.#limits.anonymousCalls, 'without a good key from your address')
  }

  /** The caller was sent something that it will acknowledge: that call was not its own idea. */
  owesCall({ keyId }: Caller, address = nowhere): void {
    this.#byKey.giveBack(keyId)
    this.#byAddress.giveBack(address)
  }

  /** Who calls. Throws UNAUTHENTICATED, and RATE_LIMITED where too many keys from there were no good. */
  authenticate(credentials: Credentials): Promise<Caller> {
    const { authorization, sessionSecret, address = nowhere } = credentials
    const secret = authorization ?? sessionSecret
    const lookUp = (): Promise<Caller> => authenticate(this.#database, credentials)
    return secret === undefined ? lookUp() : this.#failedKeys.admit(address, secret, lookUp)
  }

  /** The same for a key that somebody signs in with. */
  authenticateKey(key: string, address: string | undefined): Promise<Caller> {
    return this.#failedKeys.admit(address ?? nowhere, `Bearer ${key}`, () => authenticateKey(this.#database, key, address))
  }

  /** Throws RATE_LIMITED where a socket has more under way than it may. */
  operationOf(underWay: number): void {
    if (underWay > this.#limits.operationsPerSocket) throw tooMuchOpen('OPERATIONS_PER_SOCKET', this.#limits.operationsPerSocket)
  }
}

function bucketsOf<Key>(perMinute: number): Buckets<Key> {
  return new Buckets({ perMinute, atOnce: Math.ceil(perMinute / 6) })
}

function refuseAfter(retryAfterSeconds: number, limit: LimitName, allowed: number, whose: string): void {
  if (retryAfterSeconds === 0) return
  throw new SynkvyError(
    'RATE_LIMITED',
    `Too many calls ${whose}: ${allowed} a minute are allowed. Call again in ${retryAfterSeconds} seconds.`,
    { exceeded: { limit, allowed, retryAfterSeconds } },
  )
}

const what: Partial<Record<LimitName, string>> = {
  SOCKETS_PER_KEY: 'WebSockets of this key',
  SOCKETS_PER_ADDRESS: 'WebSockets from your address',
  OPERATIONS_PER_SOCKET: 'operations on this WebSocket',
  SUBSCRIPTIONS_PER_KEY: 'subscriptions of this key',
}

function tooMuchOpen(limit: LimitName, allowed: number): SynkvyError {
  return new SynkvyError(
    'RATE_LIMITED',
    `Too many ${what[limit] ?? limit} at once: ${allowed} are allowed. End one that you do not need.`,
    {
      exceeded: { limit, allowed, asked: allowed + 1, retryAfterSeconds: retryOpeningSeconds },
    },
  )
}
