/**
 * Remembers the revision of each entity that was stored, so that what is strictly older is dropped. Ids are unique over all streams. Keep one of your own where the
 * copy is in a database: `known` reads what is stored there, and `remember` may do nothing where the handler has written the revisions along with the copy.
 */
export interface RevisionMemory {
  /** The revisions that are known of these ids; ids without one are left out. */
  readonly known: (ids: readonly string[]) => ReadonlyMap<string, bigint> | Promise<ReadonlyMap<string, bigint>>
  /** These were stored, or removed, by the handler. */
  readonly remember: (revisions: ReadonlyMap<string, bigint>) => void | Promise<void>
}

/** A memory that lasts as long as the process and keeps the latest `most` entities. Of what it has forgotten nothing is dropped. */
export function boundedRevisions(most: number): RevisionMemory {
  const revisions = new Map<string, bigint>()
  return {
    known: (ids) => {
      const known = new Map<string, bigint>()
      for (const id of ids) {
        const revision = revisions.get(id)
        if (revision !== undefined) known.set(id, revision)
      }
      return known
    },
    remember: (latest) => {
      for (const [id, revision] of latest) {
        // Taken out and put in again, it is the youngest.
        revisions.delete(id)
        revisions.set(id, revision)
      }
      for (const id of revisions.keys()) {
        if (revisions.size <= most) return
        revisions.delete(id)
      }
    },
  }
}
