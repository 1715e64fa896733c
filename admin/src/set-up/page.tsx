import { Alert, Anchor, Box, Button, Group, Loader, Paper, Stack, Stepper, Tabs, Text, TextInput, Title } from '@mantine/core'
import { useState, type FormEvent } from 'react'
import { useMutation, useSubscription } from 'urql'
import { Link } from 'wouter'
import { graphql } from '../api/graphql.ts'
import { createKeyMutation, createUserMutation } from '../keys/user.ts'
import { IconCheck, IconKey, IconSend } from '../parts/icons.tsx'
import { Page } from '../parts/page.tsx'
import { Problem } from '../parts/problem.tsx'
import { Secret, Snippet } from '../parts/secret.tsx'
import { Trail } from '../shell.tsx'
import { useTexts } from '../text/language.tsx'
import { curlSnippets, graphiqlSnippets, kitSnippet } from './snippets.ts'

/** A user that was made here, and the key that was made for it. */
interface Made {
  readonly userId: string
  readonly name: string
  readonly secret: string
}

const newViewsSubscription = graphql(`
  subscription NewViews {
    syncViewStatuses {
      id
      name
      user {
        id
      }
    }
  }
`)

/** Step by step from a system's name to its first product: its user and key, then it makes its view, which is seen at once, then everything is sent. */
export function SetUpPage() {
  const { t } = useTexts()
  const [made, setMade] = useState<Made>()
  const [{ data }] = useSubscription({ query: newViewsSubscription, pause: made === undefined })
  const view = data?.syncViewStatuses.find(({ user }) => user.id === made?.userId)
  const step = made === undefined ? 0 : view === undefined ? 1 : 2
  return (
    <Page title={t.setUp.title} trail={<Trail below={t.setUp.title} />}>
      <Stepper
        active={step}
        aria-label={t.setUp.stepsLabel}
        size="sm"
        allowNextStepsSelect={false}
        wrap={false}
        classNames={{ stepBody: 'mantine-visible-from-xs' }}
      >
        {t.setUp.steps.map((label, index) => (
          <Stepper.Step
            key={label}
            label={label}
            component="div"
            allowStepSelect={false}
            aria-current={index === step ? 'step' : undefined}
          />
        ))}
      </Stepper>
      {made === undefined ? <NameStep onMade={setMade} /> : <KeyStep made={made} view={view} />}
    </Page>
  )
}

function NameStep({ onMade }: { readonly onMade: (made: Made) => void }) {
  const { t } = useTexts()
  const [name, setName] = useState('')
  const [fault, setFault] = useState<string>()
  const [user, createUser] = useMutation(createUserMutation)
  const [key, createKey] = useMutation(createKeyMutation)
  const error = user.error ?? key.error
  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault()
    const wanted = name.trim()
    if (wanted === '' || wanted.length > 200) return setFault(t.manage.nameRule)
    // A user that was made before its key could not be is taken up again.
    const userId = user.data?.createUser.user.name === wanted ? user.data.createUser.user.id : await makeUser(wanted)
    if (userId === undefined) return undefined
    const made = await createKey({ userId })
    if (made.data !== undefined) onMade({ userId, name: wanted, secret: made.data.createApiKey.secret })
  }
  const makeUser = async (wanted: string): Promise<string | undefined> =>
    (await createUser({ name: wanted, kind: 'INTEGRATION' })).data?.createUser.user.id
  return (
    <Paper withBorder p="lg" maw={640}>
      <form onSubmit={(event) => void submit(event)} noValidate>
        <Stack>
          <Title order={2} size="h4">
            {t.setUp.nameTitle}
          </Title>
          <Text>{t.setUp.nameText}</Text>
          <TextInput
            label={t.setUp.nameLabel}
            description={t.setUp.nameHint}
            value={name}
            onChange={(event) => {
              setName(event.currentTarget.value)
              setFault(undefined)
            }}
            error={fault}
            autoComplete="off"
          />
          {error && <Problem error={error} />}
          <Group>
            <Button type="submit" leftSection={<IconKey />} loading={user.fetching || key.fetching}>
              {t.setUp.nameSubmit}
            </Button>
          </Group>
        </Stack>
      </form>
    </Paper>
  )
}

