/** What the message of a step says, by name, as SyncStepValue has it. What a step does not say is empty. */
export interface StepValues {
  readonly view: string
  readonly title: string
  readonly sku: string
  readonly stream: string
  readonly place: string
  readonly total: string
  readonly revision: string
  readonly reason: string
}

/** What the steps of an explanation say in a language, by their codes. What is missing is said in the gateway's own words. */
export type StepTexts = Readonly<Record<string, (values: StepValues) => string>>
