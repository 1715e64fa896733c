import { GraphQLError } from 'graphql'
import { builder } from './builder.ts'

function refuse(message: string): never {
  throw new GraphQLError(message, { extensions: { code: 'BAD_USER_INPUT', retryable: false } })
}

builder.scalarType('Cursor', {
  description: 'How far a stream has come: opaque and URL-safe. It belongs to one sync view and one stream. Pass it back unchanged.',
  serialize: (value) => value,
  parseValue: (value) =>
    typeof value === 'string' && value.length <= 1_000 ? value : refuse('A Cursor is a string that was given to you.'),
})

const rfc3339 = /^(\d{4}-\d{2}-\d{2})[Tt](?:[01]\d|2[0-3]):\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})$/

/** Undefined for what is no moment; Date alone would take 30 February for 2 March. */
function readMoment(text: string): Date | undefined {
  const date = rfc3339.exec(text)?.[1]
  if (date === undefined) return undefined
  const [midnight, moment] = [new Date(`${date}T00:00:00Z`), new Date(text)]
  const isThere = !Number.isNaN(moment.getTime()) && !Number.isNaN(midnight.getTime()) && midnight.toISOString().startsWith(date)
  // Of other years Postgres and JSON have spellings of their own; an offset may lead there.
  return isThere && moment.getUTCFullYear() >= 1 && moment.getUTCFullYear() <= 9999 ? moment : undefined
}

builder.scalarType('DateTime', {
  description: 'A moment, RFC 3339: any offset is taken, `Z` is given. For example "2026-11-23T18:10:00Z".',
  serialize: (value) => value.toISOString(),
  parseValue: (value) => {
    const moment = typeof value === 'string' ? readMoment(value) : undefined
    if (moment === undefined) return refuse('A DateTime is a moment of RFC 3339, such as "2026-11-23T18:10:00Z".')
    return moment
  },
})

builder.scalarType('Decimal', {
  description: 'A decimal number as a string, never a float: "199.00".',
  serialize: (value) => value,
  parseValue: (value) =>
    typeof value === 'string' && /^-?\d+(\.\d+)?$/.test(value)
      ? value
      : refuse('A Decimal is a decimal number as a string, such as "199.00".'),
})

const greatest = 2n ** 63n - 1n

builder.scalarType('BigInt', {
  description: 'A 64-bit integer as a string. Compare it as an integer, not as text.',
  serialize: (value) => String(value),
  parseValue: (value) => {
    const isWhole = (typeof value === 'string' && /^-?\d{1,19}$/.test(value)) || (typeof value === 'number' && Number.isSafeInteger(value))
    const number = isWhole ? BigInt(value) : undefined
    if (number === undefined || number > greatest || number < -greatest)
      return refuse('A BigInt is a 64-bit integer as a string, such as "1795459652829725".')
    return number
  },
})
