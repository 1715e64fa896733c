import { Alert, Button, Stack, Text } from '@mantine/core'
import type { CombinedError } from '@urql/core'
import { codeOf } from '../api/errors.ts'
import type { Dictionary } from '../text/en.ts'
import { useTexts } from '../text/language.tsx'
import { IconAlert } from './icons.tsx'

/** What a refusal means to whoever reads it; in the gateway's own words where the page knows no better. */
function explain(t: Dictionary, error: CombinedError): string {
  const code = codeOf(error) ?? 'INTERNAL'
  const known = Object.entries(t.errors).find(([name]) => name === code)?.[1]
  return typeof known === 'string' ? known : t.errors.said(error.graphQLErrors[0]?.message ?? error.message)
}

/** That something did not work, why, and what to do. */
export function Problem({ error, onRetry }: { readonly error: CombinedError; readonly onRetry?: () => void }) {
  const { t } = useTexts()
  return (
    <Alert color="red" icon={<IconAlert />} title={t.errors.title} role="alert">
      <Stack align="start" gap="sm">
        <Text size="sm">{explain(t, error)}</Text>
        {onRetry && (
          <Button size="xs" variant="default" onClick={onRetry}>
            {t.common.retry}
          </Button>
        )}
      </Stack>
    </Alert>
  )
}
