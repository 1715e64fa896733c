import { createUser, usersOfAccount, type UserKind } from '../access/users.ts'
import { globalId } from '../global-id.ts'
import { accountOf, print, recordedCommand, table, withDatabase, type CommonOptions } from './options.ts'

/** `synkvy user create NAME --kind INTEGRATION` */
export async function userCreate(name: string, options: CommonOptions & { readonly kind: UserKind }): Promise<void> {
  await withDatabase(async (context) => {
    const account = await accountOf(context, options)
    const { kind } = options
    const about = [
      { name: 'name', value: name },
      { name: 'kind', value: kind },
    ]
    const create = () => createUser(context.database, account.id, { name, kind })
    const user = await recordedCommand(context, account, 'createUser', about, create, (made) => [
      { name: 'user', value: globalId('User', made.id), label: made.name },
    ])
    const id = globalId('User', user.id)
    print(
      options,
      { id, name, kind: user.kind },
      `The user "${name}" was made. Its id is ${id}\nMake a key for it with: synkvy key create --user ${id}`,
    )
  })
}

/** `synkvy user list` */
export async function userList(options: CommonOptions): Promise<void> {
  await withDatabase(async (context) => {
    const account = await accountOf(context, options)
    const users = await usersOfAccount(context.database, account.id)
    const json = users.map(({ id, name, kind }) => ({ id: globalId('User', id), name, kind }))
    print(options, json, table([['ID', 'KIND', 'NAME'], ...json.map((user) => [user.id, user.kind, user.name])]))
  })
}
