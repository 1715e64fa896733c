import type { IncomingMessage } from 'node:http'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isWithin, toAddress, toNetwork } from '../../src/networks.ts'
import { addressOf } from '../../src/server/browser.ts'

test('an address is compared and shown in one form', () => {
  expect(['203.0.113.7', '::ffff:203.0.113.7', '2001:DB8:0::7', 'localhost', '10.1', '1.2.3.4/8', ''].map(toAddress)).toEqual([
    '203.0.113.7',
    '203.0.113.7',
    '2001:db8::7',
    undefined,
    undefined,
    undefined,
    undefined,
  ])
})

test('a network is a CIDR or one address; what would hold nothing is none', () => {
  expect(['10.0.0.0/8', '2001:DB8::/32', '::ffff:10.0.0.1'].map(toNetwork)).toEqual(['10.0.0.0/8', '2001:db8::/32', '10.0.0.1'])
  for (const text of ['10/8', '10.0.0.0/33', '10.0.0.0/', '::ffff:10.0.0.0/104', 'everywhere', ''])
    expect(toNetwork(text), text).toBeUndefined()
})

test('an address lies in a network of its own kind alone', () => {
  expect(isWithin('10.9.8.7', ['192.0.2.1', '10.0.0.0/8'])).toBe(true)
  expect(isWithin('192.0.2.1', ['192.0.2.1'])).toBe(true)
  expect(isWithin('192.0.2.2', ['192.0.2.1', '10.0.0.0/8', '::/0'])).toBe(false)
  expect(isWithin('2001:db8:1::1', ['2001:db8:1::/48'])).toBe(true)
  expect(isWithin('2001:db8:2::1', ['2001:db8:1::/48', '0.0.0.0/0'])).toBe(false)
})

/** A request, as far as it matters here. */
function request(remoteAddress: string, forwarded?: string): IncomingMessage {
  const headers = forwarded === undefined ? {} : { 'x-forwarded-for': forwarded }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- nothing else of it is looked at
  return { socket: { remoteAddress }, headers } as unknown as IncomingMessage
}

test('without a trusted proxy the address is that of the connection, whatever the header says', () => {
  expect(addressOf(request('::ffff:198.51.100.1', '203.0.113.7'), 0)).toBe('198.51.100.1')
})

test('with so many trusted proxies it is that entry from the right; what a caller writes before it changes nothing', () => {
  const hop = fc.oneof(fc.ipV4(), fc.constantFrom('unknown', '', '::1', 'a,b'))
  fc.assert(
    fc.property(fc.array(hop, { maxLength: 5 }), fc.ipV4(), fc.array(fc.ipV4(), { maxLength: 3 }), (forged, client, proxies) => {
      const header = [...forged, client, ...proxies].join(', ')

      expect(addressOf(request('10.0.0.1', header), proxies.length + 1)).toBe(client)
    }),
  )
})

test('a call that has not come through all of them has no address that could be told', () => {
  expect(addressOf(request('10.0.0.1'), 1)).toBeUndefined()
  expect(addressOf(request('10.0.0.1', '203.0.113.7'), 2)).toBeUndefined()
  expect(addressOf(request('10.0.0.1', 'unknown'), 1)).toBeUndefined()
})

test('a port that a proxy says is left out', () => {
  expect(addressOf(request('10.0.0.1', '203.0.113.7:50123'), 1)).toBe('203.0.113.7')
  expect(addressOf(request('10.0.0.1', '[2001:db8::7]:50123'), 1)).toBe('2001:db8::7')
  expect(addressOf(request('10.0.0.1', '2001:db8::7'), 1)).toBe('2001:db8::7')
})
