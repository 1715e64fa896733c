import {
  bigint,
  boolean,
  foreignKey,
  index,
  integer,
  jsonb,
  pgEnum,
  pgTable,
  primaryKey,
  text,
  timestamp,
  uniqueIndex,
} from 'drizzle-orm/pg-core'

/** Ids are 64-bit and come from sequences; they stay below 2^53, so that a number holds them exactly. */
export const id = () => bigint({ mode: 'number' })
export const moment = () => timestamp({ withTimezone: true, mode: 'date' })

/** A shop. Everything else belongs to one: `account_id` leads every key, so that accounts can be spread over servers one day. */
export const accounts = pgTable('accounts', {
  id: id().primaryKey().generatedAlwaysAsIdentity(),
  slug: text().notNull().unique(),
  name: text().notNull(),
  /** ISO 4217. */
  currency: text().notNull(),
  pricesIncludeTax: boolean().notNull(),
  createdAt: moment().notNull().defaultNow(),
})

export const userKind = pgEnum('user_kind', ['ADMIN', 'INTEGRATION'])

/** Who calls: an admin of the shop, or an external system. */
export const users = pgTable(
  'users',
  {
    accountId: id()
      .notNull()
      .references(() => accounts.id),
    id: id().notNull().generatedAlwaysAsIdentity(),
    name: text().notNull(),
    kind: userKind().notNull(),
    createdAt: moment().notNull().defaultNow(),
  },
  (t) => [primaryKey({ columns: [t.accountId, t.id] })],
)

/** What an integration's key may write. */
export const keyScope = pgEnum('key_scope', ['CATALOGUE', 'STOCK', 'ORDERS', 'CUSTOMERS'])

/** API keys. Only a hash of the secret is kept; the prefix is what people see. */
export const apiKeys = pgTable(
  'api_keys',
  {
    accountId: id().notNull(),
    id: id().notNull().generatedAlwaysAsIdentity(),
    userId: id().notNull(),
    prefix: text().notNull(),
    /** SHA-256 of the secret, hexadecimal. A secret holds 256 random bits, so a slow hash would add nothing. */
    secretHash: text().notNull(),
    createdAt: moment().notNull().defaultNow(),
    /** Kept to the minute, by one statement for all keys that were used. */
    lastUsedAt: moment(),
    expiresAt: moment(),
    revokedAt: moment(),
    /** What it may write; null for everything, what is yet to come among it. Empty: nothing but how far its own streams have come. */
    scopes: keyScope().array(),
    /** Whence it may be used: addresses, and networks as CIDR; null for anywhere. */
    addresses: text().array(),
    /** Whether it may send nothing but trusted documents. */
    trustedDocumentsOnly: boolean().notNull().default(false),
  },
  (t) => [
    primaryKey({ columns: [t.accountId, t.id] }),
    foreignKey({ columns: [t.accountId, t.userId], foreignColumns: [users.accountId, users.id] }),
    // A call brings nothing but its secret, so this is the one look-up that cannot name the account.
    uniqueIndex('api_keys_secret_hash').on(t.secretHash),
    index('api_keys_user').on(t.accountId, t.userId),
  ],
)

/** Sign-ins to the admin page: what a browser holds instead of an admin's key, for a bounded time. Signing out deletes the row. */
export const sessions = pgTable(
  'sessions',
  {
    accountId: id().notNull(),
    id: id().notNull().generatedAlwaysAsIdentity(),
    /** The key that it was exchanged for: it ends with the key. */
    keyId: id().notNull(),
    /** SHA-256 of the cookie's secret, hexadecimal, as with keys. */
    secretHash: text().notNull(),
    createdAt: moment().notNull().defaultNow(),
    expiresAt: moment().notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.accountId, t.id] }),
    foreignKey({ columns: [t.accountId, t.keyId], foreignColumns: [apiKeys.accountId, apiKeys.id] }).onDelete('cascade'),
    // A call brings nothing but its secret, as with keys.
    uniqueIndex('sessions_secret_hash').on(t.secretHash),
    index('sessions_key').on(t.accountId, t.keyId),
    // What is over is swept.
    index('sessions_expires_at').on(t.expiresAt),
  ],
)

export const auditChannel = pgEnum('audit_channel', ['API_KEY', 'SESSION', 'COMMAND_LINE'])

/** One of the things that an action was about: what an argument, or the answer, said. */
export interface AuditDetail {
  readonly name: string
  readonly value: string
  /** What the thing was called then. */
  readonly label?: string | undefined
}

/** What admins have done, and what others were refused. It refers to nothing: what it tells of may be deleted since. */
export const auditLog = pgTable(
  'audit_log',
  {
    accountId: id()
      .notNull()
      .references(() => accounts.id),
    id: id().notNull().generatedAlwaysAsIdentity(),
    at: moment().notNull().defaultNow(),
    channel: auditChannel().notNull(),
    /** Null for the command line. */
    userId: id(),
    userName: text(),
    keyPrefix: text(),
    /** Null for the command line, and where it could not be told. */
    address: text(),
    /** A mutation's name, `signIn`, `signOut`, or what a command does. */
    action: text().notNull(),
    /** `DONE`, or the code of the refusal. */
    outcome: text().notNull(),
    /** The first of them. */
    details: jsonb().$type<readonly AuditDetail[]>().notNull(),
    /** How many there were. */
    detailCount: integer().notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.accountId, t.id] }),
    // What one user has done. Everything else is read along the primary key.
    index('audit_log_user').on(t.accountId, t.userId, t.id),
    // What is over is swept by its age; entries are written in the order of time.
    index('audit_log_age').using('brin', t.at),
  ],
)

/** GraphQL documents that an account has registered: they are called by hash, and keys may be bound to them. */
export const trustedDocuments = pgTable(
  'trusted_documents',
  {
    accountId: id()
      .notNull()
      .references(() => accounts.id),
    id: id().notNull().generatedAlwaysAsIdentity(),
    /** SHA-256 of the text, hexadecimal. */
    hash: text().notNull(),
    document: text().notNull(),
    createdAt: moment().notNull().defaultNow(),
  },
  // A document is asked for by its hash, and listed by its id.
  (t) => [primaryKey({ columns: [t.accountId, t.hash] }), uniqueIndex('trusted_documents_id').on(t.accountId, t.id)],
)
