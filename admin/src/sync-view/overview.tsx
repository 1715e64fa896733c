import { Card, SimpleGrid, Skeleton, Table, Text, Title } from '@mantine/core'
import { lazy, Suspense } from 'react'
import type { Dictionary } from '../text/en.ts'
import type { Format } from '../text/format.ts'
import { shownStreams, waitingOf, type StreamState, type View } from '../sync-views/view.ts'
import { useTexts } from '../text/language.tsx'
import classes from '../parts/stacked.module.css'

const Charts = lazy(() => import('./charts.tsx').then(({ Charts }) => ({ default: Charts })))

/** Streams with what waits and who is connected, the last hour, and what the view is. */
export function Overview({ view, now }: { readonly view: View; readonly now: Date }) {
  const { t } = useTexts()
  return (
    <>
      <Streams view={view} now={now} />
      <section>
        <Title order={2} size="h4" mb="sm">
          {t.view.chartsTitle}
        </Title>
        <Suspense fallback={<Skeleton height={220} />}>
          <Charts minutes={view.lastHour} minute={Math.floor(now.getTime() / 60_000)} />
        </Suspense>
      </section>
      <Facts view={view} />
    </>
  )
}

function Streams({ view, now }: { readonly view: View; readonly now: Date }) {
  const { t, f } = useTexts()
  return (
    <section>
      <Title order={2} size="h4" mb="sm">
        {t.view.streamsTitle}
      </Title>
      <Table className={classes['table']} verticalSpacing="sm">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{t.view.stream}</Table.Th>
            <Table.Th>{t.view.waiting}</Table.Th>
            <Table.Th>{t.view.oldest}</Table.Th>
            <Table.Th>{t.view.acknowledged}</Table.Th>
            <Table.Th>{t.view.connection}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {shownStreams(view).map((stream) => (
            <Table.Tr key={stream.stream} data-stream={stream.stream}>
              <Table.Th scope="row">{t.streams[stream.stream] ?? stream.stream}</Table.Th>
              <Table.Td data-label={t.view.waiting}>{f.count(waitingOf({ streams: [stream] }))}</Table.Td>
              <Table.Td data-label={t.view.oldest}>{stream.oldestPendingAt === null ? '–' : f.age(stream.oldestPendingAt, now)}</Table.Td>
              <Table.Td data-label={t.view.acknowledged}>
                {stream.acknowledgedAt === null ? t.common.never : f.ago(stream.acknowledgedAt, now)}
              </Table.Td>
              <Table.Td data-label={t.view.connection}>{connectionText(stream, now, t, f)}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </section>
  )
}

function connectionText({ connection }: StreamState, now: Date, t: Dictionary, f: Format): string {
  if (connection === null) return t.view.notConnected
  if (connection.transport === 'PULL') return t.view.pulls(f.ago(connection.since, now), connection.address)
  return t.view.connected(
    t.view.transports[connection.transport] ?? connection.transport,
    f.moment(connection.since, now),
    connection.address,
  )
}

function Facts({ view }: { readonly view: View }) {
  const { t, f } = useTexts()
  const facts = [
    [t.view.system, view.system ?? '–'],
    [t.view.linked, f.number(view.linkCount)],
    [t.view.autoLink, view.autoLink ? t.view.autoLinkOn : t.view.autoLinkOff],
    [t.manage.doorbellTitle, view.doorbellUrl ?? '–'],
    [t.view.user, view.user.name],
    [t.view.made, f.dateTime(view.createdAt)],
  ] as const
  return (
    <Card withBorder>
      <SimpleGrid component="dl" cols={{ base: 1, xs: 2, md: 3 }} m={0}>
        {facts.map(([name, value]) => (
          <div key={name}>
            <Text component="dt" size="sm" c="dimmed">
              {name}
            </Text>
            <Text component="dd" m={0} style={{ overflowWrap: 'anywhere' }} lineClamp={4}>
              {value}
            </Text>
          </div>
        ))}
      </SimpleGrid>
    </Card>
  )
}
