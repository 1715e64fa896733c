import { Button, Group, Modal, Stack, Text } from '@mantine/core'
import type { CombinedError } from '@urql/core'
import { createContext, useCallback, useContext, useEffect, useState, type FormEvent, type ReactNode } from 'react'
import { useTexts } from '../text/language.tsx'
import { Problem } from './problem.tsx'

const CloseContext = createContext<() => void>(() => {})

/** What closes the dialog that one is in. */
export function useClose(): () => void {
  return useContext(CloseContext)
}

/** What is to have the focus when the dialog is gone: what opened it, or the button of the menu that it was chosen from, which has closed by then. */
function openerOfDialog(): HTMLElement | undefined {
  const menu = document.activeElement?.closest('[role="menu"]')
  const opener = menu ? document.querySelector(`[id="${menu.getAttribute('aria-labelledby') ?? ''}"]`) : document.activeElement
  return opener instanceof HTMLElement ? opener : undefined
}

/** Says something and asks something. Escape and a click beside it close it. */
export function Dialog({
  title,
  onClose,
  size = 'md',
  children,
}: {
  readonly title: string
  readonly onClose: () => void
  readonly size?: string
  readonly children: ReactNode
}) {
  const { t } = useTexts()
  // Mounted closed, opened at once, and closed before it goes: what had the focus before gets it back in the end.
  const [isOpen, setOpen] = useState(false)
  // oxlint-disable-next-line react/set-state-in-effect -- the second rendering is the point
  useEffect(() => setOpen(true), [])
  const close = useCallback(() => setOpen(false), [])
  const [opener] = useState(openerOfDialog)
  // Once it is gone, however long that takes: before, the focus is still in it.
  useEffect(
    () => () => {
      if (document.activeElement === document.body) opener?.focus()
    },
    [opener],
  )
  return (
    <Modal.Root opened={isOpen} onClose={close} onExitTransitionEnd={onClose} size={size}>
      <Modal.Overlay />
      <Modal.Content>
        {/* A dialog's head is no head of the page. */}
        <Modal.Header role="none">
          <Modal.Title fw={650} style={{ overflowWrap: 'anywhere' }}>
            {title}
          </Modal.Title>
          <Modal.CloseButton aria-label={t.common.close} />
        </Modal.Header>
        <Modal.Body>
          <CloseContext value={close}>{children}</CloseContext>
        </Modal.Body>
      </Modal.Content>
    </Modal.Root>
  )
}

interface FormProps {
  readonly submit: string
  /** Answers what went wrong, or STAY where there is more to show; otherwise the dialog closes. */
  readonly onSubmit: () => Promise<CombinedError | 'STAY' | undefined>
  readonly isDanger?: boolean
  readonly isReady?: boolean
  readonly cancel?: string
  readonly children: ReactNode
}

/** What a dialog asks, with its two buttons: nothing is done twice, and what goes wrong is said here. */
export function DialogForm({ submit, onSubmit, isDanger = false, isReady = true, cancel, children }: FormProps) {
  const { t } = useTexts()
  const close = useClose()
  const [isBusy, setBusy] = useState(false)
  const [error, setError] = useState<CombinedError>()
  const run = async (event: FormEvent): Promise<void> => {
    event.preventDefault()
    if (isBusy || !isReady) return
    setBusy(true)
    const outcome = await onSubmit()
    setBusy(false)
    setError(outcome === 'STAY' ? undefined : outcome)
    if (outcome === undefined) close()
  }
  return (
    <form onSubmit={(event) => void run(event)} noValidate>
      <Stack gap="md">
        {children}
        {error && <Problem error={error} />}
        <Group justify="flex-end" gap="sm">
          <Button variant="default" onClick={close}>
            {cancel ?? t.common.cancel}
          </Button>
          <Button type="submit" {...(isDanger ? { color: 'red' } : {})} loading={isBusy} disabled={!isReady}>
            {submit}
          </Button>
        </Group>
      </Stack>
    </form>
  )
}

/** A dialog that only asks whether. */
export function Confirm({
  title,
  text,
  onClose,
  ...form
}: Omit<FormProps, 'children'> & { readonly title: string; readonly text: string; readonly onClose: () => void }) {
  return (
    <Dialog title={title} onClose={onClose}>
      <DialogForm {...form}>
        <Text size="sm">{text}</Text>
      </DialogForm>
    </Dialog>
  )
}
