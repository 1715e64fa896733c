import ipaddr from 'ipaddr.js'
import { z } from 'zod'

/** The configuration cannot be used; the message names every faulty variable and what to do. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

const databaseUrl = z.string().regex(/^postgres(ql)?:\/\/\S+$/, 'must be a URL such as postgres://user:password@host:5432/name')

/** A whole number within bounds, said in one message whatever is wrong with it. */
const whole = (from: number, to: number) => {
  const message = `must be a whole number from ${from} to ${to}`
  return z
    .string()
    .regex(/^\d{1,9}$/, message)
    .transform(Number)
    .refine((number) => number >= from && number <= to, message)
}

/** The largest that `whole` reads: as good as no limit. */
const most = 999_999_999

const onOrOff = (usual: 'on' | 'off') => z.enum(['on', 'off'], 'must be on or off').default(usual)

/** Every variable, described once: the command line's help and docs/config.md come from here. */
const variables = {
  PORT: whole(0, 65_535).default(4000).describe('The port to listen on. 0 takes any that is free.'),
  HOST: z
    .string()
    .regex(/^\S+$/, 'must be an address such as 127.0.0.1')
    .default('127.0.0.1')
    .describe('The address to listen on. `0.0.0.0` lets other machines in.'),
  DATABASE_URL: databaseUrl
    .optional()
    .describe('Your own Postgres, version 15 or later; may be a pooler in transaction mode. Without it synkvy runs an embedded Postgres.'),
  DATABASE_DIRECT_URL: databaseUrl
    .optional()
    .describe(
      'The same database without a pooler, for LISTEN and for the session that sequences. Needed where `DATABASE_URL` is a pooler; default: `DATABASE_URL`.',
    ),
  DATA_DIR: z.string().min(1).default('.synkvy').describe("The folder of the embedded Postgres' data."),
  LOG_LEVEL: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], 'must be fatal, error, warn, info, debug, trace or silent')
    .default('info')
    .describe('How much is logged, from `fatal` to `trace`; or `silent`.'),
  SYNKVY_ACCOUNT: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'must be 1 to 63 small letters, digits and hyphens')
    .default('demo')
    .describe('The slug of the first account, made at the first start.'),
  SYNKVY_ADMIN_KEY: z
    .string()
    .regex(/^[\x21-\x7e]{24,}$/, 'must have at least 24 characters, random ones, of ASCII and without spaces')
    .optional()
    .describe(
      "The first account's first admin key: at least 24 random characters without spaces. Where it is not given one is made and shown once.",
    ),
  SYNKVY_AUDIT_DAYS: whole(1, 36_500).default(400).describe('For how many days the audit log is kept.'),
  SYNKVY_DATABASE_TIMEOUT_SECONDS: whole(1, 3_600)
    .default(60)
    .describe(
      'How long the database may take for one answer. Then the connection is taken for dead and given up; whoever waited is told to call again.',
    ),
  SYNKVY_KEEP_DAYS: whole(1, 3_650)
    .default(30)
    .describe(
      'For how many days what is over is kept: what was unlinked or deleted after every system has acknowledged its REMOVE (one that rewinds further back is not sent it again), and resends that have ended.',
    ),
  SYNKVY_LEDGER_DAYS: whole(1, 36_500).default(400).describe('For how many days the ledger of stock movements is kept.'),
  SYNKVY_METRICS: z
    .string()
    .regex(/^(on|off|\S+:\d{1,5})$/, 'must be on, off, or an address and a port such as 127.0.0.1:9400')
    .default('on')
    .describe(
      'Where /metrics is served: `on` is beside everything else, `off` nowhere; an address and a port of their own, such as `127.0.0.1:9400`, keep it from whoever can reach the rest.',
    ),
  SYNKVY_DOORBELL_NETWORKS: z
    .string()
    .transform((text) => text.split(',').map((network) => network.trim()))
    .refine((networks) => networks.every(ipaddr.isValidCIDR), 'must be networks such as 10.1.0.0/16,fd00:1::/64')
    .default([])
    .describe(
      'Networks beside the public internet in which doorbells of sync views may be, such as `10.1.0.0/16,fd00:1::/64`. Elsewhere private, loopback, link-local and other special addresses are not called.',
    ),
  SYNKVY_ROW_SECURITY: z
    .enum(['on', 'off'], 'must be on or off')
    .default('on')
    .describe(
      "Whether Postgres' row-level security is a second wall between accounts: with `on` a gateway answers requests as the role `synkvy_requests`, and does not start where it cannot. `off` leaves it to the gateway's own checks, for a Postgres where that role cannot be had.",
    ),
  SYNKVY_POOL_SIZE: whole(2, 500).default(10).describe('How many connections each of the two pools to the database may hold.'),
  SYNKVY_TRUSTED_PROXIES: whole(0, 10)
    .default(0)
    .describe(
      "How many proxies stand before the gateway, each of which adds whom it was called by to the end of `X-Forwarded-For`: a caller's address is the entry that is as many from the right. With `0` the header is not believed and the address is that of the connection; with more the gateway must be reachable through the proxies alone.",
    ),
  SYNKVY_INTROSPECTION: onOrOff('on').describe(
    'Whether callers may ask for the schema, and are told what they may have meant where they have misspelt it. GraphiQL needs it to help.',
  ),
  SYNKVY_GRAPHIQL: onOrOff('on').describe('Whether a browser that opens /graphql gets GraphiQL.'),
  SYNKVY_QUERY_DEPTH: whole(1, 1_000)
    .default(15)
    .describe('How many fields of an operation may stand within each other. Those of introspection are not counted.'),
  SYNKVY_QUERY_COST: whole(1, most)
    .default(1_000_000)
    .describe(
      'What an operation may cost: 1 for each field, times the sizes of the pages and batches around it (`first`, `batchSize`, or their defaults; 10 for any other list).',
    ),
  SYNKVY_QUERY_ALIASES: whole(0, most)
    .default(200)
    .describe('How many aliases an operation may have, with those of its fragments wherever they are spread.'),
  SYNKVY_QUERY_ROOT_FIELDS: whole(1, most)
    .default(50)
    .describe('How many root fields an operation may have: queries or mutations in one call.'),
  SYNKVY_QUERY_TOKENS: whole(1, most)
    .default(10_000)
    .describe('How many tokens the text of a call may have. What is sent in belongs into its variables, which are not counted.'),
  SYNKVY_BODY_BYTES: whole(1_024, most).default(10_485_760).describe('How large the body of an HTTP call may be.'),
  SYNKVY_MESSAGE_BYTES: whole(1_024, most).default(4_194_304).describe('How large a message over a WebSocket may be.'),
  SYNKVY_REQUEST_SECONDS: whole(1, 3_600)
    .default(60)
    .describe('How long a caller may take to send a request; its headers within 10 seconds. How long the answer takes is another matter.'),
  SYNKVY_SOCKET_INIT_SECONDS: whole(1, 3_600).default(10).describe('How long a WebSocket may take to say who it is.'),
  SYNKVY_SOCKET_IDLE_SECONDS: whole(1, 86_400)
    .default(300)
    .describe('How long a WebSocket may be open without an operation. Clients open another when they need one.'),
  SYNKVY_SOCKETS_PER_KEY: whole(1, most)
    .default(500)
    .describe(
      'How many WebSockets a key may have open on a gateway; sessions of the admin page count for the key that was signed in with.',
    ),
  SYNKVY_SOCKETS_PER_ADDRESS: whole(1, most).default(5_000).describe('How many WebSockets may be open on a gateway from one address.'),
  SYNKVY_OPERATIONS_PER_SOCKET: whole(1, most)
    .default(100)
    .describe('How many operations may be under way on a WebSocket: subscriptions, and calls that are not answered yet.'),
  SYNKVY_SUBSCRIPTIONS_PER_KEY: whole(1, most)
    .default(1_000)
    .describe('How many subscriptions a key may have open on a gateway, over WebSockets and Server-Sent Events.'),
  SYNKVY_CALLS_PER_KEY: whole(1, most)
    .default(30_000)
    .describe(
      'How many calls a key may make on a gateway in a minute, a sixth of them at once: HTTP requests, and operations over a WebSocket. A batch that a subscription sends gives one back, for its acknowledge.',
    ),
  SYNKVY_CALLS_PER_ADDRESS: whole(1, most)
    .default(60_000)
    .describe(
      'The same for all that comes from one address, whatever its keys, and whether or not it has any. To open a WebSocket is a call as well.',
    ),
  SYNKVY_ANONYMOUS_CALLS: whole(1, most)
    .default(600)
    .describe(
      'How many calls without a good key an address may make on a gateway in a minute, a sixth of them at once: introspection needs none.',
    ),
  SYNKVY_FAILED_KEYS: whole(1, most)
    .default(10)
    .describe(
      'How many keys that are no good may come from an address in a minute. Then keys that are new to the gateway are looked up only now and then: after a second, two, four, up to a minute.',
    ),
  SYNKVY_TRUSTED_DOCUMENTS: whole(0, most).default(1_000).describe('How many trusted documents an account may have.'),
} as const

