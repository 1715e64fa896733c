import { setTimeout as sleep } from 'node:timers/promises'
import type { Sql } from '../../src/db/client.ts'
import { advisoryLocks } from '../../src/db/locks.ts'
import { TrialConsumer, type Tally } from './consumer.ts'
import { injectFault } from './injection.ts'
import { Random } from './random.ts'
import type { Action, Schedule, Timed } from './schedule.ts'
import { callUntilAnswered, createKey, expectedCopies, heldLine, openShop, type Shop, type TrialView } from './shop.ts'
import { Traders } from './traders.ts'
import { Ended, type Door, type StreamName } from './transport.ts'
import { Writers, type Written } from './writers.ts'
import type { World } from './world.ts'
import { numberOf } from '../helpers/ids.ts'

/** What one schedule came to. */
export interface Report {
  readonly seed: number
  readonly faults: readonly string[]
  readonly written: Written
  readonly tally: Tally
  /** Entities at some consumer that were not as they are in the shop when it should have been level. */
  readonly lost: number
  readonly violations: readonly string[]
  /** From when all was mended until every consumer was level. */
  readonly levelAfterMs: number
  readonly residentBytes: readonly number[]
  /** How long consumers were not served after a connection had ended. */
  readonly gapsMs: readonly number[]
}

const levelWithinMs = 90_000

/** A shop at work on a world: systems that consume, and writers. */
export interface Trial {
  readonly shop: Shop
  readonly random: Random
  readonly admin: () => Door
  /** Mends everything, lets everyone come to rest, and asks whether each promise was kept. */
  readonly finish: () => Promise<Omit<Report, 'seed' | 'faults'>>
  readonly stopWriting: () => Promise<void>
  readonly startWriting: () => void
}

export async function beginTrial(
  world: World,
  { seed, views, productCount }: Pick<Schedule, 'seed' | 'views' | 'productCount'>,
  // What a system wrote, or was sent, of commits that are lost nobody else knows: so systems write nothing then, keep their cursors, and no one counts.
  { losesCommits }: { readonly losesCommits: boolean } = { losesCommits: false },
): Promise<Trial> {
  const random = new Random(seed)
  const shop = await openShop(world, `trial-${seed}-${Date.now()}`, views.length, productCount)
  const doors = random.fork()
  const doorOf = (key: string): Door => ({ port: world.nodes[doors.below(world.nodes.length)]?.door.port ?? 0, key })
  const admin = (): Door => doorOf(shop.adminKey)
  await makeCounter(admin)
  await start(shop, admin)
  const byView = consumersOf(views, shop, random, doorOf, losesCommits)
  const consumers = byView.flat()
  for (const consumer of consumers) consumer.start()

  const writers = new Writers(shop, productCount, () => world.connect(), admin)
  const traders = new Traders(shop, productCount, losesCommits ? undefined : doorOf, admin, (index, stream, { id, revision, entity }) =>
    byView[index]?.find((consumer) => consumer.stream === stream)?.learn(id, revision, entity),
  )
  let isOver = new AbortController()
  let writing = Promise.resolve()
  const startWriting = (): void => {
    isOver = new AbortController()
    writing = Promise.all([writers.run(random.fork(), isOver.signal), traders.run(random.fork(), isOver.signal)]).then(() => undefined)
  }
  const stopWriting = async (): Promise<void> => {
    isOver.abort()
    await writing
  }
  const isCounted = !losesCommits
  const finish: Trial['finish'] = async () => {
    await world.heal()
    await stopWriting()
    await mend(shop, admin)
    for (const consumer of consumers) consumer.behave()
    const level = await untilLevel(world, shop, byView, isCounted)
    const strays = isCounted ? await findStrays(world, shop, byView) : []
    const miscounted = isCounted ? [...(await findMiscounted(world, shop, writers)), ...(await findMisreserved(world, shop))] : []
    await Promise.all(consumers.map((consumer) => consumer.stop()))
    const left = await leftBehind(world)
    const logged = world.nodes.flatMap(({ gateway }) =>
      gateway.takeErrors().map((line) => `the gateway on ${gateway.port} logged: ${line.slice(0, 300)} … ${line.slice(-1_500)}`),
    )
    const said = [
      ...consumers.flatMap(({ violations, repeated }) => [...violations, ...(isCounted ? repeated : [])]),
      ...writers.violations,
      ...traders.violations,
    ]
    return {
      written: { ...writers.written, committed: writers.written.committed + traders.committed },
      tally: sum(consumers.map(({ tally }) => tally)),
      lost: level.missing.length,
      violations: [...level.missing.slice(0, 12), ...strays, ...miscounted, ...said, ...left, ...logged],
      levelAfterMs: level.afterMs,
      gapsMs: consumers.flatMap(({ gapsMs }) => gapsMs),
      residentBytes: await Promise.all(
        world.nodes.map(async ({ gateway }) => (await gateway.metric('process_resident_memory_bytes')) ?? 0),
      ),
    }
  }
  return { shop, random, admin, finish, startWriting, stopWriting }
}

