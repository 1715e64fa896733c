import { Button, Menu } from '@mantine/core'
import { useMutation } from 'urql'
import { graphql } from '../api/graphql.ts'
import {
  IconBell,
  IconBox,
  IconChevron,
  IconKey,
  IconLink,
  IconPause,
  IconPen,
  IconPlay,
  IconQuestion,
  IconSend,
  IconTrash,
} from '../parts/icons.tsx'
import { notice } from '../parts/notice.ts'
import type { View } from '../sync-views/view.ts'
import { useTexts } from '../text/language.tsx'
import type { ManageAction } from './manage-dialogs.tsx'

const pauseMutation = graphql(`
  mutation Pause($id: ID!, $paused: Boolean!) {
    updateSyncView(id: $id, input: { paused: $paused }) {
      syncView {
        id
      }
    }
  }
`)

/** Everything that an admin can do with a view. */
export function ManageMenu({ view, onChoose }: { readonly view: View; readonly onChoose: (action: ManageAction) => void }) {
  const { t } = useTexts()
  const [, pause] = useMutation(pauseMutation)
  const isPaused = view.state === 'PAUSED'
  const toggle = async (): Promise<void> => {
    const { error } = await pause({ id: view.id, paused: !isPaused })
    if (error) onChoose('pause-failed')
    else notice(isPaused ? t.manage.wentOn(view.name) : t.manage.paused(view.name))
  }
  return (
    <Menu position="bottom-end" width={250} shadow="md" withinPortal={false} withInitialFocusPlaceholder={false}>
      <Menu.Target>
        <Button variant="default" rightSection={<IconChevron size={16} />}>
          {t.manage.button}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item leftSection={<IconSend />} onClick={() => onChoose('resend')}>
          {t.manage.resend}
        </Menu.Item>
        <Menu.Item leftSection={<IconLink />} onClick={() => onChoose('link')}>
          {t.manage.link}
        </Menu.Item>
        <Menu.Item leftSection={<IconQuestion />} onClick={() => onChoose('why')}>
          {t.manage.why}
        </Menu.Item>
        <Menu.Item leftSection={isPaused ? <IconPlay /> : <IconPause />} onClick={() => void toggle()}>
          {isPaused ? t.manage.goOn : t.manage.pause}
        </Menu.Item>
        <Menu.Divider />
        <Menu.Item leftSection={<IconBox />} onClick={() => onChoose('auto-link')}>
          {t.manage.autoLink}
        </Menu.Item>
        <Menu.Item leftSection={<IconKey />} onClick={() => onChoose('keys')}>
          {t.manage.keys}
        </Menu.Item>
        <Menu.Item leftSection={<IconBell />} onClick={() => onChoose('doorbell')}>
          {t.manage.doorbell}
        </Menu.Item>
        <Menu.Item leftSection={<IconPen />} onClick={() => onChoose('rename')}>
          {t.manage.rename}
        </Menu.Item>
        <Menu.Divider />
        <Menu.Item leftSection={<IconTrash />} c="var(--mantine-color-error)" onClick={() => onChoose('delete')}>
          {t.manage.delete}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  )
}
