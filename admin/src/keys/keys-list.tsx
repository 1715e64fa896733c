import { Alert, Badge, Button, Group, Stack, Text } from '@mantine/core'
import { useState } from 'react'
import { useMutation } from 'urql'
import { graphql } from '../api/graphql.ts'
import { Confirm } from '../parts/dialog.tsx'
import { IconKey } from '../parts/icons.tsx'
import { useNow } from '../parts/now.ts'
import { Problem } from '../parts/problem.tsx'
import { Secret } from '../parts/secret.tsx'
import type { Dictionary } from '../text/en.ts'
import type { Format } from '../text/format.ts'
import { useTexts } from '../text/language.tsx'
import { createKeyMutation, isGood, type ApiKey, type UserWithKeys } from './user.ts'

const revokeMutation = graphql(`
  mutation Revoke($id: ID!) {
    revokeApiKey(id: $id) {
      apiKey {
        id
        revokedAt
      }
    }
  }
`)

/** A user's keys that are good, with the ways to make another and to end one. */
export function KeysList({ user, onChange }: { readonly user: UserWithKeys; readonly onChange: () => void }) {
  const { t } = useTexts()
  const now = useNow(10_000)
  const [{ error }, create] = useMutation(createKeyMutation)
  const [, revoke] = useMutation(revokeMutation)
  const [secret, setSecret] = useState<string>()
  const [revoking, setRevoking] = useState<ApiKey>()
  const make = async (): Promise<void> => {
    const { data } = await create({ userId: user.id })
    setSecret(data?.createApiKey.secret)
    onChange()
  }
  const end = async () => {
    const { error: fault } = await revoke({ id: revoking?.id ?? '' })
    onChange()
    return fault
  }
  const good = user.apiKeys.filter((key) => isGood(key, now))
  const ended = user.apiKeys.length - good.length
  return (
    <Stack gap="xs">
      {good.length === 0 && (
        <Text size="sm" c="dimmed">
          {t.keys.noKeys}
        </Text>
      )}
      {good.map((key) => (
        <KeyRow key={key.id} apiKey={key} now={now} onRevoke={() => setRevoking(key)} />
      ))}
      {ended > 0 && (
        <Text size="sm" c="dimmed">
          {t.keys.ended(ended)}
        </Text>
      )}
      {error && <Problem error={error} />}
      {secret === undefined ? (
        <Group>
          <Button
            size="xs"
            variant="default"
            leftSection={<IconKey size={16} />}
            onClick={() => void make()}
            aria-label={t.keys.newKeyFor(user.name)}
          >
            {t.keys.newKey}
          </Button>
        </Group>
      ) : (
        <Alert color="green" title={t.keys.once} role="status">
          <Secret label={t.setUp.keyLabel} value={secret} />
        </Alert>
      )}
      {revoking && (
        <Confirm
          title={t.keys.revokeTitle(revoking.prefix)}
          text={t.keys.revokeText}
          submit={t.keys.revokeConfirm}
          isDanger
          onSubmit={end}
          onClose={() => setRevoking(undefined)}
        />
      )}
    </Stack>
  )
}

function KeyRow({ apiKey, now, onRevoke }: { readonly apiKey: ApiKey; readonly now: Date; readonly onRevoke: () => void }) {
  const { t, f } = useTexts()
  return (
    <Group justify="space-between" gap="xs" wrap="nowrap" data-key={apiKey.prefix}>
      <div style={{ minWidth: 0 }}>
        <Badge variant="default" tt="none" ff="monospace" size="lg" maw="100%">
          {apiKey.prefix}…
        </Badge>
        <Text size="xs" c="dimmed" mt={2}>
          {describe(apiKey, now, t, f)}
        </Text>
      </div>
      <Button
        size="compact-sm"
        variant="subtle"
        color="red"
        style={{ flexShrink: 0 }}
        onClick={onRevoke}
        aria-label={t.keys.revokeKey(apiKey.prefix)}
      >
        {t.keys.revoke}
      </Button>
    </Group>
  )
}

function describe({ createdAt, lastUsedAt, expiresAt }: ApiKey, now: Date, t: Dictionary, f: Format): string {
  const parts = [
    t.keys.made(f.moment(createdAt, now)),
    lastUsedAt === null ? t.keys.unused : t.keys.used(f.ago(lastUsedAt, now)),
    ...(expiresAt === null ? [] : [t.keys.expires(f.dateTime(expiresAt))]),
  ]
  return parts.join(' · ')
}
