/**
 * What a broken exchange with AMSU is called: one pure function from what the connection reports to the error a caller gets. It
 * branches on codes, never on messages.
 */
import type { ErrorCode } from '../errors.ts'
import { CONNECTION_ENDED_ERROR, INVALID_RESPONSE_ERROR, UNSENDABLE_REQUEST_ERROR } from '../upstream/errors.ts'
import { FORWARD_PROXY_ERROR } from '../upstream/forward-proxy.ts'

/** How far an attempt had come when it failed. */
export interface AttemptProgress {
  /** The request was handed to a connection: bytes of it may have left. */
  readonly isSent: boolean
  /** The connection had carried another request before. */
  readonly isReused: boolean
  /** At least a byte of an answer came. */
  readonly hasFirstByte: boolean
}

/** Why an exchange was ended although nothing broke: what an operator is told beside the error code. */
export class SilenceError extends Error {
  readonly code = 'ERR_SILENCE'

  constructor (message: string) {
    super(message)
    this.name = 'SilenceError'
  }
}

/** The answer was not HTTP, or has a head that Node does not pass on. */
const INVALID = new Set([INVALID_RESPONSE_ERROR, 'ERR_INVALID_CHAR', 'ERR_HTTP_INVALID_STATUS_CODE', 'ERR_HTTP_INVALID_HEADER_VALUE', 'ERR_INVALID_HTTP_TOKEN'])

/** How a connection tells that its other side has closed it. */
const CONNECTION_ENDS = new Set(['ECONNRESET', 'EPIPE', CONNECTION_ENDED_ERROR])

/** Names the error for a caller whose exchange with AMSU failed with `cause`. */
export function upstreamErrorCode (cause: unknown, { isSent }: Pick<AttemptProgress, 'isSent'>): ErrorCode {
  const code = codeOf(cause)
  if (code === UNSENDABLE_REQUEST_ERROR) return 'BAD_REQUEST'
  if (!isSent || code === FORWARD_PROXY_ERROR) return 'UPSTREAM_UNREACHABLE'
  return INVALID.has(code) ? 'UPSTREAM_INVALID' : 'UPSTREAM_RESET'
}

/**
 * Whether an attempt found its connection dead: the one case in which a GET or HEAD is sent again (RFC 9110 section 9.2.2). A
 * connection that was fresh, or on which a byte of an answer came, may have died of the request itself.
 */
export function isStaleConnection (cause: unknown, { isSent, isReused, hasFirstByte }: AttemptProgress): boolean {
  return isSent && isReused && !hasFirstByte && CONNECTION_ENDS.has(codeOf(cause))
}

/** The `code` of an error of Node or of ours, or an empty string. */
export function codeOf (cause: unknown): string {
  return cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : ''
}