/** Runs a schedule on a world that is whole. */
export async function runSchedule(world: World, schedule: Schedule): Promise<Report> {
  const trial = await beginTrial(world, schedule)
  const failed: string[] = []
  trial.startWriting()
  await Promise.all([
    act(schedule.faults, ({ step }) => injectFault(world, step, trial.random.fork())),
    act(schedule.actions, async ({ step }) => void failed.push(...(await carryOut(step, trial.shop, trial.admin)))),
    sleep(schedule.lastsMs),
  ])
  const faults = schedule.faults.map(({ step }) => ('mode' in step ? `${step.is}-${step.mode}` : step.is))
  const report = await trial.finish()
  failed.push(...(await findFalseFailovers(world, trial.shop)))
  return { ...report, seed: schedule.seed, faults, violations: [...failed, ...report.violations] }
}

function sum(tallies: readonly Tally[]): Tally {
  return tallies.reduce((a, b) => ({
    batches: a.batches + b.batches,
    changes: a.changes + b.changes,
    again: a.again + b.again,
    overlapping: a.overlapping + b.overlapping,
    reconnects: a.reconnects + b.reconnects,
    takenOver: a.takenOver + b.takenOver,
    echoes: a.echoes + b.echoes,
  }))
}

const streams: readonly StreamName[] = ['PRODUCT', 'STOCK', 'ORDER', 'CUSTOMER']

/** A consumer of each stream, view by view. */
function consumersOf(
  views: Schedule['views'],
  shop: Shop,
  random: Random,
  doorOf: (key: string) => Door,
  keepsCursor: boolean,
): readonly (readonly TrialConsumer[])[] {
  return shop.views.map((view, index) =>
    streams.map(
      (stream, at) =>
        new TrialConsumer(views[index]?.[at] ?? 'fast', stream, random.fork(), () => doorOf(view.key), {
          isBegunAnew: () => view.isWidened,
          keepsCursor,
        }),
    ),
  )
}

async function makeCounter(admin: () => Door): Promise<void> {
  const variants = [{ sku: 'counter', title: 'Counter', price: { amount: '1', currency: 'SEK' } }]
  const signal = AbortSignal.timeout(60_000)
  await callUntilAnswered(
    admin,
    'mutation ($input: [ProductInput!]!) { upsertProducts(input: $input) { products { id } } }',
    { input: [{ handle: 'counter', title: 'Counter', variants }] },
    signal,
  )
  await callUntilAnswered(admin, 'mutation { setStock(input: [{ sku: "counter", onHand: 0 }]) { stockLevels { id } } }', {}, signal)
}

const resendMutation = 'mutation ($id: ID!) { resendAllProducts(syncViewId: $id, confirm: true) { __typename } }'

/** Most views begin as a shop's do, with everything. */
async function start(shop: Shop, admin: () => Door): Promise<void> {
  for (const view of shop.views.slice(1)) await callUntilAnswered(admin, resendMutation, { id: view.id }, AbortSignal.timeout(60_000))
}

async function act<Step>(steps: readonly Timed<Step>[], carryOut: (step: Timed<Step>) => Promise<void>): Promise<void> {
  await Promise.all(
    steps.map(async (step) => {
      await sleep(step.atMs)
      await carryOut(step)
    }),
  )
}

