/**
 * Upstream errors and stale keep-alive connections: maps a connection error to the error code for the client (pure functions), and decides
 * when a GET may be retried. It branches on error codes, never on messages.
 */
import { codeOf, type ErrorCode } from '../errors.ts'
import { CONNECTION_ENDED_ERROR, INVALID_RESPONSE_ERROR, UNSENDABLE_REQUEST_ERROR } from '../upstream/errors.ts'
import { FORWARD_PROXY_ERROR } from '../upstream/forward-proxy.ts'

/** How far an attempt got before it failed. */
export interface AttemptProgress {
  /** The request was handed to a connection: bytes of it may have been sent. */
  readonly isSent: boolean
  /** The connection had carried another request before. */
  readonly isReused: boolean
  /** At least one byte of a response arrived. */
  readonly hasFirstByte: boolean
}

/** The cause of a timeout or of an end at shutdown, which no error of Node.js describes; logged beside the error code. */
export class SilenceError extends Error {
  readonly code = 'ERR_SILENCE'

  constructor (message: string) {
    super(message)
    this.name = 'SilenceError'
  }
}

/** The response was not HTTP, or has a head that Node refuses to write. */
const INVALID = new Set([INVALID_RESPONSE_ERROR, 'ERR_INVALID_CHAR', 'ERR_HTTP_INVALID_STATUS_CODE', 'ERR_HTTP_INVALID_HEADER_VALUE', 'ERR_INVALID_HTTP_TOKEN'])

/** Errors of a connection that its peer has closed. */
const CONNECTION_ENDS = new Set(['ECONNRESET', 'EPIPE', CONNECTION_ENDED_ERROR])

/** The error code for a client whose exchange with AMSU failed with `cause`. */
export function upstreamErrorCode (cause: unknown, { isSent }: Pick<AttemptProgress, 'isSent'>): ErrorCode {
  const code = codeOf(cause)
  if (code === UNSENDABLE_REQUEST_ERROR) return 'BAD_REQUEST'
  if (!isSent || code === FORWARD_PROXY_ERROR) return 'UPSTREAM_UNREACHABLE'
  return INVALID.has(code) ? 'UPSTREAM_INVALID' : 'UPSTREAM_RESET'
}

/**
 * Whether an attempt met a stale connection, which AMSU had closed while it was idle: the only case in which a GET or HEAD is retried
 * (RFC 9110 section 9.2.2). If the connection was new, or a byte of a response arrived, the request itself may have caused the close.
 */
export function isStaleConnection (cause: unknown, { isSent, isReused, hasFirstByte }: AttemptProgress): boolean {
  return isSent && isReused && !hasFirstByte && CONNECTION_ENDS.has(codeOf(cause))
}
