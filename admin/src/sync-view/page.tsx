import { Group, Stack, Tabs, Text } from '@mantine/core'
import { useState, type ReactNode } from 'react'
import { useSubscription } from 'urql'
import { useLocation, useSearch } from 'wouter'
import { UrgencyBadge } from '../parts/badge.tsx'
import { IconPlug } from '../parts/icons.tsx'
import { useNow } from '../parts/now.ts'
import { Empty, Page, Placeholder } from '../parts/page.tsx'
import { Problem } from '../parts/problem.tsx'
import { codeOf } from '../api/errors.ts'
import { NotFound, Trail } from '../shell.tsx'
import { sentenceOf } from '../sync-views/sentence.ts'
import { urgencyOf } from '../sync-views/standing.ts'
import { viewSubscription, type View } from '../sync-views/view.ts'
import { useTexts } from '../text/language.tsx'
import { LinksTab } from './links.tsx'
import { ManageDialog, type ManageAction } from './manage-dialogs.tsx'
import { ManageMenu } from './manage-menu.tsx'
import { Overview } from './overview.tsx'
import { RejectedTab } from './rejected.tsx'
import { ResendButton } from './resend-button.tsx'
import { ResendProgress } from './resend-progress.tsx'

const tabs = ['overview', 'products', 'rejected'] as const
type Tab = (typeof tabs)[number]

/** One system: how it stands, what is linked to it, and what can be done about it. It is told of every change by itself. */
export function ViewPage({ id, tab }: { readonly id: string; readonly tab: string }) {
  const { t } = useTexts()
  const [{ data, error }, follow] = useSubscription({ query: viewSubscription, variables: { id } })
  const view = data?.syncViewStatus
  const shownTab = tabs.find((one) => one === tab)
  if (shownTab === undefined) return <NotFound />
  if (codeOf(error) === 'NOT_FOUND') {
    return (
      <Page title={t.views.title} trail={<Trail below="…" />}>
        <Empty icon={<IconPlug size={28} />} title={t.view.gone} />
      </Page>
    )
  }
  if (error && view === undefined) {
    return (
      <Page title={t.views.title} trail={<Trail below="…" />}>
        <Problem error={error} onRetry={() => follow()} />
      </Page>
    )
  }
  if (view === undefined) return <Placeholder label={t.common.loading} height={120} />
  return <ViewDetails view={view} tab={shownTab} />
}

function ViewDetails({ view, tab }: { readonly view: View; readonly tab: Tab }) {
  const texts = useTexts()
  const { t, f } = texts
  const now = useNow()
  const [, go] = useLocation()
  const search = useSearch()
  const path = `/sync-views/${encodeURIComponent(view.id)}`
  const [action, setAction] = useState<ManageAction | undefined>(search === 'resend' ? 'resend' : undefined)
  const panels: Record<Tab, ReactNode> = {
    overview: <Overview view={view} now={now} />,
    products: <LinksTab view={view} onLink={() => setAction('link')} onResend={() => setAction('resend')} onWhy={() => setAction('why')} />,
    rejected: <RejectedTab view={view} />,
  }
  const labels: Record<Tab, string> = {
    overview: t.view.tabs.overview,
    products: `${t.view.tabs.products} (${f.number(view.linkCount)})`,
    rejected: `${t.view.tabs.rejected} (${f.number(view.rejectedCount)})`,
  }
  return (
    <Page
      title={view.name}
      trail={<Trail below={view.name} />}
      intro={
        <Group gap="sm" mt={8}>
          <UrgencyBadge urgency={urgencyOf(view, now)} />
          <Text data-sentence>{sentenceOf(view, texts, now)}</Text>
        </Group>
      }
      actions={
        <>
          <ResendButton view={view} onClick={() => setAction('resend')} />
          <ManageMenu view={view} onChoose={setAction} />
        </>
      }
    >
      <ResendProgress view={view} now={now} onCancel={() => setAction('cancel')} />
      <Tabs value={tab} onChange={(chosen) => go(chosen === 'overview' ? path : `${path}/${chosen ?? ''}`)} keepMounted={false}>
        <Tabs.List aria-label={t.view.tabsLabel}>
          {tabs.map((one) => (
            <Tabs.Tab key={one} value={one}>
              {labels[one]}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        {tabs.map((one) => (
          <Tabs.Panel key={one} value={one} pt="lg">
            <Stack>{panels[one]}</Stack>
          </Tabs.Panel>
        ))}
      </Tabs>
      {action && (
        <ManageDialog key={action} action={action} view={view} now={now} onClose={() => setAction(undefined)} onChoose={setAction} />
      )}
    </Page>
  )
}
