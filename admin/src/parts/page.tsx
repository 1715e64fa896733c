import { Box, Group, Skeleton, Stack, Text, ThemeIcon, Title } from '@mantine/core'
import { useEffect, useRef, type ReactNode } from 'react'

interface PageProps {
  readonly title: string
  readonly intro?: ReactNode
  /** What stands above the title: where one is. */
  readonly trail?: ReactNode
  readonly actions?: ReactNode
  readonly children: ReactNode
}

/** A page with its title, which is told to screen readers when one comes to it. */
export function Page({ title, intro, trail, actions, children }: PageProps) {
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => heading.current?.focus({ preventScroll: true }), [])
  useEffect(() => {
    document.title = `${title} · synkvy`
  }, [title])
  return (
    <Stack gap="lg">
      {trail}
      <Group justify="space-between" align="start" gap="md">
        <Box style={{ flex: '1 1 280px', minWidth: 0 }}>
          <Title order={1} size="h2" ref={heading} tabIndex={-1} style={{ overflowWrap: 'anywhere', outline: 'none' }} lineClamp={3}>
            {title}
          </Title>
          {typeof intro === 'string' ? (
            <Text c="dimmed" mt={4}>
              {intro}
            </Text>
          ) : (
            intro
          )}
        </Box>
        {actions && <Group gap="sm">{actions}</Group>}
      </Group>
      {children}
    </Stack>
  )
}

/** That there is nothing, why, and what to do about it. */
export function Empty({
  icon,
  title,
  text,
  action,
}: {
  readonly icon: ReactNode
  readonly title: string
  readonly text?: string
  readonly action?: ReactNode
}) {
  return (
    <Stack align="center" gap="sm" py={56} px="md" ta="center">
      <ThemeIcon size={56} radius="xl" variant="light" color="gray">
        {icon}
      </ThemeIcon>
      <Title order={2} size="h4">
        {title}
      </Title>
      {text && (
        <Text c="dimmed" maw={480}>
          {text}
        </Text>
      )}
      {action}
    </Stack>
  )
}

/** The place of what is being fetched. */
export function Placeholder({
  label,
  rows = 3,
  height = 72,
}: {
  readonly label: string
  readonly rows?: number
  readonly height?: number
}) {
  return (
    <Stack gap="sm" role="status" aria-label={label}>
      {Array.from({ length: rows }, (_, index) => (
        <Skeleton key={index} height={height} radius="md" />
      ))}
    </Stack>
  )
}
