import { Group, Text } from '@mantine/core'
import { useTexts } from '../text/language.tsx'
import type { StreamMinute } from './view.ts'

const minutesShown = 60
const [width, height] = [120, 28]

/** How much was delivered in each minute of the last hour, the oldest first. */
export function perMinute(minutes: readonly StreamMinute[], now: Date): readonly number[] {
  const current = Math.floor(now.getTime() / 60_000)
  const counts = Array.from({ length: minutesShown }, () => 0)
  for (const { minute, live, resent } of minutes) {
    const place = minutesShown - 1 - (current - Math.floor(Date.parse(minute) / 60_000))
    if (place >= 0 && place < minutesShown) counts[place] = (counts[place] ?? 0) + live + resent
  }
  return counts
}

/** By its root: a resend of everything must not flatten what was before it. */
function heightOf(count: number, most: number): number {
  return Math.max(2, Math.sqrt(count / most) * (height - 2))
}

/** The last hour at a glance: a bar a minute, and the rate of the latest. */
export function Spark({ minutes, now }: { readonly minutes: readonly StreamMinute[]; readonly now: Date }) {
  const { t } = useTexts()
  const counts = perMinute(minutes, now)
  const total = counts.reduce((sum, count) => sum + count, 0)
  const most = Math.max(1, ...counts)
  const step = width / minutesShown
  // The minute that has just begun says little as yet.
  const latest = Math.max(counts.at(-1) ?? 0, counts.at(-2) ?? 0)
  return (
    <Group gap={8} wrap="nowrap" title={t.views.rate(total)}>
      <svg
        width={width}
        height={height}
        role="img"
        aria-label={t.views.rate(total)}
        style={{ color: 'var(--mantine-color-indigo-5)', flexShrink: 0 }}
      >
        <rect x={0} y={height - 1} width={width} height={1} fill="currentColor" opacity={0.35} />
        {counts.map((count, index) =>
          count === 0 ? null : (
            <rect
              key={index}
              x={index * step}
              width={step - 0.5}
              y={height - 1 - heightOf(count, most)}
              height={heightOf(count, most)}
              fill="currentColor"
            />
          ),
        )}
      </svg>
      <Text size="xs" c="dimmed" miw={68} ta="right" style={{ fontVariantNumeric: 'tabular-nums', whiteSpace: 'nowrap' }}>
        {t.views.rateNow(latest)}
      </Text>
    </Group>
  )
}
