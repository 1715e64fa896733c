import { CombinedError, type Client, type OperationResult } from '@urql/core'
import { useState } from 'react'
import { useClient } from 'urql'
import { graphql } from '../api/graphql.ts'
import { notice } from '../parts/notice.ts'
import { useTexts } from '../text/language.tsx'

const againMutation = graphql(`
  mutation TryAgain($id: ID!, $products: [ProductBy!]) {
    resendProducts(syncViewId: $id, products: $products, state: REJECTED) {
      linksQueued
    }
  }
`)

const rejectedQuery = graphql(`
  query RejectedFor($id: ID!, $reason: String!, $after: String) {
    links(syncViewId: $id, rejectionReason: $reason, first: 250, after: $after) {
      pageInfo {
        hasNextPage
        endCursor
      }
      nodes {
        id
        product {
          id
        }
      }
    }
  }
`)

/** What is tried again: one product, all that were rejected for a reason, or whatever was rejected. */
type Rejected = { readonly productId: string } | { readonly reason: string } | 'ALL'

/** How many products one call takes. */
const mostAtOnce = 1_000

/** Sends what was rejected once more and says so: answers what went wrong, if anything did. */
export function useTryAgain(viewId: string) {
  const client = useClient()
  const { t } = useTexts()
  const [isBusy, setBusy] = useState(false)
  const tryAgain = async (rejected: Rejected): Promise<CombinedError | undefined> => {
    setBusy(true)
    try {
      notice(t.links.queued(await resend(client, viewId, rejected)))
      return undefined
    } catch (error) {
      if (error instanceof CombinedError) return error
      throw error
    } finally {
      setBusy(false)
    }
  }
  return { tryAgain, isBusy }
}

/** Answers how many are sent: what is not rejected any more is left out. */
async function resend(client: Client, viewId: string, rejected: Rejected): Promise<number> {
  if (rejected === 'ALL') return send(client, viewId, null)
  if ('productId' in rejected) return send(client, viewId, [rejected.productId])
  // All are found before the first is sent: a quick system may have rejected that again by then.
  const found = await findRejected(client, viewId, rejected.reason)
  let queued = 0
  for (let at = 0; at < found.length; at += mostAtOnce) queued += await send(client, viewId, found.slice(at, at + mostAtOnce))
  return queued
}

async function send(client: Client, viewId: string, productIds: readonly string[] | null): Promise<number> {
  const products = productIds === null ? null : productIds.map((id) => ({ id }))
  return dataOf(await client.mutation(againMutation, { id: viewId, products }).toPromise()).resendProducts.linksQueued
}

async function findRejected(client: Client, id: string, reason: string, after: string | null = null): Promise<readonly string[]> {
  const answer = await client.query(rejectedQuery, { id, reason, after }, { requestPolicy: 'network-only' }).toPromise()
  const { nodes, pageInfo } = dataOf(answer).links
  const found = nodes.map(({ product }) => product.id)
  return pageInfo.hasNextPage ? [...found, ...(await findRejected(client, id, reason, pageInfo.endCursor))] : found
}

function dataOf<Data>({ data, error }: Pick<OperationResult<Data>, 'data' | 'error'>): Data {
  if (data === undefined) throw error ?? new Error('neither data nor an error')
  return data
}