/** An admin's action, repeated until it is answered. A refusal is an answer; what is none is told. */
async function carryOut(action: Action, shop: Shop, admin: () => Door): Promise<readonly string[]> {
  const view = 'view' in action ? shop.views[action.view] : undefined
  const products = 'from' in action ? Array.from({ length: action.count }, (_, index) => ({ handle: `h${action.from + index}` })) : []
  const ask = (query: string, variables: Record<string, unknown> = {}) =>
    callUntilAnswered(admin, query, { id: view?.id, products, ...variables }, AbortSignal.timeout(60_000))
  try {
    await askFor(action, ask, view, admin)
    return []
  } catch (error) {
    if (!(error instanceof Ended)) throw error
    return error.code === undefined ? [`${action.is} was answered: ${error.message}`] : []
  }
}

async function askFor(
  action: Action,
  ask: (query: string, variables?: Record<string, unknown>) => Promise<unknown>,
  view: TrialView | undefined,
  admin: () => Door,
): Promise<void> {
  switch (action.is) {
    case 'link':
      await ask('mutation ($id: ID!, $products: [ProductBy!]!) { linkProducts(syncViewId: $id, products: $products) { __typename } }')
      return
    case 'unlink':
      await ask('mutation ($id: ID!, $products: [ProductBy!]!) { unlinkProducts(syncViewId: $id, products: $products) { __typename } }')
      return
    case 'delete':
      await ask('mutation ($products: [ProductBy!]!) { deleteProducts(products: $products) { __typename } }')
      return
    case 'resend':
      await ask(resendMutation)
      return
    case 'cancel':
      await ask('mutation ($id: ID!) { cancelResend(syncViewId: $id) { __typename } }')
      return
    case 'auto-link':
      await ask('mutation ($id: ID!) { updateSyncView(id: $id, input: { autoLink: true }) { __typename } }')
      return
    case 'widen':
      if (view !== undefined) view.isWidened = true
      await ask('mutation ($id: ID!) { updateSyncView(id: $id, input: { orderScope: ALL }) { __typename } }')
      return
    case 'pause':
      await ask('mutation ($id: ID!) { updateSyncView(id: $id, input: { paused: true }) { __typename } }')
      await sleep(1_000)
      await ask('mutation ($id: ID!) { updateSyncView(id: $id, input: { paused: false }) { __typename } }')
      return
    case 'revoke-key':
      if (view !== undefined) await changeKey(view, admin)
  }
}

/** A key is revoked; some seconds later its system has a new one. */
async function changeKey(view: TrialView, admin: () => Door): Promise<void> {
  const signal = AbortSignal.timeout(60_000)
  await callUntilAnswered(admin, 'mutation ($id: ID!) { revokeApiKey(id: $id) { __typename } }', { id: view.keyId }, signal)
  await sleep(500)
  for (;;) {
    try {
      Object.assign(view, await createKey(admin(), view.userId))
      return
    } catch (error) {
      if (!(error instanceof Ended) || signal.aborted) throw error
      await sleep(200)
    }
  }
}

/** No view stays paused. */
async function mend(shop: Shop, admin: () => Door): Promise<void> {
  for (const { id } of shop.views)
    await callUntilAnswered(
      admin,
      'mutation ($id: ID!) { updateSyncView(id: $id, input: { paused: false }) { __typename } }',
      { id },
      AbortSignal.timeout(60_000),
    )
}

/** Waits until every consumer holds what the shop says and no resend runs. Answers what is missing when it takes too long. */
async function untilLevel(
  world: World,
  shop: Shop,
  byView: readonly (readonly TrialConsumer[])[],
  isCounted: boolean,
): Promise<{ missing: readonly string[]; afterMs: number }> {
  const sql = world.connect()
  const began = Date.now()
  try {
    for (;;) {
      const missing = await differences(sql, shop, byView, isCounted)
      const afterMs = Date.now() - began
      if (missing.length === 0 || afterMs > levelWithinMs) return { missing, afterMs }
      await sleep(100)
    }
  } finally {
    await sql.end()
  }
}

