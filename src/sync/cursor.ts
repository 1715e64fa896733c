import { createHmac, createSecretKey, timingSafeEqual } from 'node:crypto'
import { SynkvyError } from '../errors.ts'
import type { Stream } from './change.ts'
import type { Sighting } from './positions.ts'
import type { Progress } from './progress.ts'

/** What a cursor says: how far, on which stream of which view, and how much of the database had been seen. */
export interface Cursor {
  readonly viewId: number
  readonly stream: Stream
  readonly epoch: number
  readonly sighting: Sighting
  readonly progress: Progress
}

const version = 1
const streams: readonly Stream[] = ['PRODUCT', 'STOCK', 'ORDER', 'CUSTOMER']
const numberCount = 13
const bodyLength = 2 + 8 * numberCount
const signatureLength = 16

/** Makes and reads cursors: opaque, URL-safe, and signed, so that a cursor is either one that was sent to this view on this stream or refused. */
export interface CursorCodec {
  readonly encode: (cursor: Cursor) => string
  /** Throws INVALID_CURSOR for what was not made here. */
  readonly decode: (text: string) => Cursor
}

export function createCursorCodec(secret: string): CursorCodec {
  const key = createSecretKey(Buffer.from(secret))
  const sign = (body: Buffer): Buffer => createHmac('sha256', key).update(body).digest().subarray(0, signatureLength)
  return {
    encode: (cursor) => {
      const bytes = Buffer.alloc(bodyLength + signatureLength)
      const body = bytes.subarray(0, bodyLength)
      writeBody(body, cursor)
      sign(body).copy(bytes, bodyLength)
      return bytes.toString('base64url')
    },
    decode: (text) => {
      const bytes = Buffer.from(text, 'base64url')
      const body = bytes.subarray(0, bodyLength)
      // Base64 has several spellings of the same bytes; only the one that was sent is taken.
      const isGenuine =
        bytes.length === bodyLength + signatureLength &&
        bytes.toString('base64url') === text &&
        timingSafeEqual(bytes.subarray(bodyLength), sign(body))
      if (!isGenuine) throw invalidCursor()
      return readBody(body)
    },
  }
}

/** The refusal of a cursor that was not sent to this view on this stream. */
export function invalidCursor(): SynkvyError {
  return new SynkvyError(
    'INVALID_CURSOR',
    'This is not a cursor that was sent to this sync view on this stream. Pass a cursor unchanged, or leave it out to go on after what was acknowledged.',
  )
}

function writeBody(body: Buffer, { viewId, stream, epoch, sighting, progress }: Cursor): void {
  body.writeUInt8(version, 0)
  body.writeUInt8(streams.indexOf(stream), 1)
  const { live, restarts, linked, resendId, resend, done } = progress
  const { nonce, head, durableTo } = sighting
  const numbers = [
    viewId,
    epoch,
    nonce,
    head,
    durableTo,
    live,
    linked.position,
    linked.item,
    resendId ?? 0,
    resend.position,
    resend.item,
    done,
    restarts,
  ]
  numbers.forEach((number, index) => writeNumber(body, number, 2 + 8 * index))
}

/** A whole number from 0 on, in eight bytes. Of halves, for which there need be no bigint: every message has a cursor. */
function writeNumber(body: Buffer, number: number, at: number): void {
  body.writeUInt32BE(Math.floor(number / 2 ** 32), at)
  body.writeUInt32BE(number % 2 ** 32, at + 4)
}

function readBody(body: Buffer): Cursor {
  const stream = streams[body.readUInt8(1)]
  if (body.readUInt8(0) !== version || stream === undefined) throw invalidCursor()
  const at = (index: number): number => Number(body.readBigInt64BE(2 + 8 * index))
  return {
    viewId: at(0),
    stream,
    epoch: at(1),
    sighting: { nonce: at(2), head: at(3), durableTo: at(4) },
    progress: {
      live: at(5),
      linked: { position: at(6), item: at(7) },
      resendId: at(8) === 0 ? undefined : at(8),
      resend: { position: at(9), item: at(10) },
      done: at(11),
      restarts: at(12),
    },
  }
}
