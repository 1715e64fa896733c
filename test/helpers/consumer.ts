import type { Client } from 'graphql-ws'

export interface ReceivedChange {
  readonly kind: 'UPSERT' | 'REMOVE'
  readonly lane: 'LIVE' | 'RESEND'
  readonly id: string
  readonly revision: bigint
  readonly key: string
  readonly reason: 'DELETED' | 'UNLINKED' | null
  readonly entity: Readonly<Record<string, unknown>> | null
}

export interface ReceivedBatch {
  readonly cursor: string
  readonly caughtUp: boolean
  readonly resendId: string | null
  readonly resendComplete: boolean
  readonly changes: readonly ReceivedChange[]
}

const head = 'cursor caughtUp resendId resendComplete'
const ownedArgs = '($afterCursor: Cursor, $batchSize: Int = 200, $maxInFlight: Int = 4)'
const documents = {
  PRODUCT: `subscription ($afterCursor: Cursor, $batchSize: Int = 200, $maxInFlight: Int = 4) {
    batch: productChanges(afterCursor: $afterCursor, batchSize: $batchSize, maxInFlight: $maxInFlight) { ${head} changes {
      kind lane id: productId revision key: handle reason entity: product { id handle title status revision variants { sku title price { amount currency } available } } } } }`,
  STOCK: `subscription ($afterCursor: Cursor, $batchSize: Int = 500, $maxInFlight: Int = 4) {
    batch: stockChanges(afterCursor: $afterCursor, batchSize: $batchSize, maxInFlight: $maxInFlight) { ${head} changes {
      kind lane id: stockLevelId revision key: sku reason locationCode entity: stockLevel { id onHand reserved available revision variant { sku } location { code } } } } }`,
  ORDER: `subscription ${ownedArgs} {
    batch: orderChanges(afterCursor: $afterCursor, batchSize: $batchSize, maxInFlight: $maxInFlight) { cursor caughtUp changes {
      kind lane id: orderId revision key: externalId reason entity: order { id externalId state number revision total { amount currency } customer { externalId } lines { sku title quantity } } } } }`,
  CUSTOMER: `subscription ${ownedArgs} {
    batch: customerChanges(afterCursor: $afterCursor, batchSize: $batchSize, maxInFlight: $maxInFlight) { cursor caughtUp changes {
      kind lane id: customerId revision key: externalId reason entity: customer { id externalId name email revision } } } }`,
} as const

export type StreamName = keyof typeof documents

interface RawBatch extends Omit<ReceivedBatch, 'changes'> {
  readonly changes: readonly (Omit<ReceivedChange, 'revision'> & { readonly revision: string })[]
}

type End =
  | { readonly errors: readonly { readonly extensions?: Readonly<Record<string, unknown>>; readonly message: string }[] }
  | 'complete'

/** One subscription over a socket: what arrives waits here until it is asked for. */
export class Subscription {
  readonly #arrived: ReceivedBatch[] = []
  #wake: () => void = () => {}
  #end: End | undefined
  readonly #unsubscribe: () => void
  readonly #client: Client

  constructor(client: Client, stream: StreamName, variables: Record<string, unknown> = {}) {
    this.#client = client
    this.#unsubscribe = client.subscribe<{ batch: RawBatch }>(
      { query: documents[stream], variables },
      {
        next: ({ data, errors }) => {
          if (errors !== undefined) this.#finish({ errors })
          if (data?.batch) this.#take(data.batch)
        },
        error: (error) => this.#finish({ errors: toErrors(error) }),
        complete: () => this.#finish('complete'),
      },
    )
  }

  #take(batch: RawBatch): void {
    this.#arrived.push({ ...batch, changes: batch.changes.map((change) => ({ ...change, revision: BigInt(change.revision) })) })
    this.#wake()
  }

  #finish(end: End): void {
    this.#end ??= end
    this.#wake()
  }

  /** Batches that have arrived and were not asked for. */
  get waiting(): number {
    return this.#arrived.length
  }

  /** The next batch. Rejects when none comes in time, or when the subscription has ended. */
  async next(withinMs = 20_000): Promise<ReceivedBatch> {
    await this.#until(() => this.#arrived.length > 0 || this.#end !== undefined, withinMs, 'no batch came')
    const batch = this.#arrived.shift()
    if (batch !== undefined) return batch
    throw new Error(`the subscription has ended: ${JSON.stringify(this.#end)}`)
  }

  /** The code that the subscription ended with; undefined where it was complete. */
  async ended(withinMs = 20_000): Promise<unknown> {
    await this.#until(() => this.#end !== undefined, withinMs, 'the subscription did not end')
    return this.#end === 'complete' || this.#end === undefined ? undefined : this.#end.errors[0]?.extensions?.['code']
  }

  /** Reads, and acknowledges, until a batch satisfies `isLast`. Answers all changes. */
  async readUntil(
    isLast: (batch: ReceivedBatch) => boolean,
    options: { readonly acknowledge?: boolean } = {},
  ): Promise<readonly ReceivedChange[]> {
    const changes: ReceivedChange[] = []
    for (;;) {
      const batch = await this.next()
      changes.push(...batch.changes)
      if (options.acknowledge !== false && batch.changes.length > 0) await this.acknowledge(batch.cursor)
      if (isLast(batch)) return changes
    }
  }

  acknowledge(cursor: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#client.subscribe(
        { query: 'mutation ($cursor: Cursor!) { acknowledge(cursor: $cursor) { __typename } }', variables: { cursor } },
        {
          next: ({ errors }) => (errors === undefined ? resolve() : reject(new Error(JSON.stringify(errors)))),
          error: reject,
          complete: () => {},
        },
      )
    })
  }

  async #until(isSo: () => boolean, withinMs: number, otherwise: string): Promise<void> {
    const deadline = Date.now() + withinMs
    while (!isSo()) {
      const left = deadline - Date.now()
      if (left <= 0) throw new Error(`${otherwise} within ${withinMs} ms`)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left)
        this.#wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
  }

  close(): void {
    this.#unsubscribe()
  }
}

function toErrors(error: unknown): readonly { readonly message: string }[] {
  if (Array.isArray(error))
    return error.filter((one): one is { message: string } => typeof one === 'object' && one !== null && 'message' in one)
  return [{ message: error instanceof Error ? error.message : JSON.stringify(error) }]
}
