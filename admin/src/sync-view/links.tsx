import { Button, Checkbox, Group, SegmentedControl, Stack, Table, Text, TextInput } from '@mantine/core'
import { useState } from 'react'
import { useMutation, useQuery } from 'urql'
import { graphql, type ResultOf } from '../api/graphql.ts'
import { LinkBadge } from '../parts/badge.tsx'
import { Confirm } from '../parts/dialog.tsx'
import { IconBox, IconQuestion, IconSearch } from '../parts/icons.tsx'
import { notice } from '../parts/notice.ts'
import { Empty, Placeholder } from '../parts/page.tsx'
import { usePages, useReread, useRested } from '../parts/pages.ts'
import { Problem } from '../parts/problem.tsx'
import { ProductLine } from '../parts/product-line.tsx'
import type { View } from '../sync-views/view.ts'
import { useTexts } from '../text/language.tsx'
import { WhyDialog, type AskedProduct } from '../why/why-dialog.tsx'
import classes from './links.module.css'

const linksQuery = graphql(`
  query Links($id: ID!, $state: LinkState, $search: String, $after: String) {
    links(syncViewId: $id, state: $state, search: $search, first: 50, after: $after) {
      totalCount
      pageInfo {
        hasNextPage
        endCursor
      }
      nodes {
        id
        state
        externalId
        rejection {
          reason
          variant {
            sku
          }
        }
        product {
          id
          handle
          title
          imageUrls
        }
      }
    }
  }
`)
type LinkNode = ResultOf<typeof linksQuery>['links']['nodes'][number]

const filters = ['ALL', 'PENDING', 'IN_SYNC', 'REJECTED'] as const
type Filter = (typeof filters)[number]

interface LinksProps {
  readonly view: View
  readonly onLink: () => void
  readonly onResend: () => void
  readonly onWhy: () => void
}

/** The products that are linked to a view: how each stands, found by search and state, and unlinked where they were chosen. */
export function LinksTab({ view, onLink, onResend, onWhy }: LinksProps) {
  const { t } = useTexts()
  const [filter, setFilter] = useState<Filter>('ALL')
  const [typed, setTyped] = useState('')
  const search = useRested(typed.trim())
  const { cursors, more } = usePages(`${filter}/${search}`)
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set())
  const [isUnlinking, setUnlinking] = useState(false)
  const [asked, setAsked] = useState<AskedProduct>()
  if (view.linkCount === 0) {
    return (
      <Empty
        icon={<IconBox size={28} />}
        title={t.links.none}
        text={t.links.noneText}
        action={
          <Group>
            <Button onClick={onResend}>{t.manage.resend}</Button>
            <Button variant="default" onClick={onLink}>
              {t.manage.link}
            </Button>
          </Group>
        }
      />
    )
  }
  return (
    <Stack>
      <Group gap="sm">
        <TextInput
          aria-label={t.links.search}
          placeholder={t.links.search}
          leftSection={<IconSearch size={16} />}
          value={typed}
          onChange={(event) => setTyped(event.currentTarget.value)}
          style={{ flex: '1 1 240px' }}
          type="search"
        />
        <SegmentedControl
          aria-label={t.links.filter}
          value={filter}
          onChange={(value) => setFilter(filters.find((one) => one === value) ?? 'ALL')}
          data={filters.map((value) => ({ value, label: t.links.states[value] }))}
        />
        <Button variant="default" leftSection={<IconQuestion />} onClick={onWhy}>
          {t.why.ask}
        </Button>
      </Group>
      <Group gap="sm" mih={36}>
        <Text size="sm" role="status">
          {chosen.size > 0 ? t.links.selected(chosen.size) : t.products(view.linkCount)}
        </Text>
        {chosen.size > 0 && (
          <Button size="xs" color="red" variant="light" onClick={() => setUnlinking(true)}>
            {t.links.unlink}
          </Button>
        )}
      </Group>
      {cursors.map((after, index) => (
        <LinksPage
          key={after ?? ''}
          view={view}
          filter={filter}
          search={search}
          after={after}
          isFirst={index === 0}
          isLast={index === cursors.length - 1}
          chosen={chosen}
          onChoose={setChosen}
          onAsk={setAsked}
          onMore={more}
        />
      ))}
      {isUnlinking && (
        <UnlinkDialog view={view} chosen={[...chosen]} onDone={() => setChosen(new Set())} onClose={() => setUnlinking(false)} />
      )}
      {asked && <WhyDialog view={view} product={asked} onClose={() => setAsked(undefined)} />}
    </Stack>
  )
}

interface LinksPageProps {
  readonly view: View
  readonly filter: Filter
  readonly search: string
  readonly after: string | null
  readonly isFirst: boolean
  readonly isLast: boolean
  readonly chosen: ReadonlySet<string>
  readonly onChoose: (chosen: ReadonlySet<string>) => void
  readonly onAsk: (product: AskedProduct) => void
  readonly onMore: (after: string) => void
}

/** How often the list is read again while the view moves. */
const rereadMs = 2_000

/** What of a view tells that its links may have changed. */
function faceOf({ linkCount, rejectedCount, streams }: View): string {
  return JSON.stringify([linkCount, rejectedCount, streams.map(({ pending, acknowledgedAt }) => [pending, acknowledgedAt])])
}

