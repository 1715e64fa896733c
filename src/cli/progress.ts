const plainEveryMs = 5_000

/** How long work stands: one line that changes on a terminal, a line now and then elsewhere. On standard error, so that output stays clean. */
export class ProgressLine {
  readonly #isTerminal = process.stderr.isTTY
  #shownAt = 0

  show(text: string): void {
    if (this.#isTerminal) {
      process.stderr.write(`\r\u001B[2K${text}`)
      return
    }
    const now = Date.now()
    if (now - this.#shownAt < plainEveryMs) return
    this.#shownAt = now
    process.stderr.write(`${text}\n`)
  }

  end(text?: string): void {
    if (this.#isTerminal) process.stderr.write('\r\u001B[2K')
    if (text !== undefined) process.stderr.write(`${text}\n`)
  }
}
