import { Stack, Text } from '@mantine/core'
import { Secret } from '../parts/secret.tsx'
import { useTexts } from '../text/language.tsx'
import { useKeyWords } from './words.ts'

/** A new key's secret. */
export function ShownOnce({ secret }: { readonly secret: string }) {
  const { t } = useTexts()
  const k = useKeyWords()
  return (
    <Stack role="status">
      <Text size="sm" fw={600}>
        {k.once}
      </Text>
      <Secret label={t.setUp.keyLabel} value={secret} />
    </Stack>
  )
}
