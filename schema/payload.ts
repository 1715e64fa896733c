import type { ObjectFieldBuilder, FieldMap } from '@pothos/core'
import { builder, type SchemaTypes } from './builder.ts'

/** What a mutation answers: a type of its own, so that it can grow. */
export function payloadType<Shape extends object>(name: string, fields: (t: ObjectFieldBuilder<SchemaTypes, Shape>) => FieldMap) {
  const what = name.replace(/Payload$/, '')
  return builder.objectRef<Shape>(name).implement({ description: `What ${what.charAt(0).toLowerCase()}${what.slice(1)} answers.`, fields })
}
