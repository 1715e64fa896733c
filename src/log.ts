import pg from 'pg'
import { pino, type DestinationStream, type Logger } from 'pino'
import type { Config } from './config.ts'
import { SynkvyError } from './errors.ts'

/**
 * What a line of the log may hold, all of it ids and words of synkvy's own. A field that is not here is not logged, whatever it is called: whoever wants another adds it
 * here, and asks first whether it can hold a secret or say something of a person.
 */
const loggedFields = new Set([
  'err',
  'requestId',
  'accountId',
  'userId',
  'viewId',
  'keyId',
  'stream',
  'transport',
  'kind',
  'field',
  'durationMs',
  'codes',
  'term',
  'rows',
  'what',
  'postgres',
])

/**
 * The log: a JSON line each, on standard error where no other destination is given. Neither secrets nor what says something of a person gets into it: only known fields are
 * logged, of errors only what cannot hold what a caller has sent, and what is left is looked through for keys, passwords and email addresses.
 */
export function createLog(
  config: Pick<Config, 'logLevel' | 'adminKey' | 'databaseUrl' | 'databaseDirectUrl'>,
  destination: DestinationStream = pino.destination({ dest: 2, sync: false }),
): Logger {
  const secrets = [config.adminKey, passwordOf(config.databaseUrl), passwordOf(config.databaseDirectUrl)].filter(
    (secret) => secret !== undefined,
  )
  return pino(
    {
      level: config.logLevel,
      base: null,
      serializers: { err: describeError },
      formatters: { log: onlyLogged, bindings: onlyLogged },
      hooks: { streamWrite: (line) => scrub(line, secrets) },
    },
    destination,
  )
}

/** As it stands in the URL: a driver that cannot connect may say it. */
function passwordOf(url: string | undefined): string | undefined {
  return /^[^:]+:\/\/[^:@/]*:([^@]+)@/.exec(url ?? '')?.[1]
}

function onlyLogged(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, loggedFields.has(name) ? value : '[not logged]']))
}

const scrubbed = [
  [/\bsynkvy_[\w-]{16,}/g, 'synkvy_[redacted]'],
  [/\b(Bearer|Basic)\s+[^\s"\\]+/gi, '$1 [redacted]'],
  [/\b(postgres(?:ql)?:\/\/[^\s"/:@]*:)[^\s"@]*@/g, '$1[redacted]@'],
  [/[\w.+-]+@[\w-]+(?:\.[\w-]+)+/g, '[email]'],
] as const

/** What stands in for something is plain text, so that the line stays JSON. */
function scrub(line: string, secrets: readonly string[]): string {
  const known = secrets.reduce((text, secret) => text.replaceAll(JSON.stringify(secret).slice(1, -1), '[redacted]'), line)
  return scrubbed.reduce((text, [pattern, instead]) => text.replaceAll(pattern, instead), known)
}

/** An error as it is logged: what it is, where it was thrown and why. Not what a statement's parameters were, nor Postgres' details, which quote rows. */
function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return { type: typeof error }
  const described = {
    type: error.name,
    message: messageOf(error),
    ...placeOf(error),
    stack: error.stack
      ?.split('\n')
      .filter((line) => /^\s+at /.test(line))
      .join('\n'),
  }
  return {
    ...described,
    ...(error.cause === undefined ? {} : { cause: describeError(error.cause) }),
    ...(error instanceof AggregateError ? { errors: error.errors.slice(0, mostErrors).map(describeError) } : {}),
  }
}

const mostErrors = 10

/** The message, where it is one of a program rather than of what it was given. */
function messageOf(error: Error): string {
  if (error instanceof SynkvyError) return error.code
  // Drizzle's own message lists the parameters.
  if ('query' in error && typeof error.query === 'string') return `Failed query: ${error.query}`
  if (error instanceof pg.DatabaseError) return postgresMessage(error)
  if (error.name === 'SyntaxError' || error.name === 'GraphQLError') return withheld
  return error.message
}

const withheld = '[the message may quote what was sent]'

function postgresMessage({ code = '', message }: pg.DatabaseError): string {
  // What somebody's own trigger raises may say anything; faults of data quote the value.
  if (code.startsWith('P0')) return withheld
  return code.startsWith('22') ? message.replaceAll(/"[^"]*"/g, '"…"') : message
}

function placeOf(error: Error): Record<string, unknown> {
  if (error instanceof pg.DatabaseError) {
    const { code, severity, schema, table, constraint, routine } = error
    return { code, severity, schema, table, constraint, routine }
  }
  return 'code' in error && (typeof error.code === 'string' || typeof error.code === 'number') ? { code: error.code } : {}
}
