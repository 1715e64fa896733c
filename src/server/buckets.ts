/** How many buckets are kept: of more callers than that the one that called longest ago is forgotten. */
const mostBuckets = 100_000

interface Bucket {
  tokens: number
  at: number
}

/** Token buckets: so many a minute for each key, and so many at once. Moments are milliseconds. */
export class Buckets<Key> {
  readonly #perMs: number
  readonly #atOnce: number
  readonly #buckets = new Map<Key, Bucket>()

  constructor({ perMinute, atOnce }: { readonly perMinute: number; readonly atOnce: number }) {
    this.#perMs = perMinute / 60_000
    this.#atOnce = atOnce
  }

  /** Takes a token. Answers after how many seconds there is one, 0 where one was taken. */
  take(key: Key, now = performance.now()): number {
    const bucket = this.#fill(key, now)
    if (bucket.tokens < 1) return Math.max(1, Math.ceil((1 - bucket.tokens) / this.#perMs / 1000))
    bucket.tokens -= 1
    return 0
  }

  /** Gives one back, of a key that has taken one before. */
  giveBack(key: Key): void {
    const bucket = this.#buckets.get(key)
    if (bucket !== undefined) bucket.tokens = Math.min(this.#atOnce, bucket.tokens + 1)
  }

  #fill(key: Key, now: number): Bucket {
    const before = this.#buckets.get(key) ?? { tokens: this.#atOnce, at: now }
    const bucket = { tokens: Math.min(this.#atOnce, before.tokens + (now - before.at) * this.#perMs), at: now }
    this.#buckets.delete(key)
    this.#buckets.set(key, bucket)
    if (this.#buckets.size > mostBuckets) forgetOldest(this.#buckets)
    return bucket
  }
}

/** Forgets what was put in first. */
export function forgetOldest<Key>(all: Map<Key, unknown> | Set<Key>): void {
  for (const oldest of all.keys()) {
    all.delete(oldest)
    return
  }
}
