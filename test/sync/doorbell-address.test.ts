import { expect, test } from 'vitest'
import { AddressRefused, checkedAddresses, refuseAddress, refuseHost } from '../../src/sync/doorbell-address.ts'

const special =
  '0.0.0.0 10.1.2.3 100.64.0.1 100.100.100.200 127.0.0.1 169.254.169.254 168.63.129.16 172.16.0.1 192.0.0.192 192.168.1.1 198.18.0.1 224.0.0.1 240.0.0.1 ' +
  '255.255.255.255 :: ::1 ::ffff:10.0.0.1 ::127.0.0.1 fe80::1 fe80::1%eth0 fc00::1 fd00:ec2::254 fec0::1 ff02::1 64:ff9b::a00:1 2001:db8::1 2002:7f00:1:: 2001::1'

test.each(special.split(' '))('%s is refused: it is not of the public internet', (address) => {
  expect(() => refuseAddress(address, [])).toThrow(AddressRefused)
})

test.each(['8.8.8.8', '2606:4700::1111', '::ffff:8.8.8.8'])('%s is not', (address) => {
  refuseAddress(address, [])
})

test('a network that is allowed lets in what is in it, and nothing else', () => {
  const networks = ['10.1.0.0/16', 'fd00:1::/64']

  refuseAddress('10.1.255.1', networks)
  refuseAddress('::ffff:10.1.0.1', networks)
  refuseAddress('fd00:1::5', networks)
  expect(() => refuseAddress('10.2.0.1', networks)).toThrow(AddressRefused)
  expect(() => refuseAddress('fd00:2::5', networks)).toThrow(AddressRefused)
})

test.each([
  'http://127.0.0.1/',
  'http://2130706433/',
  'http://0x7f.1/',
  'http://017700000001/',
  'http://[::1]/',
  'http://[::ffff:7f00:1]/',
])('%s is refused, however it is written', (url) => {
  expect(() => refuseHost(new URL(url), [])).toThrow(AddressRefused)
})

test('a name is refused by its addresses', async () => {
  await expect(checkedAddresses(new URL('http://localhost:80/'), [])).rejects.toThrow(AddressRefused)
  expect(await checkedAddresses(new URL('http://localhost/'), ['127.0.0.0/8', '::1/128'])).not.toEqual([])
})
