import { Badge, Button, Group, Stack, Text } from '@mantine/core'
import { useState } from 'react'
import { useMutation } from 'urql'
import { graphql } from '../api/graphql.ts'
import { Confirm } from '../parts/dialog.tsx'
import { IconKey } from '../parts/icons.tsx'
import { useNow } from '../parts/now.ts'
import type { Format } from '../text/format.ts'
import type { KeyWords } from '../text/keys.ts'
import { useTexts } from '../text/language.tsx'
import { NewKeyDialog } from './new-key-dialog.tsx'
import { RotateDialog } from './rotate-dialog.tsx'
import { isGood, type ApiKey, type UserWithKeys } from './user.ts'
import { useKeyWords } from './words.ts'

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

interface KeysListProps {
  readonly user: UserWithKeys
  /** Whether it is whoever is signed in. */
  readonly isSelf: boolean
  readonly onChange: () => void
}

/** What is being done to a key, or that one is made. */
type Doing = 'new' | { readonly what: 'rotate' | 'revoke'; readonly apiKey: ApiKey }

/** A user's keys that are good, with the ways to make another, to rotate one and to end one. */
export function KeysList({ user, isSelf, onChange }: KeysListProps) {
  const k = useKeyWords()
  const now = useNow(10_000)
  const [doing, setDoing] = useState<Doing>()
  const stop = (): void => setDoing(undefined)
  const good = user.apiKeys.filter((key) => isGood(key, now))
  const ended = user.apiKeys.length - good.length
  return (
    <Stack gap="xs">
      {good.length === 0 && (
        <Text size="sm" c="dimmed">
          {k.noKeys}
        </Text>
      )}
      {good.map((apiKey) => (
        <KeyRow key={apiKey.id} apiKey={apiKey} now={now} onDo={(what) => setDoing({ what, apiKey })} />
      ))}
      {ended > 0 && (
        <Text size="sm" c="dimmed">
          {k.ended(ended)}
        </Text>
      )}
      <Group>
        <Button
          size="xs"
          variant="default"
          leftSection={<IconKey size={16} />}
          onClick={() => setDoing('new')}
          aria-label={k.newKeyFor(user.name)}
          data-new-key
        >
          {k.newKey}
        </Button>
      </Group>
      {doing === 'new' && <NewKeyDialog user={user} onMade={onChange} onClose={stop} />}
      {typeof doing === 'object' && doing.what === 'rotate' && (
        <RotateDialog apiKey={doing.apiKey} isSelf={isSelf} onMade={onChange} onClose={stop} />
      )}
      {typeof doing === 'object' && doing.what === 'revoke' && <RevokeDialog apiKey={doing.apiKey} onChange={onChange} onClose={stop} />}
    </Stack>
  )
}

function RevokeDialog({
  apiKey,
  onChange,
  onClose,
}: {
  readonly apiKey: ApiKey
  readonly onChange: () => void
  readonly onClose: () => void
}) {
  const k = useKeyWords()
  const [, revoke] = useMutation(revokeMutation)
  const end = async () => {
    const { error } = await revoke({ id: apiKey.id })
    onChange()
    return error
  }
  return (
    <Confirm title={k.revokeTitle(apiKey.prefix)} text={k.revokeText} submit={k.revokeConfirm} isDanger onSubmit={end} onClose={onClose} />
  )
}

function KeyRow({
  apiKey,
  now,
  onDo,
}: {
  readonly apiKey: ApiKey
  readonly now: Date
  readonly onDo: (what: 'rotate' | 'revoke') => void
}) {
  const { f } = useTexts()
  const k = useKeyWords()
  const limits = describeLimits(apiKey, k)
  return (
    <Group justify="space-between" gap="xs" data-key={apiKey.prefix}>
      <div style={{ minWidth: 0, flex: '1 1 240px' }}>
        <Badge variant="default" tt="none" ff="monospace" size="lg" maw="100%">
          {apiKey.prefix}…
        </Badge>
        <Text size="xs" c="dimmed" mt={2}>
          {describe(apiKey, now, k, f)}
        </Text>
        {limits !== '' && (
          <Text size="xs" c="dimmed" style={{ overflowWrap: 'anywhere' }}>
            {limits}
          </Text>
        )}
      </div>
      <Group gap={4} wrap="nowrap">
        <Button size="compact-sm" variant="subtle" onClick={() => onDo('rotate')} aria-label={k.rotateKey(apiKey.prefix)}>
          {k.rotate}
        </Button>
        <Button size="compact-sm" variant="subtle" color="red" onClick={() => onDo('revoke')} aria-label={k.revokeKey(apiKey.prefix)}>
          {k.revoke}
        </Button>
      </Group>
    </Group>
  )
}

function describe({ createdAt, lastUsedAt, expiresAt }: ApiKey, now: Date, k: KeyWords, f: Format): string {
  const parts = [
    k.made(f.moment(createdAt, now)),
    lastUsedAt === null ? k.unused : k.used(f.ago(lastUsedAt, now)),
    ...(expiresAt === null ? [] : [k.expires(f.dateTime(expiresAt))]),
  ]
  return parts.join(' · ')
}

/** What it may write and whence it may be used; empty for what is not limited. */
function describeLimits({ scopes, addresses }: ApiKey, k: KeyWords): string {
  const parts = [
    ...(scopes === null ? [] : [k.writes(scopes.map((scope) => k.scopes[scope] ?? scope))]),
    ...(addresses === null ? [] : [k.onlyFrom(addresses)]),
  ]
  return parts.join(' · ')
}
