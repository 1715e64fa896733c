import { apiKeysOfUsers, createApiKey, keyScopes, revokeApiKey, rotateApiKey, type ApiKeyRow, type KeyScope } from '../access/api-keys.ts'
import { SynkvyError } from '../errors.ts'
import { globalId } from '../global-id.ts'
import { accountOf, fromGlobalId, print, recordedCommand, table, withDatabase, type CommonOptions } from './options.ts'

/** What a key is to be good for. */
interface LimitOptions {
  readonly expires?: string
  readonly scope?: readonly string[]
  /** It may write nothing. */
  readonly readOnly?: boolean
  readonly address?: readonly string[]
  readonly trustedDocumentsOnly?: boolean
}

/** `synkvy key create --user ID`: the secret is printed this once. */
export async function keyCreate(options: CommonOptions & LimitOptions & { readonly user: string }): Promise<void> {
  const limits = {
    expiresAt: readMoment(options.expires),
    scopes: options.readOnly === true ? [] : options.scope?.map(readScope),
    addresses: options.address,
    trustedDocumentsOnly: options.trustedDocumentsOnly,
  }
  await withDatabase(async (context) => {
    const account = await accountOf(context, options)
    const userId = fromGlobalId('User', options.user)
    const about = [
      { name: 'userId', value: globalId('User', userId) },
      ...(limits.scopes ?? []).map((value) => ({ name: 'scopes', value })),
      ...(limits.addresses ?? []).map((value) => ({ name: 'addresses', value })),
    ]
    const create = () => createApiKey(context.database, account.id, userId, limits)
    const { apiKey, secret } = await recordedCommand(context, account, 'createApiKey', about, create, detailOf)
    print(options, { id: globalId('ApiKey', apiKey.id), secret }, `The key was made. Its secret, shown this once:\n\n  ${secret}`)
  })
}

function readMoment(text: string | undefined): Date | undefined {
  const moment = text === undefined ? undefined : new Date(text)
  if (moment === undefined || !Number.isNaN(moment.getTime())) return moment
  throw new SynkvyError('BAD_USER_INPUT', `"${text}" is no moment. Write it as 2027-01-31T12:00:00Z.`)
}

function readScope(text: string): KeyScope {
  const scope = keyScopes.find((one) => one === text)
  if (scope !== undefined) return scope
  throw new SynkvyError('BAD_USER_INPUT', `"${text}" is no scope. There are ${keyScopes.join(', ')}; --read-only is none of them.`)
}

function detailOf({ apiKey }: { readonly apiKey: ApiKeyRow }) {
  return [{ name: 'apiKey', value: globalId('ApiKey', apiKey.id), label: apiKey.prefix }]
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
      globalId('ApiKey', key.id),
      key.prefix,
      shown(key.createdAt),
      shown(key.lastUsedAt),
      shown(key.expiresAt),
      shown(key.revokedAt),
      key.scopes === null ? 'all' : key.scopes.join(',') || 'none',
      key.addresses === null ? 'any' : key.addresses.join(','),
      key.trustedDocumentsOnly ? 'trusted' : 'any',
    ])
    const json = keys.map(({ id, prefix, createdAt, lastUsedAt, expiresAt, revokedAt, scopes, addresses, trustedDocumentsOnly }) => ({
      id: globalId('ApiKey', id),
      prefix,
      createdAt,
      lastUsedAt,
      expiresAt,
      revokedAt,
      scopes,
      addresses,
      trustedDocumentsOnly,
    }))
    print(
      options,
      json,
      table([['ID', 'PREFIX', 'CREATED', 'LAST USED', 'EXPIRES', 'REVOKED', 'SCOPES', 'ADDRESSES', 'DOCUMENTS'], ...rows]),
    )
  })
}

/** `synkvy key rotate ID`: another key in its place, and a while during which both are good. */
export async function keyRotate(
  id: string,
  options: CommonOptions & Pick<LimitOptions, 'expires'> & { readonly overlapHours: string },
): Promise<void> {
  const expiresAt = readMoment(options.expires)
  if (!/^\d{1,6}$/.test(options.overlapHours))
    throw new SynkvyError('BAD_USER_INPUT', '--overlap-hours is a whole number of hours; 0 revokes the old key now.')
  const wanted = { overlapHours: Number(options.overlapHours), expiresAt }
  await withDatabase(async (context) => {
    const account = await accountOf(context, options)
    const keyId = fromGlobalId('ApiKey', id)
    const about = [
      { name: 'id', value: globalId('ApiKey', keyId) },
      { name: 'overlapHours', value: options.overlapHours },
    ]
    const rotate = () => rotateApiKey(context.database, account.id, keyId, wanted)
    const { apiKey, secret, replaced } = await recordedCommand(context, account, 'rotateApiKey', about, rotate, detailOf)
    const { expiresAt: replacedExpiresAt, revokedAt } = replaced
    const end = revokedAt === null ? `good until ${shown(replacedExpiresAt)}` : 'revoked'
    print(
      options,
      {
        id: globalId('ApiKey', apiKey.id),
        secret,
        replaced: { id: globalId('ApiKey', keyId), expiresAt: replacedExpiresAt, revokedAt },
      },
      `The key ${replaced.prefix}… is ${end}. The secret of the new one, shown this once:\n\n  ${secret}`,
    )
  })
}

/** `synkvy key revoke ID`: connections that use it are closed within a second. */
export async function keyRevoke(id: string, options: CommonOptions): Promise<void> {
  await withDatabase(async (context) => {
    const account = await accountOf(context, options)
    const keyId = fromGlobalId('ApiKey', id)
    const about = [{ name: 'id', value: globalId('ApiKey', keyId) }]
    const key = await recordedCommand(context, account, 'revokeApiKey', about, () => revokeApiKey(context.database, account.id, keyId))
    print(options, { id: globalId('ApiKey', key.id), revokedAt: key.revokedAt }, `The key ${key.prefix}… is revoked.`)
  })
}
