import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const folder = fileURLToPath(new URL('peers', import.meta.url))
const node = `${folder}/node_modules/node/bin/node`

let prepared: Promise<string | undefined> | undefined

/**
 * Installs what others build with, which the project itself does not need, the first time that it is asked for. Answers the Node that it runs on (a newer one than
 * the project's floor); undefined, having said why, where it cannot be installed.
 */
export function preparePeers(): Promise<string | undefined> {
  return (prepared ??= prepare())
}

async function prepare(): Promise<string | undefined> {
  try {
    if (!existsSync(`${folder}/node_modules/.package-lock.json`)) await run('npm', ['ci', '--no-audit', '--no-fund'], { cwd: folder })
    // Where npm does not run the scripts of packages, this brings Node's program.
    if (!existsSync(node)) await run(process.execPath, ['installArchSpecificPackage.js'], { cwd: `${folder}/node_modules/node` })
    await run(node, ['--version'])
    return node
  } catch (error) {
    console.log(`PostGraphile is left out: it could not be installed in bench/peers (${String(error).slice(0, 300)}).`)
    return undefined
  }
}
