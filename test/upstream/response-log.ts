/**
 * A handler that records what the parser reports, and a function that parses a response from given pieces.
 */
import type { FramedResponseHead } from '../../src/upstream/response-head.ts'
import type { ResponseHandler } from '../../src/upstream/response-parser.ts'
import { ResponseParser } from '../../src/upstream/response-parser.ts'

/** The events so far. */
export class ResponseLog implements ResponseHandler {
  head: FramedResponseHead | undefined
  heads = 0
  started = 0
  readonly pieces: Buffer[] = []
  /** What a chunk of the body returns. */
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

/** The result of parsing a response, in a form that can be compared. */
export interface Reading {
  /** How it ended: at its own end, or at the end of the connection. */
  readonly ending: 'complete' | 'complete at the end' | 'cut short' | 'refused'
  readonly status?: number | undefined
  readonly statusText?: string | undefined
  readonly headers?: readonly string[] | undefined
  readonly body?: string
  /** Bytes of the response. */
  readonly length?: number
}

/** Parses a response in pieces until it is complete or rejected, or the connection ends after the last piece. */
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
  const ending = parser.isComplete ? 'complete' : parser.end() ? 'complete at the end' : 'cut short'
  const { status, statusText, headers } = log.head ?? {}
  return { ending, status, statusText, headers, body: log.body, length }
}

/** Bytes of Latin-1 text, split before each of the positions. */
export function sliced (text: string, positions: readonly number[] = []): Buffer[] {
  const bounds = [0, ...positions, text.length].sort((a, b) => a - b)
  return bounds.slice(1).map((end, i) => Buffer.from(text.slice(bounds[i], end), 'latin1'))
}
