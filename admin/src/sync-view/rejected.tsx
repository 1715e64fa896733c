import { Paper, Stack, Text } from '@mantine/core'
import { useQuery } from 'urql'
import { graphql } from '../api/graphql.ts'
import { IconCheck } from '../parts/icons.tsx'
import { useNow } from '../parts/now.ts'
import { Empty, Placeholder } from '../parts/page.tsx'
import { useReread } from '../parts/pages.ts'
import { Problem } from '../parts/problem.tsx'
import { ProductLine } from '../parts/product-line.tsx'
import type { View } from '../sync-views/view.ts'
import { useTexts } from '../text/language.tsx'

const rejectionsQuery = graphql(`
  query Rejections($id: ID!) {
    syncView(id: $id) {
      id
      rejections {
        reason
        count
        latestAt
      }
    }
  }
`)

const examplesQuery = graphql(`
  query RejectedProducts($id: ID!, $reason: String) {
    links(syncViewId: $id, rejectionReason: $reason, first: 10) {
      nodes {
        id
        product {
          id
          title
          handle
          imageUrls
        }
      }
    }
  }
`)

/** What the other system could not take, by its reasons. */
export function RejectedTab({ view }: { readonly view: View }) {
  const { t, f } = useTexts()
  const now = useNow()
  const [{ data, error }, ask] = useQuery({ query: rejectionsQuery, variables: { id: view.id }, requestPolicy: 'cache-and-network' })
  useReread(view.rejectedCount, () => ask({ requestPolicy: 'network-only' }))
  if (error) return <Problem error={error} onRetry={() => ask({ requestPolicy: 'network-only' })} />
  const groups = data?.syncView?.rejections
  if (groups === undefined) return <Placeholder label={t.common.loading} />
  if (groups.length === 0) return <Empty icon={<IconCheck size={28} />} title={t.rejected.none} text={t.rejected.noneText} />
  return (
    <Stack>
      <Text>{t.rejected.intro}</Text>
      {groups.map(({ reason, count, latestAt }) => (
        <Paper key={reason} withBorder p="md" component="section" data-reason={reason}>
          <Stack gap="sm">
            <div>
              <Text fw={650} style={{ overflowWrap: 'anywhere' }}>
                {reason}
              </Text>
              <Text size="sm" c="dimmed">
                {t.rejected.count(count)} · {t.rejected.latest(f.ago(latestAt, now))}
              </Text>
            </div>
            <Examples view={view} reason={reason} count={count} />
          </Stack>
        </Paper>
      ))}
    </Stack>
  )
}

function Examples({ view, reason, count }: { readonly view: View; readonly reason: string; readonly count: number }) {
  const [{ data }, ask] = useQuery({ query: examplesQuery, variables: { id: view.id, reason }, requestPolicy: 'cache-and-network' })
  useReread(count, () => ask({ requestPolicy: 'network-only' }))
  return (
    <Stack gap="xs">
      {data?.links.nodes.map(({ id, product }) => (
        <ProductLine key={id} id={product.id} title={product.title} below={product.handle} imageUrl={product.imageUrls[0]} />
      ))}
    </Stack>
  )
}
