import { Button, NativeSelect, Stack, Text, TextInput } from '@mantine/core'
import { useState, type FormEvent } from 'react'
import { useQuery } from 'urql'
import { graphql } from '../api/graphql.ts'
import { Dialog } from '../parts/dialog.tsx'
import { Placeholder } from '../parts/page.tsx'
import { Problem } from '../parts/problem.tsx'
import { useTexts } from '../text/language.tsx'
import { Explanation } from './explanation.tsx'

/** Which product is asked about, where that is known. */
export interface AskedProduct {
  readonly id: string
  /** The article of it that matters. */
  readonly sku?: string | undefined
}

interface WhyProps {
  readonly view: { readonly id: string; readonly name: string }
  readonly product?: AskedProduct | undefined
  readonly onClose: () => void
}

/** "Why is this product not over there?" Asks for a SKU where it is not told of a product. */
export function WhyDialog({ view, product, onClose }: WhyProps) {
  const { t } = useTexts()
  return (
    <Dialog title={t.why.title(view.name)} onClose={onClose} size="lg">
      {product === undefined ? <OfSku viewId={view.id} /> : <OfProduct viewId={view.id} product={product} />}
    </Dialog>
  )
}

function OfSku({ viewId }: { readonly viewId: string }) {
  const { t } = useTexts()
  const [typed, setTyped] = useState('')
  const [asked, setAsked] = useState('')
  const submit = (event: FormEvent): void => {
    event.preventDefault()
    setAsked(typed.trim())
  }
  return (
    <Stack>
      <form onSubmit={submit} noValidate>
        <Stack gap="sm" align="start">
          <TextInput
            data-autofocus
            label={t.why.sku}
            description={t.why.intro}
            value={typed}
            onChange={(event) => setTyped(event.currentTarget.value)}
            autoComplete="off"
            spellCheck={false}
            w="100%"
          />
          <Button type="submit" disabled={typed.trim() === ''}>
            {t.why.submit}
          </Button>
        </Stack>
      </form>
      {asked !== '' && <Explanation viewId={viewId} sku={asked} />}
    </Stack>
  )
}

const articlesQuery = graphql(`
  query Articles($id: ID!) {
    product(by: { id: $id }) {
      id
      title
      variants {
        id
        sku
        title
      }
    }
  }
`)

/** Of a product one asks about one of its articles: the one that matters, or the first, until another is chosen. */
function OfProduct({ viewId, product: { id, sku } }: { readonly viewId: string; readonly product: AskedProduct }) {
  const { t } = useTexts()
  const [{ data, error }, ask] = useQuery({ query: articlesQuery, variables: { id } })
  const [chosen, setChosen] = useState(sku)
  if (error) return <Problem error={error} onRetry={() => ask({ requestPolicy: 'network-only' })} />
  if (data === undefined) return <Placeholder label={t.common.loading} height={48} />
  const { product } = data
  const asked = chosen ?? product?.variants[0]?.sku
  if (product === null || asked === undefined) return <Text>{t.catalogue.gone}</Text>
  return (
    <Stack>
      {product.variants.length > 1 ? (
        <NativeSelect
          data-autofocus
          label={product.title}
          value={asked}
          onChange={(event) => setChosen(event.currentTarget.value)}
          data={product.variants.map((variant) => ({ value: variant.sku, label: `${variant.sku} · ${variant.title}` }))}
        />
      ) : (
        <Text size="sm" c="dimmed" style={{ overflowWrap: 'anywhere' }}>
          {product.title} · {asked}
        </Text>
      )}
      <Explanation viewId={viewId} sku={asked} />
    </Stack>
  )
}