async function differences(
  sql: Sql,
  shop: Shop,
  byView: readonly (readonly TrialConsumer[])[],
  isCounted: boolean,
): Promise<readonly string[]> {
  const missing: string[] = []
  // Orders and customers that existed only in lost commits get no REMOVE, and there is no resend to sweep after.
  const ids = isCounted ? undefined : await tradeIds(sql, shop)
  for (const [index, view] of shop.views.entries()) {
    const expected = await expectedCopies(sql, shop.accountId, numberOf(view.id))
    for (const consumer of byView[index] ?? [])
      missing.push(...compare(consumer, expected[consumer.stream], view.id, ids?.[consumer.stream]))
  }
  const running = await sql<{ run: string; checkpoints: string }[]>`
    SELECT row_to_json(r)::text AS run, (
      SELECT json_agg(json_build_object('stream', c.subject, 'resendId', c.resend_id, 'linked', c.linked, 'resend', c.resend))::text
      FROM checkpoints c WHERE c.account_id = r.account_id AND c.view_id = r.view_id AND c.subject IN ('PRODUCT', 'STOCK')) AS checkpoints
    FROM resends r WHERE r.account_id = ${shop.accountId} AND r.state = 'RUNNING'`
  return [...running.map(({ run, checkpoints }) => `the resend ${run} has not ended: ${checkpoints}`), ...missing]
}

async function tradeIds(sql: Sql, shop: Shop): Promise<{ readonly [S in StreamName]?: ReadonlySet<number> }> {
  const orders = await sql<{ id: number }[]>`SELECT id FROM orders WHERE account_id = ${shop.accountId}`
  const customers = await sql<{ id: number }[]>`SELECT id FROM customers WHERE account_id = ${shop.accountId}`
  return { ORDER: new Set(orders.map(({ id }) => id)), CUSTOMER: new Set(customers.map(({ id }) => id)) }
}

/** How what a consumer holds differs from what it should hold. `there`: the ids to which this is restricted. */
export function compare(
  consumer: TrialConsumer,
  expected: ReadonlySet<string>,
  viewId: string,
  there: ReadonlySet<number> | undefined,
): readonly string[] {
  const known = [...consumer.held].filter(([id]) => there === undefined || there.has(numberOf(id)))
  const held = new Set(known.map(([id, entity]) => heldLine(consumer.stream, id, entity)))
  const name = `${consumer.kind} ${consumer.stream} of view ${numberOf(viewId)}`
  const why = ` (${consumer.doing})`
  return [
    ...[...expected].filter((line) => !held.has(line)).map((line) => `${name} lacks ${line}${why}`),
    ...[...held].filter((line) => !expected.has(line)).map((line) => `${name} has ${line}, which is not so${why}`),
  ]
}

/** What was delivered that was never linked. */
async function findStrays(world: World, shop: Shop, byView: readonly (readonly TrialConsumer[])[]): Promise<readonly string[]> {
  const sql = world.connect()
  try {
    const found: string[] = []
    for (const [index, view] of shop.views.entries()) {
      const linked = await sql<
        { id: number }[]
      >`SELECT product_id AS id FROM links WHERE account_id = ${shop.accountId} AND view_id = ${numberOf(view.id)}`
      const levels = await sql<{ id: number }[]>`
        SELECT entity_id AS id FROM feed WHERE account_id = ${shop.accountId} AND subject = 'STOCK' AND product_id = ANY(${linked.map(({ id }) => id)}::bigint[])`
      const owned = await sql<{ subject: 'ORDER' | 'CUSTOMER'; id: number }[]>`
        SELECT f.subject, f.entity_id AS id FROM feed f JOIN sync_views v ON v.account_id = f.account_id AND v.id = ${numberOf(view.id)}
        WHERE f.account_id = ${shop.accountId} AND f.subject IN ('ORDER', 'CUSTOMER') AND (v.order_scope = 'ALL' OR v.user_id = f.owner_user_id)`
      const ownedIds = (subject: StreamName) => new Set(owned.filter((row) => row.subject === subject).map(({ id }) => id))
      const allowed = {
        PRODUCT: new Set(linked.map(({ id }) => id)),
        STOCK: new Set(levels.map(({ id }) => id)),
        ORDER: ownedIds('ORDER'),
        CUSTOMER: ownedIds('CUSTOMER'),
      }
      for (const consumer of byView[index] ?? []) {
        const strays = [...consumer.everSent].filter((id) => !allowed[consumer.stream].has(numberOf(id)))
        if (strays.length > 0) found.push(`${consumer.kind} ${consumer.stream}: ${strays.length} entities were sent that were never linked`)
      }
    }
    return found
  } finally {
    await sql.end()
  }
}

