import { streamStatuses, syncViewStateOf } from '../sync/status.ts'
import { deleteSyncView, syncViewsPage, updateSyncView, type SyncViewRow } from '../sync/views.ts'
import { globalId } from '../global-id.ts'
import { accountOf, fromGlobalId, print, recordedCommand, table, withDatabase, type CommandContext, type CommonOptions } from './options.ts'

const mostShown = 1_000

/** `synkvy view list`: how each sync view stands. */
export async function viewList(options: CommonOptions): Promise<void> {
  await withDatabase(async (context) => {
    const account = await accountOf(context, options)
    const views = await syncViewsPage(context.database, account.id, { first: mostShown })
    const described = await Promise.all(views.map((view) => describeView(context, view)))
    const rows = described.map((view) => [view.id, view.state, String(view.linkCount), String(view.pending), view.name])
    print(options, described, table([['ID', 'STATE', 'LINKED', 'WAITING', 'NAME'], ...rows]))
  })
}

async function describeView({ database }: CommandContext, view: SyncViewRow) {
  const [state, streams] = await Promise.all([syncViewStateOf(database, view), streamStatuses(database, view.accountId, view.id)])
  const pending = streams.reduce((sum, stream) => sum + stream.pending, 0)
  return { id: globalId('SyncView', view.id), name: view.name, state, linkCount: view.linkCount, pending, streams }
}

/** `synkvy view pause ID` and `synkvy view go-on ID` */
export async function viewPause(id: string, options: CommonOptions, paused: boolean): Promise<void> {
  await withDatabase(async (context) => {
    const account = await accountOf(context, options)
    const viewId = fromGlobalId('SyncView', id)
    const about = [
      { name: 'id', value: globalId('SyncView', viewId) },
      { name: 'paused', value: String(paused) },
    ]
    const { view } = await recordedCommand(context, account, 'updateSyncView', about, () =>
      updateSyncView(context.database, account.id, viewId, { paused }, []),
    )
    print(
      options,
      { id: globalId('SyncView', view.id), paused: view.paused },
      paused ? `"${view.name}" is paused.` : `"${view.name}" goes on.`,
    )
  })
}

/** `synkvy view delete ID` */
export async function viewDelete(id: string, options: CommonOptions): Promise<void> {
  await withDatabase(async (context) => {
    const account = await accountOf(context, options)
    const viewId = fromGlobalId('SyncView', id)
    await recordedCommand(context, account, 'deleteSyncView', [{ name: 'id', value: globalId('SyncView', viewId) }], () =>
      deleteSyncView(context.database, account.id, viewId),
    )
    print(options, { deletedId: id }, 'The sync view is deleted.')
  })
}
