/** Wakes one who waits. A ring while nobody waits is kept, so that none is lost between looking and waiting; many rings are one. */
export class Bell {
  #isRung = false
  #answer: (() => void) | undefined

  ring(): void {
    this.#isRung = true
    this.#answer?.()
  }

  /** Resolves at the next ring, at once if it rang since the last wait, or when the time is over. */
  wait(timeoutMs?: number): Promise<void> {
    if (this.#isRung) {
      this.#isRung = false
      return Promise.resolve()
    }
    return new Promise((resolve) => {
      const timer = timeoutMs === undefined ? undefined : setTimeout(() => this.#answer?.(), timeoutMs)
      this.#answer = () => {
        clearTimeout(timer)
        this.#answer = undefined
        this.#isRung = false
        resolve()
      }
    })
  }
}
