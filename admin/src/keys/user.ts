import { graphql, type ResultOf } from '../api/graphql.ts'

export const userFragment = graphql(`
  fragment UserWithKeys on User {
    id
    name
    kind
    syncView {
      id
      name
    }
    apiKeys {
      id
      prefix
      createdAt
      lastUsedAt
      expiresAt
      revokedAt
      scopes
      addresses
    }
  }
`)

export type UserWithKeys = ResultOf<typeof userFragment>
export type ApiKey = UserWithKeys['apiKeys'][number]

/** What a key may write, as far as this page knows. */
export const keyScopes = ['CATALOGUE', 'STOCK', 'ORDERS', 'CUSTOMERS'] as const

export function isGood({ revokedAt, expiresAt }: ApiKey, now: Date): boolean {
  return revokedAt === null && (expiresAt === null || Date.parse(expiresAt) > now.getTime())
}

export const createUserMutation = graphql(`
  mutation CreateUser($name: String!, $kind: UserKind!) {
    createUser(input: { name: $name, kind: $kind }) {
      user {
        id
        name
      }
    }
  }
`)

export const createKeyMutation = graphql(`
  mutation CreateKey($userId: ID!, $scopes: [KeyScope!], $addresses: [String!]) {
    createApiKey(userId: $userId, scopes: $scopes, addresses: $addresses) {
      secret
      apiKey {
        id
      }
    }
  }
`)
