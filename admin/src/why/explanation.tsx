import { Alert, Stack, Text, ThemeIcon, VisuallyHidden } from '@mantine/core'
import { useQuery } from 'urql'
import { graphql, type ResultOf } from '../api/graphql.ts'
import { IconAlert, IconCheck, IconCross } from '../parts/icons.tsx'
import { useNow } from '../parts/now.ts'
import { Placeholder } from '../parts/page.tsx'
import { useReread } from '../parts/pages.ts'
import { Problem } from '../parts/problem.tsx'
import { useTexts } from '../text/language.tsx'
import classes from './explanation.module.css'
import { sayStep, sayVerdict } from './say.ts'

const explanationQuery = graphql(`
  query Explanation($id: ID!, $sku: String!) {
    syncView(id: $id) {
      id
      state
    }
    syncExplanation(syncViewId: $id, sku: $sku) {
      inSync
      verdict
      steps {
        code
        ok
        message
        resolution
        since
        values {
          name
          value
        }
      }
    }
  }
`)
type Answer = ResultOf<typeof explanationQuery>
type Step = Answer['syncExplanation']['steps'][number]

/** What waits moves on while one reads: it is asked anew so often. */
const rereadMs = 3_000

/** The way of one article to a view: the verdict, which is what the step says that it stops at, and who can put that right; then what came of each step. */
export function Explanation({ viewId, sku }: { readonly viewId: string; readonly sku: string }) {
  const { t } = useTexts()
  const now = useNow(rereadMs)
  const [{ data, error }, ask] = useQuery({
    query: explanationQuery,
    variables: { id: viewId, sku },
    requestPolicy: 'cache-and-network',
  })
  useReread(now.getTime(), () => ask({ requestPolicy: 'network-only' }))
  if (error) return <Problem error={error} onRetry={() => ask({ requestPolicy: 'network-only' })} />
  if (data === undefined) return <Placeholder label={t.common.loading} height={48} />
  const { steps } = data.syncExplanation
  return (
    <Stack>
      <Verdict answer={data} />
      <ol className={classes['way']} aria-label={t.why.way}>
        {steps.map((step) => (
          <StepItem key={step.code} step={step} now={now} />
        ))}
      </ol>
    </Stack>
  )
}

function Verdict({ answer }: { readonly answer: Answer }) {
  const { t } = useTexts()
  const { inSync, steps } = answer.syncExplanation
  const who = t.why.who[steps.find(({ ok }) => !ok)?.resolution ?? ''] ?? ''
  return (
    <div role="status" data-verdict={inSync}>
      <Alert
        color={inSync ? 'green' : 'orange'}
        icon={inSync ? <IconCheck /> : <IconAlert />}
        title={inSync ? t.why.inSync : t.why.notInSync}
      >
        <Text size="sm">{sayVerdict(answer.syncExplanation, answer.syncView?.state ?? 'CONNECTED', t)}</Text>
        {who !== '' && (
          <Text size="sm" fw={600} mt={4}>
            {who}
          </Text>
        )}
      </Alert>
    </div>
  )
}

function StepItem({ step, now }: { readonly step: Step; readonly now: Date }) {
  const { t, f } = useTexts()
  return (
    <li data-step={step.code} data-ok={step.ok}>
      <ThemeIcon size={26} radius="xl" variant="light" color={step.ok ? 'green' : 'orange'}>
        {step.ok ? <IconCheck size={16} /> : <IconCross size={16} />}
      </ThemeIcon>
      <div>
        {step.ok && <VisuallyHidden>{t.why.ok}: </VisuallyHidden>}
        <Text span size="sm" fw={step.ok ? 400 : 600}>
          {step.ok ? sayStep(step, t) : t.why.notOk}
        </Text>
        {step.since !== null && (
          <Text size="xs" c="dimmed">
            {t.why.since(f.moment(step.since, now))}
          </Text>
        )}
      </div>
    </li>
  )
}
