import postgres from 'postgres'

/**
 * postgres.js for a URL, which may name a Unix socket's folder as libpq's do: `postgres://user@localhost/name?host=/folder`
 * (postgres.js itself has no spelling for that).
 */
export function connectPostgres<Types extends Record<string, postgres.PostgresType>>(url: string, options: postgres.Options<Types>) {
  const parsed = new URL(url)
  const socketFolder = parsed.searchParams.get('host')
  if (socketFolder === null) return postgres(url, options)
  parsed.searchParams.delete('host')
  return postgres(parsed.href, { ...options, host: socketFolder })
}
