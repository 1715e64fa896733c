import { useQuery } from 'urql'
import { graphql } from '../api/graphql.ts'
import { Dialog } from '../parts/dialog.tsx'
import { Placeholder } from '../parts/page.tsx'
import { Problem } from '../parts/problem.tsx'
import { useTexts } from '../text/language.tsx'
import { KeysList } from './keys-list.tsx'
import { userFragment } from './user.ts'
import { useKeyWords } from './words.ts'

const userQuery = graphql(
  `
    query UserKeys($id: ID!) {
      node(id: $id) {
        __typename
        ... on User {
          ...UserWithKeys
        }
      }
    }
  `,
  [userFragment],
)

/** The keys of one user. */
export function KeysDialog({
  user,
  onClose,
}: {
  readonly user: { readonly id: string; readonly name: string }
  readonly onClose: () => void
}) {
  const k = useKeyWords()
  return (
    <Dialog title={k.dialogTitle(user.name)} onClose={onClose} size="lg">
      <Keys userId={user.id} />
    </Dialog>
  )
}

function Keys({ userId }: { readonly userId: string }) {
  const { t } = useTexts()
  const [{ data, error }, ask] = useQuery({ query: userQuery, variables: { id: userId }, requestPolicy: 'cache-and-network' })
  const reread = (): void => ask({ requestPolicy: 'network-only' })
  if (error) return <Problem error={error} onRetry={reread} />
  if (data?.node?.__typename !== 'User') return <Placeholder label={t.common.loading} height={48} />
  return <KeysList user={data.node} isSelf={false} onChange={reread} />
}
