/** How many characters of text are kept at most, and of one text. What is parsed of them takes some hundred times as much memory. */
const mostCharacters = 500_000
const longest = 10_000

/** Keeps what belongs to texts, the latest ones, in bounded memory: whoever sends them need not have a key. */
export class TextCache<Value> {
  readonly #values = new Map<string, Value>()
  #characters = 0

  get(text: string): Value | undefined {
    const value = this.#values.get(text)
    if (value === undefined) return undefined
    // Taken out and put in again, it is the youngest.
    this.#values.delete(text)
    this.#values.set(text, value)
    return value
  }

  set(text: string, value: Value): void {
    if (text.length > longest) return
    if (!this.#values.has(text)) this.#characters += text.length
    this.#values.set(text, value)
    for (const oldest of this.#values.keys()) {
      if (this.#characters <= mostCharacters) return
      this.#values.delete(oldest)
      this.#characters -= oldest.length
    }
  }
}
