/**
 * Request framing (`Content-Length`, `Transfer-Encoding`): whether a request has a body, and which framings are rejected.
 */
import type { IncomingMessage } from 'node:http'
import { ProxyError } from '../errors.ts'

/** Whether the request has a body (RFC 9112 section 6.3). */
export function hasBody ({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
}

/** The length of the body in bytes, as the request declares it; undefined if it does not. */
export function lengthOf ({ headers }: IncomingMessage): number | undefined {
  const { 'content-length': length } = headers
  return length === undefined ? undefined : Number(length)
}

/**
 * Rejects a request whose `Content-Length` is too large, or whose framing is ambiguous.
 *
 * @throws {ProxyError} BODY_TOO_LARGE or BAD_REQUEST
 */
export function checkFraming ({ headers }: IncomingMessage, maxBodyBytes: number): void {
  const { 'content-length': length = '0', 'transfer-encoding': coding = 'chunked' } = headers
  if (Number(length) > maxBodyBytes) throw new ProxyError('BODY_TOO_LARGE')
  // AMSU would read the bytes of any other coding as plain content (RFC 9112 section 6.1).
  if (coding.toLowerCase() !== 'chunked') throw new ProxyError('BAD_REQUEST')
}
