import { upsertProducts } from '../../src/catalog/products.ts'
import { setStock } from '../../src/catalog/stock.ts'
import { chunks } from '../../src/catalog/write.ts'
import { sampleCatalogue, sampleStock } from '../../src/cli/demo/sample-catalogue.ts'
import { Subscription } from '../helpers/consumer.ts'
import { createView, expectData, type startShop } from '../helpers/gateway.ts'

export type Shop = Awaited<ReturnType<typeof startShop>>

/** The shop of the demo: some 300 products with their stock. */
export async function fillShop(shop: Shop): Promise<void> {
  const { database, first } = shop.app
  const author = { accountId: first.account.id }
  for (const some of chunks(sampleCatalogue(), 500)) await upsertProducts(database, author, some)
  for (const some of chunks(sampleStock(sampleCatalogue()), 500)) await setStock(database, author, some)
}

export interface System {
  readonly viewId: string
  readonly userId: string
  readonly key: string
}

export async function resendAll(shop: Shop, viewId: string): Promise<void> {
  await expectData(
    shop.call('mutation ($viewId: ID!) { resendAllProducts(syncViewId: $viewId, confirm: true) { __typename } }', { viewId }),
  )
}

/** Says for a system that it cannot take products as they are. */
export async function rejectProducts(shop: Shop, key: string, productIds: readonly string[], reason: string): Promise<void> {
  const { products } = await expectData(shop.call('{ products(first: 250) { nodes { id revision } } }'))
  const all: readonly { readonly id: string; readonly revision: string }[] = products.nodes
  const input = all.filter(({ id }) => productIds.includes(id)).map(({ id, revision }) => ({ id, revision, reason }))
  await expectData(shop.call('mutation ($input: [RejectInput!]!) { reject(input: $input) { links { id } } }', { input }, key))
}

/** Says for a system what it calls products. */
export async function setExternalIds(shop: Shop, key: string, productIds: readonly string[]): Promise<void> {
  const input = productIds.map((id, index) => ({ id, externalId: `MP-${4_000 + index}` }))
  await expectData(shop.call('mutation ($input: [ExternalIdInput!]!) { setExternalIds(input: $input) { __typename } }', { input }, key))
}

/** A system that has everything, and follows. */
export async function connectLevel(shop: Shop, name: string): Promise<System & { readonly close: () => void }> {
  const system = await createView(shop, name)
  await resendAll(shop, system.viewId)
  const client = shop.connect(system.key)
  const streams = [new Subscription(client, 'PRODUCT'), new Subscription(client, 'STOCK')]
  await Promise.all(streams.map((stream) => stream.readUntil((batch) => batch.caughtUp)))
  for (const stream of streams) void keepFollowing(stream)
  return { ...system, close: () => streams.forEach((stream) => stream.close()) }
}

/** Stores and acknowledges whatever comes, until the stream ends. */
export async function keepFollowing(stream: Subscription): Promise<void> {
  try {
    for (;;) {
      const batch = await stream.next(600_000)
      if (batch.changes.length > 0) await stream.acknowledge(batch.cursor)
    }
  } catch {
    // It was closed.
  }
}
