import { allAccounts, createAccount } from '../access/accounts.ts'
import { globalId } from '../global-id.ts'
import { print, recordedCommand, table, withDatabase, type CommonOptions } from './options.ts'

/** `synkvy account create SLUG`: a shop of its own, with an admin user and its key. */
export async function accountCreate(
  slug: string,
  options: CommonOptions & { readonly name?: string; readonly currency: string; readonly pricesExcludeTax?: boolean },
): Promise<void> {
  await withDatabase(async (context) => {
    const input = { slug, name: options.name ?? slug, currency: options.currency, pricesIncludeTax: options.pricesExcludeTax !== true }
    const { account, adminKey } = await createAccount(context.database, input)
    await recordedCommand(context, account, 'createAccount', [{ name: 'slug', value: slug }], async () => account)
    print(
      options,
      { id: globalId('Account', account.id), slug: account.slug, adminKey },
      `The account "${account.slug}" was made. Its admin key, shown this once:\n\n  ${adminKey ?? ''}`,
    )
  })
}

/** `synkvy account list` */
export async function accountList(options: CommonOptions): Promise<void> {
  await withDatabase(async ({ database }) => {
    const accounts = await allAccounts(database)
    const json = accounts.map(({ id, slug, name, currency }) => ({ id: globalId('Account', id), slug, name, currency }))
    print(
      options,
      json,
      table([['SLUG', 'NAME', 'CURRENCY'], ...accounts.map((account) => [account.slug, account.name, account.currency])]),
    )
  })
}
