/** How numbers, moments and durations are written in a language. */
export interface Format {
  readonly number: (value: number) => string
  /** 1 204, or 10 000+ where there are more than anybody has counted. */
  readonly count: (counted: { readonly pending: number; readonly isMore: boolean }) => string
  /** 0.62 → 62 %. */
  readonly percent: (share: number) => string
  /** 09:12 for today, else with its date. */
  readonly moment: (at: Date | string, now?: Date) => string
  /** With its date, whatever day it is. */
  readonly dateTime: (at: Date | string) => string
  readonly clock: (at: Date | string) => string
  /** 3 seconds ago. Never in the future: clocks differ a little. */
  readonly ago: (at: Date | string, now: Date) => string
  /** 3 s: how long it has been. */
  readonly age: (at: Date | string, now: Date) => string
  /** 4 minutes: rounded to what one can plan with. */
  readonly duration: (seconds: number) => string
  /** 240 ms, 1.2 s, 3 min. */
  readonly lag: (ms: number) => string
  readonly money: (amount: string, currency: string) => string
  /** At most so many characters: of a long name its beginning. */
  readonly shorten: (text: string, most?: number) => string
  /** a, b and c. */
  readonly list: (items: readonly string[]) => string
}

/** In English and in Swedish, as short as people write them, which Intl's words are not. */
const units = [
  ['d', 'd', 86_400],
  ['h', 'tim', 3_600],
  ['min', 'min', 60],
  ['s', 's', 1],
] as const

export function createFormat(locale: string): Format {
  const numbers = new Intl.NumberFormat(locale)
  const percents = new Intl.NumberFormat(locale, { style: 'percent', maximumFractionDigits: 0 })
  const lists = new Intl.ListFormat(locale)
  const clock = new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit' })
  const day = new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' })
  const unit = (value: number, name: string, digits = 0) =>
    new Intl.NumberFormat(locale, { style: 'unit', unit: name, unitDisplay: 'long', maximumFractionDigits: digits }).format(value)
  const short = (value: number, name: string, digits: number) =>
    new Intl.NumberFormat(locale, { style: 'unit', unit: name, unitDisplay: 'short', maximumFractionDigits: digits }).format(value)
  const isSwedish = locale.startsWith('sv')
  const age = (at: Date | string, now: Date): string => {
    const seconds = Math.max(0, (now.getTime() - new Date(at).getTime()) / 1000)
    const [inEnglish, inSwedish, size] = units.find(([, , size]) => seconds >= size) ?? units[3]
    return `${numbers.format(Math.floor(seconds / size))} ${isSwedish ? inSwedish : inEnglish}`
  }
  return {
    number: (value) => numbers.format(value),
    count: ({ pending, isMore }) => `${numbers.format(pending)}${isMore ? '+' : ''}`,
    // Never 100 before the end.
    percent: (share) => percents.format(share < 1 ? Math.min(share, 0.99) : 1),
    moment: (at, now = new Date()) => (isSameDay(new Date(at), now) ? clock : day).format(new Date(at)),
    dateTime: (at) => day.format(new Date(at)),
    clock: (at) => clock.format(new Date(at)),
    ago: (at, now) => (isSwedish ? `för ${age(at, now)} sedan` : `${age(at, now)} ago`),
    age,
    duration: (seconds) => {
      if (seconds < 10) return unit(Math.max(1, Math.round(seconds)), 'second')
      if (seconds < 55) return unit(Math.round(seconds / 5) * 5, 'second')
      if (seconds < 5_400) return unit(Math.max(1, Math.round(seconds / 60)), 'minute')
      return unit(seconds / 3_600, 'hour', 1)
    },
    lag: (ms) => {
      if (ms < 1_000) return `${numbers.format(Math.round(ms))} ms`
      if (ms < 60_000) return short(ms / 1_000, 'second', 1)
      return ms < 3_600_000 ? short(ms / 60_000, 'minute', 0) : short(ms / 3_600_000, 'hour', 1)
    },
    money: (amount, currency) => new Intl.NumberFormat(locale, { style: 'currency', currency }).format(Number(amount)),
    shorten: (text, most = 80) => (text.length <= most ? text : `${text.slice(0, most - 1).trimEnd()}…`),
    list: (items) => lists.format(items),
  }
}

function isSameDay(a: Date, b: Date): boolean {
  return a.toDateString() === b.toDateString()
}
