import { Badge } from '@mantine/core'
import type { ReactNode } from 'react'
import type { Urgency } from '../sync-views/standing.ts'
import { useTexts } from '../text/language.tsx'
import { IconAlert, IconCheck, IconClock, IconPause } from './icons.tsx'

const urgencyLook: Readonly<Record<Urgency, { readonly color: string; readonly icon: ReactNode }>> = {
  ACT: { color: 'orange', icon: <IconAlert size={14} /> },
  WAIT: { color: 'indigo', icon: <IconClock size={14} /> },
  GOOD: { color: 'green', icon: <IconCheck size={14} /> },
  OFF: { color: 'gray', icon: <IconPause size={14} /> },
}

/** In a word, a colour and a sign whether a view needs an admin. */
export function UrgencyBadge({ urgency }: { readonly urgency: Urgency }) {
  const { t } = useTexts()
  const { color, icon } = urgencyLook[urgency]
  return (
    <Badge variant="light" color={color} leftSection={icon} tt="none" size="lg" fw={600}>
      {t.urgency[urgency]}
    </Badge>
  )
}

const linkLook: Readonly<Record<string, { readonly color: string; readonly icon: ReactNode }>> = {
  IN_SYNC: { color: 'green', icon: <IconCheck size={14} /> },
  PENDING: { color: 'indigo', icon: <IconClock size={14} /> },
  REJECTED: { color: 'orange', icon: <IconAlert size={14} /> },
}

/** How a product stands at the other end. */
export function LinkBadge({ state, label }: { readonly state: string; readonly label: string }) {
  const look = linkLook[state]
  return (
    <Badge variant="light" color={look?.color ?? 'gray'} leftSection={look?.icon} tt="none" size="lg" fw={500} maw="100%">
      {label}
    </Badge>
  )
}
