import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'

/**
 * `through` passes everything on; `slow` with a delay; `stalled` keeps what comes until the wire is mended; `half-open` loses what goes over the connections
 * that there are, in both directions, and closes none of them (new ones are good); `cut` ends them all and lets none in.
 */
export type WireMode = 'through' | 'slow' | 'stalled' | 'half-open' | 'cut'

const slowMs = 80

/** A port of this machine, or a socket in the file system. */
type Target = number | { readonly path: string }

/** Where the server of a database is, by its URL. */
export function targetOf(databaseUrl: string): Target {
  const server = new URL(databaseUrl)
  const folder = server.searchParams.get('host')
  return folder === null ? Number(server.port) : { path: `${folder}/.s.PGSQL.5432` }
}

/** One connection over the wire: both sockets, and whether it has gone half-open. */
interface Strand {
  readonly near: Socket
  readonly far: Socket
  isLost: boolean
}

/** A stretch of network that can be broken: a TCP proxy to a port that may change. */
export class Wire implements AsyncDisposable {
  readonly #server: Server
  readonly #strands = new Set<Strand>()
  #target: Target
  #mode: WireMode = 'through'

  private constructor(server: Server, target: Target) {
    this.#server = server
    this.#target = target
    server.on('connection', (near) => this.#join(near))
  }

  static async to(target: Target): Promise<Wire> {
    // What comes is not read before a place to send it to is there.
    const server = createServer({ pauseOnConnect: true })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new Wire(server, target)
  }

  get port(): number {
    const address: AddressInfo | string | null = this.#server.address()
    return typeof address === 'object' && address !== null ? address.port : 0
  }

  /** New connections go there from now on; those that there are end. */
  retarget(port: number): void {
    this.#target = port
    this.#endAll()
  }

  set(mode: WireMode): void {
    this.#mode = mode
    if (mode === 'cut') this.#endAll()
    for (const strand of this.#strands) {
      if (mode === 'half-open') strand.isLost = true
      for (const socket of [strand.near, strand.far]) {
        if (mode === 'stalled') socket.pause()
        else socket.resume()
      }
    }
  }

  /** Ends every connection; new ones are let in. */
  cutOnce(): void {
    this.#endAll()
  }

  #endAll(): void {
    for (const { near, far } of this.#strands) {
      near.destroy()
      far.destroy()
    }
  }

  #join(near: Socket): void {
    if (this.#mode === 'cut') return void near.destroy()
    const far = typeof this.#target === 'number' ? connect(this.#target, '127.0.0.1') : connect(this.#target)
    const strand: Strand = { near, far, isLost: false }
    this.#strands.add(strand)
    const end = (): void => {
      near.destroy()
      far.destroy()
      this.#strands.delete(strand)
    }
    this.#pass(near, far, strand)
    this.#pass(far, near, strand)
    for (const socket of [near, far])
      socket
        .on('error', () => {})
        .on('close', end)
        .setNoDelay(true)
    if (this.#mode !== 'stalled') near.resume()
    else far.pause()
  }

  #pass(from: Socket, to: Socket, strand: Strand): void {
    from.on('data', (chunk) => {
      if (strand.isLost) return
      if (this.#mode === 'slow') setTimeout(() => to.writable && to.write(chunk), slowMs)
      else if (!to.write(chunk)) {
        from.pause()
        to.once('drain', () => this.#mode !== 'stalled' && from.resume())
      }
    })
    from.on('end', () => !strand.isLost && to.end())
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#endAll()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}
