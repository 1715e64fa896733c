import { Button, Group, Stack, Text, TextInput } from '@mantine/core'
import { useState } from 'react'
import { useMutation, useSubscription } from 'urql'
import { graphql, type ResultOf } from '../api/graphql.ts'
import { Dialog, DialogForm, useClose } from '../parts/dialog.tsx'
import { IconAlert, IconCheck } from '../parts/icons.tsx'
import { useNow } from '../parts/now.ts'
import { Secret } from '../parts/secret.tsx'
import type { View } from '../sync-views/view.ts'
import type { Dictionary } from '../text/en.ts'
import type { Format } from '../text/format.ts'
import { useTexts } from '../text/language.tsx'

const doorbellMutation = graphql(`
  mutation SetDoorbell($id: ID!, $url: String) {
    updateSyncView(id: $id, input: { doorbellUrl: $url }) {
      doorbellSecret
      syncView {
        id
      }
    }
  }
`)

const doorbellSubscription = graphql(`
  subscription Doorbell($id: ID!) {
    syncViewStatus(syncViewId: $id) {
      id
      doorbell {
        lastRungAt
        lastStatus
        lastError
        attempts
        nextAttemptAt
      }
    }
  }
`)
type Doorbell = NonNullable<ResultOf<typeof doorbellSubscription>['syncViewStatus']['doorbell']>

/** Where to call when something waits, how that went last, and, when it is set, its secret, this once. */
export function DoorbellDialog({ view, onClose }: { readonly view: View; readonly onClose: () => void }) {
  const { t } = useTexts()
  const [secret, setSecret] = useState<string>()
  return (
    <Dialog title={t.manage.doorbellTitle} onClose={onClose} size="lg">
      {secret === undefined ? <DoorbellForm view={view} onSecret={setSecret} /> : <NewSecret secret={secret} />}
    </Dialog>
  )
}

function DoorbellForm({ view, onSecret }: { readonly view: View; readonly onSecret: (secret: string) => void }) {
  const { t } = useTexts()
  const [, update] = useMutation(doorbellMutation)
  const [url, setUrl] = useState(view.doorbellUrl ?? '')
  const wanted = url.trim()
  const isAddress = wanted === '' || (/^https?:\/\//.test(wanted) && URL.canParse(wanted))
  const submit = async () => {
    const { data, error } = await update({ id: view.id, url: wanted === '' ? null : wanted })
    const secret = data?.updateSyncView.doorbellSecret ?? undefined
    if (secret !== undefined) onSecret(secret)
    // A new secret is shown before the dialog goes.
    return error ?? (secret === undefined ? undefined : 'STAY')
  }
  return (
    <DialogForm submit={t.common.save} isReady={isAddress && wanted !== (view.doorbellUrl ?? '')} onSubmit={submit}>
      <Text size="sm">{t.manage.doorbellText}</Text>
      <TextInput
        data-autofocus
        type="url"
        label={t.manage.doorbellLabel}
        value={url}
        onChange={(event) => setUrl(event.currentTarget.value)}
        error={isAddress ? undefined : t.manage.doorbellRule}
      />
      {view.doorbellUrl !== null && <LastRing viewId={view.id} />}
    </DialogForm>
  )
}

/** How it went when it was last rung, as that changes. */
function LastRing({ viewId }: { readonly viewId: string }) {
  const { t, f } = useTexts()
  const now = useNow()
  const [{ data }] = useSubscription({ query: doorbellSubscription, variables: { id: viewId } })
  const doorbell = data?.syncViewStatus.doorbell
  if (doorbell === undefined || doorbell === null) return null
  const isWell = doorbell.lastError === null
  return (
    <Group gap="xs" wrap="nowrap" align="start" role="status" data-doorbell={doorbell.lastStatus ?? ''}>
      {doorbell.lastRungAt !== null && (
        <Text span c={isWell ? 'green' : 'orange'} lh={1}>
          {isWell ? <IconCheck /> : <IconAlert />}
        </Text>
      )}
      <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
        {ringText(doorbell, now, t, f)}
      </Text>
    </Group>
  )
}

function ringText({ lastRungAt, lastStatus, lastError, attempts, nextAttemptAt }: Doorbell, now: Date, t: Dictionary, f: Format): string {
  if (lastRungAt === null) return t.doorbell.never
  const ago = f.ago(lastRungAt, now)
  const result =
    lastError === null ? t.doorbell.answered(ago, lastStatus) : t.doorbell.failed(ago, lastStatus === null ? lastError : String(lastStatus))
  const next = nextAttemptAt === null ? '' : ` ${t.doorbell.next(f.moment(nextAttemptAt, now))}`
  return `${result}${attempts > 1 ? ` ${t.doorbell.attempts(attempts)}` : ''}${next}`
}

function NewSecret({ secret }: { readonly secret: string }) {
  const { t } = useTexts()
  const close = useClose()
  return (
    <Stack>
      <Text size="sm">{t.manage.doorbellSecret}</Text>
      <Secret label={t.manage.doorbellTitle} value={secret} />
      <Group justify="flex-end">
        <Button variant="default" onClick={close}>
          {t.common.close}
        </Button>
      </Group>
    </Stack>
  )
}