/** What is bounded of what callers do. Each is described with its variable. */
export interface Limits {
  readonly depth: number
  readonly cost: number
  readonly aliases: number
  readonly rootFields: number
  readonly tokens: number
  readonly bodyBytes: number
  readonly messageBytes: number
  readonly requestSeconds: number
  readonly socketInitSeconds: number
  readonly socketIdleSeconds: number
  readonly socketsPerKey: number
  readonly socketsPerAddress: number
  readonly operationsPerSocket: number
  readonly subscriptionsPerKey: number
  readonly callsPerKey: number
  readonly callsPerAddress: number
  readonly anonymousCalls: number
  readonly failedKeys: number
  readonly trustedDocuments: number
}

/** Where the figures are served: beside everything else, nowhere, or at an address of their own. */
export type MetricsPlace = 'on' | 'off' | { readonly host: string; readonly port: number }

export interface Config {
  readonly port: number
  readonly host: string
  readonly databaseUrl: string | undefined
  readonly databaseDirectUrl: string | undefined
  readonly dataDir: string
  readonly logLevel: string
  readonly accountSlug: string
  readonly adminKey: string | undefined
  readonly databaseTimeoutSeconds: number
  readonly doorbellNetworks: readonly string[]
  readonly poolSize: number
  readonly rowSecurity: boolean
  readonly metrics: MetricsPlace
  readonly keptDays: number
  readonly ledgerDays: number
  readonly auditDays: number
  readonly trustedProxies: number
  readonly hasIntrospection: boolean
  readonly hasGraphiQL: boolean
  readonly limits: Limits
}

