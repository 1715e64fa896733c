import { expect } from 'vitest'
import { WebSocket } from 'ws'
import { adminKey, type GraphQLAnswer } from './gateway.ts'

interface Message {
  readonly id?: string
  readonly type: string
  // Each test asks its own question and knows the shape of its answer.
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly payload?: any
}

interface DialOptions {
  /** What it says of itself as soon as it is open; null: nothing. */
  readonly init?: object | null
  readonly headers?: Readonly<Record<string, string>>
  readonly protocols?: string | readonly string[]
}

export function withKey(key: string): { readonly authorization: string } {
  return { authorization: `Bearer ${key}` }
}

/** A socket by hand: what a client library would hide can be seen. An admin's, where `init` does not say otherwise. */
export function dial(url: string, { init = withKey(adminKey), headers = {}, protocols = 'graphql-transport-ws' }: DialOptions = {}) {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, [protocols].flat(), { headers })
  const messages: Message[] = []
  const pongs: string[] = []
  const say = (message: unknown): void => socket.send(typeof message === 'string' ? message : JSON.stringify(message))
  const opened = new Promise<void>((resolve, reject) => {
    socket.once('open', resolve)
    socket.on('error', reject)
  })
  opened.catch(() => {})
  const farewell = new Promise<{ readonly code: number; readonly reason: string }>((resolve) =>
    socket.on('close', (code, reason) => resolve({ code, reason: String(reason) })),
  )
  const acknowledged = new Promise<boolean>((resolve) => {
    socket.on('message', (data) => {
      const message: Message = JSON.parse(String(data))
      messages.push(message)
      if (message.type === 'connection_ack') resolve(true)
    })
    void farewell.then(() => resolve(false))
  })
  socket.on('pong', (data) => pongs.push(String(data)))
  if (init !== null) socket.on('open', () => say({ type: 'connection_init', payload: init }))
  return {
    socket,
    messages,
    pongs,
    /** Rejects where it could not be opened. */
    opened,
    /** Whether it was let in. */
    acknowledged,
    /** With which code. */
    closed: farewell.then(({ code }) => code),
    farewell,
    say,
    send: (id: string, query: string, more: object = {}) => say({ id, type: 'subscribe', payload: { query, ...more } }),
    complete: (id: string) => say({ id, type: 'complete' }),
    /** What has come under an id. */
    of: (id: string) => messages.filter((message) => message.id === id),
  }
}

/** One that is let in. */
export async function open(url: string, key = adminKey) {
  const dialled = dial(url, { init: withKey(key) })
  expect(await dialled.acknowledged).toBe(true)
  return dialled
}

/** What a socket is answered first to an operation: its query, or what of the protocol names it. */
export async function answerOverSocket(url: string, key: string, payload: Readonly<Record<string, unknown>>): Promise<GraphQLAnswer> {
  const { send, of, socket } = await open(url, key)
  send('1', '', payload)
  await expect.poll(() => of('1').length).toBeGreaterThan(0)
  socket.close()
  const [first] = of('1')
  return first?.type === 'error' ? { data: undefined, errors: first.payload } : { data: undefined, ...first?.payload }
}
