import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { WebSocket } from 'ws'
import { adminKey, createView, startShop } from '../helpers/gateway.ts'
import { dial as dialTo, withKey } from '../helpers/socket.ts'

let shop: Awaited<ReturnType<typeof startShop>>
beforeAll(async () => {
  shop = await startShop()
})
afterAll(async () => {
  await shop[Symbol.asyncDispose]()
})

/** A socket on which nothing is said that the test does not say. */
async function dial(protocols?: string | readonly string[]) {
  const dialled = dialTo(shop.url, { init: null, ...(protocols === undefined ? {} : { protocols }) })
  await dialled.opened
  return dialled
}

const init = { type: 'connection_init', payload: withKey(adminKey) }
const subscribe = (id: string, query = '{ viewer { name } }') => ({ id, type: 'subscribe', payload: { query } })
const waiting = 'subscription { syncViewStatuses { id } }'

async function open(key = adminKey) {
  const dialled = await dial()
  dialled.say({ ...init, payload: withKey(key) })
  await expect.poll(() => dialled.messages).toEqual([{ type: 'connection_ack' }])
  return dialled
}

/** That the gateway serves this socket as if nothing had been. */
async function expectServed({ say, of }: Awaited<ReturnType<typeof dial>>, id = 'served'): Promise<void> {
  say(subscribe(id))
  await expect
    .poll(() => of(id))
    .toEqual([
      { id, type: 'next', payload: { data: { viewer: { name: 'Admin' } } } },
      { id, type: 'complete' },
    ])
}

describe('a socket is closed', () => {
  test.each([
    ['no JSON', 'nonsense'],
    ['half JSON', '{"type":"ping"'],
    ['nothing', ''],
    ['null', 'null'],
    ['a list', '[]'],
    ['a number', '1'],
    ['no type', '{}'],
    ['a type that there is not', '{"type":"start"}'],
    ['a type of the prototype', '{"type":"constructor"}'],
    ['what only a gateway says: connection_ack', '{"type":"connection_ack"}'],
    ['what only a gateway says: next', '{"type":"next","id":"1","payload":{}}'],
    ['what only a gateway says: error', '{"type":"error","id":"1","payload":[{"message":"x"}]}'],
    ['a subscribe without an id', '{"type":"subscribe","payload":{"query":"{ __typename }"}}'],
    ['a subscribe with an empty id', '{"type":"subscribe","id":"","payload":{"query":"{ __typename }"}}'],
    ['a subscribe with a number for an id', '{"type":"subscribe","id":1,"payload":{"query":"{ __typename }"}}'],
    ['a subscribe without a payload', '{"type":"subscribe","id":"1"}'],
    ['a subscribe without a query', '{"type":"subscribe","id":"1","payload":{}}'],
    ['a subscribe whose variables are a text', '{"type":"subscribe","id":"1","payload":{"query":"{ __typename }","variables":"x"}}'],
    ['a subscribe whose operationName is a number', '{"type":"subscribe","id":"1","payload":{"query":"{ __typename }","operationName":1}}'],
    ['a complete without an id', '{"type":"complete"}'],
    ['a ping whose payload is a text', '{"type":"ping","payload":"x"}'],
  ])('with 4400 for a message that is none: %s', async (_name, message) => {
    const { say, closed } = await open()

    say(message)

    expect(await closed).toBe(4400)
  })

  test('with 4400 for a connection_init whose payload is a text', async () => {
    const { say, closed } = await dial()

    say({ type: 'connection_init', payload: 'x' })

    expect(await closed).toBe(4400)
  })

  test.each([
    ['before connection_init', []],
    ['before connection_ack', [init]],
  ])('with 4401 for a subscribe %s', async (_name, before) => {
    const { say, closed, messages } = await dial()

    for (const message of [...before, subscribe('1')]) say(message)

    expect(await closed).toBe(4401)
    expect(messages).toEqual([])
  })

  test.each([
    ['no key', undefined],
    ['no text', { authorization: 1 }],
    ['an unknown key', { authorization: 'Bearer synkvy_unknown' }],
    ['a key without "Bearer"', { authorization: adminKey }],
  ])('with 4403 for %s', async (_name, payload) => {
    const { say, closed, messages } = await dial()

    say({ type: 'connection_init', payload })

    expect(await closed).toBe(4403)
    expect(messages).toEqual([])
  })

  test('with 4406 where it speaks another protocol, or none', async () => {
    expect(await (await dial([])).closed).toBe(4406)
    // The handshake has no protocol in common with these, which ws takes for a fault of the server.
    for (const protocol of ['graphql-ws', 'graphql-transport-ws-2']) await expect(dial(protocol)).rejects.toThrow('subprotocol')
    await expectServed(await open())
  })

  test('with 4408 where connection_init does not come, and not for a ping instead', async () => {
    const [silent, pings, good] = [await dial(), await dial(), await open()]

    pings.say({ type: 'ping' })

    expect(await silent.closed).toBe(4408)
    expect(await pings.closed).toBe(4408)
    await expectServed(good)
  })

  test('with 4409 for an id that is in use', async () => {
    const { say, of, closed } = await open()
    say(subscribe('1', waiting))
    await expect.poll(() => of('1').length).toBe(1)

    say(subscribe('1'))

    expect(await closed).toBe(4409)
  })

  test.each([
    ['after it was let in', async () => open()],
    [
      'at once',
      async () => {
        const dialled = await dial()
        dialled.say(init)
        return dialled
      },
    ],
  ])('with 4429 for a second connection_init %s', async (_name, start) => {
    const { say, closed } = await start()

    say(init)

    expect(await closed).toBe(4429)
  })

  test('with 1007 for a text that is not UTF-8, and with 1002 for a frame that is none', async () => {
    const [text, frame] = [await open(), await open()]

    // As ws will not: a text frame whose one byte is no character; an opcode that is reserved.
    rawOf(text.socket).write(Buffer.from([0x81, 0x81, 0, 0, 0, 0, 0xff]))
    rawOf(frame.socket).write(Buffer.from([0x83, 0x80, 0, 0, 0, 0]))

    expect(await text.closed).toBe(1007)
    expect(await frame.closed).toBe(1002)
  })
})

