import { z } from 'zod'
import { findDocument, hashDocument } from '../access/trusted-documents.ts'
import type { Caller } from '../access/caller.ts'
import type { OpenDatabase } from '../db/client.ts'
import { SynkvyError } from '../errors.ts'

/** What a call brings that says which document is meant. Nothing of it has been looked at. */
export interface DocumentAsked {
  readonly query?: unknown
  /** As the appendix of GraphQL over HTTP on persisted documents has it. */
  readonly documentId?: unknown
  /** `{ persistedQuery: { sha256Hash } }`, as Apollo's clients send it. */
  readonly extensions?: unknown
}

const persisted = z.object({ persistedQuery: z.object({ sha256Hash: z.string() }) })

/**
 * The text of the document that a call means: its own, or that of the trusted document whose hash it names. Undefined where it names neither. Throws
 * PERSISTED_QUERY_NOT_FOUND, BAD_USER_INPUT for a text that has another hash, and FORBIDDEN where the caller's key may send nothing but trusted documents.
 */
export async function documentText(
  database: OpenDatabase,
  { caller, refusal }: { readonly caller: Caller | undefined; readonly refusal: SynkvyError | undefined },
  asked: DocumentAsked,
): Promise<string | undefined> {
  const hash = hashOf(asked)
  const text = typeof asked.query === 'string' && asked.query !== '' ? asked.query : undefined
  if (text === undefined) return hash === undefined ? undefined : trustedText(database, caller, refusal, hash)
  if (hash !== undefined && hash !== hashDocument(text))
    throw new SynkvyError('BAD_USER_INPUT', 'The document of this call has another hash than the one that it names. Send one of them.')
  if (caller?.trustedDocumentsOnly === true) await requireTrusted(database, caller, text)
  return text
}

async function trustedText(
  database: OpenDatabase,
  caller: Caller | undefined,
  refusal: SynkvyError | undefined,
  hash: string,
): Promise<string> {
  if (caller === undefined) throw refusal ?? new SynkvyError('UNAUTHENTICATED', 'There is no API key in this call.')
  const text = await findDocument(database.forAccount(caller.accountId), caller.accountId, hash)
  if (text !== undefined) return text
  throw new SynkvyError(
    'PERSISTED_QUERY_NOT_FOUND',
    'There is no trusted document with this hash in your account. Have an admin register it, or send its text if your key may.',
  )
}

async function requireTrusted(database: OpenDatabase, { accountId }: Caller, text: string): Promise<void> {
  if ((await findDocument(database.forAccount(accountId), accountId, hashDocument(text))) !== undefined) return
  throw new SynkvyError(
    'FORBIDDEN',
    'Your key may send nothing but trusted documents, and this one is not registered. Have an admin register it with registerDocument, then send it, or its hash.',
  )
}

function hashOf({ documentId, extensions }: DocumentAsked): string | undefined {
  const named = typeof documentId === 'string' ? documentId : extensions && persisted.safeParse(extensions).data?.persistedQuery.sha256Hash
  return typeof named === 'string' ? named.replace(/^sha256:/, '').toLowerCase() : undefined
}
