import { connect, type Socket } from 'node:net'

/** Where a connection goes, as postgres.js says it. */
interface Target {
  readonly host: readonly string[]
  readonly port: readonly number[]
  readonly path: string | false | undefined
}

export interface WatchOptions {
  /** How long nothing may come while something should, before the connection is given up. */
  readonly silenceMs: number
  /** Something should come all the time, because the other end is known to speak up now and then; else only while an answer is awaited. */
  readonly mustHear?: boolean
}

type Then = (error?: Error | null) => void

const looksPerSilence = 4
/** What asks Postgres for an answer, Sync and Query, and what ends each answer, ReadyForQuery. */
const asking = new Set([0x53, 0x51])
const answered = new Set([0x5a])

/**
 * Makes sockets for postgres.js that end themselves when an answer does not come. TCP notices a peer that is gone after minutes (a quarter of an hour where
 * something was sent), and one behind a proxy that has forgotten it never; a query would wait as long, and with it whoever waits for the query.
 */
export function watchedSockets(options: WatchOptions): (target: Target) => Socket {
  return ({ host, port, path }) => {
    // Not connected yet: what is written meanwhile is kept, and postgres.js hears of a refusal as of any other fault.
    const socket = path ? connect({ path }) : connect({ host: host[0] ?? 'localhost', port: port[0] ?? 5432 })
    const isAwaiting = options.mustHear === true ? () => true : awaitingOf(socket)
    watch(socket, isAwaiting, options.silenceMs)
    return socket
  }
}

/**
 * Whether an answer is awaited: counts what is asked and what is answered, message by message. Over TLS, which postgres.js speaks over the socket, messages cannot
 * be told apart: there an answer is awaited when something was sent since something came.
 */
function awaitingOf(socket: Socket): () => boolean {
  const [questionsIn, answersIn] = [countMessages(asking), countMessages(answered)]
  // The first message of a connection has no letter, and is answered as well.
  let awaited = 1
  let isStarted = false
  const write = socket.write.bind(socket)
  socket.write = (chunk: Uint8Array | string, encoding?: BufferEncoding | Then, then?: Then): boolean => {
    if (isStarted && typeof chunk !== 'string') awaited += questionsIn(chunk)
    isStarted = true
    return typeof encoding === 'string' ? write(chunk, encoding, then) : write(chunk, encoding)
  }
  socket.on('data', (chunk) => void (awaited -= answersIn(chunk)))
  let [heard, writtenWhenHeard] = [0, 0]
  return () => {
    if (socket.bytesRead > heard) [heard, writtenWhenHeard] = [socket.bytesRead, socket.bytesWritten]
    const isEncrypted = socket.listenerCount('data') === 0
    return isEncrypted ? socket.bytesWritten > writtenWhenHeard : awaited > 0
  }
}

function watch(socket: Socket, isAwaiting: () => boolean, silenceMs: number): void {
  const lookEveryMs = silenceMs / looksPerSilence
  let heard = 0
  let silentSince = Date.now()
  const look = (): void => {
    if (socket.destroyed) return clearInterval(timer)
    // While nothing is awaited there is no silence; the wait began at some time since the last look.
    if (socket.bytesRead > heard || !isAwaiting()) silentSince = Date.now()
    heard = socket.bytesRead
    if (Date.now() - silentSince > silenceMs) socket.destroy()
  }
  const timer = setInterval(look, lookEveryMs).unref()
}

const headerLength = 5
const empty = Buffer.alloc(0)

/** Counts messages with these letters in a stream of Postgres' messages, however it is cut: a letter, a length that counts itself, and what follows. */
export function countMessages(letters: ReadonlySet<number>): (chunk: Uint8Array) => number {
  let header = empty
  let left = 0
  return (chunk) => {
    let count = 0
    let at = 0
    while (at < chunk.length) {
      if (left > 0) {
        const step = Math.min(left, chunk.length - at)
        left -= step
        at += step
        continue
      }
      const missing = headerLength - header.length
      const next = header.length === 0 ? chunk.subarray(at, at + missing) : Buffer.concat([header, chunk.subarray(at, at + missing)])
      at += missing
      if (next.length < headerLength) {
        header = Buffer.from(next)
        break
      }
      const [letter = 0, a = 0, b = 0, c = 0, d = 0] = next
      if (letters.has(letter)) count += 1
      left = a * 0x1_00_00_00 + b * 0x1_00_00 + c * 0x1_00 + d - 4
      header = empty
    }
    return count
  }
}
