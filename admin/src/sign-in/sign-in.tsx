import { Alert, Button, Center, Group, Paper, PasswordInput, Stack, Text, Title } from '@mantine/core'
import { useEffect, useRef, useState, type FormEvent } from 'react'
import type { SessionEnd } from '../api/client.ts'
import { signIn, type SignInRefusal } from '../api/session.ts'
import { IconAlert } from '../parts/icons.tsx'
import { languageNames, useTexts } from '../text/language.tsx'
import type { Dictionary } from '../text/en.ts'

function explain(t: Dictionary, { code, message }: SignInRefusal): string {
  if (code === 'UNAUTHENTICATED') return t.signIn.unknown
  if (code === 'FORBIDDEN') return t.signIn.integration
  if (code === 'NETWORK' || code === 'SERVICE_UNAVAILABLE' || code === 'RATE_LIMITED') return t.errors[code]
  return message === '' ? t.errors.INTERNAL : t.errors.said(message)
}

/** The door: an admin's key is exchanged for a session. The key itself is kept nowhere. */
export function SignIn({ ended, onSignIn }: { readonly ended: SessionEnd; readonly onSignIn: () => void }) {
  const { t, language, choose } = useTexts()
  const [key, setKey] = useState('')
  const [fault, setFault] = useState<string>()
  const [isBusy, setBusy] = useState(false)
  const input = useRef<HTMLInputElement>(null)
  useEffect(() => input.current?.focus(), [])
  useEffect(() => {
    document.title = t.signIn.title
  }, [t])
  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault()
    if (key.trim() === '') return setFault(t.signIn.empty)
    setBusy(true)
    const refusal = await signIn(key.trim())
    setBusy(false)
    if (refusal === undefined) onSignIn()
    else setFault(explain(t, refusal))
  }
  return (
    <Center component="main" mih="100dvh" p="md">
      <Stack w="100%" maw={440} gap="lg">
        <Group gap="sm">
          <img src="/admin/icon.svg" alt="" width={40} height={40} />
          <Title order={1} size="h3">
            {t.signIn.title}
          </Title>
        </Group>
        <Paper withBorder p="lg" shadow="sm">
          <form onSubmit={(event) => void submit(event)} noValidate>
            <Stack>
              {ended === 'OVER' && fault === undefined && (
                <Alert color="orange" icon={<IconAlert />} role="alert">
                  {t.signIn.ended}
                </Alert>
              )}
              <PasswordInput
                label={t.signIn.key}
                description={t.signIn.intro}
                placeholder="synkvy_…"
                value={key}
                onChange={(event) => {
                  setKey(event.currentTarget.value)
                  setFault(undefined)
                }}
                error={fault}
                autoComplete="current-password"
                ref={input}
                spellCheck={false}
                visibilityToggleButtonProps={{ 'aria-hidden': true, tabIndex: -1 }}
              />
              <Button type="submit" loading={isBusy} fullWidth>
                {t.signIn.submit}
              </Button>
            </Stack>
          </form>
        </Paper>
        <div>
          <Text size="sm" fw={600}>
            {t.signIn.noKey}
          </Text>
          <Text size="sm" c="dimmed">
            {t.signIn.noKeyText}
          </Text>
        </div>
        <Group gap="xs" role="group" aria-label={t.nav.language}>
          {languageNames.map(({ value, label }) => (
            <Button
              key={value}
              lang={value}
              size="compact-sm"
              variant={value === language ? 'light' : 'subtle'}
              aria-pressed={value === language}
              onClick={() => choose(value)}
            >
              {label}
            </Button>
          ))}
        </Group>
      </Stack>
    </Center>
  )
}
