import { readFile, writeFile } from 'node:fs/promises'
import { arch, cpus, release, totalmem } from 'node:os'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import dependencies from '../package.json' with { type: 'json' }
import type { Figures } from './targets.ts'

const file = fileURLToPath(new URL('result.json', import.meta.url))

const table = z.object({
  title: z.string(),
  /** The contender that the others are held against. */
  against: z.string(),
  measuredAt: z.string(),
  /** The whole question, or a look at less of it. */
  scale: z.enum(['smoke', 'quick', 'full']),
  tookSeconds: z.number(),
  machine: z.string(),
  figures: z.record(
    z.string(),
    z.record(
      z.string(),
      z.array(
        z
          .number()
          .nullable()
          .transform((value) => value ?? Number.NaN),
      ),
    ),
  ),
})
const result = z.record(z.string(), table)

/** What was measured of one table, when and where. */
export type MeasuredTable = Readonly<Omit<z.infer<typeof table>, 'figures'>> & { readonly figures: Figures }
/** All tables, by name: each as it was measured last. */
export type Result = Readonly<Record<string, MeasuredTable>>

async function readResult(): Promise<Result> {
  return result.parse(JSON.parse(await readFile(file, 'utf8').catch(() => '{}')))
}

/** Puts what was measured beside what was measured before, so that a run may take the questions in parts. */
export async function mergeIntoResult(measured: Result): Promise<Result> {
  const merged = { ...(await readResult()), ...measured }
  await writeFile(
    file,
    `${JSON.stringify(merged, (_key, value: unknown) => (typeof value === 'number' ? Number(value.toPrecision(5)) : value), 1)}\n`,
  )
  return merged
}

export function describeMachine(): string {
  const [cpu] = cpus()
  const memory = Math.round(totalmem() / 2 ** 30)
  const postgres = Object.values(dependencies.optionalDependencies)[0] ?? 'unknown'
  return `${cpus().length} cores (${cpu?.model.trim() ?? 'unknown'}), ${memory} GiB, Linux ${release()} ${arch()}, Node ${process.version}, embedded Postgres ${postgres}`
}
