import type { Stream } from './change.ts'
import type { ViewStream } from './view-stream.ts'

const none: ReadonlySet<never> = new Set()

/** The streams of one kind that a gateway serves, found by their view and by their account: a change costs what it concerns, however many are connected. */
export class StreamRegistry<S extends Stream> {
  readonly #byView = new Map<number, Set<ViewStream<S>>>()
  readonly #byAccount = new Map<number, Set<ViewStream<S>>>()

  add(stream: ViewStream<S>): void {
    insert(this.#byView, stream.key.viewId, stream)
    insert(this.#byAccount, stream.key.accountId, stream)
  }

  /** Whether it was there. */
  delete(stream: ViewStream<S>): boolean {
    remove(this.#byAccount, stream.key.accountId, stream)
    return remove(this.#byView, stream.key.viewId, stream)
  }

  ofView(viewId: number): ReadonlySet<ViewStream<S>> {
    return this.#byView.get(viewId) ?? none
  }

  ofAccount(accountId: number): ReadonlySet<ViewStream<S>> {
    return this.#byAccount.get(accountId) ?? none
  }

  accountIds(): Iterable<number> {
    return this.#byAccount.keys()
  }

  *all(): Iterable<ViewStream<S>> {
    for (const streams of this.#byView.values()) yield* streams
  }
}

function insert<Value>(map: Map<number, Set<Value>>, id: number, value: Value): void {
  const values = map.get(id)
  if (values === undefined) map.set(id, new Set([value]))
  else values.add(value)
}

function remove<Value>(map: Map<number, Set<Value>>, id: number, value: Value): boolean {
  const values = map.get(id)
  const wasThere = values?.delete(value) === true
  if (values?.size === 0) map.delete(id)
  return wasThere
}
