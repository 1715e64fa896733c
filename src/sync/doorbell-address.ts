import { lookup, type LookupAddress } from 'node:dns'
import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'
import { isWithin, type Networks } from '../networks.ts'

/** Why a doorbell is not rung where it is; the message is shown to whoever sees the sync view. */
export class AddressRefused extends Error {
  override readonly name = 'AddressRefused'
}

/** Beyond what is set apart for special use: Azure gives its machines their secrets at an address that looks public. */
const metadataAddresses: readonly string[] = ['168.63.129.16']

/**
 * Throws AddressRefused unless the address is of the public internet or of one of the networks beside it that may be reached nevertheless: what a shop's user writes as a doorbell must not make the gateway call
 * what only the gateway can reach.
 */
export function refuseAddress(address: string, networks: Networks): void {
  const parsed = ipaddr.process(address)
  if (isWithin(address, networks) || (parsed.range() === 'unicast' && !metadataAddresses.includes(parsed.toString()))) return
  throw new AddressRefused(
    `${address} is no address of the public internet. Whoever runs the gateway may allow it: SYNKVY_DOORBELL_NETWORKS.`,
  )
}

/** The host as it is, without the brackets of an IPv6 address. */
const hostOf = (url: URL): string => url.hostname.replace(/^\[|\]$/g, '')

/** Throws AddressRefused for what can be refused without asking for the name's addresses. They are asked for, and checked, whenever it is rung. */
export function refuseHost(url: URL, networks: Networks): void {
  const host = hostOf(url)
  if (isIP(host) !== 0) refuseAddress(host, networks)
}

/**
 * The addresses behind a URL, each of them checked: connect to these and to no others, for a name may have another address the next moment. Throws AddressRefused where
 * any of them may not be reached, and what the resolver says.
 */
export async function checkedAddresses(url: URL, networks: Networks): Promise<readonly LookupAddress[]> {
  const addresses = await new Promise<readonly LookupAddress[]>((resolve, reject) => {
    lookup(hostOf(url), { all: true }, (error, found) => (error === null ? resolve(found) : reject(error)))
  })
  for (const { address } of addresses) refuseAddress(address, networks)
  return addresses
}
