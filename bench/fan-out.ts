import { addPlainLevels, floor, handWritten, synkvy, type Start } from './contenders.ts'
import { inTurns, type Rounds } from './figures.ts'
import { carry, quantiles } from './load.ts'
import { cpuTicks } from './machine.ts'
import { countStatements, settle, type Stage } from './stage.ts'

export interface FanOutLoad {
  readonly views: number
  readonly shops: number
  readonly perSecond: number
  readonly seconds: number
  readonly rounds: number
}

/** How many views each change concerns. */
const concerned = 3
const productsOfShop = 10

/**
 * Many connected views in many shops, each change concerns three of them: latency, the computing time of whoever pushes (the database's is apart), and how many
 * statements synkvy makes.
 */
export async function fanOut(stage: Stage, { views, shops, perSecond, seconds, rounds }: FanOutLoad): Promise<ReadonlyMap<string, Rounds>> {
  const levels = shops * productsOfShop
  const keys = await addShops(stage, shops, views)
  // The same of the others: each of so many shops has so many levels, and its views are numbered on.
  const firstOf = `(n / ${productsOfShop}) * ${concerned}`
  await addPlainLevels(stage, levels, `ARRAY[${firstOf}, ${firstOf} + 1, ${firstOf} + 2]`)
  const numbers = Array.from({ length: views }, (_, index) => String(index))
  const measure = (start: Start, countsStatements: boolean) => async () => {
    await using contender = await start()
    let statements = { all: 0, batches: 0 }
    let ticks = 0
    const { latencies, arrived, offered } = await carry(stage, contender, { perSecond, seconds, levels, concerned }, async () => {
      const before = { ...(await countStatements(stage)), ticks: await cpuTicks(contender.pid) }
      return async () => {
        const after = await countStatements(stage)
        statements = { all: after.all - before.all, batches: after.batches - before.batches }
        ticks = (await cpuTicks(contender.pid)) - before.ticks
      }
    })
    const changes = offered * seconds
    return {
      ...quantiles(latencies),
      arrived,
      offered,
      'CPU %': ticks / seconds,
      ...(countsStatements ? { 'stmts/batch': statements.all / statements.batches, 'stmts/change': statements.all / changes } : {}),
    }
  }
  return await inTurns(
    {
      floor: measure(floor(stage, numbers), false),
      synkvy: measure(await synkvy(stage, keys), true),
      'written by hand': measure(handWritten(stage, numbers), false),
    },
    rounds,
  )
}

/** Shops of ten products, whose views each have three views' links: shops with a fourth view have every product at three of the four. Answers the views' keys. */
export async function addShops(stage: Stage, shops: number, views: number): Promise<readonly string[]> {
  await stage.run(`
    INSERT INTO accounts (slug, name, currency, prices_include_tax) SELECT 'fan-' || n, 'Shop ' || n, 'SEK', true FROM generate_series(1, ${shops}) n;
    INSERT INTO locations (account_id, code, name) SELECT id, 'default', 'Default' FROM accounts WHERE slug LIKE 'fan-%';
    INSERT INTO products (account_id, handle, title, status) SELECT id, 'product-' || n, 'Product ' || n, 'ACTIVE' FROM accounts, generate_series(1, ${productsOfShop}) n WHERE slug LIKE 'fan-%';
    INSERT INTO variants (account_id, product_id, ordinal, sku, title, price, price_currency) SELECT account_id, id, 1, 'SKU-' || id, 'Only', 499, 'SEK' FROM products WHERE account_id IN (SELECT id FROM accounts WHERE slug LIKE 'fan-%');
    INSERT INTO stock_levels (account_id, variant_id, location_id, on_hand) SELECT v.account_id, v.id, l.id, 100 FROM variants v JOIN locations l USING (account_id)
    WHERE v.account_id IN (SELECT id FROM accounts WHERE slug LIKE 'fan-%')`)
  await settle(stage.database)
  return stage.addShopViews(views, concerned)
}
