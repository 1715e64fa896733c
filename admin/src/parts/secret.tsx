import { Button, Code, CopyButton, Group, Text } from '@mantine/core'
import { useTexts } from '../text/language.tsx'
import { IconCheck, IconCopy } from './icons.tsx'

/** A button that copies a text, and says that it has. */
function Copy({ text, label, size = 'xs' }: { readonly text: string; readonly label?: string; readonly size?: string }) {
  const { t } = useTexts()
  return (
    <CopyButton value={text} timeout={2_000}>
      {({ copied, copy }) => (
        <Button
          size={size}
          variant={copied ? 'light' : 'default'}
          color={copied ? 'green' : 'gray'}
          leftSection={copied ? <IconCheck size={16} /> : <IconCopy size={16} />}
          onClick={copy}
          aria-live="polite"
        >
          {copied ? t.common.copied : (label ?? t.common.copy)}
        </Button>
      )}
    </CopyButton>
  )
}

/** A secret that is shown this once, to be copied. It is kept nowhere. */
export function Secret({ label, value }: { readonly label: string; readonly value: string }) {
  return (
    <Group gap="sm" wrap="wrap" role="group" aria-label={label}>
      <Code fz="sm" p="xs" style={{ overflowWrap: 'anywhere', flex: '1 1 240px' }} data-secret>
        {value}
      </Code>
      <Copy text={value} size="sm" />
    </Group>
  )
}

/** Lines to be copied. */
export function Snippet({ label, text }: { readonly label: string; readonly text: string }) {
  return (
    <div role="group" aria-label={label}>
      <Group justify="space-between" mb={6} gap="xs">
        <Text size="sm">{label}</Text>
        <Copy text={text} />
      </Group>
      <Code block tabIndex={0} fz="xs" style={{ overflowX: 'auto' }}>
        {text}
      </Code>
    </div>
  )
}
