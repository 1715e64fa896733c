import type { Logger } from 'pino'
import type { AccountRow } from '../access/accounts.ts'
import { accountBySlug } from '../access/accounts.ts'
import { recorded, withNames } from '../access/audit.ts'
import { openForCommand } from '../database.ts'
import { readConfig, type Config } from '../config.ts'
import type { OpenDatabase } from '../db/client.ts'
import type { AuditDetail } from '../db/tables/access.ts'
import { SynkvyError } from '../errors.ts'
import { readGlobalId } from '../global-id.ts'
import { createLog } from '../log.ts'

/** What most commands take. */
export interface CommonOptions {
  /** The account's slug. Default: SYNKVY_ACCOUNT. */
  readonly account?: string
  /** For scripts: one JSON value on standard output. */
  readonly json?: boolean
}

/** What a command works on. */
export interface CommandContext {
  readonly config: Config
  readonly database: OpenDatabase
  readonly log: Logger
}

/** Runs a command on the database, beside a gateway or without one. */
export async function withDatabase<Result>(work: (context: CommandContext) => Promise<Result>): Promise<Result> {
  const config = readConfig({ ...process.env, LOG_LEVEL: process.env['LOG_LEVEL'] ?? 'error' })
  const log = createLog(config)
  await using opened = await openForCommand(config, log)
  return await work({ config, database: opened.database, log })
}

/** The account that a command is about. Throws NOT_FOUND. */
export async function accountOf({ config, database }: CommandContext, options: CommonOptions): Promise<AccountRow> {
  const slug = options.account ?? config.accountSlug
  const account = await accountBySlug(database, slug)
  if (account !== undefined) return account
  throw new SynkvyError('NOT_FOUND', `There is no account "${slug}". Make it with: synkvy account create ${slug}`)
}

/** The number in an id: as GraphQL shows it, or bare. Throws BAD_USER_INPUT. */
export function fromGlobalId(typename: string, text: string): number {
  const named = readGlobalId(text)
  const bare = named.typename === typename ? named.id : text
  if (/^\d{1,15}$/.test(bare)) return Number(bare)
  throw new SynkvyError('BAD_USER_INPUT', `"${text}" is not the id of a ${typename}.`)
}

/** Does what changes something, and writes it into the account's audit log with what it is about. */
export async function recordedCommand<Result>(
  context: CommandContext,
  { id: accountId }: Pick<AccountRow, 'id'>,
  action: string,
  about: readonly AuditDetail[],
  work: () => Promise<Result>,
  made: (result: Result) => readonly AuditDetail[] = () => [],
): Promise<Result> {
  const named = await withNames(context.database, accountId, about)
  const detailsOf = (result: Result | undefined): readonly AuditDetail[] => [...named, ...(result === undefined ? [] : made(result))]
  return recorded(context, { accountId, channel: 'COMMAND_LINE' }, action, work, detailsOf)
}

/** Prints a result: as JSON where that was asked for, else as text. */
export function print(options: CommonOptions, json: unknown, text: string): void {
  process.stdout.write(`${options.json === true ? JSON.stringify(json) : text}\n`)
}

/** Columns under each other. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_cell, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)))
  return rows
    .map((row) =>
      row
        .map((text, column) => text.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
