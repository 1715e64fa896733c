import { importCatalog, type FormatName, type ImportResult } from '../catalog/import/import.ts'
import type { Refusal } from '../catalog/import/format.ts'
import { accountOf, print, withDatabase, type CommonOptions } from './options.ts'
import { ProgressLine } from './progress.ts'

/** `synkvy import FILE`: a catalogue into an account. The exit status is 2 where something was refused. */
export async function importFile(
  file: string,
  options: CommonOptions & { readonly format?: FormatName; readonly currency?: string },
): Promise<void> {
  await withDatabase(async (context) => {
    const account = await accountOf(context, options)
    const line = new ProgressLine()
    const refusals: Refusal[] = []
    const result = await importCatalog(
      context.database,
      { accountId: account.id },
      {
        file,
        format: options.format,
        currency: options.currency ?? account.currency,
        onRefused: (refusal) => {
          if (options.json === true) refusals.push(refusal)
          else process.stderr.write(`${describeRefusal(refusal)}\n`)
        },
        onProgress: ({ bytesRead, bytes, products }) =>
          line.show(`${Math.floor((bytesRead / Math.max(bytes, 1)) * 100)} % read, ${products} products`),
      },
    )
    line.end()
    print(options, { ...result, refusals }, describeResult(file, result))
    if (result.refused > 0) process.exitCode = 2
  })
}

function describeRefusal({ line, field, reason }: Refusal): string {
  return `line ${line}${field === undefined ? '' : `, ${field}`}: ${reason}`
}

function describeResult(file: string, { format, products, variants, created, changed, refused }: ImportResult): string {
  const same = products - created - changed
  return `${file} (${format}): ${products} products with ${variants} variants; ${created} new, ${changed} changed, ${same} the same; ${refused} refused.`
}