function LinksPage({ view, filter, search, after, isFirst, isLast, chosen, onChoose, onAsk, onMore }: LinksPageProps) {
  const { t } = useTexts()
  const [{ data, error }, ask] = useQuery({
    query: linksQuery,
    variables: { id: view.id, state: filter === 'ALL' ? null : filter, search: search === '' ? null : search, after },
    requestPolicy: 'cache-and-network',
  })
  const face = useRested(faceOf(view), rereadMs)
  useReread(face, () => ask({ requestPolicy: 'network-only' }))
  if (error) return <Problem error={error} onRetry={() => ask({ requestPolicy: 'network-only' })} />
  if (data === undefined) return <Placeholder label={t.common.loading} height={48} />
  const { nodes, totalCount, pageInfo } = data.links
  if (nodes.length === 0) return isFirst ? <Text c="dimmed">{t.links.noMatch}</Text> : null
  return (
    <>
      <LinksTable nodes={nodes} isFirst={isFirst} chosen={chosen} onChoose={onChoose} onAsk={onAsk} />
      {isLast && (
        <Group justify="space-between">
          <Text size="sm" c="dimmed">
            {t.products(totalCount)}
          </Text>
          {pageInfo.hasNextPage && pageInfo.endCursor !== null && (
            <Button variant="default" onClick={() => onMore(pageInfo.endCursor ?? '')}>
              {t.common.more}
            </Button>
          )}
        </Group>
      )}
    </>
  )
}

function LinksTable({
  nodes,
  isFirst,
  chosen,
  onChoose,
  onAsk,
}: {
  readonly nodes: readonly LinkNode[]
  readonly isFirst: boolean
  readonly chosen: ReadonlySet<string>
  readonly onChoose: (chosen: ReadonlySet<string>) => void
  readonly onAsk: (product: AskedProduct) => void
}) {
  const { t } = useTexts()
  const ids = nodes.map(({ product }) => product.id)
  const areAll = ids.every((id) => chosen.has(id))
  const change = (changed: readonly string[], isChosen: boolean): void => {
    const rest = [...chosen].filter((id) => !changed.includes(id))
    onChoose(new Set(isChosen ? [...rest, ...changed] : rest))
  }
  return (
    <Table verticalSpacing="xs" layout="fixed" className={classes['links']}>
      <Table.Thead>
        <Table.Tr>
          <Table.Th w={44}>
            <Checkbox aria-label={t.links.selectAll} checked={areAll} onChange={(event) => change(ids, event.currentTarget.checked)} />
          </Table.Th>
          <Table.Th>{isFirst ? t.links.product : ''}</Table.Th>
          <Table.Th w="42%">{isFirst ? t.links.state : ''}</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {nodes.map((link) => (
          <LinkRow
            key={link.id}
            link={link}
            isChosen={chosen.has(link.product.id)}
            onChange={(isChosen) => change([link.product.id], isChosen)}
            onAsk={() => onAsk({ id: link.product.id, sku: link.rejection?.variant?.sku })}
          />
        ))}
      </Table.Tbody>
    </Table>
  )
}

function LinkRow({
  link,
  isChosen,
  onChange,
  onAsk,
}: {
  readonly link: LinkNode
  readonly isChosen: boolean
  readonly onChange: (isChosen: boolean) => void
  readonly onAsk: () => void
}) {
  const { t } = useTexts()
  const { product, state, rejection, externalId } = link
  const below = externalId === null ? product.handle : `${product.handle} · ${t.links.externalId} ${externalId}`
  return (
    <Table.Tr data-product={product.handle}>
      <Table.Td>
        <Checkbox
          aria-label={t.links.select(product.title)}
          checked={isChosen}
          onChange={(event) => onChange(event.currentTarget.checked)}
        />
      </Table.Td>
      <Table.Td>
        <ProductLine id={product.id} title={product.title} below={below} imageUrl={product.imageUrls[0]} />
      </Table.Td>
      <Table.Td>
        <Group gap="xs">
          <LinkBadge state={state} label={t.catalogue.states[state] ?? state} />
          <Button size="compact-xs" variant="subtle" onClick={onAsk} aria-label={t.why.ofProduct(product.title)}>
            {t.why.ofOne}
          </Button>
        </Group>
        {rejection && (
          <Text size="xs" mt={2} style={{ overflowWrap: 'anywhere' }} lineClamp={3}>
            {rejection.reason}
          </Text>
        )}
      </Table.Td>
    </Table.Tr>
  )
}

const unlinkMutation = graphql(`
  mutation Unlink($id: ID!, $products: [ProductBy!]!) {
    unlinkProducts(syncViewId: $id, products: $products) {
      linksRemoved
    }
  }
`)

function UnlinkDialog({
  view,
  chosen,
  onDone,
  onClose,
}: {
  readonly view: View
  readonly chosen: readonly string[]
  readonly onDone: () => void
  readonly onClose: () => void
}) {
  const { t } = useTexts()
  const [, unlink] = useMutation(unlinkMutation)
  const [count] = useState(chosen.length)
  const submit = async () => {
    const { data, error } = await unlink({ id: view.id, products: chosen.map((id) => ({ id })) })
    if (data !== undefined) {
      notice(t.links.unlinked(data.unlinkProducts.linksRemoved))
      onDone()
    }
    return error
  }
  return (
    <Confirm
      title={t.links.unlinkTitle(count)}
      text={t.links.unlinkText}
      submit={t.links.unlinkConfirm}
      isDanger
      onSubmit={submit}
      onClose={onClose}
    />
  )
}
