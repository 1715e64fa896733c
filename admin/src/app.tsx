import { Center, Loader } from '@mantine/core'
import { lazy, Suspense, useState } from 'react'
import { Provider, useQuery } from 'urql'
import { Redirect, Route, Router, Switch } from 'wouter'
import { openApi, type Api, type SessionEnd } from './api/client.ts'
import { graphql } from './api/graphql.ts'
import { Problem } from './parts/problem.tsx'
import { NotFound, Shell } from './shell.tsx'
import { SignIn } from './sign-in/sign-in.tsx'
import { ViewsPage } from './sync-views/page.tsx'
import { useTexts } from './text/language.tsx'

const ViewPage = lazy(() => import('./sync-view/page.tsx').then(({ ViewPage }) => ({ default: ViewPage })))
const SetUpPage = lazy(() => import('./set-up/page.tsx').then(({ SetUpPage }) => ({ default: SetUpPage })))
const ProductsPage = lazy(() => import('./products/page.tsx').then(({ ProductsPage }) => ({ default: ProductsPage })))
const ProductPage = lazy(() => import('./products/product.tsx').then(({ ProductPage }) => ({ default: ProductPage })))
const KeysPage = lazy(() => import('./keys/page.tsx').then(({ KeysPage }) => ({ default: KeysPage })))

/** Signed in or not, and with which way to the gateway: a new one for every session. */
export function App() {
  const [ended, setEnded] = useState<SessionEnd>()
  const [api, setApi] = useState(() => openApi(setEnded))
  const begin = (): void => {
    api.close()
    setEnded(undefined)
    setApi(openApi(setEnded))
  }
  return (
    <Provider value={api.client}>
      {ended === undefined ? <SignedIn key={api.id} api={api} /> : <SignIn ended={ended} onSignIn={begin} />}
    </Provider>
  )
}

const viewerQuery = graphql(`
  query Viewer {
    viewer {
      id
      name
      kind
      account {
        name
      }
    }
  }
`)

/** The pages for whoever is signed in. */
function SignedIn({ api }: { readonly api: Api }) {
  const { t } = useTexts()
  const [{ data, error, fetching }, ask] = useQuery({ query: viewerQuery })
  if (data === undefined && error !== undefined) {
    return (
      <Center mih="100dvh" p="md">
        <main>
          <Problem error={error} onRetry={() => ask({ requestPolicy: 'network-only' })} />
        </main>
      </Center>
    )
  }
  if (data === undefined || fetching) return <Waiting label={t.common.loading} />
  return (
    <Router base="/admin">
      <Shell api={api} viewer={data.viewer}>
        <Suspense fallback={<Waiting label={t.common.loading} />}>
          <Switch>
            <Route path="/">
              <Redirect to="/sync-views" replace />
            </Route>
            <Route path="/sync-views" component={ViewsPage} />
            <Route path="/sync-views/new" component={SetUpPage} />
            <Route path="/sync-views/:id/:tab?">
              {({ id, tab }) => <ViewPage key={id} id={decodeURIComponent(id)} tab={tab ?? 'overview'} />}
            </Route>
            <Route path="/products" component={ProductsPage} />
            <Route path="/products/:id">{({ id }) => <ProductPage key={id} id={decodeURIComponent(id)} />}</Route>
            <Route path="/keys" component={KeysPage} />
            <Route component={NotFound} />
          </Switch>
        </Suspense>
      </Shell>
    </Router>
  )
}

function Waiting({ label }: { readonly label: string }) {
  return (
    <Center mih="40dvh">
      <Loader aria-label={label} role="status" />
    </Center>
  )
}
