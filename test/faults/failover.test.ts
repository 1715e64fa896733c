import { describe, expect, it } from 'vitest'
import { runFailover } from './failover.ts'
import { debianBinaries } from './postgres-server.ts'

// The embedded Postgres brings no pg_basebackup to make a replica with.
describe.skipIf(debianBinaries() === undefined)('a replica that is promoted', () => {
  it('and that lagged: who had seen the lost commits is resent to, and everyone equals the shop', async () => {
    const report = await runFailover('lagging-replica', 1)

    expect(report.violations.join('\n')).toBe('')
    expect(report.epoch).toBe(1)
    expect(report.resends).toBeGreaterThan(0)
  }, 240_000)

  it('when every gateway was killed as well: the cursors tell', async () => {
    const report = await runFailover('lagging-replica-restart', 2)

    expect(report.violations.join('\n')).toBe('')
    expect(report.epoch).toBe(1)
    expect(report.resends).toBeGreaterThan(0)
  }, 240_000)

  it('in a clean switch-over: nothing is lost and nothing resent', async () => {
    const report = await runFailover('switch-over', 3)

    expect(report.violations.join('\n')).toBe('')
    expect(report).toMatchObject({ epoch: 1, resends: 0 })
  }, 240_000)
})

describe('a backup', () => {
  it('that is put back on the same timeline is noticed: who had seen more is resent to', async () => {
    const report = await runFailover('backup', 4)

    expect(report.violations.join('\n')).toBe('')
    expect(report.resends).toBeGreaterThan(0)
  }, 240_000)
})
