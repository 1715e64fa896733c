import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import { defineConfig, type Plugin, type Rolldown } from 'vite'

type LogHandler = NonNullable<Rolldown.InputOptions['onLog']>

const outDir = fileURLToPath(new URL('dist/admin/', import.meta.url))

/** Writes each file compressed beside itself, so that the gateway need not do it for every browser. */
function compressed(): Plugin {
  return {
    name: 'compressed',
    apply: 'build',
    closeBundle: () => {
      const names = readdirSync(outDir, { recursive: true, encoding: 'utf8' }).filter((name) => /\.(js|css|html|svg)$/.test(name))
      for (const name of names) {
        const bytes = readFileSync(`${outDir}${name}`)
        writeFileSync(`${outDir}${name}.gz`, gzipSync(bytes, { level: 9 }))
        writeFileSync(`${outDir}${name}.br`, brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } }))
      }
    },
  }
}

/** What libraries say to React servers means nothing to a page. */
const tell: LogHandler = (level, log, report) => {
  if (log.code !== 'MODULE_LEVEL_DIRECTIVE') report(level, log)
}

/** The admin page. `npx vite` serves it while it is being worked on, beside a gateway on port 4000. */
export default defineConfig({
  root: fileURLToPath(new URL('admin/', import.meta.url)),
  base: '/admin/',
  build: {
    outDir,
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    manifest: true,
    rolldownOptions: { onLog: tell },
  },
  plugins: [compressed()],
  server: { proxy: { '/graphql': { target: 'http://127.0.0.1:4000', ws: true }, '/admin/session': 'http://127.0.0.1:4000' } },
})
