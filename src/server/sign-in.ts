import type { IncomingMessage, ServerResponse } from 'node:http'
import { z } from 'zod'
import { actorOf, recordAction, recorded } from '../access/audit.ts'
import { beginSession, endSession } from '../access/sessions.ts'
import { SynkvyError } from '../errors.ts'
import { refusalOf } from '../refusal.ts'
import { addressOf, isJson, isSameOrigin, isSecure, noSessionCookie, sessionCookie, sessionSecretOf } from './browser.ts'
import type { ServerParts } from './yoga.ts'

const largestBody = 4_096
const body = z.object({ key: z.string().trim().min(1) })

/**
 * `/admin/session`: POST `{ "key": "synkvy_…" }` signs in (a cookie), DELETE signs out. Only for pages of this gateway. A refusal answers
 * `{ "code", "message" }` in the words of docs/errors.md.
 */
export async function answerSession(parts: ServerParts, request: IncomingMessage, response: ServerResponse): Promise<void> {
  response.setHeader('cache-control', 'no-store')
  try {
    const cookie = await changeSession(parts, request)
    response.writeHead(204, { 'set-cookie': cookie }).end()
  } catch (error) {
    const refusal = refusalOf(error)
    if (refusal === undefined) parts.log.error({ err: error }, 'could not sign in or out')
    else if (refusal.exceeded !== undefined) parts.metrics.countLimited(refusal.exceeded.limit)
    const { code, http } = refusal?.extensions ?? { code: 'INTERNAL', http: { status: 500 } }
    const message = refusal?.message ?? 'Something went wrong in synkvy. It has been logged.'
    response.writeHead(http.status, { ...http.headers, 'content-type': 'application/json' }).end(JSON.stringify({ code, message }))
  }
}

/** What the browser is to keep from now on. */
async function changeSession(parts: ServerParts, request: IncomingMessage): Promise<string> {
  const { database, keyUsage, doorkeeper } = parts
  const address = addressOf(request, parts.trustedProxies)
  doorkeeper.callFrom(address)
  if (!isSameOrigin(request.headers)) throw new SynkvyError('FORBIDDEN', 'Sign in on the admin page of this gateway.')
  if (request.method === 'DELETE') {
    const secret = sessionSecretOf(request.headers)
    const ended = secret === undefined ? undefined : await endSession(database, secret)
    if (ended !== undefined) await recordAction(parts, { ...ended, channel: 'SESSION', address }, { action: 'signOut' })
    return noSessionCookie(isSecure(request))
  }
  if (request.method !== 'POST' || !isJson(request.headers))
    throw new SynkvyError('BAD_USER_INPUT', 'POST { "key": "synkvy_…" } as application/json, or DELETE.')
  const caller = await doorkeeper.authenticateKey(await readKey(request), address)
  keyUsage.note(caller)
  const { secret, expiresAt } = await recorded(parts, actorOf(caller, address), 'signIn', () => beginSession(database, caller))
  return sessionCookie(secret, expiresAt, isSecure(request))
}

async function readKey(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of request.setEncoding('utf8')) {
    text += String(chunk)
    if (text.length > largestBody) throw new SynkvyError('BAD_USER_INPUT', 'That is too long for a key.')
  }
  const parsed = body.safeParse(parseJson(text))
  if (!parsed.success)
    throw new SynkvyError('BAD_USER_INPUT', 'There is no key in this call: { "key": "synkvy_…" }.', { inputPath: ['key'] })
  return parsed.data.key
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
