import { Checkbox, Text, TextInput } from '@mantine/core'
import { useState } from 'react'
import { useMutation } from 'urql'
import { useLocation } from 'wouter'
import { graphql } from '../api/graphql.ts'
import { KeysDialog } from '../keys/keys-dialog.tsx'
import { Confirm, Dialog, DialogForm } from '../parts/dialog.tsx'
import { notice } from '../parts/notice.ts'
import type { View } from '../sync-views/view.ts'
import { useTexts } from '../text/language.tsx'
import { WhyDialog } from '../why/why-dialog.tsx'
import { DoorbellDialog } from './doorbell-dialog.tsx'
import { LinkDialog } from './link-dialog.tsx'
import { ResendDialog } from './resend-dialog.tsx'

/** What can be done with a view in a dialog. */
export type ManageAction = 'resend' | 'cancel' | 'link' | 'why' | 'keys' | 'doorbell' | 'rename' | 'auto-link' | 'delete' | 'pause-failed'

interface ActionProps {
  readonly view: View
  readonly onClose: () => void
}

export function ManageDialog({
  action,
  view,
  now,
  onClose,
  onChoose,
}: ActionProps & { readonly action: ManageAction; readonly now: Date; readonly onChoose: (action: ManageAction) => void }) {
  const { t } = useTexts()
  switch (action) {
    case 'resend':
      return <ResendDialog view={view} now={now} onClose={onClose} onCancelRun={() => onChoose('cancel')} onWhy={() => onChoose('why')} />
    case 'cancel':
      return <CancelDialog view={view} onClose={onClose} />
    case 'link':
      return <LinkDialog view={view} onClose={onClose} />
    case 'why':
      return <WhyDialog view={view} onClose={onClose} />
    case 'keys':
      return <KeysDialog user={view.user} onClose={onClose} />
    case 'doorbell':
      return <DoorbellDialog view={view} onClose={onClose} />
    case 'rename':
      return <RenameDialog view={view} onClose={onClose} />
    case 'auto-link':
      return <AutoLinkDialog view={view} onClose={onClose} />
    case 'delete':
      return <DeleteDialog view={view} onClose={onClose} />
    case 'pause-failed':
      return (
        <Dialog title={t.errors.title} onClose={onClose}>
          <Text>{t.errors.NETWORK}</Text>
        </Dialog>
      )
  }
}

const updateMutation = graphql(`
  mutation Update($id: ID!, $input: UpdateSyncViewInput!) {
    updateSyncView(id: $id, input: $input) {
      syncView {
        id
      }
    }
  }
`)

const cancelMutation = graphql(`
  mutation CancelResend($id: ID!) {
    cancelResend(syncViewId: $id) {
      resend {
        id
        state
      }
    }
  }
`)

function CancelDialog({ view, onClose }: ActionProps) {
  const { t } = useTexts()
  const [, cancel] = useMutation(cancelMutation)
  const submit = async () => {
    const { error } = await cancel({ id: view.id })
    if (error === undefined) notice(t.resend.cancelled)
    return error
  }
  return (
    <Confirm
      title={t.resend.cancelTitle}
      text={t.resend.cancelText}
      submit={t.resend.cancelConfirm}
      cancel={t.resend.cancelKeep}
      isDanger
      onSubmit={submit}
      onClose={onClose}
    />
  )
}

const longestName = 200

function RenameDialog({ view, onClose }: ActionProps) {
  const { t } = useTexts()
  const [, update] = useMutation(updateMutation)
  const [name, setName] = useState(view.name)
  const [system, setSystem] = useState(view.system ?? '')
  const isReady = name.trim() !== '' && name.length <= longestName && system.length <= longestName
  const submit = async () => (await update({ id: view.id, input: { name: name.trim(), system: system.trim() || null } })).error
  return (
    <Dialog title={t.manage.renameTitle} onClose={onClose}>
      <DialogForm submit={t.common.save} isReady={isReady} onSubmit={submit}>
        <TextInput
          data-autofocus
          label={t.manage.renameLabel}
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
          error={name.trim() === '' || name.length > longestName ? t.manage.nameRule : undefined}
        />
        <TextInput label={t.manage.renameSystem} value={system} onChange={(event) => setSystem(event.currentTarget.value)} />
      </DialogForm>
    </Dialog>
  )
}

function AutoLinkDialog({ view, onClose }: ActionProps) {
  const { t } = useTexts()
  const [, update] = useMutation(updateMutation)
  const [autoLink, setAutoLink] = useState(view.autoLink)
  const submit = async () => (await update({ id: view.id, input: { autoLink } })).error
  return (
    <Dialog title={t.manage.autoLinkTitle} onClose={onClose}>
      <DialogForm submit={t.common.save} onSubmit={submit}>
        <Checkbox
          data-autofocus
          label={t.manage.autoLinkLabel}
          description={t.manage.autoLinkHint}
          checked={autoLink}
          onChange={(event) => setAutoLink(event.currentTarget.checked)}
        />
      </DialogForm>
    </Dialog>
  )
}

const deleteMutation = graphql(`
  mutation DeleteView($id: ID!) {
    deleteSyncView(id: $id) {
      deletedId
    }
  }
`)

function DeleteDialog({ view, onClose }: ActionProps) {
  const { t } = useTexts()
  const [, remove] = useMutation(deleteMutation)
  const [, go] = useLocation()
  const [typed, setTyped] = useState('')
  // Nobody types 200 characters.
  const wanted = view.name.length > 40 ? view.name.slice(0, 10) : view.name
  const submit = async () => {
    const { error } = await remove({ id: view.id })
    if (error === undefined) {
      notice(t.manage.deleted(view.name))
      go('/sync-views')
    }
    return error
  }
  return (
    <Dialog title={t.manage.deleteTitle(view.name)} onClose={onClose}>
      <DialogForm submit={t.common.delete} isDanger isReady={typed.trim().toLowerCase() === wanted.trim().toLowerCase()} onSubmit={submit}>
        <Text size="sm">{t.manage.deleteText}</Text>
        <TextInput
          data-autofocus
          label={t.manage.deleteConfirm}
          placeholder={wanted}
          value={typed}
          onChange={(event) => setTyped(event.currentTarget.value)}
          autoComplete="off"
        />
      </DialogForm>
    </Dialog>
  )
}
