import { randomBytes } from 'node:crypto'
import type { LookupAddress } from 'node:dns'
import { request as requestHttp, type IncomingMessage, type RequestOptions } from 'node:http'
import { request as requestHttps } from 'node:https'
import type { LookupFunction } from 'node:net'
import { Webhook } from 'standardwebhooks'
import type { Networks } from '../networks.ts'
import type { Stream } from './change.ts'
import { checkedAddresses } from './doorbell-address.ts'

/** How long a call may take, the look-up of the name included. */
const timeoutMs = 10_000

export interface DoorbellCall {
  readonly url: string
  readonly secret: string
  /** The same for every attempt to tell of the same. */
  readonly messageId: string
  /** As clients know it. */
  readonly syncViewId: string
  /** What waits. */
  readonly streams: readonly Stream[]
}

/** What a call came to. */
export type DoorbellAnswer =
  | { readonly status: number; readonly error: string | undefined }
  | { readonly status: undefined; readonly error: string }

/** A secret to sign with, as the Standard Webhooks specification writes them. */
export function createDoorbellSecret(): string {
  return `whsec_${randomBytes(32).toString('base64')}`
}

/** Rings once: a POST, signed by the Standard Webhooks specification, that says which view has something waiting and nothing of what. Throws when the signal fires. */
export async function callDoorbell(call: DoorbellCall, networks: Networks, signal: AbortSignal): Promise<DoorbellAnswer> {
  const timeout = AbortSignal.timeout(timeoutMs)
  try {
    const url = new URL(call.url)
    const addresses = await orAborted(checkedAddresses(url, networks), AbortSignal.any([signal, timeout]))
    const status = await post(url, addresses, signed(call), AbortSignal.any([signal, timeout]))
    return { status, error: describeStatus(status) }
  } catch (error) {
    if (signal.aborted) throw error
    if (timeout.aborted) return { status: undefined, error: `No answer within ${timeoutMs / 1000} s.` }
    return { status: undefined, error: error instanceof Error ? error.message : String(error) }
  }
}

function signed({ secret, messageId, syncViewId, streams }: DoorbellCall): {
  readonly headers: Record<string, string>
  readonly body: string
} {
  const at = new Date()
  const body = JSON.stringify({ type: 'sync_view.waiting', timestamp: at.toISOString(), data: { syncViewId, streams } })
  const headers = {
    'content-type': 'application/json',
    'user-agent': 'synkvy',
    'webhook-id': messageId,
    'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
    'webhook-signature': new Webhook(secret).sign(messageId, at, body),
  }
  return { headers, body }
}

/** Answers the status. Follows no redirect, reads nothing of the answer's body, and connects to no other address than these. */
async function post(
  url: URL,
  addresses: readonly LookupAddress[],
  { headers, body }: { readonly headers: Record<string, string>; readonly body: string },
  signal: AbortSignal,
): Promise<number> {
  const request = url.protocol === 'https:' ? requestHttps : requestHttp
  const options: RequestOptions = { method: 'POST', headers, signal, agent: false, lookup: alwaysAt(addresses) }
  return new Promise((resolve, reject) => {
    const sent = request(url, options, (response: IncomingMessage) => {
      resolve(response.statusCode ?? 0)
      response.destroy()
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

function alwaysAt(addresses: readonly LookupAddress[]): LookupFunction {
  return (_hostname, options, callback) => {
    const [first] = addresses
    if (options.all === true) callback(null, [...addresses])
    else callback(null, first?.address ?? '', first?.family)
  }
}

/** Undefined for a success. */
function describeStatus(status: number): string | undefined {
  if (status >= 200 && status < 300) return undefined
  return status >= 300 && status < 400 ? `It answers ${status}: redirects are not followed.` : `It answers ${status}.`
}

/** What is being waited for cannot be called off; who waits can go. */
function orAborted<Result>(work: Promise<Result>, signal: AbortSignal): Promise<Result> {
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(new Error('given up')), { once: true })
    work.then(resolve, reject)
  })
}
