import { setTimeout as sleep } from 'node:timers/promises'
import { findResend, resendAllProducts, resendProgressOf, type ResendOutcome, type ResendRow } from '../sync/resend.ts'
import { ProgressLine } from './progress.ts'
import { globalId } from '../global-id.ts'
import { accountOf, fromGlobalId, print, recordedCommand, withDatabase, type CommandContext, type CommonOptions } from './options.ts'

const lookEveryMs = 500

/** `synkvy resend VIEW`: "Resend all products…" from the command line. */
export async function resend(
  viewId: string,
  options: CommonOptions & { readonly confirm?: boolean; readonly follow?: boolean },
): Promise<void> {
  await withDatabase(async (context) => {
    const account = await accountOf(context, options)
    const request = { confirm: options.confirm === true, cause: 'COMMAND_LINE' } as const
    const id = fromGlobalId('SyncView', viewId)
    const about = [
      { name: 'syncViewId', value: globalId('SyncView', id) },
      { name: 'confirm', value: String(request.confirm) },
    ]
    const outcome = await recordedCommand(context, account, 'resendAllProducts', about, () =>
      resendAllProducts(context.database, account.id, id, request),
    )
    print(options, toJson(outcome), describe(outcome))
    if (outcome.at === 'needs-confirmation') process.exitCode = 1
    else if (options.follow === true) await follow(context, outcome.resend)
  })
}

function toJson(outcome: ResendOutcome): unknown {
  if (outcome.at === 'needs-confirmation') {
    const { productCount, linksToCreate, estimatedSeconds } = outcome.plan
    return { outcome: outcome.at, productCount, linksToCreate, estimatedSeconds }
  }
  return { outcome: outcome.at, id: globalId('Resend', outcome.resend.id), total: outcome.resend.total }
}

function describe(outcome: ResendOutcome): string {
  if (outcome.at === 'started') {
    return `The resend of ${outcome.resend.total} products has begun; ${outcome.linksCreated} of them were not linked before.`
  }
  if (outcome.at === 'running') return `A resend of ${outcome.resend.total} products is running already. It was not restarted.`
  const { productCount, estimatedSeconds, last } = outcome.plan
  const time = estimatedSeconds === undefined ? '' : `, which takes about ${Math.ceil(estimatedSeconds)} s`
  const before = last === undefined ? '' : ` The last one began ${last.startedAt.toISOString()}.`
  return `Everything was sent to this view before.${before} A resend would send ${productCount} products${time}. Add --confirm if you mean it.`
}

async function follow({ database }: CommandContext, started: ResendRow): Promise<void> {
  const line = new ProgressLine()
  for (;;) {
    const run = await findResend(database, started.accountId, started.id)
    if (run === undefined) return
    const { acknowledged, ratePerSecond } = await resendProgressOf(database, run)
    line.show(
      `${acknowledged} of ${run.total} products acknowledged${ratePerSecond === undefined ? '' : `, ${Math.round(ratePerSecond)} a second`}`,
    )
    if (run.state !== 'RUNNING') return line.end(`The resend is ${run.state.toLowerCase()}.`)
    await sleep(lookEveryMs)
  }
}
