/** The value below which this part of the numbers lies, 0 to 1. */
export function quantile(numbers: readonly number[], part: number): number {
  const sorted = numbers.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? Number.NaN
}

export function median(numbers: readonly number[]): number {
  return quantile(numbers, 0.5)
}

/** One figure of each contender, a number a round: rounds are taken in turns, so that what disturbs the machine disturbs all. */
export type Rounds = Readonly<Record<string, readonly number[]>>

/** Runs the contenders one after another, round after round. */
export async function inTurns<Name extends string>(
  contenders: Readonly<Record<Name, () => Promise<Readonly<Record<string, number>>>>>,
  rounds: number,
): Promise<ReadonlyMap<string, Rounds>> {
  const figures = new Map<string, Record<string, number[]>>()
  for (let round = 0; round < rounds; round += 1) {
    for (const [name, measure] of Object.entries<() => Promise<Readonly<Record<string, number>>>>(contenders)) {
      for (const [figure, value] of Object.entries(await measure())) {
        const byContender = figures.get(figure) ?? {}
        byContender[name] = [...(byContender[name] ?? []), value]
        figures.set(figure, byContender)
      }
    }
  }
  return figures
}

/** The ratio of two contenders, round by round: its median, and the spread from the smallest to the largest. */
export function ratio(
  of: readonly number[],
  to: readonly number[],
): { readonly median: number; readonly from: number; readonly to: number } {
  const ratios = of.map((value, round) => value / (to[round] ?? Number.NaN))
  return { median: median(ratios), from: Math.min(...ratios), to: Math.max(...ratios) }
}
