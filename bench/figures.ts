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

/** Measures one contender once: what it came to, figure by figure. */
export type Measure = () => Promise<Readonly<Record<string, number>>>

/** Runs the contenders one after another, round after round; one that is undefined cannot run here. */
export async function inTurns(
  contenders: Readonly<Record<string, Measure | undefined>>,
  rounds: number,
): Promise<ReadonlyMap<string, Rounds>> {
  const taken: ReadonlyMap<string, Rounds>[] = []
  for (let round = 0; round < rounds; round += 1) {
    for (const [name, measure] of Object.entries(contenders)) {
      const figures = Object.entries((await measure?.()) ?? {})
      taken.push(new Map(figures.map(([figure, value]) => [figure, { [name]: [value] }])))
    }
  }
  return joinRounds(taken)
}

/** The ratio of two contenders, round by round: its median, and the spread from the smallest to the largest. */
export function ratio(
  of: readonly number[],
  to: readonly number[],
): { readonly median: number; readonly from: number; readonly to: number } {
  const ratios = of.map((value, round) => value / (to[round] ?? Number.NaN))
  return { median: median(ratios), from: Math.min(...ratios), to: Math.max(...ratios) }
}

/** What was measured in parts, as one. */
export function joinRounds(parts: readonly ReadonlyMap<string, Rounds>[]): ReadonlyMap<string, Rounds> {
  const figures = new Map<string, Record<string, readonly number[]>>()
  for (const part of parts) {
    for (const [figure, byContender] of part) {
      const joined = figures.get(figure) ?? {}
      for (const [name, numbers] of Object.entries(byContender)) joined[name] = [...(joined[name] ?? []), ...numbers]
      figures.set(figure, joined)
    }
  }
  return figures
}
