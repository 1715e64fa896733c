import { Checkbox, Stack, Text, TextInput } from '@mantine/core'
import { useState } from 'react'
import { useMutation } from 'urql'
import { Dialog, DialogForm } from '../parts/dialog.tsx'
import { ShownOnce } from './shown-once.tsx'
import { createKeyMutation, keyScopes, type UserWithKeys } from './user.ts'
import { useKeyWords } from './words.ts'

interface NewKeyProps {
  readonly user: UserWithKeys
  readonly onMade: () => void
  readonly onClose: () => void
}

/** Makes a key: for a system with what it may write, and for anybody with whence it may be used. */
export function NewKeyDialog({ user, onMade, onClose }: NewKeyProps) {
  const k = useKeyWords()
  const [, create] = useMutation(createKeyMutation)
  const [chosen, setChosen] = useState<readonly string[]>(keyScopes)
  const [addresses, setAddresses] = useState('')
  const [secret, setSecret] = useState<string>()
  const submit = async () => {
    const scopes = keyScopes.filter((scope) => chosen.includes(scope))
    const networks = addresses.split(/[\s,;]+/).filter((text) => text !== '')
    const { data, error } = await create({
      userId: user.id,
      // Everything is also what is yet to come.
      scopes: scopes.length === keyScopes.length ? null : scopes,
      addresses: networks.length === 0 ? null : networks,
    })
    if (error) return error
    setSecret(data?.createApiKey.secret)
    onMade()
    return 'STAY'
  }
  return (
    <Dialog title={k.newKeyTitle(user.name)} onClose={onClose}>
      {secret === undefined ? (
        <DialogForm submit={k.create} onSubmit={submit}>
          <Text size="sm">{k.newKeyText}</Text>
          {user.kind !== 'ADMIN' && (
            <Checkbox.Group label={k.scopesLabel} description={k.scopesHint} value={[...chosen]} onChange={setChosen}>
              <Stack gap="xs" mt="xs">
                {keyScopes.map((scope) => (
                  <Checkbox key={scope} value={scope} label={k.scopes[scope]} />
                ))}
              </Stack>
            </Checkbox.Group>
          )}
          <TextInput
            label={k.addressesLabel}
            description={k.addressesHint}
            value={addresses}
            onChange={(event) => setAddresses(event.currentTarget.value)}
          />
        </DialogForm>
      ) : (
        <ShownOnce secret={secret} />
      )}
    </Dialog>
  )
}
