/**
 * A listener that takes down what a reader tells it, and what reads a whole answer in given pieces.
 */
import type { FramedResponseHead } from '../../src/upstream/response-head.ts'
import type { ResponseHandler } from '../../src/upstream/response-parser.ts'
import { ResponseParser } from '../../src/upstream/response-parser.ts'

/** What was told so far. */
export class ResponseLog implements ResponseHandler {
  head: FramedResponseHead | undefined
  heads = 0
  started = 0
  readonly pieces: Buffer[] = []
  /** What a piece of the body is answered. */
  takesMore = true

  onFirstByte (): void {
    this.started++
  }

  onResponseStart (head: FramedResponseHead): void {
    this.heads++
    this.head = head
  }

  onResponseData (piece: Buffer): boolean {
    this.pieces.push(Buffer.from(piece))
    return this.takesMore
  }

  get body (): string {
    return Buffer.concat(this.pieces).toString('latin1')
  }
}

/** What came of an answer, in words that can be compared. */
export interface Reading {
  /** The answer's end came, at once or with that of the connection. */
  readonly ending: 'whole' | 'whole at the end' | 'cut short' | 'refused'
  readonly status?: number | undefined
  readonly statusText?: string | undefined
  readonly headers?: readonly string[] | undefined
  readonly body?: string
  /** Bytes that were the answer's. */
  readonly length?: number
}

/** Reads an answer that comes in pieces, until it is whole, refused, or the connection ends behind the last of them. */
export function readResponse (pieces: Iterable<Buffer>, method = 'GET'): Reading {
  const log = new ResponseLog()
  const parser = new ResponseParser()
  parser.begin(method, log)
  let length = 0
  try {
    for (const piece of pieces) if (!parser.isComplete) length += parser.read(piece)
  } catch (error) {
    if ((error as { code?: string }).code !== 'ERR_INVALID_RESPONSE') throw error
    return { ending: 'refused' }
  }
  const ending = parser.isComplete ? 'whole' : parser.end() ? 'whole at the end' : 'cut short'
  const { status, statusText, headers } = log.head ?? {}
  return { ending, status, statusText, headers, body: log.body, length }
}

/** Bytes of Latin-1 text, cut before each of the positions. */
export function sliced (text: string, positions: readonly number[] = []): Buffer[] {
  const bounds = [0, ...positions, text.length].sort((a, b) => a - b)
  return bounds.slice(1).map((end, i) => Buffer.from(text.slice(bounds[i], end), 'latin1'))
}
