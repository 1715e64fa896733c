import type { ObjectRef } from '@pothos/core'
import { SynkvyError } from '../src/errors.ts'
import { builder, type SchemaTypes } from './builder.ts'

/** The size of a page that is not asked for. */
export const usualPage = 50
const most = 250

/** The page that is asked for. */
export interface PageWanted {
  readonly first: number
  /** The id after which it begins. */
  readonly after: number | undefined
}

/** A connection's type over rows with an id, with its edge type. */
export function connectionType<Row extends { readonly id: number }>(node: ObjectRef<SchemaTypes, Row>, name: string, description: string) {
  return builder.connectionObject(
    {
      type: node,
      name: `${name}Connection`,
      description,
      fields: (t) => ({
        totalCount: t.int({
          description: 'How many there are in all, whatever the page.',
          resolve: (connection) => connection.totalCount(),
        }),
      }),
    },
    { name: `${name}Edge`, description: 'One of a connection, with its place in it.' },
  )
}

/** What every connection takes, for `pageWanted`. */
export const pageArguments = builder.args((t) => ({
  first: t.int({ description: `How many: ${usualPage} by default, ${most} at most.` }),
  after: t.string({ description: 'After which: a cursor of this connection.' }),
}))

/** The page that is asked for by these arguments. Throws BAD_USER_INPUT for more than 250, and for a cursor that is none. */
export function pageWanted(args: { readonly first?: number | null | undefined; readonly after?: string | null | undefined }): PageWanted {
  const first = args.first ?? usualPage
  if (first < 1 || first > most)
    throw new SynkvyError('BAD_USER_INPUT', `"first" is from 1 to ${most}; ${usualPage} where it is left out.`, { inputPath: ['first'] })
  return { first, after: args.after === null || args.after === undefined ? undefined : readPlace(args.after) }
}

function readPlace(cursor: string): number {
  const id = Number(/^id:(\d{1,15})$/.exec(Buffer.from(cursor, 'base64url').toString())?.[1])
  if (Number.isNaN(id)) throw new SynkvyError('BAD_USER_INPUT', '"after" is a cursor that this connection gave.', { inputPath: ['after'] })
  return id
}

function place(id: number): string {
  return Buffer.from(`id:${id}`).toString('base64url')
}

/** A connection of one page more than was wanted, by which it is known whether there is more. Its order is that of the number that `placeOf` answers. */
export async function connectionOf<Row extends { readonly id: number }>(
  page: PageWanted,
  read: (page: PageWanted) => Promise<readonly Row[]>,
  totalCount: () => Promise<number>,
  placeOf: (row: Row) => number = (row) => row.id,
) {
  const rows = await read({ first: page.first + 1, after: page.after })
  const shown = rows.slice(0, page.first)
  const edges = shown.map((node) => ({ cursor: place(placeOf(node)), node }))
  return {
    edges,
    totalCount,
    pageInfo: {
      hasNextPage: rows.length > page.first,
      hasPreviousPage: false,
      startCursor: edges[0]?.cursor ?? null,
      endCursor: edges.at(-1)?.cursor ?? null,
    },
  }
}