function rawOf(socket: WebSocket): { readonly write: (bytes: Buffer) => void } {
  const raw: unknown = Reflect.get(socket, '_socket')
  if (typeof raw !== 'object' || raw === null || !('write' in raw) || typeof raw.write !== 'function') throw new Error('no socket')
  const write = raw.write.bind(raw)
  return { write: (bytes) => void write(bytes) }
}

describe('a socket is served', () => {
  test('whose client pings, by message and by frame, before it is let in and after', async () => {
    const dialled = await dial()
    dialled.say({ type: 'ping' })
    dialled.say({ type: 'ping', payload: { at: 1 } })
    dialled.socket.ping('frame')

    await expect.poll(() => dialled.messages).toEqual([{ type: 'pong' }, { type: 'pong', payload: { at: 1 } }])
    await expect.poll(() => dialled.pongs).toEqual(['frame'])
    dialled.say({ type: 'pong' })
    dialled.say({ type: 'pong', payload: { unasked: true } })
    dialled.say(init)
    await expect.poll(() => dialled.messages.slice(2)).toEqual([{ type: 'connection_ack' }])
    await expectServed(dialled)
  })

  test('whose client completes what there is not, and what has ended', async () => {
    const dialled = await open()

    dialled.say({ id: 'never', type: 'complete' })
    await expectServed(dialled, '1')
    dialled.say({ id: '1', type: 'complete' })
    dialled.say({ id: '__proto__', type: 'complete' })

    await expectServed(dialled, '2')
    expect(dialled.of('never')).toEqual([])
  })

  test('and nothing more comes of a subscription after its client has completed it', async () => {
    const dialled = await open()
    dialled.say(subscribe('1', waiting))
    await expect.poll(() => dialled.of('1').length).toBe(1)

    dialled.say({ id: '1', type: 'complete' })
    await createView(shop, 'After complete')
    dialled.say(subscribe('2', waiting))
    await expect.poll(() => JSON.stringify(dialled.of('2'))).toContain('U3luY1ZpZXc6')

    expect(dialled.of('1')).toHaveLength(1)
  })

  test('that uses an id again as soon as it has completed it, however often, and leaves nothing behind when it goes', async () => {
    const { key } = await createView(shop, 'Uses ids again')
    const dialled = await open(key)
    const stream = subscribe('1', 'subscription { productChanges { caughtUp } }')
    const batch = { id: '1', type: 'next', payload: { data: { productChanges: { caughtUp: true } } } }
    const complete = { id: '1', type: 'complete' }

    for (let count = 0; count < 20; count += 1) [stream, complete].forEach((message) => dialled.say(message))
    dialled.say(stream)
    await expect.poll(() => dialled.of('1').length).toBeGreaterThan(0)
    for (let count = 0; count < 20; count += 1) [complete, stream].forEach((message) => dialled.say(message))
    dialled.say(complete)
    dialled.say(subscribe('1', '{ viewer { kind } }'))
    const answer = [{ id: '1', type: 'next', payload: { data: { viewer: { kind: 'INTEGRATION' } } } }, complete]
    await expect.poll(() => dialled.of('1').slice(-2)).toEqual(answer)
    // Nothing but batches: no "complete" of one that its client had completed, which would end the next.
    const before = dialled.of('1').slice(0, -2)
    expect(before).toEqual(before.map(() => batch))

    dialled.say(stream)
    dialled.socket.terminate()
    await expect.poll(async () => /^synkvy_streams (\d+)$/m.exec(await (await fetch(`${shop.url}/metrics`)).text())?.[1]).toBe('0')
  })

  test.each(['__proto__', 'constructor', 'toString', 'ö\u0000"', 'x'.repeat(10_000)])('under any id (%#)', async (id) => {
    await expectServed(await open(), id)
  })

  test('whose message comes as a binary frame, in pieces, and with what this protocol does not know', async () => {
    const dialled = await open()
    const text = JSON.stringify({ ...subscribe('1'), extra: { is: 'ignored' } })

    dialled.socket.send(Buffer.from(JSON.stringify({ type: 'ping' })), { binary: true })
    dialled.socket.send(text.slice(0, 10), { fin: false })
    dialled.socket.ping()
    dialled.socket.send(text.slice(10), { fin: true })

    await expect
      .poll(() => dialled.messages.slice(1))
      .toMatchObject([{ type: 'pong' }, { id: '1', type: 'next' }, { id: '1', type: 'complete' }])
    await expectServed(dialled)
  })
})
