/**
 * How long to wait before the next attempt: "full jitter" of the AWS Architecture Blog's "Exponential Backoff And Jitter" (Marc Brooker, 2015), so that a thousand
 * systems that were cut off together do not come back together.
 */
export class Backoff {
  readonly #firstMs: number
  readonly #longestMs: number
  readonly #random: () => number
  #attempts = 0

  constructor(options: { readonly firstMs: number; readonly longestMs: number; readonly random?: () => number }) {
    this.#firstMs = options.firstMs
    this.#longestMs = options.longestMs
    this.#random = options.random ?? Math.random
  }

  /** Anything from nothing up to a bound that doubles with each attempt, to an end. */
  nextMs(): number {
    const boundMs = Math.min(this.#longestMs, this.#firstMs * 2 ** this.#attempts)
    this.#attempts += 1
    return this.#random() * boundMs
  }

  /** It has succeeded. */
  reset(): void {
    this.#attempts = 0
  }
}

/** Resolves when the time is over or one of the signals fires. */
export function pause(ms: number, signals: readonly AbortSignal[]): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer)
      for (const signal of signals) signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, ms)
    for (const signal of signals) signal.addEventListener('abort', end)
    if (signals.some((signal) => signal.aborted)) end()
  })
}
