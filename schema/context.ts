import DataLoader from 'dataloader'
import type { Logger } from 'pino'
import type { Caller } from '../src/access/caller.ts'
import { apiKeysOfUsers } from '../src/access/api-keys.ts'
import type { KeyWatch } from '../src/access/key-watch.ts'
import { usersByIds } from '../src/access/users.ts'
import { locationsByIds, productsByIds, stockLevelsOfVariants, variantsByIds, variantsOfProducts } from '../src/catalog/products.ts'
import type { Database } from '../src/db/client.ts'
import { SynkvyError } from '../src/errors.ts'
import { linkStates, type LinkRow } from '../src/sync/link-list.ts'
import { rejectionsOfLinks } from '../src/sync/refusals.ts'
import type { Sync } from '../src/sync/sync.ts'
import { syncViewsByIds, syncViewsOfUsers } from '../src/sync/views.ts'

/** What every resolver is given. */
export interface Context {
  /** By which the call's lines in the log are found. */
  readonly requestId: string
  /** Undefined where no key was sent; every root field but introspection refuses that. */
  readonly caller: Caller | undefined
  /** Why there is no caller. */
  readonly refusal: SynkvyError | undefined
  readonly database: Database
  readonly sync: Sync
  readonly transport: 'WEBSOCKET' | 'SSE'
  /** Where the caller is; undefined where that cannot be told. */
  readonly address: string | undefined
  /** Fires when the caller of an HTTP request has gone. */
  readonly gone: AbortSignal | undefined
  /** Made when they are first asked for: most operations, and every view that waits, need none. */
  readonly loaders: () => Loaders
  /** Told when the caller has made its sync view: a socket that lives on must see it. */
  readonly onViewMade: (() => void) | undefined
  readonly keys: KeyWatch
  readonly log: Logger
  /** How many trusted documents an account may have. */
  readonly mostDocuments: number
}

/** What can be followed and can be ended from outside. */
interface Followed<Value> {
  next(): Promise<IteratorResult<Value, undefined>>
  return(): Promise<IteratorResult<Value, undefined>>
  endWith(reason: SynkvyError): void
}

/** Follows a source until it ends, the key that asked for it is no longer good, or the caller has gone. */
export function untilKeyEnds<Value>(context: Context, source: Followed<Value>): AsyncIterableIterator<Value> {
  const release = context.keys.register(requireCaller(context), (reason) => source.endWith(reason))
  const end = (): ReturnType<typeof source.return> => {
    release()
    context.gone?.removeEventListener('abort', onGone)
    return source.return()
  }
  // Who went while the source was being opened is not waited for by anybody.
  const onGone = (): void => void end()
  if (context.gone?.aborted === true) onGone()
  else context.gone?.addEventListener('abort', onGone)
  return {
    next: () => source.next(),
    return: end,
    [Symbol.asyncIterator]() {
      return this
    },
  }
}

/** Does what waits for something to come, and gives up waiting when the caller has gone, its key ends, or the gateway stops. */
export async function whileWanted<Result>(context: Context, work: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
  const stop = new AbortController()
  const giveUp = (): void => stop.abort()
  const release = context.keys.register(requireCaller(context), giveUp)
  context.gone?.addEventListener('abort', giveUp)
  try {
    return await work(stop.signal)
  } finally {
    release()
    context.gone?.removeEventListener('abort', giveUp)
  }
}

/** Who calls, or UNAUTHENTICATED. */
export function requireCaller(context: Context): Caller {
  if (context.caller !== undefined) return context.caller
  throw context.refusal ?? new SynkvyError('UNAUTHENTICATED', 'There is no API key in this call.')
}

/** An admin who calls, or UNAUTHENTICATED or FORBIDDEN. */
export function requireAdmin(context: Context): Caller {
  const caller = requireCaller(context)
  if (caller.kind === 'ADMIN') return caller
  throw new SynkvyError('FORBIDDEN', 'This is for admins of the shop. Use a key of an ADMIN user.')
}

/** The view that an admin names, or an integration of its own; NOT_FOUND for another's. */
export function requireViewAccess(
  context: Context,
  id: { readonly typename: string; readonly id: string },
): { readonly accountId: number; readonly viewId: number } {
  const caller = requireCaller(context)
  const viewId = id.typename === 'SyncView' ? Number(id.id) : 0
  const maySee = Number.isSafeInteger(viewId) && viewId > 0 && (caller.kind === 'ADMIN' || caller.syncViewId === viewId)
  if (maySee) return { accountId: caller.accountId, viewId }
  throw new SynkvyError('NOT_FOUND', 'There is no such sync view in your account.', { inputPath: ['syncViewId'] })
}

/** Whether the caller may know of this view: an integration knows its own alone. */
export function maySeeView(context: Context, viewId: number): boolean {
  const caller = requireCaller(context)
  return caller.kind === 'ADMIN' || caller.syncViewId === viewId
}

/** One batch a tick. Nothing is kept: a subscription lives for days, and sends what is so now. */
function batched<Key, Value>(load: (keys: readonly Key[]) => Promise<readonly Value[]>): DataLoader<Key, Value> {
  return new DataLoader(load, { cache: false })
}

/** A loader for each relation, all within the caller's account. */
export function createLoaders(database: Database, accountId: number) {
  const byId = <Row>(load: (database: Database, accountId: number, ids: readonly number[]) => Promise<ReadonlyMap<number, Row>>) =>
    batched(async (ids: readonly number[]) => {
      const rows = await load(database, accountId, ids)
      return ids.map((id) => rows.get(id))
    })
  return {
    product: byId(productsByIds),
    variant: byId(variantsByIds),
    location: byId(locationsByIds),
    variantsOfProduct: byId(variantsOfProducts),
    stockLevelsOfVariant: byId(stockLevelsOfVariants),
    user: byId(usersByIds),
    syncView: byId(syncViewsByIds),
    syncViewOfUser: byId(syncViewsOfUsers),
    rejections: byId(rejectionsOfLinks),
    apiKeysOfUser: batched(async (ids: readonly number[]) => {
      const rows = await apiKeysOfUsers(database, accountId, ids)
      return ids.map((id) => rows.filter((row) => row.userId === id))
    }),
    linkState: batched(async (links: readonly LinkRow[]) => {
      const states = await linkStates(database, accountId, links)
      return links.map((link) => states.get(link.id) ?? 'PENDING')
    }),
  }
}
type Loaders = ReturnType<typeof createLoaders>
