import { setTimeout as sleep } from 'node:timers/promises'
import { connectOnce, type SqlSession } from '../../src/db/client.ts'
import { migrateDatabase } from '../../src/db/migrate.ts'
import { freePort, PostgresServer } from './postgres-server.ts'
import { GatewayProcess } from './gateway-process.ts'
import { Wire, type WireMode } from './wire.ts'

export const adminKey = 'synkvy_trial_admin_key_0123456789abcdef'
const gatewayCount = 3

interface Pooler {
  readonly port: number
  readonly stop: () => void
  readonly restart: () => Promise<void>
}

/** A gateway and the stretches of network around it. */
export interface Node {
  readonly gateway: GatewayProcess
  /** To what answers requests: the pooler, if there is one. */
  readonly pooled: Wire
  /** To Postgres itself. */
  readonly direct: Wire
  /** Between the gateway and its consumers. */
  readonly door: Wire
}

/** Three gateways as processes on one real Postgres, two of them behind PgBouncer where it is installed, and wires between all of them. */
export class World implements AsyncDisposable {
  postgres: PostgresServer
  readonly nodes: readonly Node[]
  readonly #serverWire: Wire
  readonly #pooler: Pooler | undefined

  private constructor(postgres: PostgresServer, nodes: readonly Node[], serverWire: Wire, pooler: Pooler | undefined) {
    this.postgres = postgres
    this.nodes = nodes
    this.#serverWire = serverWire
    this.#pooler = pooler
  }

  static async create(options: { readonly withReplicas?: boolean } = {}): Promise<World> {
    const postgres = await PostgresServer.create(options)
    await postgres.query('CREATE DATABASE shop')
    await postgres.query('CREATE EXTENSION IF NOT EXISTS pg_stat_statements', 'shop')
    await migrateDatabase(postgres.url.replace(/postgres$/, 'shop'))
    const serverWire = await Wire.to(postgres.port)
    const poolerPort = await freePort()
    const pooler = await startPooler(postgres, serverWire.port, poolerPort)
    const nodes = await Promise.all(
      Array.from({ length: gatewayCount }, (_, index) =>
        createNode(pooler !== undefined && index < 2 ? poolerPort : serverWire.port, serverWire.port),
      ),
    )
    const world = new World(postgres, nodes, serverWire, pooler)
    await world.allReady()
    return world
  }

  /** A connection that no fault is in the way of. */
  connect(): SqlSession {
    return connectOnce({ url: this.postgres.url.replace(/postgres$/, 'shop'), name: 'trial' })
  }

  get poolerUrl(): string {
    return `postgres://postgres@127.0.0.1:${this.#pooler?.port}/shop`
  }

  restartPooler(): Promise<void> {
    return this.#pooler?.restart() ?? Promise.resolve()
  }

  /** Another server takes the place of the one that there was. */
  moveTo(postgres: PostgresServer): void {
    this.postgres = postgres
    this.#serverWire.retarget(postgres.port)
  }

  wires(): readonly Wire[] {
    return this.nodes.flatMap(({ pooled, direct, door }) => [pooled, direct, door])
  }

  setPostgresWire(index: number, mode: WireMode): void {
    this.nodes[index]?.pooled.set(mode)
    this.nodes[index]?.direct.set(mode)
  }

  /** The node whose gateway sequences; undefined while none does. */
  async sequencingNode(): Promise<Node | undefined> {
    const figures = await Promise.all(this.nodes.map(({ gateway }) => gateway.metric('synkvy_sequencer_leading')))
    return this.nodes.find((_, index) => figures[index] === 1)
  }

  /** Mends everything and waits until all gateways are ready. */
  async heal(): Promise<void> {
    for (const wire of this.wires()) wire.set('through')
    await this.postgres.start()
    for (const { gateway } of this.nodes) gateway.signal('SIGCONT')
    await this.allReady()
  }

  async allReady(): Promise<void> {
    await Promise.all(this.nodes.map(({ gateway }) => gateway.untilReady()))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.nodes.map(({ gateway }) => gateway[Symbol.asyncDispose]()))
    this.#pooler?.stop()
    await Promise.all([...this.wires(), this.#serverWire].map((wire) => wire[Symbol.asyncDispose]()))
    await this.postgres[Symbol.asyncDispose]()
  }
}

async function startPooler(postgres: PostgresServer, target: number, port: number): Promise<Pooler | undefined> {
  let running = await postgres.startPooler(target, port)
  if (running === undefined) return undefined
  return {
    port,
    stop: () => running?.stop(),
    restart: async () => {
      running?.stop()
      await sleep(100)
      running = await postgres.startPooler(target, port)
    },
  }
}

async function createNode(pooledPort: number, directPort: number): Promise<Node> {
  const [pooled, direct] = [await Wire.to(pooledPort), await Wire.to(directPort)]
  const env = {
    DATABASE_URL: `postgres://postgres@127.0.0.1:${pooled.port}/shop`,
    DATABASE_DIRECT_URL: `postgres://postgres@127.0.0.1:${direct.port}/shop`,
    SYNKVY_ACCOUNT: 'shop',
    SYNKVY_ADMIN_KEY: adminKey,
    SYNKVY_POOL_SIZE: '6',
    SYNKVY_DATABASE_TIMEOUT_SECONDS: '5',
  }
  const gateway = new GatewayProcess(await freePort(), env)
  gateway.start()
  return { gateway, pooled, direct, door: await Wire.to(gateway.port) }
}
