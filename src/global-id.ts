// Ids as GraphQL shows them: opaque, and unique over all types.

/** The id of a thing of a type. */
export function globalId(typename: string, id: number): string {
  return Buffer.from(`${typename}:${id}`).toString('base64')
}

/** What an id names. One that is malformed names nothing, and is answered as what is not there. */
export function readGlobalId(text: string): { readonly typename: string; readonly id: string } {
  const [, typename, id] = /^([A-Za-z]{1,40}):(\d{1,16})$/.exec(Buffer.from(text, 'base64').toString()) ?? []
  return { typename: typename ?? '', id: id ?? '' }
}
