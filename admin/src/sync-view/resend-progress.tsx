import { Alert, Button, Group, Paper, Progress, Stack, Text } from '@mantine/core'
import { IconCheck } from '../parts/icons.tsx'
import type { Dictionary } from '../text/en.ts'
import type { Format } from '../text/format.ts'
import { secondsLeft, shareOf } from '../sync-views/standing.ts'
import type { Resend, View } from '../sync-views/view.ts'
import { useTexts } from '../text/language.tsx'

/** For how long the end of a run is told on the view's page. */
const toldForMs = 15 * 60_000

/** The run that is under way, or that has just ended; nothing otherwise. */
export function ResendProgress({ view, now, onCancel }: { readonly view: View; readonly now: Date; readonly onCancel: () => void }) {
  const { t, f } = useTexts()
  const { resend } = view
  if (resend === null) return null
  if (resend.state === 'RUNNING') {
    return (
      <Paper withBorder p="md" data-resend="RUNNING">
        <Running view={view} resend={resend} now={now} onCancel={onCancel} />
      </Paper>
    )
  }
  const isRecent = resend.finishedAt !== null && now.getTime() - Date.parse(resend.finishedAt) < toldForMs
  if (!isRecent || resend.total === 0) return null
  return (
    <div role="status">
      <Alert color={resend.state === 'COMPLETED' ? 'green' : 'gray'} icon={<IconCheck />} data-resend={resend.state}>
        {endText(resend, now, t, f)}
      </Alert>
    </div>
  )
}

/** How far a run has come, who started it, how long it will take, and the way to end it. */
export function Running({
  view,
  resend,
  now,
  onCancel,
}: {
  readonly view: View
  readonly resend: Resend
  readonly now: Date
  readonly onCancel: () => void
}) {
  const { t, f } = useTexts()
  const share = shareOf(resend)
  return (
    <Stack gap="xs">
      <Group justify="space-between" gap="xs">
        <Text fw={600} style={{ fontVariantNumeric: 'tabular-nums' }} data-progress>
          {f.percent(share)} · {t.resend.progress(resend.acknowledged, resend.total)}
        </Text>
        <Button size="compact-sm" variant="default" onClick={onCancel}>
          {t.resend.cancel}
        </Button>
      </Group>
      <Progress.Root size="xl">
        <Progress.Section value={Math.min(share * 100, 99)} animated={view.state === 'CONNECTED'} aria-label={t.resend.progressLabel} />
      </Progress.Root>
      <Text size="sm" c="dimmed" data-run>
        {startText(resend, now, t, f)} · {leftText(view, resend, now, t, f)}
      </Text>
    </Stack>
  )
}

function startText(resend: Resend, now: Date, t: Dictionary, f: Format): string {
  const at = f.moment(resend.startedAt, now)
  if (resend.cause === 'COMMAND_LINE') return t.resend.startedByCommand(at)
  if (resend.cause === 'FAILOVER') return t.resend.startedByFailover(at)
  return resend.startedBy === null ? t.resend.startedBySomebody(at) : t.resend.startedBy(resend.startedBy.name, at)
}

function leftText({ state }: View, resend: Resend, now: Date, t: Dictionary, f: Format): string {
  if (state === 'PAUSED') return t.resend.waitsPaused
  if (state !== 'CONNECTED') return t.resend.waitsOffline
  const left = secondsLeft(resend, now)
  return left === undefined ? t.resend.leftUnknown : t.resend.left(f.duration(left))
}

export function endText(resend: Resend, now: Date, t: Dictionary, f: Format): string {
  const at = f.moment(resend.finishedAt ?? resend.startedAt, now)
  if (resend.state === 'CANCELLED') return t.resend.wasCancelled(at)
  const took = (Date.parse(resend.finishedAt ?? resend.startedAt) - Date.parse(resend.startedAt)) / 1000
  return t.resend.done(resend.total, at, f.duration(took))
}
