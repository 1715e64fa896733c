/** What was started so far, to be ended in reverse, also when a later start fails. */
export class Started implements AsyncDisposable {
  readonly #ends: (() => unknown)[] = []

  add<Part extends AsyncDisposable | Disposable>(part: Part): Part {
    this.#ends.push(() => (Symbol.asyncDispose in part ? part[Symbol.asyncDispose]() : part[Symbol.dispose]()))
    return part
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const faults: unknown[] = []
    for (const end of this.#ends.splice(0).toReversed()) {
      try {
        await end()
      } catch (error) {
        // The others must end all the same: one of them may be a whole Postgres.
        faults.push(error)
      }
    }
    if (faults.length > 0) throw new AggregateError(faults, 'not everything has ended cleanly')
  }
}
