#!/usr/bin/env node
import { Command } from 'commander'
import { ConfigError } from './config.ts'
import { EmbeddedPostgresError } from './db/embedded/error.ts'
import { SynkvyError } from './errors.ts'

const program = new Command('synkvy')
  .description('A self-hosted GraphQL gateway between a shop and the systems around it.')
  .addHelpText('after', '\nConfigured by environment variables: see docs/config.md. `synkvy COMMAND --help` says what a command takes.')

program
  .command('serve')
  .description('Run the gateway: GraphQL at /graphql, over HTTP, WebSocket and Server-Sent Events. What `npm start` runs.')
  .action(async () => (await import('./cli/serve.ts')).serve())

/** Refusals are said in one message; anything else is a bug, and is shown whole. */
function explain(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return error.errors.map(explain).join('\n')
  const isRefusal = error instanceof ConfigError || error instanceof EmbeddedPostgresError || error instanceof SynkvyError
  if (isRefusal) return error.message
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

try {
  await program.parseAsync()
} catch (error) {
  process.stderr.write(`${explain(error)}\n`)
  process.exitCode = 1
}
