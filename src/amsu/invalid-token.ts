/**
 * Invalid token detection (401 and `COMMON.INVALID_CREDENTIALS`). AMSU rejects a token by status 401, or by any 4xx whose JSON has that
 * code, compressed or not (its pages give the code but no status). A response that may say so is buffered until it is complete, because
 * only then is it known whether it is forwarded. If it is, it is forwarded unchanged.
 */

import { KeptChunks } from '../chunk-joiner.ts'
import type { ProxyError } from '../errors.ts'
import { headerValue, headerValues } from '../upstream/header-value.ts'
import type { ResponseHead } from '../upstream/response-head.ts'
import { decodeContent } from './content-coding.ts'

/** A response that is larger, also after decompression, is not an error envelope; it is forwarded as it arrives. */
const MAX_BUFFERED_BYTES = 65_536

const INVALID_TOKEN_CODE = 'COMMON.INVALID_CREDENTIALS'

/**
 * The result of a replay, after AMSU rejected the token: `responded`; `rejected_again`, if AMSU rejected the new token too; or `failed`, if
 * there was no response. A request that could not be replayed has none.
 */
export type Replay = 'responded' | 'rejected_again' | 'failed'

/** Whether a response with this head may say that the token is invalid. Without a `Content-Type` the body may be JSON, so it is inspected. */
export function mayBeInvalidToken ({ headers, status }: ResponseHead): boolean {
  if (status === 401) return true
  return status >= 400 && status <= 499 && /json/i.test(headerValue(headers, 'content-type') ?? 'json')
}

/** A response that is buffered until it is known whether it is forwarded. */
export class BufferedResponse {
  readonly head: ResponseHead
  /** Why it is incomplete; such a response cannot be forwarded. */
  fault: ProxyError | undefined
  readonly #chunks = new KeptChunks()

  constructor (head: ResponseHead) {
    this.head = head
  }

  /** The body so far, as received. */
  get chunks (): readonly Buffer[] {
    return this.#chunks.all()
  }

  /** Adds a chunk of the body. Returns false if the body is too large to be buffered further. */
  add (chunk: Buffer): boolean {
    this.#chunks.add(chunk)
    return this.#chunks.bytes <= MAX_BUFFERED_BYTES
  }

  /** Whether AMSU says that the token is invalid. */
  isInvalidToken (): boolean {
    const { headers, status } = this.head
    if (status === 401) return true
    const body = decodeContent(Buffer.concat(this.chunks), headerValues(headers, 'content-encoding'), MAX_BUFFERED_BYTES)
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
