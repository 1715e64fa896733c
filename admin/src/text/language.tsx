import { createContext, useCallback, useContext, useEffect, useMemo, useState, type ReactNode } from 'react'
import { createEnglish, type Dictionary } from './en.ts'
import { createFormat, type Format } from './format.ts'
import { createSwedish } from './sv.ts'

export type Language = 'en' | 'sv'

/** Every language that there is: its own name of itself, how it writes numbers, and its words. */
const languages = {
  sv: { name: 'Svenska', locale: 'sv-SE', create: createSwedish },
  en: { name: 'English', locale: 'en-GB', create: createEnglish },
} as const satisfies Record<Language, { readonly name: string; readonly locale: string; readonly create: (format: Format) => Dictionary }>

export const languageNames: readonly { readonly value: Language; readonly label: string }[] = [
  { value: 'sv', label: languages.sv.name },
  { value: 'en', label: languages.en.name },
]

/** A language, its words and its ways of writing numbers. */
export interface Texts {
  readonly language: Language
  readonly choose: (language: Language) => void
  readonly t: Dictionary
  readonly f: Format
}

const storageName = 'synkvy-language'

/** What was chosen here before, or else what the browser is set to. */
function firstLanguage(): Language {
  const wanted = [localStorage.getItem(storageName) ?? '', ...navigator.languages]
  const found = wanted.map((one) => one.slice(0, 2)).find((one) => one === 'sv' || one === 'en')
  return found ?? 'en'
}

const TextsContext = createContext<Texts | undefined>(undefined)

export function LanguageProvider({ children }: { readonly children: ReactNode }) {
  const [language, setLanguage] = useState(firstLanguage)
  const choose = useCallback((chosen: Language) => {
    localStorage.setItem(storageName, chosen)
    setLanguage(chosen)
  }, [])
  const texts = useMemo(() => {
    const { locale, create } = languages[language]
    const f = createFormat(locale)
    return { language, choose, t: create(f), f }
  }, [language, choose])
  useEffect(() => {
    document.documentElement.lang = language
  }, [language])
  return <TextsContext value={texts}>{children}</TextsContext>
}

/** The words (`t`) and the ways of writing numbers and moments (`f`) of the language that was chosen. */
export function useTexts(): Texts {
  const texts = useContext(TextsContext)
  if (texts === undefined) throw new Error('outside LanguageProvider')
  return texts
}
