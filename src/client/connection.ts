import { createClient, type Client } from 'graphql-ws/client'
import { refused, SynkvyClientError, toClientError } from './error.ts'

/** A WebSocket as browsers have it; npm's `ws` is one too. */
export type WebSocketConstructor = new (
  url: string,
  protocols?: string | string[],
) => { addEventListener(type: 'error', listener: () => void): void }

/** After how much silence the other end is asked whether it lives, and how long it may take to answer, or to let one in. */
const keepAliveMs = 10_000
const patienceMs = 10_000
/** How long a socket that nobody uses stays open. */
const idleMs = 1_000

export interface Operation {
  readonly query: string
  readonly variables: Readonly<Record<string, unknown>>
}

/** The one socket that a client's streams and calls share. It is opened when it is needed, and anew after it was lost; nothing is tried again here. */
export class Connection {
  readonly #url: string
  readonly #key: string
  readonly #webSocket: WebSocketConstructor | undefined
  #client: Promise<Client> | undefined
  #isConnected = false

  constructor(url: string, key: string, webSocket: WebSocketConstructor | undefined) {
    this.#url = url
    this.#key = key
    this.#webSocket = webSocket
  }

  /** Opens a subscription. */
  async subscribe<Data>(operation: Operation): Promise<Arrivals<Data>> {
    const client = await this.#open()
    return new Arrivals<Data>(client, operation)
  }

  /** Carries out a query or a mutation. Throws SynkvyClientError; whether a mutation was carried out is not known when the connection was lost. */
  async call<Data>({ query, variables }: Operation): Promise<Data> {
    const client = await this.#open()
    return new Promise((resolve, reject) => {
      client.subscribe<Data>(
        { query, variables: { ...variables } },
        {
          next: ({ data, errors }) => {
            if (errors !== undefined) reject(refused(errors))
            else if (data !== null && data !== undefined) resolve(data)
          },
          error: (reason) => reject(toClientError(reason)),
          // Where an answer has come before, this changes nothing.
          complete: () => reject(withoutAnswer()),
        },
      )
    })
  }

  /** Closes the socket. */
  async close(): Promise<void> {
    const client = await this.#client
    if (this.#isConnected) await client?.dispose()
    else client?.terminate()
  }

  #open(): Promise<Client> {
    return (this.#client ??= this.#create())
  }

  async #create(): Promise<Client> {
    const webSocketImpl = quiet(this.#webSocket ?? globalWebSocket() ?? (await import('ws')).WebSocket)
    let patience: ReturnType<typeof setTimeout> | undefined
    const rest = (): void => clearTimeout(patience)
    const awaitAnswer = (): void => {
      rest()
      patience = setTimeout(() => client.terminate(), patienceMs)
    }
    const client = createClient({
      url: this.#url,
      webSocketImpl,
      connectionParams: { authorization: `Bearer ${this.#key}` },
      retryAttempts: 0,
      lazyCloseTimeout: idleMs,
      keepAlive: keepAliveMs,
      jsonMessageReplacer: (_name, value: unknown) => (typeof value === 'bigint' ? String(value) : value),
      on: {
        connecting: awaitAnswer,
        connected: () => {
          this.#isConnected = true
        },
        ping: (isReceived) => {
          if (!isReceived) awaitAnswer()
        },
        // Whatever comes is a sign of life: a pong may have to wait behind a batch.
        message: rest,
        closed: () => {
          rest()
          this.#isConnected = false
        },
      },
    })
    return client
  }
}

/** What a subscription brings, waiting in order. There are never more than the window allows, for the gateway waits for acknowledges. */
export class Arrivals<Data> {
  readonly #arrived: Data[] = []
  readonly #ended = new AbortController()
  readonly #unsubscribe: () => void
  #reason: SynkvyClientError | undefined
  #wake: () => void = () => {}

  constructor(client: Client, { query, variables }: Operation) {
    this.#unsubscribe = client.subscribe<Data>(
      { query, variables: { ...variables } },
      {
        next: ({ data, errors }) => {
          if (errors !== undefined) this.#end(refused(errors))
          else if (data !== null && data !== undefined) this.#arrived.push(data)
          this.#wake()
        },
        error: (reason) => this.#end(toClientError(reason)),
        complete: () => this.#end(withoutAnswer()),
      },
    )
  }

  /** Fires when nothing more will come: what has arrived and was not asked for is to be let go. */
  get ended(): AbortSignal {
    return this.#ended.signal
  }

  /** The next that arrives; undefined when it was closed from here. Throws SynkvyClientError with what ended it. */
  async next(): Promise<Data | undefined> {
    while (this.#arrived.length === 0 && !this.ended.aborted) await new Promise<void>((resolve) => (this.#wake = resolve))
    if (!this.ended.aborted) return this.#arrived.shift()
    if (this.#reason !== undefined) throw this.#reason
    return undefined
  }

  close(): void {
    this.#end(undefined)
    this.#unsubscribe()
  }

  #end(reason: SynkvyClientError | undefined): void {
    if (this.ended.aborted) return
    this.#reason = reason
    this.#ended.abort()
    this.#wake()
  }
}

function withoutAnswer(): SynkvyClientError {
  return new SynkvyClientError('CONNECTION_LOST', 'The connection ended before all was answered.', { retryable: true })
}

/** A socket that is given up while it connects says so when nobody listens any more. */
function quiet(webSocket: WebSocketConstructor): WebSocketConstructor {
  return class extends webSocket {
    constructor(url: string, protocols?: string | string[]) {
      super(url, protocols)
      this.addEventListener('error', () => {})
    }
  }
}

/** Node has one since version 22, browsers and other runtimes have always had one. */
function globalWebSocket(): WebSocketConstructor | undefined {
  const found: unknown = Reflect.get(globalThis, 'WebSocket')
  return isWebSocket(found) ? found : undefined
}

function isWebSocket(value: unknown): value is WebSocketConstructor {
  return typeof value === 'function' && 'CONNECTING' in value
}
