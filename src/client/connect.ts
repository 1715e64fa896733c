import { Connection, type WebSocketConstructor } from './connection.ts'
import { Follower, type AnyBatch, type OnError } from './follower.ts'
import { boundedRevisions, type RevisionMemory } from './revisions.ts'
import {
  documentOf,
  streams,
  type Batch,
  type Customer,
  type CustomerChange,
  type Order,
  type OrderChange,
  type Product,
  type ProductChange,
  type ResendableBatch,
  type Selection,
  type StockChange,
  type StockLevel,
  type StreamShape,
} from './shapes.ts'

// What a consumer needs of the kit, from one place.
export { SynkvyClientError, type Refusal } from './error.ts'
export { boundedRevisions, type RevisionMemory } from './revisions.ts'
export { selection, type Selection } from './shapes.ts'
export type {
  Address,
  Batch,
  Customer,
  CustomerChange,
  Money,
  Order,
  OrderChange,
  OrderLine,
  Product,
  ProductChange,
  ResendableBatch,
  StockChange,
  StockLevel,
  Variant,
} from './shapes.ts'
export type { OnError } from './follower.ts'
export type { WebSocketConstructor } from './connection.ts'

export interface ConnectOptions {
  /** The gateway: `http://127.0.0.1:4000`, `https://…`, `ws://…` or `wss://…`. The path is `/graphql` where none is given. */
  readonly url: string
  /** The API key of an INTEGRATION user. */
  readonly key: string
  /**
   * What sockets are made with.
   * @default the runtime's own `WebSocket`; npm's `ws` where it has none, as in Node 20
   */
  readonly webSocket?: WebSocketConstructor | undefined
}

export interface FollowOptions<Entity> {
  /**
   * Which fields of the entity are asked for.
   * @default those of the types `Product`, `StockLevel`, `Order` and `Customer`
   */
  readonly selection?: Selection<Entity> | undefined
  /** The cursor that you have stored along with your copy, if you do. The stream starts after what was acknowledged where that is further. */
  readonly afterCursor?: string | undefined
  /**
   * Changes in a batch, at most: 1 to 1 000.
   * @default 200; 500 of stock
   */
  readonly batchSize?: number | undefined
  /**
   * How many batches may be unacknowledged, and so wait here: 1 to 64.
   * @default 4
   */
  readonly maxInFlight?: number | undefined
  /**
   * Remembers what was stored, so that older states are dropped.
   * @default one in memory, of the latest 100 000 entities
   */
  readonly revisions?: RevisionMemory | undefined
  /** Stops the stream: the promise resolves when the handler has ended and what it stored is acknowledged. */
  readonly signal?: AbortSignal | undefined
  /**
   * Told of everything that is tried again: what the handler threw, connections that were lost, a paused view.
   * @default `console.error`
   */
  readonly onError?: OnError | undefined
}

/** What is done with a batch. When it resolves, the batch is acknowledged; when it throws, the batch is handed over again after a pause. One batch at a time, in order. */
export type Handler<Batch> = (batch: Batch) => void | Promise<void>

const revisionsKept = 100_000

/**
 * A connection to a gateway. Each stream is followed until its signal fires or the client is closed, through lost connections and restarted gateways; its promise
 * rejects with SynkvyClientError where trying again is of no use: a key that is no good, STREAM_TAKEN_OVER, NO_SYNC_VIEW and whatever else says `retryable: false`.
 */
export class SynkvyClient implements AsyncDisposable {
  readonly #connection: Connection
  readonly #closing = new AbortController()
  readonly #following = new Set<Promise<void>>()

  constructor(connection: Connection) {
    this.#connection = connection
  }

  /** Follows the products that are linked to your sync view. */
  products<Entity = Product>(handler: Handler<ResendableBatch<ProductChange<Entity>>>, options: FollowOptions<Entity> = {}): Promise<void> {
    return this.#follow(streams.products, handler, options)
  }

  /** Follows the stock of the products that are linked to your sync view. */
  stock<Entity = StockLevel>(handler: Handler<ResendableBatch<StockChange<Entity>>>, options: FollowOptions<Entity> = {}): Promise<void> {
    return this.#follow(streams.stock, handler, options)
  }

  /** Follows your orders, or all of the shop's. */
  orders<Entity = Order>(handler: Handler<Batch<OrderChange<Entity>>>, options: FollowOptions<Entity> = {}): Promise<void> {
    return this.#follow(streams.orders, handler, options)
  }

  /** Follows your customers, or all of the shop's. */
  customers<Entity = Customer>(handler: Handler<Batch<CustomerChange<Entity>>>, options: FollowOptions<Entity> = {}): Promise<void> {
    return this.#follow(streams.customers, handler, options)
  }

  /**
   * Carries out a query or a mutation; a bigint among the variables is sent as the text that the schema wants. Throws SynkvyClientError. Nothing is tried again: with
   * CONNECTION_LOST it is not known whether a mutation was carried out.
   */
  call<Data = Record<string, unknown>>(query: string, variables: Readonly<Record<string, unknown>> = {}): Promise<Data> {
    return this.#connection.call<Data>({ query, variables })
  }

  /** Stops every stream, waits until their handlers have ended, and closes the connection. */
  async close(): Promise<void> {
    this.#closing.abort()
    await Promise.allSettled(this.#following)
    await this.#connection.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #follow<Of extends AnyBatch>(stream: StreamShape, handler: Handler<Of>, options: FollowOptions<unknown>): Promise<void> {
    const { afterCursor, batchSize, maxInFlight, signal } = options
    const follower = new Follower<Of>({
      connection: this.#connection,
      operation: {
        query: documentOf(stream, options.selection?.fields ?? stream.usual),
        variables: { afterCursor, batchSize, maxInFlight },
      },
      handler,
      revisions: options.revisions ?? boundedRevisions(revisionsKept),
      signal: signal === undefined ? this.#closing.signal : AbortSignal.any([signal, this.#closing.signal]),
      onError: options.onError ?? ((error, retryInMs) => console.error(`trying again in ${Math.round(retryInMs)} ms:`, error)),
    })
    const following = follower.run()
    this.#following.add(following)
    try {
      await following
    } finally {
      this.#following.delete(following)
    }
  }
}

/** Makes a client. It connects when the first stream or call needs it. Throws TypeError for a URL that is none. */
export function connect({ url, key, webSocket }: ConnectOptions): SynkvyClient {
  return new SynkvyClient(new Connection(socketUrl(url), key, webSocket))
}

function socketUrl(text: string): string {
  const url = new URL(text)
  if (!/^(http|ws)s?:$/.test(url.protocol)) throw new TypeError(`${text} is not the address of a gateway: http, https, ws or wss`)
  url.protocol = url.protocol.replace('http', 'ws')
  if (url.pathname === '/') url.pathname = '/graphql'
  return url.href
}
