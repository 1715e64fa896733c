import { openForCommand } from '../../database.ts'
import { readConfig } from '../../config.ts'
import { createLog } from '../../log.ts'
import { print } from '../options.ts'
import { inbox, lag, migrations, sequencer, triggers } from './engine.ts'
import { fail, type Check, type Examined, type Finding, type Verdict } from './examine.ts'
import { clock, connections, directUrl, durability, node, pooler, postgres, rights, slots, wall } from './setup.ts'

const ofDatabase: readonly Check[] = [
  postgres,
  directUrl,
  pooler,
  rights,
  wall,
  connections,
  clock,
  durability,
  slots,
  migrations,
  triggers,
  sequencer,
  inbox,
  lag,
]

/** Examines everything, one after the other. A database that does not answer is found once. */
export async function examine(examined: Examined): Promise<readonly Finding[]> {
  const findings: Finding[] = [{ check: node.name, ...(await node.examine(examined)) }]
  try {
    await examined.database.sql`SELECT 1`
    findings.push({ check: 'database', status: 'ok', found: 'answers' })
  } catch (error) {
    const advice =
      'Start it, or mend DATABASE_URL: host, port, user, password, database, and whether the network lets this machine through.'
    findings.push({ check: 'database', ...fail(`The database does not answer: ${reasonOf(error)}.`, advice) })
    return [
      ...findings,
      ...ofDatabase.map(({ name }): Finding => ({ check: name, status: 'skipped', found: 'the database does not answer' })),
    ]
  }
  for (const check of ofDatabase) findings.push({ check: check.name, ...(await ask(check, examined)) })
  return findings
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

async function ask(check: Check, examined: Examined): Promise<Verdict> {
  try {
    return await check.examine(examined)
  } catch (error) {
    // Such as what asks of tables that are not there: the check of what is missing says what to do.
    return { status: 'skipped', found: reasonOf(error) }
  }
}

const marks = { ok: 'ok  ', warn: 'LOOK', fail: 'FAIL', skipped: '-   ' } as const

/** `synkvy doctor`: examines the set-up, changes nothing. Exit status: 0 nothing to mend, 2 something is, 1 it could not be examined. */
export async function doctor(options: { readonly json?: boolean }): Promise<void> {
  const config = readConfig({ ...process.env, LOG_LEVEL: process.env['LOG_LEVEL'] ?? 'error' })
  await using opened = await openForCommand(config, createLog(config), { migrates: false })
  const findings = await examine({ config, database: opened.database, clock: Date.now, nodeVersion: process.versions.node })
  const failed = findings.filter(({ status }) => status === 'fail').length
  const lines = findings.flatMap(({ check, status, found, advice }) => [
    `${marks[status]}  ${check.padEnd(18)} ${found}`,
    ...(advice === undefined ? [] : [`${' '.repeat(24)} → ${advice}`]),
  ])
  print(options, findings, `${lines.join('\n')}\n\n${failed === 0 ? 'Nothing is to be mended.' : `To be mended: ${failed}.`}`)
  if (failed > 0) process.exitCode = 2
}
