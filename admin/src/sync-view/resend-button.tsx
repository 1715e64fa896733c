import { Button } from '@mantine/core'
import { IconSend } from '../parts/icons.tsx'
import { shareOf } from '../sync-views/standing.ts'
import type { View } from '../sync-views/view.ts'
import { useTexts } from '../text/language.tsx'

/** "Resend all products…"; while that runs it says how far it has come, to everybody. */
export function ResendButton({ view, onClick }: { readonly view: View; readonly onClick: () => void }) {
  const { t, f } = useTexts()
  const isRunning = view.resend?.state === 'RUNNING'
  const isFirst = view.resend === null
  return (
    <Button
      variant={isFirst ? 'filled' : 'light'}
      leftSection={<IconSend />}
      onClick={onClick}
      style={{ fontVariantNumeric: 'tabular-nums' }}
    >
      {isRunning && view.resend ? t.resend.running(f.percent(shareOf(view.resend))) : t.manage.resend}
    </Button>
  )
}
