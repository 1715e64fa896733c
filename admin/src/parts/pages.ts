import { useCallback, useEffect, useRef, useState } from 'react'

/** A list that is read a page at a time: which pages are asked for. They begin anew whenever `key` changes. */
export function usePages(key: string): { readonly cursors: readonly (string | null)[]; readonly more: (after: string) => void } {
  const [pages, setPages] = useState<{ readonly key: string; readonly cursors: readonly (string | null)[] }>({ key, cursors: [null] })
  const cursors = pages.key === key ? pages.cursors : [null]
  const more = useCallback(
    (after: string) => setPages((before) => ({ key, cursors: [...(before.key === key ? before.cursors : [null]), after] })),
    [key],
  )
  return { cursors, more }
}

/** What was typed, once it has rested for a moment. */
export function useRested<Value>(value: Value, ms = 250): Value {
  const [rested, setRested] = useState(value)
  useEffect(() => {
    const timer = setTimeout(() => setRested(value), ms)
    return () => clearTimeout(timer)
  }, [value, ms])
  return rested
}

/** Reads again whenever what it depends on has another face than before. */
export function useReread(face: unknown, reread: () => void): void {
  const seen = useRef(face)
  useEffect(() => {
    if (Object.is(seen.current, face)) return
    seen.current = face
    reread()
  }, [face, reread])
}
