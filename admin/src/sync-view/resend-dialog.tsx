import { Alert, Anchor, Button, Group, Skeleton, Stack, Text } from '@mantine/core'
import type { CombinedError } from '@urql/core'
import { useState } from 'react'
import { useMutation, useQuery } from 'urql'
import { graphql, type ResultOf } from '../api/graphql.ts'
import { Dialog, DialogForm, useClose } from '../parts/dialog.tsx'
import { IconAlert, IconCheck, IconSend } from '../parts/icons.tsx'
import { Problem } from '../parts/problem.tsx'
import type { View } from '../sync-views/view.ts'
import { useTexts } from '../text/language.tsx'
import { endText, Running } from './resend-progress.tsx'
import { useTryAgain } from './try-again.ts'

const planQuery = graphql(`
  query Plan($id: ID!) {
    resendPlan(syncViewId: $id) {
      productCount
      linksToCreate
      estimatedSeconds
      last {
        state
        total
        startedAt
        finishedAt
      }
    }
  }
`)
type Plan = ResultOf<typeof planQuery>['resendPlan']

const resendMutation = graphql(`
  mutation ResendAll($id: ID!, $confirm: Boolean!) {
    resendAllProducts(syncViewId: $id, confirm: $confirm) {
      __typename
      ... on ResendStarted {
        resend {
          id
        }
      }
      ... on ResendAlreadyRunning {
        resend {
          id
        }
      }
    }
  }
`)

interface ResendProps {
  readonly view: View
  readonly now: Date
  readonly onClose: () => void
  readonly onCancelRun: () => void
  readonly onWhy: () => void
}

/**
 * "Resend all products": the plan and the question first, then the run that goes on, whoever started it. Who comes to it while one runs sees that one.
 */
export function ResendDialog({ view, now, onClose, onCancelRun, onWhy }: ResendProps) {
  const { t, f } = useTexts()
  // A run that was seen here from within the dialog: its end is told here, too.
  const [runId, setRunId] = useState(view.resend?.state === 'RUNNING' ? view.resend.id : undefined)
  const run = view.resend?.id === runId ? view.resend : null
  const isRunning = view.resend?.state === 'RUNNING'
  if (isRunning && view.resend && runId !== view.resend.id) setRunId(view.resend.id)
  return (
    <Dialog title={t.resend.title} onClose={onClose} size="lg">
      {isRunning && view.resend ? (
        <Stack>
          <Running view={view} resend={view.resend} now={now} onCancel={onCancelRun} />
          <Text size="sm">{t.resend.goesOn}</Text>
          <Closing />
        </Stack>
      ) : run === null ? (
        <PlanStep view={view} now={now} onBegun={setRunId} onWhy={onWhy} />
      ) : (
        <Stack>
          <Alert color={run.state === 'COMPLETED' ? 'green' : 'gray'} icon={<IconCheck />} role="status">
            {endText(run, now, t, f)}
          </Alert>
          <Closing />
        </Stack>
      )}
    </Dialog>
  )
}

function Closing() {
  const { t } = useTexts()
  const close = useClose()
  return (
    <Group justify="flex-end">
      <Button variant="default" onClick={close} data-autofocus>
        {t.common.close}
      </Button>
    </Group>
  )
}

interface PlanProps {
  readonly view: View
  readonly now: Date
  readonly onBegun: (runId: string) => void
  readonly onWhy: () => void
}

function PlanStep({ view, now, onBegun, onWhy }: PlanProps) {
  const { t } = useTexts()
  const [{ data, error }, ask] = useQuery({ query: planQuery, variables: { id: view.id }, requestPolicy: 'network-only' })
  const [, resend] = useMutation(resendMutation)
  const plan = data?.resendPlan
  if (error) return <Problem error={error} onRetry={() => ask({ requestPolicy: 'network-only' })} />
  if (plan === undefined) return <Skeleton height={180} aria-label={t.resend.loading} role="status" />
  const isFirst = plan.last === null || plan.last.total === 0
  const begin = async () => {
    const { data: begun, error: fault } = await resend({ id: view.id, confirm: true })
    const result = begun?.resendAllProducts
    if (result !== undefined && 'resend' in result) onBegun(result.resend.id)
    return fault ?? 'STAY'
  }
  return (
    <DialogForm submit={isFirst ? t.resend.firstSubmit : t.resend.ask(plan.productCount)} isReady={plan.productCount > 0} onSubmit={begin}>
      <Text size="sm">{t.resend.what}</Text>
      {plan.productCount === 0 && <Alert color="gray">{t.resend.empty}</Alert>}
      <PlanFacts plan={plan} now={now} />
      {isFirst ? (
        <Alert color="indigo" icon={<IconSend />} title={t.resend.firstTitle}>
          {t.resend.firstText}
        </Alert>
      ) : (
        <Warning view={view} onWhy={onWhy} />
      )}
    </DialogForm>
  )
}

function PlanFacts({ plan, now }: { readonly plan: Plan; readonly now: Date }) {
  const { t, f } = useTexts()
  const toLink = plan.linksToCreate > 0 && plan.linksToCreate < plan.productCount ? `, ${t.resend.toLink(plan.linksToCreate)}` : ''
  const facts = [
    [t.resend.count, `${t.products(plan.productCount)}${toLink}`],
    [t.resend.takes, plan.estimatedSeconds === null ? t.resend.unknown : t.resend.about(f.duration(plan.estimatedSeconds))],
    [
      t.resend.last,
      plan.last === null
        ? t.resend.neverDone
        : t.resend.lastDone(f.moment(plan.last.finishedAt ?? plan.last.startedAt, now), plan.last.total, plan.last.state),
    ],
  ] as const
  return (
    <dl style={{ display: 'grid', gridTemplateColumns: 'max-content 1fr', gap: '4px 16px', margin: 0 }} data-plan>
      {facts.map(([name, value]) => (
        <div key={name} style={{ display: 'contents' }}>
          <Text component="dt" c="dimmed" size="sm">
            {name}
          </Text>
          <Text component="dd" m={0} size="sm" fw={600}>
            {value}
          </Text>
        </div>
      ))}
    </dl>
  )
}

/** That it is seldom needed, and what might help instead. */
function Warning({ view, onWhy }: { readonly view: View; readonly onWhy: () => void }) {
  const { t } = useTexts()
  const close = useClose()
  const { tryAgain, isBusy } = useTryAgain(view.id)
  const [error, setError] = useState<CombinedError>()
  const again = async (): Promise<void> => {
    const fault = await tryAgain('ALL')
    setError(fault)
    if (fault === undefined) close()
  }
  return (
    <Alert color="orange" icon={<IconAlert />} title={t.resend.warnTitle}>
      <Stack gap="xs" align="start">
        <Text size="sm">{t.resend.warnText}</Text>
        <Text size="sm" fw={600}>
          {t.resend.elseTitle}
        </Text>
        {view.rejectedCount > 0 && (
          <Anchor component="button" type="button" size="sm" ta="start" disabled={isBusy} onClick={() => void again()}>
            {t.resend.elseRejected(view.rejectedCount)}
          </Anchor>
        )}
        <Anchor component="button" type="button" size="sm" ta="start" onClick={onWhy}>
          {t.resend.elseWhy}
        </Anchor>
        {error && <Problem error={error} />}
      </Stack>
    </Alert>
  )
}
