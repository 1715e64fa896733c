import { Anchor, Badge, Button, Card, Group, Stack, Text, TextInput, Title } from '@mantine/core'
import { useState } from 'react'
import { useMutation, useQuery } from 'urql'
import { Link } from 'wouter'
import { graphql } from '../api/graphql.ts'
import { Confirm, Dialog, DialogForm } from '../parts/dialog.tsx'
import { IconPlus } from '../parts/icons.tsx'
import { notice } from '../parts/notice.ts'
import { Page, Placeholder } from '../parts/page.tsx'
import { usePages } from '../parts/pages.ts'
import { Problem } from '../parts/problem.tsx'
import { useTexts } from '../text/language.tsx'
import { KeysList } from './keys-list.tsx'
import { ShownOnce } from './shown-once.tsx'
import { createKeyMutation, createUserMutation, userFragment, type UserWithKeys } from './user.ts'
import { useKeyWords } from './words.ts'

const usersQuery = graphql(
  `
    query Users($after: String) {
      viewer {
        id
      }
      users(first: 100, after: $after) {
        totalCount
        pageInfo {
          hasNextPage
          endCursor
        }
        nodes {
          ...UserWithKeys
        }
      }
    }
  `,
  [userFragment],
)

/** Who may use the API: admins and systems with their keys. */
export function KeysPage() {
  const { t } = useTexts()
  const k = useKeyWords()
  const [isAdding, setAdding] = useState(false)
  const { cursors, more } = usePages('')
  return (
    <Page
      title={k.title}
      intro={k.intro}
      actions={
        <>
          <Button variant="default" leftSection={<IconPlus />} onClick={() => setAdding(true)}>
            {k.addAdmin}
          </Button>
          <Button component={Link} href="/sync-views/new" leftSection={<IconPlus />}>
            {t.views.add}
          </Button>
        </>
      }
    >
      {cursors.map((after, index) => (
        <Users key={after ?? ''} after={after} isLast={index === cursors.length - 1} onMore={more} />
      ))}
      {isAdding && <NewAdmin onClose={() => setAdding(false)} />}
    </Page>
  )
}

function Users({
  after,
  isLast,
  onMore,
}: {
  readonly after: string | null
  readonly isLast: boolean
  readonly onMore: (after: string) => void
}) {
  const { t } = useTexts()
  const k = useKeyWords()
  const [{ data, error }, ask] = useQuery({ query: usersQuery, variables: { after }, requestPolicy: 'cache-and-network' })
  const reread = (): void => ask({ requestPolicy: 'network-only' })
  if (error) return <Problem error={error} onRetry={reread} />
  if (data === undefined) return <Placeholder label={t.common.loading} />
  const { nodes, pageInfo } = data.users
  const groups = [
    [k.admins, nodes.filter(({ kind }) => kind === 'ADMIN')],
    [k.systems, nodes.filter(({ kind }) => kind !== 'ADMIN')],
  ] as const
  return (
    <>
      {groups.map(([title, users]) =>
        users.length === 0 ? null : (
          <section key={title}>
            <Title order={2} size="h4" mb="sm">
              {title}
            </Title>
            <Stack>
              {users.map((user) => (
                <UserCard key={user.id} user={user} isSelf={user.id === data.viewer.id} onChange={reread} />
              ))}
            </Stack>
          </section>
        ),
      )}
      {isLast && pageInfo.hasNextPage && (
        <Button variant="default" onClick={() => onMore(pageInfo.endCursor ?? '')}>
          {t.common.more}
        </Button>
      )}
    </>
  )
}

const deleteUserMutation = graphql(`
  mutation DeleteUser($id: ID!) {
    deleteUser(id: $id) {
      deletedId
    }
  }
`)

function UserCard({ user, isSelf, onChange }: { readonly user: UserWithKeys; readonly isSelf: boolean; readonly onChange: () => void }) {
  const { t } = useTexts()
  const k = useKeyWords()
  const [isDeleting, setDeleting] = useState(false)
  const [, remove] = useMutation(deleteUserMutation)
  const submit = async () => {
    const { error } = await remove({ id: user.id })
    if (error === undefined) {
      notice(k.deleted(user.name))
      onChange()
    }
    return error
  }
  const mayGo = !isSelf && user.syncView === null
  return (
    <Card withBorder data-user={user.name}>
      <Group justify="space-between" mb="sm" wrap="nowrap" align="start">
        <div style={{ minWidth: 0 }}>
          <Group gap="xs">
            <Title order={3} size="h5" style={{ overflowWrap: 'anywhere' }} lineClamp={3}>
              {user.name}
            </Title>
            {isSelf && (
              <Badge variant="light" tt="none">
                {k.you}
              </Badge>
            )}
          </Group>
          {user.kind !== 'ADMIN' && <ViewOfUser view={user.syncView} />}
        </div>
        {mayGo && (
          <Button
            size="compact-sm"
            variant="subtle"
            color="red"
            onClick={() => setDeleting(true)}
            aria-label={k.deleteUserNamed(user.name)}
          >
            {k.deleteUser}
          </Button>
        )}
      </Group>
      <KeysList user={user} isSelf={isSelf} onChange={onChange} />
      {isDeleting && (
        <Confirm
          title={k.deleteTitle(user.name)}
          text={k.deleteText}
          submit={t.common.delete}
          isDanger
          onSubmit={submit}
          onClose={() => setDeleting(false)}
        />
      )}
    </Card>
  )
}

function ViewOfUser({ view }: { readonly view: UserWithKeys['syncView'] }) {
  const k = useKeyWords()
  return (
    <Text size="sm" c="dimmed" lineClamp={2} style={{ overflowWrap: 'anywhere' }}>
      {view === null ? (
        k.noView
      ) : (
        <>
          {k.view}{' '}
          <Anchor component={Link} href={`/sync-views/${encodeURIComponent(view.id)}`} size="sm">
            {view.name}
          </Anchor>
        </>
      )}
    </Text>
  )
}

function NewAdmin({ onClose }: { readonly onClose: () => void }) {
  const k = useKeyWords()
  const [name, setName] = useState('')
  const [secret, setSecret] = useState<string>()
  const [, createUser] = useMutation(createUserMutation)
  const [, createKey] = useMutation(createKeyMutation)
  const submit = async () => {
    const made = await createUser({ name: name.trim(), kind: 'ADMIN' })
    if (made.data === undefined) return made.error
    const { data, error } = await createKey({ userId: made.data.createUser.user.id })
    setSecret(data?.createApiKey.secret)
    return error ?? 'STAY'
  }
  return (
    <Dialog title={k.addAdminTitle} onClose={onClose}>
      {secret === undefined ? (
        <DialogForm submit={k.create} isReady={name.trim() !== '' && name.length <= 200} onSubmit={submit}>
          <Text size="sm">{k.addAdminText}</Text>
          <TextInput data-autofocus label={k.nameLabel} value={name} onChange={(event) => setName(event.currentTarget.value)} />
        </DialogForm>
      ) : (
        <ShownOnce secret={secret} />
      )}
    </Dialog>
  )
}
