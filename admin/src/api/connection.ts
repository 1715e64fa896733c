import { useSyncExternalStore } from 'react'

/** How the page stands with the gateway. LOST: it was connected, and tries to be again. */
export type ConnectionState = 'CONNECTING' | 'CONNECTED' | 'LOST'

/** A value that components can follow. */
export class Followed<Value> {
  #value: Value
  readonly #followers = new Set<() => void>()

  constructor(value: Value) {
    this.#value = value
  }

  get value(): Value {
    return this.#value
  }

  set(value: Value): void {
    this.#value = value
    for (const follower of this.#followers) follower()
  }

  readonly follow = (follower: () => void): (() => void) => {
    this.#followers.add(follower)
    return () => this.#followers.delete(follower)
  }
}

export function useFollowed<Value>(followed: Followed<Value>): Value {
  return useSyncExternalStore(followed.follow, () => followed.value)
}
