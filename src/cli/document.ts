import { readFile } from 'node:fs/promises'
import { schema } from '../../schema/schema.ts'
import { checkDocument } from '../../schema/trusted-document.ts'
import { deleteDocument, documentsPage, registerDocument } from '../access/trusted-documents.ts'
import { accountOf, print, table, withDatabase, type CommonOptions } from './options.ts'

/** `synkvy document add FILE`: the text counts as it stands, with its line breaks. */
export async function documentAdd(file: string, options: CommonOptions): Promise<void> {
  const document = await readFile(file, 'utf8')
  checkDocument(schema, document)
  await withDatabase(async (context) => {
    const account = await accountOf(context, options)
    const { hash } = await registerDocument(context.database, account.id, document, context.config.limits.trustedDocuments)
    print(options, { hash }, `The document is registered. Its hash:\n\n  ${hash}`)
  })
}

/** `synkvy document list` */
export async function documentList(options: CommonOptions): Promise<void> {
  await withDatabase(async (context) => {
    const account = await accountOf(context, options)
    const documents = await documentsPage(context.database, account.id, { first: 1_000_000 })
    const json = documents.map(({ hash, document, createdAt }) => ({ hash, document, createdAt }))
    const rows = documents.map(({ hash, document, createdAt }) => [
      hash,
      createdAt.toISOString(),
      document.replaceAll(/\s+/g, ' ').slice(0, 60),
    ])
    print(options, json, table([['HASH', 'CREATED', 'DOCUMENT'], ...rows]))
  })
}

/** `synkvy document delete HASH` */
export async function documentDelete(hash: string, options: CommonOptions): Promise<void> {
  await withDatabase(async (context) => {
    const account = await accountOf(context, options)
    await deleteDocument(context.database, account.id, hash)
    print(options, { hash }, 'The document is forgotten.')
  })
}