const environment = z.object(variables)

/** Reads the configuration, or throws ConfigError. An empty variable counts as not given; one that begins with SYNKVY_ and is not known is a fault. */
export function readConfig(env: NodeJS.ProcessEnv): Config {
  const given = Object.fromEntries(Object.entries(env).filter(([name, value]) => value !== '' && name in variables))
  const result = environment.safeParse(given)
  const unknown = Object.keys(env).filter((name) => name.startsWith('SYNKVY_') && !name.startsWith('SYNKVY_TEST_') && !(name in variables))
  const isAlone = 'DATABASE_DIRECT_URL' in given && !('DATABASE_URL' in given)
  const faults = [
    ...(result.success ? [] : result.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`)),
    // Beside the schema, which would keep it back while anything else is wrong.
    ...(isAlone ? ['DATABASE_DIRECT_URL: needs DATABASE_URL beside it'] : []),
    ...unknown.map((name) => `${name}: there is no such variable`),
  ]
  if (!result.success || faults.length > 0) {
    throw new ConfigError(
      `The configuration cannot be used:\n${faults.map((fault) => `  ${fault}`).join('\n')}\nEvery variable is described in docs/config.md.`,
    )
  }
  const values = result.data
  return {
    port: values.PORT,
    host: values.HOST,
    databaseUrl: values.DATABASE_URL,
    databaseDirectUrl: values.DATABASE_DIRECT_URL ?? values.DATABASE_URL,
    dataDir: values.DATA_DIR,
    logLevel: values.LOG_LEVEL,
    accountSlug: values.SYNKVY_ACCOUNT,
    adminKey: values.SYNKVY_ADMIN_KEY,
    databaseTimeoutSeconds: values.SYNKVY_DATABASE_TIMEOUT_SECONDS,
    doorbellNetworks: values.SYNKVY_DOORBELL_NETWORKS,
    poolSize: values.SYNKVY_POOL_SIZE,
    rowSecurity: values.SYNKVY_ROW_SECURITY === 'on',
    keptDays: values.SYNKVY_KEEP_DAYS,
    ledgerDays: values.SYNKVY_LEDGER_DAYS,
    auditDays: values.SYNKVY_AUDIT_DAYS,
    trustedProxies: values.SYNKVY_TRUSTED_PROXIES,
    metrics: toMetricsPlace(values.SYNKVY_METRICS),
    hasIntrospection: values.SYNKVY_INTROSPECTION === 'on',
    hasGraphiQL: values.SYNKVY_GRAPHIQL === 'on',
    limits: toLimits(values),
  }
}

function toLimits(values: z.infer<typeof environment>): Limits {
  return {
    depth: values.SYNKVY_QUERY_DEPTH,
    cost: values.SYNKVY_QUERY_COST,
    aliases: values.SYNKVY_QUERY_ALIASES,
    rootFields: values.SYNKVY_QUERY_ROOT_FIELDS,
    tokens: values.SYNKVY_QUERY_TOKENS,
    bodyBytes: values.SYNKVY_BODY_BYTES,
    messageBytes: values.SYNKVY_MESSAGE_BYTES,
    requestSeconds: values.SYNKVY_REQUEST_SECONDS,
    socketInitSeconds: values.SYNKVY_SOCKET_INIT_SECONDS,
    socketIdleSeconds: values.SYNKVY_SOCKET_IDLE_SECONDS,
    socketsPerKey: values.SYNKVY_SOCKETS_PER_KEY,
    socketsPerAddress: values.SYNKVY_SOCKETS_PER_ADDRESS,
    operationsPerSocket: values.SYNKVY_OPERATIONS_PER_SOCKET,
    subscriptionsPerKey: values.SYNKVY_SUBSCRIPTIONS_PER_KEY,
    callsPerKey: values.SYNKVY_CALLS_PER_KEY,
    callsPerAddress: values.SYNKVY_CALLS_PER_ADDRESS,
    anonymousCalls: values.SYNKVY_ANONYMOUS_CALLS,
    failedKeys: values.SYNKVY_FAILED_KEYS,
    trustedDocuments: values.SYNKVY_TRUSTED_DOCUMENTS,
  }
}

function toMetricsPlace(text: string): MetricsPlace {
  if (text === 'on' || text === 'off') return text
  const colon = text.lastIndexOf(':')
  return { host: text.slice(0, colon).replaceAll(/[[\]]/g, ''), port: Number(text.slice(colon + 1)) }
}

/** What docs/config.md says. */
export function configDocument(): string {
  const sections = Object.entries(variables).map(([name, type]) => {
    const fallback = type.safeParse(undefined)
    const isSet = fallback.success && fallback.data !== undefined && String(fallback.data) !== ''
    const shown = isSet ? `Default: \`${String(fallback.data)}\`.` : 'Not set by default.'
    return `## ${name}\n\n${type.description ?? ''} ${shown}\n`
  })
  const preface = 'synkvy is configured by environment variables. They are checked at start: every faulty one is named at once.\n'
  return `# Configuration\n\n${preface}\n${sections.join('\n')}`
}
