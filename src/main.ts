#!/usr/bin/env node
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { Command, Option } from 'commander'
import { z } from 'zod'
import { ConfigError } from './config.ts'
import { EmbeddedPostgresError } from './db/embedded/error.ts'
import { SynkvyError } from './errors.ts'

/** That of package.json, from the sources as from what is compiled below dist/. */
function version(): string {
  const read = createRequire(import.meta.url)
  const file = existsSync(new URL('../package.json', import.meta.url)) ? '../package.json' : '../../package.json'
  return z.object({ version: z.string() }).parse(read(file)).version
}

const program = new Command('synkvy')
  .description('A self-hosted GraphQL gateway between a shop and the systems around it.')
  .version(version())
  .addHelpText('after', '\nConfigured by environment variables: see docs/config.md. `synkvy COMMAND --help` says what a command takes.')

program
  .command('serve')
  .description('Run the gateway: GraphQL at /graphql, over HTTP, WebSocket and Server-Sent Events. What `npm start` runs.')
  .action(async () => (await import('./cli/serve.ts')).serve())

program
  .command('demo')
  .description('See it work: a sample shop, an ERP and a POS connected to it, a resend, and sales that flow. Needs no set-up.')
  .action(async () => (await import('./cli/demo/demo.ts')).demo())

program
  .command('migrate')
  .description('Bring the database to the newest schema. Every start does so as well.')
  .action(async () => (await import('./cli/migrate.ts')).migrate())

program
  .command('doctor')
  .description('Examine the set-up: versions, rights, connections, clocks, triggers, the sequencer, what waits; and say what to change.')
  .option('--json', 'print JSON, for scripts')
  .addHelpText('after', '\nIt changes nothing. Exit status: 0 nothing is to be mended, 2 something is, 1 it could not be examined.')
  .action(async (options) => (await import('./cli/doctor/doctor.ts')).doctor(options))

const inAccount = (command: Command): Command =>
  command.option('--account <slug>', 'the account (default: SYNKVY_ACCOUNT)').option('--json', 'print JSON, for scripts')

inAccount(program.command('import <file>'))
  .description(
    'Import a catalogue: Shopify product CSV, Magento product CSV, or JSON Lines of ProductInput. The same file again changes nothing.',
  )
  .addOption(new Option('--format <format>', 'what the file is (default: told by its beginning)').choices(['shopify', 'magento', 'jsonl']))
  .option('--currency <code>', "of the prices, ISO 4217 (default: the account's)")
  .addHelpText(
    'after',
    '\nEach row that cannot be taken is reported with its line, field and reason, and the import goes on.\nExit status: 0 all taken, 2 something was refused, 1 it could not be done.',
  )
  .action(async (file, options) => (await import('./cli/import.ts')).importFile(file, options))

const account = program.command('account').description('Shops on this gateway.')
account
  .command('create <slug>')
  .description('Make an account with an admin user, and print its key this once.')
  .option('--name <name>', 'what it is called (default: the slug)')
  .option('--currency <code>', 'of its prices, ISO 4217', 'SEK')
  .option('--prices-exclude-tax', 'its prices do not include tax')
  .option('--json', 'print JSON, for scripts')
  .action(async (slug, options) => (await import('./cli/account.ts')).accountCreate(slug, options))
account
  .command('list')
  .description('List the accounts.')
  .option('--json', 'print JSON, for scripts')
  .action(async (options) => (await import('./cli/account.ts')).accountList(options))

const user = program.command('user').description('Who may call.')
inAccount(user.command('create <name>'))
  .description('Make a user.')
  .addOption(new Option('--kind <kind>', 'INTEGRATION for an external system').choices(['ADMIN', 'INTEGRATION']).default('INTEGRATION'))
  .action(async (name, options) => (await import('./cli/user.ts')).userCreate(name, options))
inAccount(user.command('list'))
  .description('List the users.')
  .action(async (options) => (await import('./cli/user.ts')).userList(options))

const key = program.command('key').description('API keys.')
inAccount(key.command('create'))
  .description('Make a key for a user, and print its secret this once.')
  .requiredOption('--user <id>', 'whose')
  .option('--expires <moment>', 'when it stops being good: 2027-01-31T12:00:00Z')
  .option('--scope <scope...>', 'what an integration may write with it: CATALOGUE, STOCK, ORDERS, CUSTOMERS (default: everything)')
  .addOption(new Option('--read-only', 'an integration may write nothing with it').conflicts('scope'))
  .option('--address <address...>', 'whence it may be used: addresses, and networks such as 203.0.113.0/24 (default: anywhere)')
  .option('--trusted-documents-only', 'it may send nothing but documents that are registered')
  .action(async (options) => (await import('./cli/key.ts')).keyCreate(options))
