import { Button, Group, Table, Text, TextInput } from '@mantine/core'
import { useState } from 'react'
import { useQuery } from 'urql'
import { graphql } from '../api/graphql.ts'
import { IconBox, IconSearch } from '../parts/icons.tsx'
import { useNow } from '../parts/now.ts'
import { Empty, Page, Placeholder } from '../parts/page.tsx'
import { usePages, useRested } from '../parts/pages.ts'
import { Problem } from '../parts/problem.tsx'
import { ProductLine } from '../parts/product-line.tsx'
import { useTexts } from '../text/language.tsx'

const productsQuery = graphql(`
  query Products($search: String, $after: String) {
    products(first: 50, search: $search, after: $after) {
      totalCount
      pageInfo {
        hasNextPage
        endCursor
      }
      nodes {
        id
        handle
        title
        vendor
        status
        imageUrls
        updatedAt
      }
    }
  }
`)

/** What the shop sells: found by search, a page at a time. */
export function ProductsPage() {
  const { t } = useTexts()
  const [typed, setTyped] = useState('')
  const search = useRested(typed.trim())
  const { cursors, more } = usePages(search)
  return (
    <Page title={t.catalogue.title} intro={t.catalogue.intro}>
      <TextInput
        aria-label={t.catalogue.search}
        placeholder={t.catalogue.search}
        leftSection={<IconSearch size={16} />}
        value={typed}
        onChange={(event) => setTyped(event.currentTarget.value)}
        type="search"
      />
      {cursors.map((after, index) => (
        <ProductsList
          key={after ?? ''}
          search={search}
          after={after}
          isFirst={index === 0}
          isLast={index === cursors.length - 1}
          onMore={more}
        />
      ))}
    </Page>
  )
}

interface ListProps {
  readonly search: string
  readonly after: string | null
  readonly isFirst: boolean
  readonly isLast: boolean
  readonly onMore: (after: string) => void
}

function ProductsList({ search, after, isFirst, isLast, onMore }: ListProps) {
  const { t, f } = useTexts()
  const now = useNow(10_000)
  const [{ data, error }, ask] = useQuery({
    query: productsQuery,
    variables: { search: search === '' ? null : search, after },
    requestPolicy: 'cache-and-network',
  })
  if (error) return <Problem error={error} onRetry={() => ask({ requestPolicy: 'network-only' })} />
  if (data === undefined) return <Placeholder label={t.common.loading} rows={6} height={48} />
  const { nodes, totalCount, pageInfo } = data.products
  if (nodes.length === 0 && isFirst)
    return (
      <Empty
        icon={<IconBox size={28} />}
        title={search === '' ? t.catalogue.empty : t.catalogue.noMatch}
        {...(search === '' ? { text: t.catalogue.emptyText } : {})}
      />
    )
  return (
    <>
      {isFirst && (
        <Text size="sm" c="dimmed" role="status">
          {t.catalogue.total(totalCount)}
        </Text>
      )}
      <Table verticalSpacing="xs" layout="fixed" highlightOnHover>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{t.links.product}</Table.Th>
            <Table.Th w="20%" visibleFrom="sm">
              {t.catalogue.vendor}
            </Table.Th>
            <Table.Th w={110}>{t.catalogue.status}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {nodes.map((product) => (
            <Table.Tr key={product.id} data-product={product.handle}>
              <Table.Td>
                <ProductLine
                  id={product.id}
                  title={product.title}
                  below={`${product.handle} · ${t.catalogue.changed(f.ago(product.updatedAt, now))}`}
                  imageUrl={product.imageUrls[0]}
                />
              </Table.Td>
              <Table.Td visibleFrom="sm" style={{ overflowWrap: 'anywhere' }}>
                {product.vendor ?? '–'}
              </Table.Td>
              <Table.Td>{t.catalogue.statuses[product.status] ?? product.status}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
      {isLast && pageInfo.hasNextPage && (
        <Group justify="center">
          <Button variant="default" onClick={() => onMore(pageInfo.endCursor ?? '')}>
            {t.common.more}
          </Button>
        </Group>
      )}
    </>
  )
}
