import { Badge, Button, Group, Paper, Table, Text, Title } from '@mantine/core'
import { useState } from 'react'
import { useQuery, useSubscription } from 'urql'
import { Link } from 'wouter'
import { graphql, type ResultOf } from '../api/graphql.ts'
import { LinkBadge } from '../parts/badge.tsx'
import { IconBox } from '../parts/icons.tsx'
import { useNow } from '../parts/now.ts'
import { Empty, Page, Placeholder } from '../parts/page.tsx'
import { useReread, useRested } from '../parts/pages.ts'
import { Problem } from '../parts/problem.tsx'
import { Picture } from '../parts/product-line.tsx'
import stacked from '../parts/stacked.module.css'
import { useTexts } from '../text/language.tsx'
import { WhyDialog } from '../why/why-dialog.tsx'
import classes from './product.module.css'

const productQuery = graphql(`
  query Product($id: ID!) {
    product(by: { id: $id }) {
      id
      handle
      title
      vendor
      productType
      status
      imageUrls
      updatedAt
      links(first: 250) {
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
          syncView {
            id
          }
        }
      }
      variants {
        id
        sku
        title
        barcode
        price {
          amount
          currency
        }
        available
        stockLevels {
          id
          onHand
          reserved
          available
          location {
            name
            code
          }
        }
      }
    }
  }
`)
type Product = NonNullable<ResultOf<typeof productQuery>['product']>
type ProductLink = Product['links']['nodes'][number]

const systemsSubscription = graphql(`
  subscription Systems {
    syncViewStatuses {
      id
      name
      streams {
        stream
        pending
        acknowledgedAt
      }
      rejectedCount
    }
  }
`)

/** A product is read again when a system has moved, but not more often than this. */
const rereadMs = 700

/** One product: which systems have it, its variants and their stock. */
export function ProductPage({ id }: { readonly id: string }) {
  const { t, f } = useTexts()
  const now = useNow()
  const [{ data, error }, ask] = useQuery({ query: productQuery, variables: { id }, requestPolicy: 'cache-and-network' })
  const [systems] = useSubscription({ query: systemsSubscription })
  const face = useRested(JSON.stringify(systems.data), rereadMs)
  useReread(face, () => ask({ requestPolicy: 'network-only' }))
  if (error) return <Problem error={error} onRetry={() => ask({ requestPolicy: 'network-only' })} />
  if (data === undefined) return <Placeholder label={t.common.loading} />
  const { product } = data
  if (product === null) {
    return (
      <Page title={t.catalogue.title}>
        <Empty icon={<IconBox size={28} />} title={t.catalogue.gone} />
      </Page>
    )
  }
  const about = [product.handle, product.vendor, product.productType, t.catalogue.changed(f.ago(product.updatedAt, now))]
  return (
    <Page
      title={product.title}
      intro={
        <Group gap="sm" mt={8}>
          <Badge variant="light" color="gray" tt="none" size="lg">
            {t.catalogue.statuses[product.status] ?? product.status}
          </Badge>
          <Text c="dimmed" style={{ overflowWrap: 'anywhere' }}>
            {about.filter((part) => part !== null).join(' · ')}
          </Text>
        </Group>
      }
      actions={<Picture imageUrl={product.imageUrls[0]} size={72} />}
    >
      <section>
        <Title order={2} size="h4" mb="sm">
          {t.catalogue.systems}
        </Title>
        <Strip views={systems.data?.syncViewStatuses} product={product} />
      </section>
      <section>
        <Title order={2} size="h4" mb="sm">
          {t.catalogue.variants}
        </Title>
        <Variants product={product} />
      </section>
    </Page>
  )
}

interface System {
  readonly id: string
  readonly name: string
}

/** Every system in a strip, with how the product stands there: "Fortnox ✓ · POS ⏳ · Marketplace ✕ barcode missing". */
function Strip({ views, product }: { readonly views: readonly System[] | undefined; readonly product: Product }) {
  const { t } = useTexts()
  const [asked, setAsked] = useState<System>()
  const linkOf = ({ id }: System) => product.links.nodes.find(({ syncView }) => syncView.id === id)
  if (views === undefined) return <Placeholder label={t.common.loading} rows={1} height={40} />
  if (views.length === 0) return <Text c="dimmed">{t.catalogue.noSystems}</Text>
  return (
    <>
      <ul className={classes['strip']}>
        {views.map((view) => (
          <SystemChip key={view.id} view={view} link={linkOf(view)} onAsk={() => setAsked(view)} />
        ))}
      </ul>
      {asked && (
        <WhyDialog
          view={asked}
          product={{ id: product.id, sku: linkOf(asked)?.rejection?.variant?.sku }}
          onClose={() => setAsked(undefined)}
        />
      )}
    </>
  )
}

function SystemChip({ view, link, onAsk }: { readonly view: System; readonly link: ProductLink | undefined; readonly onAsk: () => void }) {
  const { t } = useTexts()
  const state = link?.state ?? 'NOT_LINKED'
  return (
    <Paper withBorder component="li" className={classes['chip']} data-system={view.name} data-state={state}>
      <Link href={`/sync-views/${encodeURIComponent(view.id)}`} className={classes['name']}>
        {view.name}
      </Link>
      <LinkBadge state={state} label={link === undefined ? t.catalogue.notLinked : (t.catalogue.states[state] ?? state)} />
      <Button size="compact-xs" variant="subtle" onClick={onAsk} aria-label={t.why.ofView(view.name)}>
        {t.catalogue.why}
      </Button>
      {link?.rejection && (
        <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
          {link.rejection.reason}
        </Text>
      )}
      {link?.externalId && (
        <Text size="xs" c="dimmed" style={{ overflowWrap: 'anywhere' }}>
          {t.links.externalId} {link.externalId}
        </Text>
      )}
    </Paper>
  )
}

function Variants({ product }: { readonly product: Product }) {
  const { t, f } = useTexts()
  return (
    <Table verticalSpacing="xs" className={stacked['table']}>
      <Table.Thead>
        <Table.Tr>
          <Table.Th>{t.catalogue.sku}</Table.Th>
          <Table.Th>{t.catalogue.variant}</Table.Th>
          <Table.Th>{t.catalogue.price}</Table.Th>
          <Table.Th>{t.catalogue.available}</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {product.variants.map((variant) => (
          <Table.Tr key={variant.id} data-sku={variant.sku}>
            <Table.Th scope="row" fw={600} style={{ overflowWrap: 'anywhere' }}>
              {variant.sku}
              {variant.barcode !== null && (
                <Text size="xs" c="dimmed">
                  {variant.barcode}
                </Text>
              )}
            </Table.Th>
            <Table.Td data-label={t.catalogue.variant}>{variant.title}</Table.Td>
            <Table.Td data-label={t.catalogue.price}>{f.money(variant.price.amount, variant.price.currency)}</Table.Td>
            <Table.Td data-label={t.catalogue.available}>
              <Stock variant={variant} />
            </Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  )
}

/** What can be sold of a variant, in all and where it lies. */
function Stock({ variant }: { readonly variant: Product['variants'][number] }) {
  const { t, f } = useTexts()
  return (
    <div>
      <Text fw={600}>{variant.stockLevels.length === 0 ? t.catalogue.noStock : f.number(variant.available)}</Text>
      {variant.stockLevels.map((level) => (
        <Text key={level.id} size="xs" c="dimmed">
          {level.location.name} {f.number(level.available)}
          {level.reserved > 0 && ` (${f.number(level.reserved)} ${t.catalogue.reserved})`}
        </Text>
      ))}
    </div>
  )
}
