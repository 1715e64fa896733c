import { startEmbeddedPostgres } from '../../src/db/embedded.ts'

// A gateway that is nothing but its database: says how the start went, then lives until it is killed or its standard input ends.
const [, , dataDir = ''] = process.argv

try {
  const embedded = await startEmbeddedPostgres({ dataDir, durable: false })
  console.log(JSON.stringify({ url: embedded.url }))
  process.stdin.on('end', () => void embedded.stop()).resume()
} catch (error) {
  console.log(JSON.stringify({ error: String(error) }))
}