function KeyStep({ made, view }: { readonly made: Made; readonly view: { readonly id: string } | undefined }) {
  const { t } = useTexts()
  return (
    <Stack maw={860}>
      <div role="status" aria-live="polite">
        {view === undefined ? <WaitingForView name={made.name} /> : <ViewMade name={made.name} viewId={view.id} />}
      </div>
      <Paper withBorder p="lg">
        <Stack>
          <Title order={2} size="h4" style={{ overflowWrap: 'anywhere' }} lineClamp={3}>
            {t.setUp.keyTitle(made.name)}
          </Title>
          <Text>{t.setUp.keyOnce}</Text>
          <Secret label={t.setUp.keyLabel} value={made.secret} />
        </Stack>
      </Paper>
      <Paper withBorder p="lg">
        <Stack>
          <Title order={2} size="h4">
            {t.setUp.howTitle}
          </Title>
          <Text>{t.setUp.howText}</Text>
          <Snippets made={made} />
        </Stack>
      </Paper>
    </Stack>
  )
}

function WaitingForView({ name }: { readonly name: string }) {
  const { t } = useTexts()
  return (
    <Alert
      color="indigo"
      icon={<Loader size={20} aria-hidden />}
      title={<Box style={{ overflowWrap: 'anywhere' }}>{t.setUp.waiting(name)}</Box>}
    >
      {t.setUp.waitingText}
    </Alert>
  )
}

function ViewMade({ name, viewId }: { readonly name: string; readonly viewId: string }) {
  const { t } = useTexts()
  const path = `/sync-views/${encodeURIComponent(viewId)}`
  return (
    <Alert color="green" icon={<IconCheck />} title={<Box style={{ overflowWrap: 'anywhere' }}>{t.setUp.madeTitle(name)}</Box>}>
      <Stack align="start" gap="sm">
        <Text size="sm">{t.setUp.madeText}</Text>
        <Group gap="sm">
          <Button component={Link} href={`${path}?resend`} leftSection={<IconSend />}>
            {t.setUp.resend}
          </Button>
          <Button component={Link} href={path} variant="default">
            {t.setUp.later}
          </Button>
        </Group>
      </Stack>
    </Alert>
  )
}

function Snippets({ made: { secret, name } }: { readonly made: Made }) {
  const { t } = useTexts()
  const url = location.origin
  const curl = curlSnippets(url, secret, name)
  const graphiql = graphiqlSnippets(secret, name)
  return (
    <Tabs defaultValue="kit">
      <Tabs.List aria-label={t.setUp.howTitle}>
        <Tabs.Tab value="kit">{t.setUp.kit}</Tabs.Tab>
        <Tabs.Tab value="curl">{t.setUp.curl}</Tabs.Tab>
        <Tabs.Tab value="graphiql">{t.setUp.graphiql}</Tabs.Tab>
      </Tabs.List>
      <Tabs.Panel value="kit" pt="md">
        <Snippet label={t.setUp.kitText} text={kitSnippet(url, secret, name)} />
      </Tabs.Panel>
      <Tabs.Panel value="curl" pt="md">
        <Stack>
          <Snippet label={t.setUp.curlText} text={curl.create} />
          <Snippet label="" text={curl.follow} />
        </Stack>
      </Tabs.Panel>
      <Tabs.Panel value="graphiql" pt="md">
        <Stack>
          <Text size="sm">{t.setUp.graphiqlText}</Text>
          <Snippet label="Headers" text={graphiql.headers} />
          <Snippet label="GraphQL" text={graphiql.operation} />
          <Anchor href="/graphql" target="_blank" rel="noreferrer">
            {t.setUp.openGraphiql}
          </Anchor>
        </Stack>
      </Tabs.Panel>
    </Tabs>
  )
}
