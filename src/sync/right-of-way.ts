import { setImmediate as othersFirst } from 'node:timers/promises'
import { Bell } from './bell.ts'

/**
 * Live changes go before pages of links. A change passes the gateway's one thread several times on its way from the commit to the socket, and to unpack a page and write it out takes
 * milliseconds, behind which it would stand each time.
 */
export class RightOfWay {
  #underWay = 0
  readonly #isClear = new Bell()
  readonly #longestMs: number
  #pages = Promise.resolve()

  /** `longestMs`: for how long a page stands back at most. Where live changes never cease, a resend ends all the same. */
  constructor(longestMs = 5) {
    this.#longestMs = longestMs
  }

  /** Carries live changes a part of their way. */
  async go<Value>(carry: () => Promise<Value>): Promise<Value> {
    this.#underWay += 1
    try {
      return await carry()
    } finally {
      this.#underWay -= 1
      this.#isClear.ring()
    }
  }

  /** Resolves when it is a page's turn to be written out: page by page, when no live change is on its way, or one has stood back for long enough. */
  giveWay(): Promise<void> {
    this.#pages = this.#pages.then(() => this.#standBack())
    return this.#pages
  }

  async #standBack(): Promise<void> {
    const until = performance.now() + this.#longestMs
    // What has arrived by now is read, and what was offered is sent.
    await othersFirst()
    while (this.#underWay > 0) {
      const leftMs = until - performance.now()
      if (leftMs <= 0) return
      await this.#isClear.wait(leftMs)
      await othersFirst()
    }
  }
}
