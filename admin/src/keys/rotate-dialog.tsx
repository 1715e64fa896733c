import { NativeSelect, Text } from '@mantine/core'
import { useState } from 'react'
import { useMutation } from 'urql'
import { graphql } from '../api/graphql.ts'
import { Dialog, DialogForm } from '../parts/dialog.tsx'
import { ShownOnce } from './shown-once.tsx'
import type { ApiKey } from './user.ts'
import { useKeyWords } from './words.ts'

const rotateMutation = graphql(`
  mutation Rotate($id: ID!, $overlapHours: Int!) {
    rotateApiKey(id: $id, overlapHours: $overlapHours) {
      secret
      apiKey {
        id
      }
      replaced {
        id
        expiresAt
        revokedAt
      }
    }
  }
`)

interface RotateProps {
  readonly apiKey: ApiKey
  /** Whether it is a key of whoever is signed in. */
  readonly isSelf: boolean
  readonly onMade: () => void
  readonly onClose: () => void
}

/** Makes a key in the place of one that is good for a while longer. */
export function RotateDialog({ apiKey, isSelf, onMade, onClose }: RotateProps) {
  const k = useKeyWords()
  const [, rotate] = useMutation(rotateMutation)
  const [hours, setHours] = useState('24')
  const [secret, setSecret] = useState<string>()
  const submit = async () => {
    const { data, error } = await rotate({ id: apiKey.id, overlapHours: Number(hours) })
    if (error) return error
    setSecret(data?.rotateApiKey.secret)
    onMade()
    return 'STAY'
  }
  return (
    <Dialog title={k.rotateTitle(apiKey.prefix)} onClose={onClose}>
      {secret === undefined ? (
        <DialogForm submit={k.rotateConfirm} onSubmit={submit}>
          <Text size="sm">{k.rotateText}</Text>
          <NativeSelect
            label={k.overlapLabel}
            value={hours}
            onChange={(event) => setHours(event.currentTarget.value)}
            data={Object.entries(k.overlaps).map(([value, label]) => ({ value, label }))}
          />
          {isSelf && <Text size="sm">{k.rotateSelf}</Text>}
        </DialogForm>
      ) : (
        <ShownOnce secret={secret} />
      )}
    </Dialog>
  )
}
