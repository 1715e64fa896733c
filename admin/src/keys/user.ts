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
    }
  }
`)

export type UserWithKeys = ResultOf<typeof userFragment>
export type ApiKey = UserWithKeys['apiKeys'][number]

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
  mutation CreateKey($userId: ID!) {
    createApiKey(userId: $userId) {
      secret
      apiKey {
        id
      }
    }
  }
`)
