import { bigint, boolean, foreignKey, index, pgEnum, pgTable, primaryKey, text, timestamp, uniqueIndex } from 'drizzle-orm/pg-core'

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
