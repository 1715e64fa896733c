/** Lines that a system's programmer can copy: they run as they stand, against this gateway and with this key. */

export function kitSnippet(url: string, key: string, name: string): string {
  return `// npm install synkvy
import { connect } from 'synkvy/client'

const shop = connect({ url: '${url}', key: '${key}' })
await shop.call('mutation ($name: String!) { createSyncView(input: { name: $name }) { syncView { id } } }', {
  name: ${JSON.stringify(name)},
})
await shop.products(async (batch) => {
  for (const change of batch.changes) {
    // Store it: UPSERT carries the product as it is now, REMOVE its id.
    console.log(change.kind, change.handle, change.product?.title)
  }
})`
}

export function curlSnippets(url: string, key: string, name: string): { readonly create: string; readonly follow: string } {
  const call = (body: string, options: string) => `curl ${options} ${url}/graphql \\
  -H 'Authorization: Bearer ${key}' \\
  -H 'Content-Type: application/json' \\${options === '-sN' ? "\n  -H 'Accept: text/event-stream' \\" : ''}
  -d '${body.replaceAll("'", String.raw`'\''`)}'`
  const create = JSON.stringify({
    query: 'mutation ($name: String!) { createSyncView(input: { name: $name }) { syncView { id name } } }',
    variables: { name },
  })
  const follow = JSON.stringify({ query: 'subscription { productChanges { cursor caughtUp changes { kind handle product { title } } } }' })
  return { create: call(create, '-s'), follow: call(follow, '-sN') }
}

export function graphiqlSnippets(key: string, name: string): { readonly headers: string; readonly operation: string } {
  return {
    headers: JSON.stringify({ Authorization: `Bearer ${key}` }, null, 2),
    operation: `mutation {
  createSyncView(input: { name: ${JSON.stringify(name)}, system: ${JSON.stringify(name)} }) {
    syncView { id name }
  }
}`,
  }
}
