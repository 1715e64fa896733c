import { randomBytes } from 'node:crypto'
import { Agent, request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { WebSocket } from 'ws'

/** However slow the machine is: what takes longer hangs. */
const deadlineMs = 30_000
/** What has not come to an end, because it was not said to the end, is left after this. */
const patienceMs = 200

/** What a door answered: of HTTP its status and its text; of a socket how it was closed. */
export interface Answered {
  readonly status: number
  readonly text: string
}

export interface HttpInput {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Buffer
}

/** Many requests over few connections. */
export class HttpDoor implements Disposable {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 24 })
  readonly #port: number

  constructor(port: number) {
    this.#port = port
  }

  /** Rejects where no answer comes in time. A stream is left after its first event. */
  call({ method, path, headers, body }: HttpInput): Promise<Answered> {
    return new Promise((resolve, reject) => {
      const sent = request({ host: '127.0.0.1', port: this.#port, agent: this.#agent, method, path, headers }, (response) => {
        const chunks: Buffer[] = []
        const answered = (): void => {
          clearTimeout(timer)
          resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() })
        }
        response.on('data', (chunk: Buffer) => {
          chunks.push(chunk)
          if (!isStream(response.headers['content-type']) || !chunk.toString().includes('\n\n')) return
          answered()
          sent.destroy()
        })
        response.on('end', answered)
        response.on('error', answered)
      })
      const timer = setTimeout(() => {
        reject(new Error('no answer'))
        sent.destroy()
      }, deadlineMs)
      // The other end may close a connection at any time, as HTTP has it; that it still lives is asked after each round.
      sent.on('error', (error: NodeJS.ErrnoException) => {
        clearTimeout(timer)
        resolve({ status: 0, text: error.code ?? error.message })
      })
      sent.end(body)
    })
  }

  /** The same of what must be answered. The other end may just have closed a connection that was idle: then once more. */
  async callSurely(input: HttpInput): Promise<Answered> {
    const first = await this.call(input)
    const answered = first.status === 0 ? await this.call(input) : first
    if (answered.status === 0) throw new Error(`no answer: ${answered.text}`)
    return answered
  }

  [Symbol.dispose](): void {
    this.#agent.destroy()
  }
}

function isStream(contentType: string | undefined): boolean {
  return contentType?.startsWith('text/event-stream') === true
}

/** Says bytes as they are, and hears what comes until the other end closes, or there is nothing more to wait for. */
export function sayRaw(port: number, bytes: Buffer): Promise<Answered> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    let heard = ''
    const leave = (): void => void socket.destroy()
    let timer = setTimeout(leave, patienceMs)
    socket.on('data', (chunk) => {
      heard += chunk.toString('latin1')
      clearTimeout(timer)
      timer = setTimeout(leave, 30)
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      clearTimeout(timer)
      resolve({ status: Number(/^HTTP\/1\.1 (\d+)/.exec(heard)?.[1] ?? 0), text: heard })
    })
    // Whoever has been answered may be cut off at once, and says the rest to nobody.
    socket.end(bytes)
  })
}

/** Says messages on a socket that is let in, then pings: answers its close code, or 0 where it is served as ever. Rejects where neither comes. */
export async function sayMessages(port: number, key: string, messages: readonly (string | Buffer)[]): Promise<Answered> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/graphql`, 'graphql-transport-ws')
  const heard: string[] = []
  try {
    return await new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('no answer')), deadlineMs)
      const end = (status: number): void => {
        clearTimeout(timer)
        resolve({ status, text: heard.join('\n') })
      }
      socket.on('error', () => {})
      socket.on('close', (code) => end(code))
      socket.on('open', () => socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${key}` } })))
      socket.on('message', (data) => {
        const message = String(data)
        heard.push(message)
        if (message === '{"type":"connection_ack"}') {
          for (const one of messages) socket.send(one)
          socket.send('{"type":"ping","payload":{"last":true}}')
        }
        // What was begun before may still be under way: it is broken off.
        if (message === '{"type":"pong","payload":{"last":true}}') end(0)
      })
    })
  } finally {
    socket.terminate()
  }
}

/** A frame of RFC 6455, or what looks like one. */
export interface Frame {
  readonly first: number
  readonly isMasked: boolean
  /** What it says its length is, where it lies. */
  readonly length: number | bigint | undefined
  readonly payload: Buffer
}

function writeFrame({ first, isMasked, length, payload }: Frame): Buffer {
  const mask = isMasked ? randomBytes(4) : Buffer.alloc(0)
  const body = isMasked ? Buffer.from(payload.map((byte, index) => byte ^ (mask[index % 4] ?? 0))) : payload
  return Buffer.concat([Buffer.from([first]), lengthOf(length ?? payload.length, isMasked), mask, body])
}

function lengthOf(length: number | bigint, isMasked: boolean): Buffer {
  const bit = isMasked ? 0x80 : 0
  if (length < 126) return Buffer.from([bit | Number(length)])
  if (length < 65_536) return Buffer.from([bit | 126, Number(length) >> 8, Number(length) & 0xff])
  const long = Buffer.alloc(9)
  long.writeUInt8(bit | 127, 0)
  long.writeBigUInt64BE(BigInt.asUintN(64, BigInt(length)), 1)
  return long
}

const goodPing: Frame = { first: 0x89, isMasked: true, length: undefined, payload: Buffer.from('last') }
const upgrade = ['GET /graphql HTTP/1.1', 'Host: x', 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13'].join('\r\n')

/** Says frames after a good handshake, then a good ping: answers the close code, or 0 where the ping was answered, or nothing can be made of what was said. */
export function sayFrames(port: number, frames: readonly Frame[]): Promise<Answered> {
  return new Promise((resolve) => {
    const socket: Socket = connect(port, '127.0.0.1')
    let heard = Buffer.alloc(0)
    let isOpen = false
    let timer = setTimeout(() => socket.destroy(), deadlineMs)
    socket.on('error', () => {})
    socket.on('connect', () =>
      socket.write(
        `${upgrade}\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n\r\n`,
      ),
    )
    socket.on('data', (chunk: Buffer) => {
      heard = Buffer.concat([heard, chunk])
      if (!isOpen && heard.includes('\r\n\r\n')) {
        isOpen = true
        clearTimeout(timer)
        timer = setTimeout(() => socket.destroy(), patienceMs)
        heard = heard.subarray(heard.indexOf('\r\n\r\n') + 4)
        socket.write(Buffer.concat([...frames.map(writeFrame), writeFrame(goodPing)]))
      }
      if (isOpen && (heard.includes('last') || closeCodeIn(heard) !== undefined)) socket.destroy()
    })
    socket.on('close', () => {
      clearTimeout(timer)
      resolve({ status: isOpen ? (closeCodeIn(heard) ?? 0) : -1, text: heard.toString('latin1') })
    })
  })
}

/** The code of a close frame among frames of a server, which are not masked. */
function closeCodeIn(bytes: Buffer): number | undefined {
  for (let at = 0; at + 2 <= bytes.length;) {
    const [first = 0, second = 0] = bytes.subarray(at)
    const length = second === 126 ? bytes.subarray(at + 2).readUInt16BE(0) : second
    const body = at + (second === 126 ? 4 : 2)
    if (first === 0x88) return length >= 2 && body + 2 <= bytes.length ? bytes.readUInt16BE(body) : 1005
    at = body + length
  }
  return undefined
}
