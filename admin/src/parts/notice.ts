import { notifications } from '@mantine/notifications'

/** Says in passing that something was done. */
export function notice(message: string): void {
  notifications.show({ message, color: 'green', autoClose: 6_000, withBorder: true })
}
