/**
 * What a broken exchange with AMSU is called: one pure function from what the client library reports to the error a caller gets.
 * It branches on codes, never on messages.
 */
import type { ErrorCode } from '../errors.ts'
import { FORWARD_PROXY_ERROR } from './forward-proxy.ts'

/** How far an attempt had come when it failed. */
export interface AttemptProgress {
  /** The request was handed to a connection: bytes of it may have left. */
  readonly isSent: boolean
  /** The connection had carried another request before. */
  readonly isReused: boolean
  /** At least a byte of an answer came. */
  readonly isAnswered: boolean
}

/** The answer was not HTTP, or not this answer: a wrong length, a head past the limit, a head that can not be passed on. */
const INVALID = new Set(['UND_ERR_RES_CONTENT_LENGTH_MISMATCH', 'UND_ERR_HEADERS_OVERFLOW', 'ERR_INVALID_CHAR', 'ERR_HTTP_INVALID_STATUS_CODE', 'ERR_HTTP_INVALID_HEADER_VALUE', 'ERR_INVALID_HTTP_TOKEN'])

/** The caller's own headers or length did not hold; nothing, or nothing whole, was sent. */
const CALLER_FAULT = new Set(['UND_ERR_INVALID_ARG', 'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH', 'UND_ERR_NOT_SUPPORTED'])

/** How a connection tells that its other side has closed it. */
const CONNECTION_ENDS = new Set(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET'])

/** Reasons the client library gives in a `SocketError` for answers nobody asked for: 100, 101, or one on an idle connection. */
const UNASKED_ANSWERS = new Set(['bad response', 'bad upgrade'])

/** Names the error for a caller whose exchange with AMSU failed with `cause`. */
export function upstreamErrorCode (cause: unknown, { isSent }: Pick<AttemptProgress, 'isSent'>): ErrorCode {
  const code = codeOf(cause)
  if (CALLER_FAULT.has(code)) return 'BAD_REQUEST'
  if (!isSent || code === FORWARD_PROXY_ERROR) return 'UPSTREAM_UNREACHABLE'
  if (INVALID.has(code) || isParserError(cause) || isUnaskedAnswer(cause, code)) return 'UPSTREAM_INVALID'
  return 'UPSTREAM_RESET'
}

/**
 * Whether an attempt found its connection dead: the one case in which a GET or HEAD is sent again (RFC 9110 section 9.2.2). A
 * connection that was fresh, or on which a byte of an answer came, may have died of the request itself.
 */
export function foundConnectionDead (cause: unknown, { isSent, isReused, isAnswered }: AttemptProgress): boolean {
  return isSent && isReused && !isAnswered && CONNECTION_ENDS.has(codeOf(cause))
}

/** The `code` of an error of Node or undici, or an empty string. */
export function codeOf (cause: unknown): string {
  return cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : ''
}

/** undici gives the errors of its HTTP parser a name, but not all of them a code. */
function isParserError (cause: unknown): boolean {
  return cause instanceof Error && cause.name === 'HTTPParserError'
}

/** The one place where undici gives no code of its own: its fixed words are the only sign. */
function isUnaskedAnswer (cause: unknown, code: string): boolean {
  return code === 'UND_ERR_SOCKET' && cause instanceof Error && UNASKED_ANSWERS.has(cause.message)
}
