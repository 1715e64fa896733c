import { useMemo } from 'react'
import { createEnglishKeys, type KeyWords } from '../text/keys.ts'
import { useTexts } from '../text/language.tsx'
import { createSwedishKeys } from '../text/sv-keys.ts'

const create = { en: createEnglishKeys, sv: createSwedishKeys }

/** The words for keys, in the language that was chosen. */
export function useKeyWords(): KeyWords {
  const { language, f } = useTexts()
  return useMemo(() => create[language](f), [language, f])
}
