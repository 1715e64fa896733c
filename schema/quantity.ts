const greatest = 2 ** 31 - 1

/** Units as GraphQL's Int can show them: what lies beyond it, which is a sum or a difference of absurd quantities, is shown as its end. */
export function shownQuantity(units: number): number {
  return Math.max(-greatest, Math.min(greatest, units))
}
