import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'

/** Networks as CIDR (`10.1.0.0/16`) and single addresses. */
export type Networks = readonly string[]

/** An address as it is compared and shown: IPv4 within IPv6 as IPv4, IPv6 in its short form. Undefined for what is none. */
export function toAddress(text: string): string | undefined {
  return isIP(text) === 0 ? undefined : ipaddr.process(text).toString()
}

/** A network as `isWithin` takes it; undefined for what is none. */
export function toNetwork(text: string): string | undefined {
  if (!text.includes('/')) return toAddress(text)
  const isMeant = isIP(text.split('/', 1)[0] ?? '') !== 0 && ipaddr.isValidCIDR(text)
  // An address is compared as IPv4 where it is one, so that such a network would hold nothing.
  return isMeant && !text.toLowerCase().startsWith('::ffff:') ? text.toLowerCase() : undefined
}

/** Whether an address lies in one of the networks. */
export function isWithin(address: string, networks: Networks): boolean {
  const parsed = ipaddr.process(address)
  return networks.map(rangeOf).some(([base, bits]) => base.kind() === parsed.kind() && parsed.match(base, bits))
}

function rangeOf(network: string): ReturnType<typeof ipaddr.parseCIDR> {
  if (network.includes('/')) return ipaddr.parseCIDR(network)
  const address = ipaddr.process(network)
  return [address, address.kind() === 'ipv4' ? 32 : 128]
}
