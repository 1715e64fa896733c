import { readGlobalId } from '../../src/global-id.ts'

/** The number inside of a global id. */
export function numberOf(globalId: string): number {
  return Number(readGlobalId(globalId).id)
}
