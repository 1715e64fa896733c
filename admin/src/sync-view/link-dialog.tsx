import { Alert, Button, Checkbox, ScrollArea, SegmentedControl, Stack, Text, Textarea, TextInput } from '@mantine/core'
import { useState } from 'react'
import { useMutation, useQuery } from 'urql'
import { refusalsOf } from '../api/errors.ts'
import { graphql } from '../api/graphql.ts'
import { Dialog, DialogForm } from '../parts/dialog.tsx'
import { IconAlert, IconSearch } from '../parts/icons.tsx'
import { notice } from '../parts/notice.ts'
import { useRested } from '../parts/pages.ts'
import { Problem } from '../parts/problem.tsx'
import type { View } from '../sync-views/view.ts'
import { useTexts } from '../text/language.tsx'
import { readSkus } from './skus.ts'

const linkMutation = graphql(`
  mutation LinkProducts($id: ID!, $products: [ProductBy!]!) {
    linkProducts(syncViewId: $id, products: $products) {
      linksCreated
    }
  }
`)

const findQuery = graphql(`
  query FindProducts($search: String) {
    products(first: 30, search: $search) {
      totalCount
      nodes {
        id
        title
        handle
      }
    }
  }
`)

const mostAtOnce = 1_000
type Way = 'SEARCH' | 'SKUS'

/** Links chosen products: found by search, or by SKUs that are pasted. */
export function LinkDialog({ view, onClose }: { readonly view: View; readonly onClose: () => void }) {
  const { t } = useTexts()
  const [way, setWay] = useState<Way>('SEARCH')
  return (
    <Dialog title={t.link.title} onClose={onClose} size="lg">
      <Stack>
        <SegmentedControl
          aria-label={t.link.how}
          value={way}
          onChange={(value) => setWay(value === 'SKUS' ? 'SKUS' : 'SEARCH')}
          data={[
            { value: 'SEARCH', label: t.link.bySearch },
            { value: 'SKUS', label: t.link.bySku },
          ]}
        />
        {way === 'SEARCH' ? <BySearch view={view} /> : <BySkus view={view} />}
      </Stack>
    </Dialog>
  )
}

function BySearch({ view }: { readonly view: View }) {
  const { t } = useTexts()
  const [typed, setTyped] = useState('')
  const search = useRested(typed.trim())
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set())
  const [{ data, error }] = useQuery({ query: findQuery, variables: { search: search === '' ? null : search } })
  const [, link] = useMutation(linkMutation)
  const submit = async () => {
    const { data: done, error: fault } = await link({ id: view.id, products: [...chosen].map((id) => ({ id })) })
    if (done !== undefined) notice(t.link.linked(done.linkProducts.linksCreated, chosen.size))
    return fault
  }
  const change = (id: string, isChosen: boolean): void => {
    const rest = [...chosen].filter((one) => one !== id)
    setChosen(new Set(isChosen ? [...rest, id] : rest))
  }
  return (
    <DialogForm submit={t.link.submit(chosen.size)} isReady={chosen.size > 0 && chosen.size <= mostAtOnce} onSubmit={submit}>
      <TextInput
        data-autofocus
        aria-label={t.catalogue.search}
        placeholder={t.catalogue.search}
        leftSection={<IconSearch size={16} />}
        value={typed}
        onChange={(event) => setTyped(event.currentTarget.value)}
        type="search"
      />
      {error && <Problem error={error} />}
      <ScrollArea h={280} viewportProps={{ tabIndex: 0, 'aria-label': t.catalogue.title, role: 'group' }}>
        <Stack gap="xs" p={4}>
          {data?.products.nodes.map((product) => (
            <Checkbox
              key={product.id}
              label={product.title}
              description={product.handle}
              checked={chosen.has(product.id)}
              onChange={(event) => change(product.id, event.currentTarget.checked)}
              styles={{ label: { overflowWrap: 'anywhere' } }}
            />
          ))}
          {data?.products.nodes.length === 0 && <Text c="dimmed">{t.catalogue.noMatch}</Text>}
        </Stack>
      </ScrollArea>
      <Text size="sm" c="dimmed" role="status">
        {data && t.common.shown(data.products.nodes.length, data.products.totalCount)}
      </Text>
    </DialogForm>
  )
}

function BySkus({ view }: { readonly view: View }) {
  const { t, f } = useTexts()
  const [text, setText] = useState('')
  const [unknown, setUnknown] = useState<readonly string[]>([])
  const [, link] = useMutation(linkMutation)
  const skus = readSkus(text)
  const submit = async () => {
    const { data, error } = await link({ id: view.id, products: skus.map((sku) => ({ sku })) })
    if (data !== undefined) notice(t.link.linked(data.linkProducts.linksCreated, skus.length))
    const missing = (error ? refusalsOf(error) : []).flatMap(({ code, path }) => {
      const place = path[1]
      return code === 'NOT_FOUND' && typeof place === 'number' ? (skus[place] ?? []) : []
    })
    setUnknown(missing)
    return missing.length > 0 ? 'STAY' : error
  }
  return (
    <DialogForm
      submit={t.link.submit(skus.length)}
      isReady={skus.length > 0 && skus.length <= mostAtOnce && unknown.length === 0}
      onSubmit={submit}
    >
      <Textarea
        data-autofocus
        label={t.link.skus}
        description={t.link.skusHint}
        value={text}
        onChange={(event) => {
          setText(event.currentTarget.value)
          setUnknown([])
        }}
        error={skus.length > mostAtOnce ? t.link.tooMany(skus.length) : undefined}
        autosize
        minRows={6}
        maxRows={12}
        spellCheck={false}
        styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)' } }}
      />
      {unknown.length > 0 && (
        <Alert color="orange" icon={<IconAlert />} role="alert" title={t.link.unknown(unknown.length)}>
          <Stack gap="xs" align="start">
            <Text size="sm" lineClamp={4} style={{ overflowWrap: 'anywhere' }}>
              {f.list(unknown)}
            </Text>
            <Button
              size="xs"
              variant="default"
              onClick={() => {
                setText(skus.filter((sku) => !unknown.includes(sku)).join('\n'))
                setUnknown([])
              }}
            >
              {t.link.without}
            </Button>
          </Stack>
        </Alert>
      )}
    </DialogForm>
  )
}
