/**
 * Answers by which AMSU says that a token is bad: status 401, or any 4xx whose JSON says `COMMON.INVALID_CREDENTIALS` (its pages
 * give the code and no status), compressed or not. Such an answer is held until it is whole, because only then it is known whether it
 * will be passed on; and then it is passed on as it came.
 */

import { headerValue, headerValues } from '../upstream/header-value.ts'
import type { ResponseHead } from '../upstream/response-head.ts'
import { decodeContent } from './content-coding.ts'

/** Longer answers, or such that are longer once they are decompressed, are no error envelopes; they are passed on as they come. */
const MAX_BUFFERED_BYTES = 65_536

const INVALID_TOKEN_CODE = 'COMMON.INVALID_CREDENTIALS'

/**
 * What became of a request that AMSU refused because of its token and that could be sent once more: it was `responded`; the new
 * token was `rejected_again`; or it `failed`, because there was no new token, or no answer.
 */
export type Replay = 'responded' | 'rejected_again' | 'failed'

/** Whether an answer with this head may say that the token is bad. Without a type it may be anything, so it is looked at. */
export function mayBeInvalidToken ({ headers, status }: ResponseHead): boolean {
  if (status === 401) return true
  return status >= 400 && status <= 499 && /json/i.test(headerValue(headers, 'content-type') ?? 'json')
}

/** An answer that is kept until it has been understood. */
export class BufferedResponse {
  readonly head: ResponseHead
  readonly #chunks: Buffer[] = []
  #bytes = 0

  constructor (head: ResponseHead) {
    this.head = head
  }

  /** The body so far, as it came. */
  get chunks (): readonly Buffer[] {
    return this.#chunks
  }

  /** Keeps a piece of the body; false once there is too much to go on holding. */
  add (chunk: Buffer): boolean {
    this.#chunks.push(chunk)
    this.#bytes += chunk.length
    return this.#bytes <= MAX_BUFFERED_BYTES
  }

  /** Whether AMSU says that the token is bad. */
  isInvalidToken (): boolean {
    const { headers, status } = this.head
    if (status === 401) return true
    const body = decodeContent(Buffer.concat(this.#chunks), headerValues(headers, 'content-encoding'), MAX_BUFFERED_BYTES)
    return body !== undefined && errorCode(body) === INVALID_TOKEN_CODE
  }
}

/** The code of an error envelope. JSON is UTF-8; a byte order mark before it is ignored (RFC 8259 section 8.1). */
function errorCode (body: Buffer): unknown {
  try {
    return (JSON.parse(new TextDecoder().decode(body)) as { error?: { code?: unknown } } | null)?.error?.code
  } catch {
    return undefined
  }
}
