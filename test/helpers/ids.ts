/** The number inside of a global id. */
export function numberOf(globalId: string): number {
  return Number(Buffer.from(globalId, 'base64').toString().split(':')[1])
}
