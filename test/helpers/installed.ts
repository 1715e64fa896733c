import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const root = fileURLToPath(new URL('../..', import.meta.url))
const tsc = join(root, 'node_modules/typescript/bin/tsc')

export interface InstalledProject extends AsyncDisposable {
  readonly folder: string
  /** Checks the types of these files, as strictly as can be. Rejects with what the compiler says. */
  readonly check: (files: readonly string[]) => Promise<unknown>
}

/** A project of somebody else's, in which this package is installed as npm would: compiled, with the files that it publishes, and with its dependencies beside it. */
export async function installInProject(): Promise<InstalledProject> {
  const folder = await mkdtemp(join(tmpdir(), 'synkvy-installed-'))
  const modules = join(folder, 'node_modules')
  for (const name of ['graphql', 'graphql-ws', 'ws', '@types/node', '@types/ws', 'undici-types']) {
    await mkdir(dirname(join(modules, name)), { recursive: true })
    await symlink(join(root, 'node_modules', name), join(modules, name))
  }
  await run(join(root, 'tsconfig.build.json'), ['--outDir', join(modules, 'synkvy/dist')])
  await cp(join(root, 'package.json'), join(modules, 'synkvy/package.json'))
  await cp(join(root, 'examples'), join(folder, 'examples'), { recursive: true })
  await writeFile(join(folder, 'package.json'), JSON.stringify({ type: 'module' }))
  return {
    folder,
    check: async (files) => {
      const compilerOptions = {
        target: 'es2022',
        lib: ['es2023', 'esnext.disposable'],
        module: 'nodenext',
        strict: true,
        noEmit: true,
        types: ['node'],
      }
      await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }))
      return run(join(folder, 'tsconfig.json'), [])
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  }
}

async function run(project: string, args: readonly string[]): Promise<void> {
  await promisify(execFile)(process.execPath, [tsc, '--project', project, ...args]).catch((error: unknown) => {
    throw new Error(typeof error === 'object' && error !== null && 'stdout' in error ? String(error.stdout) : String(error))
  })
}
