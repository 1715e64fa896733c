import {
  countDocuments,
  deleteDocument,
  documentsPage,
  registerDocument,
  type TrustedDocumentRow,
} from '../../src/access/trusted-documents.ts'
import { builder } from '../builder.ts'
import { connectionOf, connectionType, pageArguments, pageWanted } from '../connection.ts'
import { requireAdmin } from '../context.ts'
import { payloadType } from '../payload.ts'
import { TrustedDocument } from '../refs.ts'
import { checkDocument } from '../trusted-document.ts'

TrustedDocument.implement({
  description: 'A GraphQL document that was registered: it is called by its hash, and keys may be bound to such documents.',
  fields: (t) => ({
    hash: t.exposeString('hash', { description: 'SHA-256 of its text, hexadecimal.' }),
    document: t.exposeString('document', { description: 'Its text.' }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was registered.' }),
  }),
})

const TrustedDocumentConnection = connectionType(TrustedDocument, 'TrustedDocument', 'Trusted documents, a page at a time.')

builder.queryField('trustedDocuments', (t) =>
  t.field({
    type: TrustedDocumentConnection,
    description: 'The documents that are registered, in the order in which they were. Admins only.',
    args: {
      ...pageArguments,
    },
    resolve: (_root, args, context) => {
      const { accountId } = requireAdmin(context)
      return connectionOf(
        pageWanted(args),
        (page) => documentsPage(context.database, accountId, page),
        () => countDocuments(context.database, accountId),
      )
    },
  }),
)

const RegisterDocumentPayload = payloadType<TrustedDocumentRow>('RegisterDocumentPayload', (t) => ({
  hash: t.exposeString('hash', { description: 'By which it is called: SHA-256 of its text as it stands, hexadecimal.' }),
}))
const DeleteDocumentPayload = payloadType<{ hash: string }>('DeleteDocumentPayload', (t) => ({
  hash: t.exposeString('hash', { description: 'What its hash was.' }),
}))

builder.mutationFields((t) => ({
  registerDocument: t.field({
    type: RegisterDocumentPayload,
    description:
      'Registers a GraphQL document, so that it can be called by its hash, over HTTP and WebSocket: `extensions: { persistedQuery: { version: 1, sha256Hash } }`, or `documentId`. The same text again answers the same hash. Admins only.',
    args: { document: t.arg.string({ required: true, description: 'Its text. It must be good for the schema as it is now.' }) },
    resolve: (_root, { document }, context, info) => {
      const { accountId } = requireAdmin(context)
      checkDocument(info.schema, document)
      return registerDocument(context.database, accountId, document, context.mostDocuments)
    },
  }),
  deleteDocument: t.field({
    type: DeleteDocumentPayload,
    description:
      'Forgets a trusted document: keys that are bound to documents can send it no more. What is under way goes on. Admins only.',
    args: { hash: t.arg.string({ required: true, description: 'Its hash.' }) },
    resolve: async (_root, { hash }, context) => {
      await deleteDocument(context.database, requireAdmin(context).accountId, hash)
      return { hash }
    },
  }),
}))
