// PostGraphile 5 with its subscriptions over LISTEN: a field whose plan listens to a channel and reads the row of the id that it is told.
// It runs on a Node of its own (22), which is why it is JavaScript and stands apart.
import { createServer } from 'node:http'
import { PostGraphileAmberPreset } from 'postgraphile/presets/amber'
import { makePgService } from 'postgraphile/adaptors/pg'
import { context, get, listen } from 'postgraphile/grafast'
import { grafserv } from 'postgraphile/grafserv/node'
import { jsonParse } from 'postgraphile/@dataplan/json'
import { extendSchema } from 'postgraphile/utils'
import { postgraphile } from 'postgraphile'

process.once('message', ({ config }) => void start(config.databaseUrl))

const changes = extendSchema((build) => {
  const { levels } = build.pgResources
  return {
    typeDefs: `
      type StockChange { level: Level }
      extend type Subscription { stockChanges: StockChange }`,
    objects: {
      Subscription: {
        plans: {
          stockChanges: { subscribePlan: () => listen(context().get('pgSubscriber'), 'postgraphile', jsonParse), plan: (event) => event },
        },
      },
      StockChange: { plans: { level: (event) => levels.get({ id: get(event, 'id') }) } },
    },
  }
})

async function start(databaseUrl) {
  const instance = postgraphile({
    extends: [PostGraphileAmberPreset],
    plugins: [changes],
    pgServices: [makePgService({ connectionString: databaseUrl, schemas: ['bench_postgraphile'], pubsub: true })],
    grafserv: { websockets: true, graphiql: false, watch: false },
    grafast: { explain: false },
  })
  const server = createServer()
  await instance.createServ(grafserv).addTo(server)
  server.listen(0, '127.0.0.1', () => process.send(`ws://127.0.0.1:${server.address().port}/graphql`))
}
