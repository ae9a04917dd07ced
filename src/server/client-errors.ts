/**
 * Client errors before routing: invalid HTTP, unsupported methods and expectations, and other protocols that resemble HTTP. Their local
 * replies have the same error envelope as all others.
 */
import { METHODS, type IncomingMessage } from 'node:http'
import { ProxyError, type ErrorCode } from '../errors.ts'

/** Our error codes by Node's code. Anything else is BAD_REQUEST. */
const CLIENT_ERRORS: Readonly<Record<string, ErrorCode>> = {
  HPE_HEADER_OVERFLOW: 'HEAD_TOO_LARGE',
  ERR_HTTP_REQUEST_TIMEOUT: 'REQUEST_TIMEOUT',
}

/** The client disconnected, by a reset or in the middle of a request, or did not complete its TLS handshake: no reply could reach it. */
const DISCONNECTED = new Set(['ECONNRESET', 'EPIPE', 'HPE_INVALID_EOF_STATE', 'ERR_TLS_HANDSHAKE_TIMEOUT'])

/** The supported expectation (RFC 9110 section 10.1.1). */
const CONTINUE = /^100-continue$/i

/** The HTTP methods of Node's parser. The parser also accepts methods of RTSP, which have no route. */
const HTTP_METHODS = new Set(METHODS)

/** Protocols that Node's parser accepts in a request line and then treats as HTTP. */
const FOREIGN_PROTOCOLS = ['RTSP/', 'ICE/']

/** End of the line before a request line. */
const LINE_FEED = 0x0a

/** The local reply for a connection error; undefined if the client has disconnected. */
export function clientError (error: Error & { code?: string }): ProxyError | undefined {
  const { code = '' } = error
  return DISCONNECTED.has(code) ? undefined : new ProxyError(CLIENT_ERRORS[code] ?? 'BAD_REQUEST')
}

/**
 * The reason to reject a request before any route; undefined if there is none.
 *
 * @param isFirst whether it is the first one of its connection
 */
export function requestError (req: IncomingMessage, isFirst: boolean): ProxyError | undefined {
  const { headers: { expect }, httpVersion, httpVersionMajor, method = '' } = req
  if (httpVersionMajor !== 1) return new ProxyError('BAD_REQUEST')
  if (expect !== undefined && httpVersion === '1.1' && !CONTINUE.test(expect)) return new ProxyError('EXPECTATION_FAILED')
  if (!HTTP_METHODS.has(method)) return new ProxyError('METHOD_REJECTED')
  // The check copies the bytes, which costs 5 % of a small request. A connection that has used HTTP/1.1 does not switch to another protocol.
  return (isFirst || httpVersion !== '1.1') && isForeignProtocol(req, isFirst) ? new ProxyError('BAD_REQUEST') : undefined
}

/** A socket with Node's parser. */
interface ParsedSocket { readonly parser?: { readonly getCurrentBuffer?: () => Buffer | undefined } | null }

/**
 * Whether a request line names a protocol other than HTTP. Node does not tell, so this reads the bytes that are being parsed. A line that
 * arrived in several pieces cannot be checked and counts as HTTP.
 */
function isForeignProtocol ({ method = '', socket, url = '' }: IncomingMessage, isFirst: boolean): boolean {
  const bytes = (socket as ParsedSocket).parser?.getCurrentBuffer?.()
  return bytes !== undefined && FOREIGN_PROTOCOLS.some(protocol => {
    const at = bytes.indexOf(`${method} ${url} ${protocol}`, 0, 'latin1')
    // After a body, no line end precedes the request line.
    return at === 0 || (at > 0 && (!isFirst || bytes[at - 1] === LINE_FEED))
  })
}
