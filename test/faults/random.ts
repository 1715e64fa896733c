/** Random numbers that a seed repeats: a linear congruential generator with the constants of Numerical Recipes. Its low bits are poor, so they are dropped. */
export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
    this.next()
  }

  /** From 0 to 1, without 1. */
  next(): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0
    return (this.#state >>> 8) / 0x1_00_00_00
  }

  below(limit: number): number {
    return Math.floor(this.next() * limit)
  }

  chance(probability: number): boolean {
    return this.next() < probability
  }

  pick<Value>(values: readonly [Value, ...Value[]]): Value {
    return values[this.below(values.length)] ?? values[0]
  }

  fork(): Random {
    return new Random(Math.floor(this.next() * 0x1_00_00_00))
  }
}
