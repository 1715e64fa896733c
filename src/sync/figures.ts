import type { Batch, Lane, Stream } from './change.ts'

/** What the engine on this gateway has done since it started, for whoever watches it. They only grow. */
export class SyncFigures {
  /** Changes that it has numbered, while it was the one that sequences. */
  numbered = 0
  /** Acknowledgements that it has taken. */
  acknowledged = 0
  /** How often a stream had to wait because its consumer had not acknowledged what was sent. */
  stalls = 0
  readonly #sent = new Map<string, { readonly stream: Stream; readonly lane: Lane; changes: number }>()

  /** Changes that were handed to consumers, by stream and lane. */
  get sent(): readonly { readonly stream: Stream; readonly lane: Lane; readonly changes: number }[] {
    return [...this.#sent.values()]
  }

  /** A batch is of one lane. */
  countSent(stream: Stream, { changes }: Batch<unknown>): void {
    const [first] = changes
    if (first === undefined) return
    const key = `${stream} ${first.lane}`
    const counted = this.#sent.get(key) ?? { stream, lane: first.lane, changes: 0 }
    counted.changes += changes.length
    this.#sent.set(key, counted)
  }
}