/** Resends of a database that was taken for set back. */
async function findFalseFailovers(world: World, shop: Shop): Promise<readonly string[]> {
  const [row] = await world.postgres.query(
    `SELECT count(*)::int AS count FROM resends WHERE account_id = ${shop.accountId} AND cause = 'FAILOVER'`,
    'shop',
  )
  return row?.['count'] === 0 ? [] : [`${String(row?.['count'])} resends began as after a failover, and there was none`]
}

/** Calls that were done twice, or not at all. */
async function findMiscounted(world: World, shop: Shop, writers: Writers): Promise<readonly string[]> {
  const sql = world.connect()
  try {
    const [counter] = await sql<{ onHand: number }[]>`
      SELECT on_hand AS "onHand" FROM stock_levels s JOIN variants v ON v.account_id = s.account_id AND v.id = s.variant_id WHERE v.account_id = ${shop.accountId} AND v.sku = 'counter'`
    return counter?.onHand === writers.raised ? [] : [`the counter stands at ${counter?.onHand}, and was raised ${writers.raised} times`]
  } finally {
    await sql.end()
  }
}

/** Stock that is reserved otherwise than the orders say that are placed. */
async function findMisreserved(world: World, shop: Shop): Promise<readonly string[]> {
  const sql = world.connect()
  try {
    const wrong = await sql<{ id: number; reserved: number; placed: number }[]>`
      SELECT s.id, s.reserved, coalesce(h.placed, 0)::int AS placed FROM stock_levels s LEFT JOIN (
        SELECT l.variant_id, l.location_id, sum(l.quantity) AS placed FROM order_lines l JOIN orders o ON o.account_id = l.account_id AND o.id = l.order_id
        WHERE l.account_id = ${shop.accountId} AND o.state = 'PLACED' GROUP BY 1, 2) h ON h.variant_id = s.variant_id AND h.location_id = s.location_id
      WHERE s.account_id = ${shop.accountId} AND s.reserved <> coalesce(h.placed, 0)`
    return wrong.map(({ id, reserved, placed }) => `stock level ${id} has ${reserved} reserved, and the orders say ${placed}`)
  } finally {
    await sql.end()
  }
}

/** Streams, sockets, locks and sessions that are still there when every consumer has gone. */
async function leftBehind(world: World): Promise<readonly string[]> {
  const deadline = Date.now() + 30_000
  for (;;) {
    const left = await findLeft(world)
    if (left.length === 0 || Date.now() > deadline) return left
    await sleep(200)
  }
}

async function findLeft(world: World): Promise<readonly string[]> {
  const left: string[] = []
  for (const { gateway } of world.nodes) {
    for (const name of ['synkvy_streams', 'synkvy_sockets']) {
      const figure = await gateway.metric(name)
      if (figure !== 0) left.push(`${name} of the gateway on ${gateway.port} is ${figure}`)
    }
  }
  const [row] = await world.postgres.query(
    `SELECT (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = ${advisoryLocks.node})::int AS nodes,
      (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid NOT IN (${advisoryLocks.node}, ${advisoryLocks.sequencer}))::int AS others,
      (SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%' AND state_change < now() - interval '2 s')::int AS open`,
    'shop',
  )
  if (row?.['nodes'] !== world.nodes.length) left.push(`${String(row?.['nodes'])} gateways hold a lock, and ${world.nodes.length} live`)
  if (row?.['others'] !== 0) left.push(`${String(row?.['others'])} advisory locks are left`)
  if (row?.['open'] !== 0) left.push(`${String(row?.['open'])} transactions are left open`)
  return left
}
