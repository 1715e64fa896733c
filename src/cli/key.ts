import { apiKeysOfUsers, createApiKey, revokeApiKey } from '../access/api-keys.ts'
import { SynkvyError } from '../errors.ts'
import { accountOf, fromGlobalId, print, table, toGlobalId, withDatabase, type CommonOptions } from './options.ts'

/** `synkvy key create --user ID`: the secret is printed this once. */
export async function keyCreate(
  options: CommonOptions & { readonly user: string; readonly expires?: string; readonly trustedDocumentsOnly?: boolean },
): Promise<void> {
  const expiresAt = options.expires === undefined ? undefined : new Date(options.expires)
  if (expiresAt !== undefined && Number.isNaN(expiresAt.getTime())) {
    throw new SynkvyError('BAD_USER_INPUT', `"${options.expires}" is no moment. Write it as 2027-01-31T12:00:00Z.`)
  }
  await withDatabase(async (context) => {
    const account = await accountOf(context, options)
    const { apiKey, secret } = await createApiKey(context.database, account.id, fromGlobalId('User', options.user), {
      expiresAt,
      trustedDocumentsOnly: options.trustedDocumentsOnly,
    })
    print(options, { id: toGlobalId('ApiKey', apiKey.id), secret }, `The key was made. Its secret, shown this once:\n\n  ${secret}`)
  })
}

function shown(moment: Date | null): string {
  return moment?.toISOString() ?? '-'
}

/** `synkvy key list --user ID` */
export async function keyList(options: CommonOptions & { readonly user: string }): Promise<void> {
  await withDatabase(async (context) => {
    const account = await accountOf(context, options)
    const keys = await apiKeysOfUsers(context.database, account.id, [fromGlobalId('User', options.user)])
    const rows = keys.map((key) => [
      toGlobalId('ApiKey', key.id),
      key.prefix,
      shown(key.createdAt),
      shown(key.lastUsedAt),
      shown(key.expiresAt),
      shown(key.revokedAt),
      key.trustedDocumentsOnly ? 'trusted' : 'any',
    ])
    const json = keys.map(({ id, prefix, createdAt, lastUsedAt, expiresAt, revokedAt, trustedDocumentsOnly }) => ({
      id: toGlobalId('ApiKey', id),
      prefix,
      createdAt,
      lastUsedAt,
      expiresAt,
      revokedAt,
      trustedDocumentsOnly,
    }))
    print(options, json, table([['ID', 'PREFIX', 'CREATED', 'LAST USED', 'EXPIRES', 'REVOKED', 'DOCUMENTS'], ...rows]))
  })
}

/** `synkvy key revoke ID`: connections that use it are closed within a second. */
export async function keyRevoke(id: string, options: CommonOptions): Promise<void> {
  await withDatabase(async (context) => {
    const account = await accountOf(context, options)
    const key = await revokeApiKey(context.database, account.id, fromGlobalId('ApiKey', id))
    print(options, { id: toGlobalId('ApiKey', key.id), revokedAt: key.revokedAt }, `The key ${key.prefix}… is revoked.`)
  })
}
