import { existsSync, readdirSync, readFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'

/** A built file, as it is and compressed. */
interface PageFile {
  readonly type: string
  readonly plain: Buffer
  readonly gzip: Buffer | undefined
  readonly brotli: Buffer | undefined
}

export type AdminPage = (path: string, request: IncomingMessage, response: ServerResponse) => void

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
}

/** Nothing from elsewhere but pictures of products, no script that is not a file of ours, in no other site's frame. Styles are set by the components. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data: http: https:",
  "font-src 'self'",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ')

const security = {
  'content-security-policy': policy,
  'x-content-type-options': 'nosniff',
  // Not "no-referrer": the browser would then hide from the gateway where its own page's calls come from.
  'referrer-policy': 'same-origin',
} as const

/** The admin page, from the built files, which are kept in memory. Every path that is no file is the page's own to understand. */
export function serveAdminPage(): AdminPage {
  const files = readFiles(builtFolder())
  const index = files.get('index.html')
  return (path, request, response) => {
    const name = path.replace(/^\/admin\/?/, '')
    const file = files.get(name) ?? (name.startsWith('assets/') ? undefined : index)
    if (index === undefined) sendText(response, 503, 'The admin page is not built. Run `npm run prepare`.\n')
    else if (file === undefined) sendText(response, 404, `There is nothing at ${path}.\n`)
    else send(file, { isHashed: name.startsWith('assets/'), isHead: request.method === 'HEAD' }, request, response)
  }
}

function send(
  { type, plain, gzip, brotli }: PageFile,
  { isHashed, isHead }: { readonly isHashed: boolean; readonly isHead: boolean },
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const accepted = request.headers['accept-encoding'] ?? ''
  const [encoding, bytes] =
    brotli !== undefined && /\bbr\b/.test(accepted)
      ? ['br', brotli]
      : gzip !== undefined && /\bgzip\b/.test(accepted)
        ? ['gzip', gzip]
        : [undefined, plain]
  response.writeHead(200, {
    ...security,
    'content-type': type,
    'content-length': bytes.length,
    // The name of an asset is its content; the page itself is asked for anew, so that it names the assets of this version.
    'cache-control': isHashed ? 'public, max-age=31536000, immutable' : 'no-cache',
    vary: 'accept-encoding',
    ...(encoding === undefined ? {} : { 'content-encoding': encoding }),
  })
  response.end(isHead ? undefined : bytes)
}

function sendText(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(text)
}

/** Beside this file where it is compiled, and below dist/ where it runs from the sources. */
function builtFolder(): string {
  const [fromSources, compiled] = [new URL('../../dist/admin/', import.meta.url), new URL('../../admin/', import.meta.url)]
  return fileURLToPath(existsSync(fromSources) ? fromSources : compiled)
}

function readFiles(folder: string): ReadonlyMap<string, PageFile> {
  if (!existsSync(folder)) return new Map()
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => name.replaceAll('\\', '/'))
  const read = (name: string) => (names.includes(name) ? readFileSync(`${folder}${name}`) : undefined)
  return new Map(
    names.flatMap((name) => {
      const type = types[extname(name)]
      const plain = type === undefined ? undefined : read(name)
      return type === undefined || plain === undefined
        ? []
        : [[name, { type, plain, gzip: read(`${name}.gz`), brotli: read(`${name}.br`) }] as const]
    }),
  )
}
