import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { toAddress } from '../networks.ts'

/** What the headers of a browser's request say, in so far as one may believe them. */

const cookieName = 'synkvy_session'

/**
 * The secret of the session's cookie. Undefined where there is none, and where the request was not made by a page of this gateway: a browser sends cookies
 * with whatever another site makes it send.
 */
export function sessionSecretOf(headers: IncomingHttpHeaders): string | undefined {
  return isSameOrigin(headers) ? readCookie(headers.cookie) : undefined
}

/** Of a request to /graphql: only what a page must have made by script counts, never a form, nor a link. */
export function sessionSecretOfCall({ method, headers }: IncomingMessage): string | undefined {
  return method === 'POST' && isJson(headers) ? sessionSecretOf(headers) : undefined
}

export function isJson(headers: IncomingHttpHeaders): boolean {
  return /^application\/json\s*(;|$)/i.test(headers['content-type'] ?? '')
}

/** Whether a page of this gateway made the request. No page can forge these headers; X-Forwarded-Host would need a preflight, which is not answered. */
export function isSameOrigin(headers: IncomingHttpHeaders): boolean {
  const { origin } = headers
  if (origin === undefined || !URL.canParse(origin)) return false
  const hosts = [headers.host, first(headers['x-forwarded-host'])]
  return headers['sec-fetch-site'] === 'same-origin' || hosts.includes(new URL(origin).host)
}

/** Whether the browser speaks https, to this process or to a proxy before it. */
export function isSecure({ socket, headers }: IncomingMessage): boolean {
  return 'encrypted' in socket || first(headers['x-forwarded-proto'])?.toLowerCase() === 'https'
}

/**
 * Where a request comes from, as nobody can forge it: whom the outermost of so many proxies was called by, and without any the other end of the connection. Undefined where
 * it has not come through all of them. Each proxy adds to the end of X-Forwarded-For; what stands further left was sent by whoever called.
 */
export function addressOf({ socket, headers }: IncomingMessage, trustedProxies: number): string | undefined {
  if (trustedProxies === 0) return toAddress(socket.remoteAddress ?? '')
  const hops = [headers['x-forwarded-for'] ?? []].flat().join(',').split(',')
  return toAddress(withoutPort(hops.at(-trustedProxies)?.trim() ?? ''))
}

/** Some proxies say the port as well: `203.0.113.7:50123`, `[2001:db8::7]:50123`. */
function withoutPort(hop: string): string {
  const [, bracketed, dotted] = /^(?:\[(.+)\]|([\d.]+))(?::\d+)?$/.exec(hop) ?? []
  return bracketed ?? dotted ?? hop
}

/** The cookie that holds a session. No script can read it; it is sent with what the gateway's own pages ask for, until it expires. */
export function sessionCookie(secret: string, expiresAt: Date, secure: boolean): string {
  const parts = [`${cookieName}=${secret}`, 'Path=/', `Expires=${expiresAt.toUTCString()}`, 'HttpOnly', 'SameSite=Strict']
  return [...parts, ...(secure ? ['Secure'] : [])].join('; ')
}

/** What makes a browser forget it. */
export function noSessionCookie(secure: boolean): string {
  return sessionCookie('', new Date(0), secure)
}

function readCookie(cookies: string | undefined): string | undefined {
  const pairs = (cookies ?? '').split(';').map((pair) => pair.trim().split('='))
  const [, value] = pairs.find(([name]) => name === cookieName) ?? []
  return value === '' ? undefined : value
}

/** The first of a header's values: what the outermost proxy said. */
function first(value: string | readonly string[] | undefined): string | undefined {
  return [value].flat()[0]?.toString().split(',')[0]?.trim() || undefined
}
