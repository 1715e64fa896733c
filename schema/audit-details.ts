import { encodeGlobalID } from '@pothos/plugin-relay'
import {
  getNamedType,
  getNullableType,
  isEnumType,
  isInputObjectType,
  isListType,
  isObjectType,
  type GraphQLField,
  type GraphQLInputType,
} from 'graphql'
import { thingOf } from '../src/access/audit.ts'
import type { AuditDetail } from '../src/db/tables/access.ts'
import type { Context } from './context.ts'

/** Scalars that can hold neither a secret nor anything of a person. Ids are looked at more closely. */
const harmless = new Set(['Int', 'Boolean', 'DateTime', 'BigInt'])
/** Arguments of text whose value is kept: names of users, sync views and products, and addresses of keys. Whoever adds one asks first what it can hold. */
const keptTexts = new Set(['name', 'system', 'handle', 'sku', 'addresses'])
const notKept = '[not kept]'

/** What the arguments of a call say, as far as it may be kept. */
export function argumentDetails(field: GraphQLField<unknown, Context>, args: Readonly<Record<string, unknown>>): readonly AuditDetail[] {
  return field.args.flatMap(({ name, type }) => detailsOf(name, type, args[name]))
}

function detailsOf(name: string, type: GraphQLInputType, value: unknown): readonly AuditDetail[] {
  if (value === undefined) return []
  if (value === null) return [{ name, value: 'null' }]
  const given = getNullableType(type)
  if (isListType(given)) return Array.isArray(value) ? value.flatMap((item) => detailsOf(name, given.ofType, item)) : []
  if (isInputObjectType(given)) {
    return isRecord(value) ? Object.values(given.getFields()).flatMap((part) => detailsOf(part.name, part.type, value[part.name])) : []
  }
  const text = textOf(value)
  const isKept =
    isEnumType(given) || harmless.has(given.name) || keptTexts.has(name) || (given.name === 'ID' && thingOf(text) !== undefined)
  return [{ name, value: isKept ? text : notKept }]
}

function textOf(value: unknown): string {
  if (value instanceof Date) return value.toISOString()
  if (typeof value === 'string') return value
  return typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint' ? String(value) : notKept
}

/** The things that an answer holds: what was made, for the most part. */
export function answeredDetails(field: GraphQLField<unknown, Context>, answer: unknown): readonly AuditDetail[] {
  const payload = getNamedType(field.type)
  if (!isObjectType(payload) || !isRecord(answer)) return []
  return Object.values(payload.getFields()).flatMap(({ name, type }) => {
    const row = answer[name]
    if (!isRecord(row) || typeof row['id'] !== 'number') return []
    const label = row['prefix'] ?? row['name']
    return [{ name, value: encodeGlobalID(getNamedType(type).name, row['id']), ...(typeof label === 'string' ? { label } : {}) }]
  })
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}
