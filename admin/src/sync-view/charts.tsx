import '@mantine/charts/styles.css'
import { AreaChart, BarChart } from '@mantine/charts'
import { SimpleGrid, Text, Title, useComputedColorScheme } from '@mantine/core'
import { memo, useMemo } from 'react'
import { perMinute } from '../sync-views/spark.tsx'
import type { StreamMinute } from '../sync-views/view.ts'
import { useTexts } from '../text/language.tsx'

const minutesShown = 60

interface Point {
  readonly minute: string
  readonly live: number
  readonly resent: number
  readonly average: number | null
  readonly worst: number | null
}

/** A point a minute of the last hour, over all streams; `last` is the minute that has begun. */
function pointsOf(minutes: readonly StreamMinute[], last: number, clock: (at: Date) => string): Point[] {
  const byMinute = Map.groupBy(minutes, ({ minute }) => Math.floor(Date.parse(minute) / 60_000))
  return Array.from({ length: minutesShown }, (_, index) => {
    const minute = last - minutesShown + 1 + index
    const ofMinute = byMinute.get(minute) ?? []
    const live = ofMinute.reduce((sum, one) => sum + one.live, 0)
    const lag = ofMinute.reduce((sum, one) => sum + one.live * (one.averageLagMs ?? 0), 0)
    return {
      minute: clock(new Date(minute * 60_000)),
      live,
      resent: ofMinute.reduce((sum, one) => sum + one.resent, 0),
      average: live === 0 ? null : Math.round(lag / live),
      worst: live === 0 ? null : Math.max(...ofMinute.map((one) => one.worstLagMs ?? 0)),
    }
  })
}

/** How much was delivered within the last hour, and how long changes took. They are drawn anew when the minute or the figures change, not every second. */
export const Charts = memo(
  function Charts({ minutes, minute }: { readonly minutes: readonly StreamMinute[]; readonly minute: number }) {
    const { t, f } = useTexts()
    const scheme = useComputedColorScheme('light')
    const points = useMemo(() => pointsOf(minutes, minute, f.clock), [minutes, minute, f])
    const counts = perMinute(minutes, new Date(minute * 60_000))
    const total = counts.reduce((sum, count) => sum + count, 0)
    if (total === 0) return <Text c="dimmed">{t.view.noThroughput}</Text>
    const average = averageLag(minutes)
    const worst = Math.max(...minutes.map((one) => one.worstLagMs ?? 0))
    const shade = scheme === 'dark' ? '4' : '6'
    const common = {
      h: 200,
      data: points,
      dataKey: 'minute',
      withLegend: true,
      gridAxis: 'y' as const,
      tickLine: 'none' as const,
      xAxisProps: { minTickGap: 40 },
    }
    const still = { accessibilityLayer: false }
    return (
      <SimpleGrid cols={{ base: 1, md: 2 }} spacing="xl">
        <figure style={{ margin: 0, minWidth: 0 }}>
          <Title order={3} size="h6" mb="xs">
            {t.view.throughput}
          </Title>
          <div role="img" aria-label={t.view.chartLabel(total, Math.max(...counts))}>
            <BarChart
              {...common}
              type="stacked"
              barChartProps={still}
              valueFormatter={f.number}
              barProps={{ isAnimationActive: false }}
              series={[
                { name: 'live', label: t.view.live, color: `indigo.${shade}` },
                { name: 'resent', label: t.view.resent, color: `gray.5` },
              ]}
            />
          </div>
        </figure>
        <figure style={{ margin: 0, minWidth: 0 }}>
          <Title order={3} size="h6" mb="xs">
            {t.view.lag}
          </Title>
          {average === undefined ? (
            <Text c="dimmed" size="sm">
              {t.view.lagHint}
            </Text>
          ) : (
            <div role="img" aria-label={t.view.lagLabel(f.lag(average), f.lag(worst))}>
              <AreaChart
                {...common}
                areaChartProps={still}
                valueFormatter={f.lag}
                connectNulls
                withDots={false}
                curveType="monotone"
                areaProps={{ isAnimationActive: false }}
                series={[
                  { name: 'worst', label: t.view.worst, color: `orange.${shade}` },
                  { name: 'average', label: t.view.average, color: `indigo.${shade}` },
                ]}
              />
            </div>
          )}
        </figure>
      </SimpleGrid>
    )
  },
  (before, after) => before.minute === after.minute && JSON.stringify(before.minutes) === JSON.stringify(after.minutes),
)

function averageLag(minutes: readonly StreamMinute[]): number | undefined {
  const live = minutes.reduce((sum, one) => sum + one.live, 0)
  return live === 0 ? undefined : minutes.reduce((sum, one) => sum + one.live * (one.averageLagMs ?? 0), 0) / live
}
