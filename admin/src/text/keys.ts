import type { Format } from './format.ts'

const plural = (count: number, one: string, many: string): string => (count === 1 ? one : many)

/** The words for keys. They are not among the others, for they are not needed at first; sv-keys.ts says the same in Swedish. */
export function createEnglishKeys(f: Format) {
  return {
    title: 'Keys',
    intro: 'Who may use the API: the admins of the shop, and the systems. Every key can be revoked by itself.',
    admins: 'Admins',
    systems: 'Systems',
    addAdmin: 'New admin…',
    addAdminTitle: 'New admin',
    addAdminText: 'An admin may do everything here. The key is shown once; give it to nobody else.',
    nameLabel: 'Name',
    create: 'Make the key',
    newKey: 'New key',
    newKeyFor: (name: string) => `New key for ${name}`,
    revoke: 'Revoke…',
    revokeKey: (prefix: string) => `Revoke ${prefix}…`,
    revokeTitle: (prefix: string) => `Revoke ${prefix}…?`,
    revokeText: 'Whoever uses it is shut out within a second. It cannot be undone. Give a new key first where the system should go on.',
    revokeConfirm: 'Revoke it',
    expires: (at: string) => `good until ${at}`,
    used: (ago: string) => `last used ${ago}`,
    unused: 'never used',
    made: (at: string) => `made ${at}`,
    noKeys: 'no key',
    you: 'you',
    view: 'Sync view',
    noView: 'no sync view yet',
    deleteUser: 'Delete…',
    deleteUserNamed: (name: string) => `Delete ${name}…`,
    deleteTitle: (name: string) => `Delete ${name}?`,
    deleteText: 'The user goes with all its keys. Whoever uses them is shut out within a second.',
    deleted: (name: string) => `${name} is deleted.`,
    ended: (count: number) => `${f.number(count)} that ${plural(count, 'is', 'are')} no longer good`,
    once: 'Shown this once. Copy it now.',
    dialogTitle: (name: string) => `Keys of ${name}`,
    newKeyTitle: (name: string) => `New key for ${name}`,
    newKeyText: 'The key is shown once.',
    scopesLabel: 'What it may write',
    scopesHint: 'Whatever is chosen, the system may read and follow its sync view.',
    scopes: {
      CATALOGUE: 'Products',
      STOCK: 'Stock',
      ORDERS: 'Orders',
      CUSTOMERS: 'Customers',
    } as Record<string, string>,
    writes: (scopes: readonly string[]) => (scopes.length === 0 ? 'writes nothing' : `writes ${f.list(scopes).toLowerCase()} alone`),
    addressesLabel: 'Only from these addresses',
    addressesHint: 'Leave it empty for anywhere. Several are separated by commas: 203.0.113.7, 10.1.0.0/16.',
    onlyFrom: (addresses: readonly string[]) => `only from ${f.list(addresses)}`,
    rotate: 'Rotate…',
    rotateKey: (prefix: string) => `Rotate ${prefix}…`,
    rotateTitle: (prefix: string) => `Rotate ${prefix}…`,
    rotateText:
      'Makes a new key that is good for the same. The old one is good for a while longer, so that nothing stops while the system is given the new one.',
    rotateSelf: 'If you are signed in with this key you are signed out when it ends.',
    overlapLabel: 'The old key is good for',
    overlaps: { 0: 'no longer: it ends now', 1: 'an hour', 24: 'a day', 168: 'a week', 720: '30 days' } as Record<number, string>,
    rotateConfirm: 'Make the new key',
  }
}

export type KeyWords = ReturnType<typeof createEnglishKeys>
