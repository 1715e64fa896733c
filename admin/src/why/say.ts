import type { Dictionary } from '../text/en.ts'

/** A step of a way, as the gateway tells it. */
export interface Step {
  readonly code: string
  readonly ok: boolean
  readonly message: string
  readonly values: readonly { readonly name: string; readonly value: string }[]
}

/** In the language that was chosen where it knows the step, otherwise as the gateway says it. */
export function sayStep({ code, message, values }: Step, t: Dictionary): string {
  const value = (name: string): string => values.find((one) => one.name === name)?.value ?? ''
  const text = t.why.steps[code]
  if (text === undefined) return message
  return text({
    view: value('view'),
    title: value('title'),
    sku: value('sku'),
    stream: value('stream'),
    place: value('place'),
    total: value('total'),
    revision: value('revision'),
    reason: value('reason'),
  })
}

/** What comes of a way: what is said of the step that it stops at, or that it stops at none, while the view is in `state`. */
export function sayVerdict(
  { verdict, steps }: { readonly verdict: string; readonly steps: readonly Step[] },
  state: string,
  t: Dictionary,
): string {
  const failed = steps.find(({ ok }) => !ok)
  if (failed !== undefined) return sayStep(failed, t)
  const values = steps.flatMap((step) => step.values)
  const [title, view] = ['title', 'view'].map((name) => values.find((one) => one.name === name)?.value)
  return t.why.inSyncVerdict(title ?? '', view ?? '', state) ?? verdict
}
