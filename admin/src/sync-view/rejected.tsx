import { Button, Group, Paper, Stack, Text } from '@mantine/core'
import type { CombinedError } from '@urql/core'
import { useRef, useState } from 'react'
import { useQuery } from 'urql'
import { graphql, type ResultOf } from '../api/graphql.ts'
import { IconCheck, IconLoop } from '../parts/icons.tsx'
import { useNow } from '../parts/now.ts'
import { Empty, Placeholder } from '../parts/page.tsx'
import { usePages, useReread } from '../parts/pages.ts'
import { Problem } from '../parts/problem.tsx'
import { ProductLine } from '../parts/product-line.tsx'
import type { View } from '../sync-views/view.ts'
import { useTexts } from '../text/language.tsx'
import { WhyDialog, type AskedProduct } from '../why/why-dialog.tsx'
import { useTryAgain } from './try-again.ts'

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
type RejectionGroup = NonNullable<ResultOf<typeof rejectionsQuery>['syncView']>['rejections'][number]

const productsQuery = graphql(`
  query RejectedProducts($id: ID!, $reason: String!, $after: String) {
    links(syncViewId: $id, rejectionReason: $reason, first: 10, after: $after) {
      pageInfo {
        hasNextPage
        endCursor
      }
      nodes {
        id
        externalId
        rejections {
          reason
          variant {
            sku
          }
        }
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
type RejectedLink = ResultOf<typeof productsQuery>['links']['nodes'][number]

/** What the other system could not take, by its reasons, and the way to try it again. */
export function RejectedTab({ view }: { readonly view: View }) {
  const { t } = useTexts()
  const [asked, setAsked] = useState<AskedProduct>()
  const [{ data, error }, ask] = useQuery({ query: rejectionsQuery, variables: { id: view.id }, requestPolicy: 'cache-and-network' })
  useReread(view.rejectedCount, () => ask({ requestPolicy: 'network-only' }))
  if (error) return <Problem error={error} onRetry={() => ask({ requestPolicy: 'network-only' })} />
  const groups = data?.syncView?.rejections
  if (groups === undefined) return <Placeholder label={t.common.loading} />
  return (
    <>
      {groups.length === 0 ? (
        <Empty icon={<IconCheck size={28} />} title={t.rejected.none} text={t.rejected.noneText} />
      ) : (
        <Stack>
          <Text>{t.rejected.intro}</Text>
          {groups.map((group) => (
            <ReasonGroup key={group.reason} view={view} group={group} onAsk={setAsked} />
          ))}
        </Stack>
      )}
      {asked && <WhyDialog view={view} product={asked} onClose={() => setAsked(undefined)} />}
    </>
  )
}

interface GroupProps {
  readonly view: View
  readonly group: RejectionGroup
  readonly onAsk: (product: AskedProduct) => void
}

function ReasonGroup({ view, group: { reason, count, latestAt }, onAsk }: GroupProps) {
  const { t, f } = useTexts()
  const now = useNow()
  const { tryAgain, isBusy } = useTryAgain(view.id)
  const [error, setError] = useState<CombinedError>()
  const { cursors, more } = usePages(reason)
  const section = useRef<HTMLDivElement>(null)
  const run = async (rejected: Parameters<typeof tryAgain>[0]): Promise<void> => {
    // What was pressed goes with what it sends: the tab keeps the place of whoever uses the keyboard.
    const tab = document.getElementById(section.current?.closest('[role="tabpanel"]')?.getAttribute('aria-labelledby') ?? '')
    const fault = await tryAgain(rejected)
    setError(fault)
    if (fault === undefined) tab?.focus()
  }
  return (
    <Paper withBorder p="md" component="section" ref={section} data-reason={reason}>
      <Stack gap="sm">
        <Group justify="space-between" align="start">
          <div style={{ flex: '1 1 240px', minWidth: 0 }}>
            <Text fw={650} style={{ overflowWrap: 'anywhere' }}>
              {reason}
            </Text>
            <Text size="sm" c="dimmed">
              {t.rejected.count(count)} · {t.rejected.latest(f.ago(latestAt, now))}
            </Text>
          </div>
          <Button leftSection={<IconLoop />} variant="light" loading={isBusy} onClick={() => void run({ reason })}>
            {count === 1 ? t.rejected.again : t.rejected.allAgain(count)}
          </Button>
        </Group>
        {error && <Problem error={error} />}
        <Stack gap="xs">
          {cursors.map((after, index) => (
            <ProductsPage
              key={after ?? ''}
              viewId={view.id}
              reason={reason}
              after={after}
              count={count}
              isLast={index === cursors.length - 1}
              onAsk={onAsk}
              onAgain={(productId) => void run({ productId })}
              onMore={more}
            />
          ))}
        </Stack>
      </Stack>
    </Paper>
  )
}

interface PageProps {
  readonly viewId: string
  readonly reason: string
  readonly after: string | null
  readonly count: number
  readonly isLast: boolean
  readonly onAsk: (product: AskedProduct) => void
  readonly onAgain: (productId: string) => void
  readonly onMore: (after: string) => void
}

function ProductsPage({ viewId, reason, after, count, isLast, onAsk, onAgain, onMore }: PageProps) {
  const { t } = useTexts()
  const variables = { id: viewId, reason, after }
  const [{ data, error }, ask] = useQuery({ query: productsQuery, variables, requestPolicy: 'cache-and-network' })
  useReread(count, () => ask({ requestPolicy: 'network-only' }))
  if (error) return <Problem error={error} onRetry={() => ask({ requestPolicy: 'network-only' })} />
  if (data === undefined) return null
  const { nodes, pageInfo } = data.links
  return (
    <>
      {nodes.map((link) => (
        <RejectedProduct
          key={link.id}
          link={link}
          sku={link.rejections.find((rejection) => rejection.reason === reason)?.variant?.sku}
          onAsk={onAsk}
          onAgain={() => onAgain(link.product.id)}
        />
      ))}
      {isLast && pageInfo.hasNextPage && (
        <Group justify="center">
          <Button variant="default" size="xs" onClick={() => onMore(pageInfo.endCursor ?? '')}>
            {t.common.more}
          </Button>
        </Group>
      )}
    </>
  )
}

interface ProductProps {
  readonly link: RejectedLink
  /** The article that it was rejected for; none where it was the product as a whole. */
  readonly sku: string | undefined
  readonly onAsk: (product: AskedProduct) => void
  readonly onAgain: () => void
}

function RejectedProduct({ link: { product, externalId }, sku, onAsk, onAgain }: ProductProps) {
  const { t } = useTexts()
  const known = externalId === null ? undefined : `${t.links.externalId} ${externalId}`
  const below = [product.handle, sku, known].filter((part) => part !== undefined).join(' · ')
  return (
    <Group justify="space-between" gap="xs" data-product={product.handle}>
      <div style={{ flex: '1 1 220px', minWidth: 0 }}>
        <ProductLine id={product.id} title={product.title} below={below} imageUrl={product.imageUrls[0]} />
      </div>
      <Group gap="xs">
        <Button
          size="compact-sm"
          variant="subtle"
          aria-label={t.why.ofProduct(product.title)}
          onClick={() => onAsk({ id: product.id, sku })}
        >
          {t.why.ofOne}
        </Button>
        <Button size="compact-sm" variant="default" aria-label={t.rejected.againFor(product.title)} onClick={onAgain}>
          {t.rejected.again}
        </Button>
      </Group>
    </Group>
  )
}
