import { Button, Group, Paper, Progress, Stack, Text } from '@mantine/core'
import { useSubscription } from 'urql'
import { Link } from 'wouter'
import { UrgencyBadge } from '../parts/badge.tsx'
import { IconPlug, IconPlus } from '../parts/icons.tsx'
import { useNow } from '../parts/now.ts'
import { Empty, Page, Placeholder } from '../parts/page.tsx'
import { Problem } from '../parts/problem.tsx'
import { Trail } from '../shell.tsx'
import { useTexts, type Texts } from '../text/language.tsx'
import classes from './page.module.css'
import { sentenceOf } from './sentence.ts'
import { Spark } from './spark.tsx'
import { byUrgency, shareOf, urgencyOf } from './standing.ts'
import { shownStreams, viewsSubscription, waitingOf, type StreamState, type View } from './view.ts'

/** All systems, a sentence each, what needs an admin first. It is told of every change by itself. */
export function ViewsPage() {
  const { t } = useTexts()
  const [{ data, error }, follow] = useSubscription({ query: viewsSubscription })
  const now = useNow()
  const views = data?.syncViewStatuses
  const add = (
    <Button component={Link} href="/sync-views/new" leftSection={<IconPlus />}>
      {t.views.add}
    </Button>
  )
  return (
    <Page title={t.views.title} intro={t.views.intro} trail={<Trail />} actions={views !== undefined && views.length > 0 && add}>
      {error && <Problem error={error} onRetry={() => follow()} />}
      {views === undefined && !error && <Placeholder label={t.common.loading} height={96} />}
      {views?.length === 0 && <Empty icon={<IconPlug size={28} />} title={t.views.emptyTitle} text={t.views.emptyText} action={add} />}
      {views !== undefined && views.length > 0 && <Views views={views} now={now} />}
    </Page>
  )
}

function Views({ views, now }: { readonly views: readonly View[]; readonly now: Date }) {
  const { t } = useTexts()
  const acting = views.filter((view) => urgencyOf(view, now) === 'ACT').length
  return (
    <Stack gap="sm">
      <Text size="sm" role="status">
        {t.views.summary(views.length, acting)}
      </Text>
      <ul className={classes['list']}>
        {byUrgency(views, now).map((view) => (
          <li key={view.id}>
            <ViewCard view={view} now={now} />
          </li>
        ))}
      </ul>
    </Stack>
  )
}

function ViewCard({ view, now }: { readonly view: View; readonly now: Date }) {
  const texts = useTexts()
  const { t, f } = texts
  const waiting = shownStreams(view).filter(({ pending }) => pending > 0)
  const isResending = view.resend?.state === 'RUNNING'
  return (
    <Paper withBorder className={classes['card']} data-view={view.name}>
      <div className={classes['head']}>
        <UrgencyBadge urgency={urgencyOf(view, now)} />
        <Spark minutes={view.lastHour} now={now} />
      </div>
      <Text className={classes['sentence']}>
        <Link href={`/sync-views/${encodeURIComponent(view.id)}`} className={classes['name']} title={view.name}>
          {f.shorten(view.name)}
        </Link>
        : {sentenceOf(view, texts, now)}
      </Text>
      {isResending && view.resend && (
        <Progress.Root size="md" mt={4}>
          <Progress.Section value={shareOf(view.resend) * 100} aria-label={t.resend.progressLabel} animated />
        </Progress.Root>
      )}
      {(waiting.length > 0 || (view.system !== null && view.system !== view.name)) && (
        <Group gap="md" c="dimmed" fz="sm">
          {view.system !== null && view.system !== view.name && <span className={classes['system']}>{view.system}</span>}
          {waiting.map((stream) => (
            <span key={stream.stream}>{waitingText(stream, now, texts)}</span>
          ))}
        </Group>
      )}
    </Paper>
  )
}

function waitingText(stream: StreamState, now: Date, { t, f }: Texts): string {
  const { oldestAt, ...counted } = waitingOf({ streams: [stream] })
  return t.views.waiting(t.streams[stream.stream] ?? stream.stream, f.count(counted), oldestAt && f.age(oldestAt, now))
}
