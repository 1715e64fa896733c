import { setTimeout as sleep } from 'node:timers/promises'
import { startApp, type App } from '../app.ts'
import { readConfig, type Config } from '../config.ts'
import { createLog } from '../log.ts'
import { untilStopped } from './stop.ts'

/** Whoever stops services kills what does not end within ten seconds or so. */
const stopWithinMs = 9_000

/** Runs the gateway until it is told to stop: once is cleanly, twice is at once. */
export async function serve(): Promise<void> {
  const config = readConfig(process.env)
  const log = createLog(config)
  const app = await startApp(config, log)
  process.stdout.write(`${greeting(app, config)}\n`)
  const reason = await Promise.race([
    untilStopped().then(() => 'Stopping…'),
    app.lostDatabase.then(() => {
      // So that whatever watches over it starts it again.
      process.exitCode = 1
      return 'The embedded Postgres has ended; so does synkvy. Start it again.'
    }),
  ])
  process.stdout.write(`${reason}\n`)
  await Promise.race([app[Symbol.asyncDispose](), sleep(stopWithinMs)])
  // What still waits for a database that is away does not keep the process.
  process.exit()
}

/** What somebody who has just started synkvy reads. */
function greeting({ url, first }: App, config: Config): string {
  const ready = `synkvy is ready at ${url}\n\n  Admin      ${url}/admin\n  GraphiQL   ${url}/graphql\n  Health     ${url}/health/ready`
  const database = config.databaseUrl === undefined ? `\n  Database   embedded, in ${config.dataDir}` : ''
  if (first.adminKey === undefined) return `${ready}${database}`
  return `${ready}${database}

The account "${first.account.slug}" was made. Its admin key, shown this once:

  ${first.adminKey}

How to go on:
  1. Import a catalogue:       npx synkvy import products.csv
  2. Open ${url}/admin in a browser, sign in with the key, and choose "Connect a system…".
  The README has a first tour to copy and paste.`
}
