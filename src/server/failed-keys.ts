import { createHash } from 'node:crypto'
import { SynkvyError } from '../errors.ts'
import { forgetOldest } from './buckets.ts'

const longestWaitMs = 60_000
/** Of how many addresses, and of how many good keys, something is remembered. */
const mostAddresses = 100_000
const mostKeys = 10_000

/** The failures of an address: a level that falls by what is allowed in a minute. */
interface Failures {
  level: number
  at: number
  /** How often it was made to wait. */
  waits: number
  /** Before then no key that is new to the gateway is looked up. */
  nextAt: number
}

/**
 * Slows down whoever tries keys. An address from which too many have failed has to wait, longer each time, before another one is looked up. A key that was good lately is
 * looked up whatever comes from its address: of it no more than a hash is remembered, and whether it is still good the database says.
 */
export class FailedKeys {
  readonly #allowed: number
  readonly #failures = new Map<string, Failures>()
  readonly #good = new Set<string>()

  constructor(allowed: number) {
    this.#allowed = allowed
  }

  /** What `lookUp` answers. Throws what that throws, and RATE_LIMITED without having called it. Moments are milliseconds. */
  async admit<Caller>(address: string, secret: string, lookUp: () => Promise<Caller>, clock = () => performance.now()): Promise<Caller> {
    const hash = createHash('sha256').update(secret).digest('base64')
    if (!this.#good.has(hash)) this.#wait(address, clock())
    try {
      const caller = await lookUp()
      this.#remember(hash)
      return caller
    } catch (error) {
      if (error instanceof SynkvyError && error.code === 'UNAUTHENTICATED') {
        this.#good.delete(hash)
        this.#fail(address, clock())
      }
      throw error
    }
  }

  #wait(address: string, now: number): void {
    const failures = this.#failures.get(address)
    if (failures === undefined || failures.nextAt === 0 || this.#levelOf(failures, now) === 0) return
    if (now < failures.nextAt) {
      const retryAfterSeconds = Math.ceil((failures.nextAt - now) / 1000)
      throw new SynkvyError(
        'RATE_LIMITED',
        `Too many keys that are no good have come from your address: ${this.#allowed} a minute are allowed. Try again in ${retryAfterSeconds} seconds.`,
        { exceeded: { limit: 'FAILED_KEYS', allowed: this.#allowed, retryAfterSeconds } },
      )
    }
    // One at a time is looked up.
    failures.nextAt = now + waitMs(failures.waits)
  }

  #fail(address: string, now: number): void {
    const before = this.#failures.get(address)
    const left = before === undefined ? 0 : this.#levelOf(before, now)
    const level = left + 1
    const isTooMany = level > this.#allowed - 1
    const waits = (left === 0 ? 0 : (before?.waits ?? 0)) + (isTooMany ? 1 : 0)
    const nextAt = isTooMany ? now + waitMs(waits) : 0
    this.#failures.delete(address)
    this.#failures.set(address, { level, at: now, waits, nextAt })
    if (this.#failures.size > mostAddresses) forgetOldest(this.#failures)
  }

  #levelOf({ level, at }: Failures, now: number): number {
    return Math.max(0, level - ((now - at) * this.#allowed) / 60_000)
  }

  #remember(hash: string): void {
    this.#good.delete(hash)
    this.#good.add(hash)
    if (this.#good.size > mostKeys) forgetOldest(this.#good)
  }
}

function waitMs(waits: number): number {
  return Math.min(longestWaitMs, 1_000 * 2 ** (waits - 1))
}
