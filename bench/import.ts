import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { sharedNow } from './clock.ts'
import { inTurns, type Rounds } from './figures.ts'
import type { Stage } from './stage.ts'

const answer = z.object({ data: z.unknown().optional(), errors: z.array(z.unknown()).optional() })
const words = 'Waterproof hiking jacket with taped seams, adjustable hood and two-way zip. '

/** Products as upsertProducts takes them, twelve fields and three variants each. */
function makeProducts(round: string, count: number) {
  return Array.from({ length: count }, (_, n) => ({
    handle: `${round}-${n}`,
    title: `Product number ${n}`,
    description: words.repeat(4),
    vendor: `Vendor ${n % 50}`,
    productType: 'Jackets',
    tags: ['outdoor', `tag-${n % 20}`],
    status: 'ACTIVE',
    imageUrls: [`https://images.example/${n}.jpg`],
    variants: [1, 2, 3].map((v) => ({
      sku: `${round}-${n}-${v}`,
      title: `Size ${v}`,
      barcode: String(7310000000000 + n * 10 + v),
      price: { amount: `${499 + v}.00`, currency: 'SEK' },
      weightGrams: 450,
    })),
  }))
}

/** Products a second of `synkvy import` and of upsertProducts, 500 at a time, beside COPY of the same rows into tables without triggers. */
export async function importing(stage: Stage, count: number, rounds: number): Promise<ReadonlyMap<string, Rounds>> {
  const { sql } = stage.database
  await sql`CREATE TABLE IF NOT EXISTS plain_products (LIKE products INCLUDING ALL)`
  await sql`CREATE TABLE IF NOT EXISTS plain_variants (LIKE variants INCLUDING ALL)`
  const folder = await mkdtemp(join(tmpdir(), 'synkvy-bench-import-'))
  let round = 0
  try {
    return await inTurns(
      {
        COPY: async () => {
          await sql`TRUNCATE plain_products, plain_variants`
          const products = makeProducts(`c${(round += 1)}`, count)
          const productFile = join(folder, 'products.tsv')
          const variantFile = join(folder, 'variants.tsv')
          await writeFile(
            productFile,
            products
              .map(
                (p, n) =>
                  `${stage.accountId}\t${n + 1}\t${p.handle}\t${p.title}\t${p.description}\t${p.vendor}\t${p.productType}\t{${p.tags.join(',')}}\tACTIVE\t{${p.imageUrls.join(',')}}`,
              )
              .join('\n'),
          )
          await writeFile(
            variantFile,
            products
              .flatMap((p, n) =>
                p.variants.map(
                  (v, i) =>
                    `${stage.accountId}\t${n * 3 + i + 1}\t${n + 1}\t${i}\t${v.sku}\t${v.title}\t${v.barcode}\t${v.price.amount}\tSEK\t450`,
                ),
              )
              .join('\n'),
          )
          const began = sharedNow()
          await stage.copy(
            'plain_products (account_id, id, handle, title, description, vendor, product_type, tags, status, image_urls)',
            productFile,
          )
          await stage.copy(
            'plain_variants (account_id, id, product_id, ordinal, sku, title, barcode, price, price_currency, weight_grams)',
            variantFile,
          )
          return { rate: (count * 1_000) / (sharedNow() - began) }
        },
        'synkvy import': async () => {
          const file = join(folder, 'products.jsonl')
          const lines = makeProducts(`i${(round += 1)}`, count).map((product) => JSON.stringify(product))
          await writeFile(file, lines.join('\n'))
          const began = sharedNow()
          const main = fileURLToPath(new URL('../dist/src/main.js', import.meta.url))
          const child = spawn(process.execPath, [main, 'import', file, '--account', 'bench'], {
            env: { ...process.env, NODE_ENV: 'production', DATABASE_URL: stage.databaseUrl, LOG_LEVEL: 'warn' },
            stdio: ['ignore', 'ignore', 'inherit'],
          })
          const [code] = await once(child, 'exit')
          if (code !== 0) throw new Error(`synkvy import ended with ${String(code)}`)
          return { rate: (count * 1_000) / (sharedNow() - began) }
        },
        upsertProducts: async () => {
          const products = makeProducts(`u${(round += 1)}`, count)
          const began = sharedNow()
          for (let from = 0; from < count; from += 500) {
            const response = await fetch(`${stage.gateway.url}/graphql`, {
              method: 'POST',
              headers: { 'content-type': 'application/json', authorization: `Bearer ${stage.adminKey}` },
              body: JSON.stringify({
                query: 'mutation ($input: [ProductInput!]!) { upsertProducts(input: $input) { __typename } }',
                variables: { input: products.slice(from, from + 500) },
              }),
            })
            const { errors } = answer.parse(await response.json())
            if (errors !== undefined) throw new Error(JSON.stringify(errors).slice(0, 500))
          }
          return { rate: (count * 1_000) / (sharedNow() - began) }
        },
      },
      rounds,
    )
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
