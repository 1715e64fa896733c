/**
 * A consumer on the kit: keeps a copy of the shop's stock. Run it with a key of an INTEGRATION user that has a sync view:
 *   SYNKVY_KEY=synkvy_… npx tsx examples/consumer.ts
 */
import { connect, SynkvyClientError } from 'synkvy/client'

const [url, key] = [process.env['SYNKVY_URL'] ?? 'http://127.0.0.1:4000', process.env['SYNKVY_KEY'] ?? '']
const stop = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => stop.abort())

/** A real consumer keeps this in its database, and writes it in one transaction a batch. */
const available = new Map<string, number>()

await using client = connect({ url, key })
try {
  await client.stock(
    ({ changes, resendComplete }) => {
      for (const { sku, locationCode, stockLevel } of changes) {
        if (stockLevel === null) available.delete(`${sku} at ${locationCode}`)
        else available.set(`${sku} at ${locationCode}`, stockLevel.available)
        console.log(`${sku} at ${locationCode}: ${stockLevel?.available ?? 'gone'}`)
      }
      if (resendComplete) console.log(`the resend is complete: ${available.size} stock levels`)
    },
    { signal: stop.signal },
  )
} catch (error) {
  if (!(error instanceof SynkvyClientError)) throw error
  console.error(`${error.code}: ${error.message}`)
  process.exitCode = 1
}
