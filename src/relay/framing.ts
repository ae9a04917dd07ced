/**
 * How a request says that it has a body, and which of these ways are relayed.
 */
import type { IncomingMessage } from 'node:http'
import { ProxyError } from '../errors.ts'

/** Whether the request announces a body (RFC 9112 section 6.3). */
export function hasBody ({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0'
}

/**
 * Refuses a request whose body is too large by its own word, or could be read in more than one way.
 *
 * @throws {ProxyError} BODY_TOO_LARGE or BAD_REQUEST
 */
export function checkFraming ({ headers }: IncomingMessage, maxBodyBytes: number): void {
  const { 'content-length': length = '0', 'transfer-encoding': coding = 'chunked' } = headers
  if (Number(length) > maxBodyBytes) throw new ProxyError('BODY_TOO_LARGE')
  // Any other coding would reach AMSU as if it were the plain bytes (RFC 9112 section 6.1).
  if (coding.toLowerCase() !== 'chunked') throw new ProxyError('BAD_REQUEST')
}
