import type { Config } from '../../config.ts'
import type { OpenDatabase } from '../../db/client.ts'

/** What is examined. */
export interface Examined {
  readonly config: Pick<Config, 'databaseUrl' | 'databaseDirectUrl' | 'poolSize'>
  readonly database: OpenDatabase
  /** Of this machine, in milliseconds. */
  readonly clock: () => number
  /** As Node says it: 20.19.0. */
  readonly nodeVersion: string
}

/** What a check has found. */
export interface Finding {
  readonly check: string
  /** `fail`: mend it. `warn`: look at it. `skipped`: it could not be asked. */
  readonly status: 'ok' | 'warn' | 'fail' | 'skipped'
  readonly found: string
  /** What to change, where something is to be changed. */
  readonly advice?: string
}

/** What a check answers. */
export type Verdict = Omit<Finding, 'check'>

export interface Check {
  readonly name: string
  readonly examine: (examined: Examined) => Verdict | Promise<Verdict>
}

export const ok = (found: string): Verdict => ({ status: 'ok', found })
export const warn = (found: string, advice: string): Verdict => ({ status: 'warn', found, advice })
export const fail = (found: string, advice: string): Verdict => ({ status: 'fail', found, advice })