inAccount(key.command('list'))
  .description("List a user's keys.")
  .requiredOption('--user <id>', 'whose')
  .action(async (options) => (await import('./cli/key.ts')).keyList(options))
inAccount(key.command('rotate <id>'))
  .description(
    'Make another key in the place of one, with its scopes and addresses, and print its secret this once. Both are good for a while.',
  )
  .option('--overlap-hours <hours>', 'for how long the old one is still good; 0 revokes it now', '24')
  .option('--expires <moment>', 'when the new one stops being good: 2027-01-31T12:00:00Z')
  .action(async (id, options) => (await import('./cli/key.ts')).keyRotate(id, options))
inAccount(key.command('revoke <id>'))
  .description('End a key now. Connections that use it are closed within a second.')
  .action(async (id, options) => (await import('./cli/key.ts')).keyRevoke(id, options))

const document = program.command('document').description('Trusted documents: what keys that are bound to them may send.')
inAccount(document.command('add <file>'))
  .description('Register a GraphQL document, and print the hash by which it is called.')
  .action(async (file, options) => (await import('./cli/document.ts')).documentAdd(file, options))
inAccount(document.command('list'))
  .description('List the documents.')
  .action(async (options) => (await import('./cli/document.ts')).documentList(options))
inAccount(document.command('delete <hash>'))
  .description('Forget a document. Keys that are bound to documents can send it no more.')
  .action(async (hash, options) => (await import('./cli/document.ts')).documentDelete(hash, options))

const view = program.command('view').description('Sync views.')
inAccount(view.command('list'))
  .description('List the sync views: how each stands, what waits.')
  .action(async (options) => (await import('./cli/view.ts')).viewList(options))
inAccount(view.command('pause <id>'))
  .description('Send a view nothing until it goes on. Nothing is lost.')
  .action(async (id, options) => (await import('./cli/view.ts')).viewPause(id, options, true))
inAccount(view.command('go-on <id>'))
  .description('Let a paused view go on where it was.')
  .action(async (id, options) => (await import('./cli/view.ts')).viewPause(id, options, false))
inAccount(view.command('delete <id>'))
  .description('Delete a view with its links.')
  .action(async (id, options) => (await import('./cli/view.ts')).viewDelete(id, options))

const customer = program.command('customer').description('What is held of a person: say it, or erase it.')
inAccount(customer.command('export <customer>'))
  .description('Print everything that is held of a customer, by its id or by an email address, as JSON.')
  .action(async (id, options) => (await import('./cli/customer.ts')).customerExport(id, options))
inAccount(customer.command('erase <customer>'))
  .description(
    'Delete a customer, by its id or by an email address, and take name and addresses from its orders. Connected systems are sent it.',
  )
  .option('--confirm', 'do it; else it is only said what would be done')
  .option('--open-orders', 'also where orders are still to be shipped')
  .action(async (id, options) => (await import('./cli/customer.ts')).customerErase(id, options))

inAccount(program.command('resend <view>'))
  .description('"Resend all products": link all to the view and send them, with their stock. Joins the one that runs.')
  .option('--confirm', 'although everything was sent before')
  .option('--follow', 'show its progress to the end')
  .action(async (id, options) => (await import('./cli/resend.ts')).resend(id, options))

program
  .command('watch')
  .description('Connect as a consumer: print each change as it arrives, and acknowledge it.')
  .requiredOption('--key <secret>', "an INTEGRATION user's key, whose sync view is watched")
  .option('--url <url>', 'the gateway', 'http://127.0.0.1:4000')
  .addOption(new Option('--stream <stream>', 'what to follow').choices(['product', 'stock', 'order', 'customer', 'all']).default('all'))
  .option('--json', 'a JSON value a line, for machines')
  .addHelpText('after', '\nIt takes the streams over from whoever follows them with the same sync view: give it a view of its own.')
  .action(async (options) => (await import('./cli/watch.ts')).watch(options))

/** Refusals are said in one message; anything else is a bug, and is shown whole. */
function explain(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return error.errors.map(explain).join('\n')
  const isRefusal = error instanceof ConfigError || error instanceof EmbeddedPostgresError || error instanceof SynkvyError
  if (isRefusal || isFileFault(error)) return error.message
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

/** Whether the system says that there is no such file, or that it may not be read. */
function isFileFault(error: unknown): error is Error {
  return error instanceof Error && 'syscall' in error && 'path' in error
}

try {
  await program.parseAsync()
} catch (error) {
  process.stderr.write(`${explain(error)}\n`)
  process.exitCode = 1
}
