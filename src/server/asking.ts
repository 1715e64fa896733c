/** What `work` answers; undefined where it fails, or takes longer than `ms`. */
export async function within<Answer>(ms: number, work: Promise<Answer>): Promise<Answer | undefined> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<undefined>((resolve) => (timer = setTimeout(() => resolve(undefined), ms)))
  try {
    return await Promise.race([work.catch(() => undefined), late])
  } finally {
    clearTimeout(timer)
  }
}

/**
 * Asks no more often than `everyMs`, and never while it waits for an answer: however many want to know, and however long it takes, they take no more than one asker's
 * share of the database.
 */
export function atMostEvery<Answer>(everyMs: number, ask: () => Promise<Answer>): () => Promise<Answer> {
  let askedAt = 0
  let isWaiting = false
  let answer: Promise<Answer> | undefined
  const askNow = async (): Promise<Answer> => {
    isWaiting = true
    askedAt = Date.now()
    try {
      return await ask()
    } finally {
      isWaiting = false
    }
  }
  return () => {
    if (answer === undefined || (!isWaiting && Date.now() - askedAt >= everyMs)) answer = askNow()
    return answer
  }
}
