import { eraseCustomers, exportCustomers, findCustomersOf, planErasure, receiversOf } from '../trade/personal-data.ts'
import { globalId } from '../global-id.ts'
import { accountOf, fromGlobalId, print, recordedCommand, withDatabase, type CommandContext, type CommonOptions } from './options.ts'

/** Whom a command is about: an id as GraphQL shows it, or an email address. */
async function customersOf({ database }: CommandContext, accountId: number, customer: string): Promise<readonly number[]> {
  return findCustomersOf(database, accountId, customer.includes('@') ? { email: customer } : { id: fromGlobalId('Customer', customer) })
}

/** `synkvy customer export CUSTOMER`: everything that is held of a customer, as JSON. */
export async function customerExport(customer: string, options: CommonOptions): Promise<void> {
  await withDatabase(async (context) => {
    const account = await accountOf(context, options)
    const held = await exportCustomers(context.database, account.id, await customersOf(context, account.id, customer))
    process.stdout.write(`${JSON.stringify(held, undefined, 2)}\n`)
  })
}

function detailOf(id: number) {
  return { name: 'customer', value: globalId('Customer', id) }
}

/** `synkvy customer erase CUSTOMER --confirm`: without `--confirm` it says what it would do. */
export async function customerErase(
  customer: string,
  options: CommonOptions & { readonly confirm?: boolean; readonly openOrders?: boolean },
): Promise<void> {
  await withDatabase(async (context) => {
    const account = await accountOf(context, options)
    const ids = await customersOf(context, account.id, customer)
    const isDone = options.confirm === true
    const { customerIds, orderIds, openOrderIds } = isDone
      ? await recordedCommand(context, account, 'eraseCustomers', ids.map(detailOf), () =>
          eraseCustomers(context.database, account.id, ids, { openOrders: options.openOrders === true }),
        )
      : await planErasure(context.database, account.id, ids)
    const receivers = await receiversOf(context.database, account.id, customerIds, orderIds)
    const systems = [...new Map(receivers.map(({ viewId, name }) => [viewId, name])).values()]
    const json = {
      erased: isDone,
      customers: customerIds.map((id) => globalId('Customer', id)),
      orders: orderIds.map((id) => globalId('Order', id)),
      openOrders: openOrderIds.map((id) => globalId('Order', id)),
      toldTo: receivers.map(({ viewId, ...receiver }) => ({ syncView: globalId('SyncView', viewId), ...receiver })),
    }
    const counted = `${customerIds.length} customers are erased; ${orderIds.length} orders stay without their names and addresses`
    const told =
      systems.length === 0 ? 'No system has received them.' : `These systems are sent it, and must erase it too: ${systems.join(', ')}.`
    print(
      options,
      json,
      isDone ? `${counted}.\n${told}` : `With --confirm ${counted}, ${openOrderIds.length} of them not shipped yet.\n${told}`,
    )
  })
}
