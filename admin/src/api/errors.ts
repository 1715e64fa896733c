import type { CombinedError } from '@urql/core'

/** The code of a refusal, as in docs/errors.md; NETWORK where the gateway could not be reached. */
export function codeOf(error: CombinedError | undefined): string | undefined {
  if (error === undefined) return undefined
  const [first] = error.graphQLErrors
  const code = first?.extensions['code']
  if (typeof code === 'string') return code
  return first === undefined ? 'NETWORK' : 'INTERNAL'
}

/** What one refusal says, and where in the input the fault is. */
export interface Refusal {
  readonly code: string
  readonly message: string
  readonly path: readonly (string | number)[]
}

export function refusalsOf(error: CombinedError): readonly Refusal[] {
  return error.graphQLErrors.map(({ message, extensions }) => {
    const path = extensions['inputPath']
    const parts = Array.isArray(path)
      ? path.filter((part): part is string | number => typeof part === 'string' || typeof part === 'number')
      : []
    return { code: typeof extensions['code'] === 'string' ? extensions['code'] : 'INTERNAL', message, path: parts }
  })
}
