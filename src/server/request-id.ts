import { randomUUID } from 'node:crypto'

/** By which a call's lines in the log are found: that of the caller, or of the proxy before the gateway, where it looks like one; else made up. Answered with the call. */
export const requestIdHeader = 'x-request-id'

export function requestIdOf(given: string | readonly string[] | undefined): string {
  return typeof given === 'string' && /^[\w.:-]{1,64}$/.test(given) ? given : randomUUID()
}
