import { defaultFieldResolver, type GraphQLField, type GraphQLFieldResolver, type GraphQLSchema } from 'graphql'
import type { KeyScope } from '../src/access/api-keys.ts'
import { actorOf, recorded, withNames } from '../src/access/audit.ts'
import { SynkvyError } from '../src/errors.ts'
import { answeredDetails, argumentDetails } from './audit-details.ts'
import { requireAdmin, requireCaller, type Context } from './context.ts'

/**
 * Who may call a mutation: admins alone; OWN, every caller, for it is about nothing but the caller's own sync view; or, beside admins, integrations whose key has the scope.
 */
type MutationRule = 'ADMIN' | 'OWN' | KeyScope

/** Every mutation has a rule: a schema with one that has none cannot be made. What is for admins is written into the audit log. */
export const mutationRules: Readonly<Record<string, MutationRule>> = {
  createUser: 'ADMIN',
  deleteUser: 'ADMIN',
  createApiKey: 'ADMIN',
  rotateApiKey: 'ADMIN',
  revokeApiKey: 'ADMIN',
  registerDocument: 'ADMIN',
  deleteDocument: 'ADMIN',
  updateSyncView: 'ADMIN',
  deleteSyncView: 'ADMIN',
  linkProducts: 'ADMIN',
  unlinkProducts: 'ADMIN',
  resendAllProducts: 'ADMIN',
  resendProducts: 'ADMIN',
  cancelResend: 'ADMIN',
  createSyncView: 'OWN',
  acknowledge: 'OWN',
  rewind: 'OWN',
  reject: 'OWN',
  setExternalIds: 'OWN',
  upsertProducts: 'CATALOGUE',
  deleteProducts: 'CATALOGUE',
  setStock: 'STOCK',
  adjustStock: 'STOCK',
  upsertOrders: 'ORDERS',
  setOrderState: 'ORDERS',
  upsertCustomers: 'CUSTOMERS',
}

/** Makes every mutation keep to its rule, and say which scope it needs. Changes the schema, and answers it. */
export function holdToRules(schema: GraphQLSchema): GraphQLSchema {
  for (const field of Object.values(schema.getMutationType()?.getFields() ?? {})) {
    const rule = mutationRules[field.name]
    if (rule === undefined) throw new Error(`the mutation ${field.name} has no rule in schema/mutation-rules.ts`)
    const { resolve = defaultFieldResolver } = field
    if (rule !== 'ADMIN' && rule !== 'OWN') field.description = `${field.description ?? ''} A key that has scopes needs ${rule}.`
    field.resolve = rule === 'ADMIN' ? forAdmins(field, resolve) : forScope(rule, resolve)
  }
  return schema
}

type Resolver = GraphQLFieldResolver<unknown, Context>

function forScope(rule: 'OWN' | KeyScope, resolve: Resolver): Resolver {
  return (root, args, context, info): unknown => {
    const { scopes } = requireCaller(context)
    if (rule === 'OWN' || scopes === undefined || scopes.includes(rule)) return resolve(root, args, context, info)
    throw new SynkvyError(
      'FORBIDDEN',
      `This key may not write what ${rule} covers. Ask an admin of the shop for a key with the scope ${rule}.`,
    )
  }
}

/** For admins, each call of one with its entry in the audit log, refused ones of others among them. */
function forAdmins(field: GraphQLField<unknown, Context>, resolve: Resolver): Resolver {
  return async (root, args, context, info): Promise<unknown> => {
    const caller = requireCaller(context)
    const asked = await withNames(context.database, caller.accountId, argumentDetails(field, args))
    return recorded<unknown>(
      context,
      actorOf(caller, context.address),
      field.name,
      async () => {
        requireAdmin(context)
        return resolve(root, args, context, info)
      },
      (result) => [...asked, ...answeredDetails(field, result)],
    )
  }
}
