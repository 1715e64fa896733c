/** Why signing in was refused: a code of docs/errors.md, or NETWORK. */
export interface SignInRefusal {
  readonly code: string
  readonly message: string
}

/** Exchanges an admin's key for the session's cookie, which no script can read. Answers why not. */
export async function signIn(key: string): Promise<SignInRefusal | undefined> {
  try {
    const response = await fetch('/admin/session', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ key }),
    })
    return response.ok ? undefined : readRefusal(await response.json())
  } catch {
    return { code: 'NETWORK', message: '' }
  }
}

/** Forgets the session here; the gateway closes whatever it has opened. */
export async function signOut(): Promise<void> {
  await fetch('/admin/session', { method: 'DELETE' })
}

function readRefusal(answer: unknown): SignInRefusal {
  const isRefusal = typeof answer === 'object' && answer !== null && 'code' in answer && 'message' in answer
  return isRefusal ? { code: String(answer.code), message: String(answer.message) } : { code: 'INTERNAL', message: '' }
}
