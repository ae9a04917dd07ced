/**
 * Requests that no route sees: bytes that are not HTTP, methods and expectations that are not served, and protocols that only look
 * like HTTP. Their local replies have the same envelope as all others.
 */
import { METHODS, type IncomingMessage } from 'node:http'
import { ProxyError, type ErrorCode } from '../errors.ts'

/** What Node calls a request that never becomes one, and what we call it. Anything else is BAD_REQUEST. */
const CLIENT_ERRORS: Readonly<Record<string, ErrorCode>> = {
  HPE_HEADER_OVERFLOW: 'HEAD_TOO_LARGE',
  ERR_HTTP_REQUEST_TIMEOUT: 'REQUEST_TIMEOUT',
}

/** The client has left, by a reset or by an end in the middle of a request, or has never finished its TLS handshake: no reply could reach it. */
const NOBODY_LISTENS = new Set(['ECONNRESET', 'EPIPE', 'HPE_INVALID_EOF_STATE', 'ERR_TLS_HANDSHAKE_TIMEOUT'])

/** The expectation that is understood (RFC 9110 section 10.1.1). */
const CONTINUE = /^100-continue$/i

/** The methods of HTTP that Node's parser knows; it takes those of RTSP too, for which a router has no answer. */
const HTTP_METHODS = new Set(METHODS)

/** Protocols that Node's parser accepts in a request line and then takes for HTTP. */
const FOREIGN_PROTOCOLS = ['RTSP/', 'ICE/']

/** What ends the line before a request line. */
const LINE_FEED = 0x0a

/** What to reply to a connection on which an error occurred; undefined if nobody would hear it. */
export function clientError (error: Error & { code?: string }): ProxyError | undefined {
  const { code = '' } = error
  return NOBODY_LISTENS.has(code) ? undefined : new ProxyError(CLIENT_ERRORS[code] ?? 'BAD_REQUEST')
}

/**
 * Why a request is refused before any route sees it; undefined if it is not.
 *
 * @param isFirst whether it is the first one of its connection
 */
export function requestError (req: IncomingMessage, isFirst: boolean): ProxyError | undefined {
  const { headers: { expect }, httpVersion, httpVersionMajor, method = '' } = req
  if (httpVersionMajor !== 1) return new ProxyError('BAD_REQUEST')
  if (expect !== undefined && httpVersion === '1.1' && !CONTINUE.test(expect)) return new ProxyError('EXPECTATION_FAILED')
  if (!HTTP_METHODS.has(method)) return new ProxyError('METHOD_REJECTED')
  // It costs a copy of the bytes, a twentieth of a small request: what speaks HTTP/1.1 does not begin to speak another protocol.
  return (isFirst || httpVersion !== '1.1') && isForeignProtocol(req, isFirst) ? new ProxyError('BAD_REQUEST') : undefined
}

/** Node's parser, as a connection carries it. */
interface ParsedSocket { readonly parser?: { readonly getCurrentBuffer?: () => Buffer | undefined } | null }

/**
 * Whether a request line names another protocol than HTTP. Node does not tell, so the bytes that are being parsed are looked at; a
 * line that came in pieces cannot be, and is taken for what Node says it is.
 */
function isForeignProtocol ({ method = '', socket, url = '' }: IncomingMessage, isFirst: boolean): boolean {
  const bytes = (socket as ParsedSocket).parser?.getCurrentBuffer?.()
  return bytes !== undefined && FOREIGN_PROTOCOLS.some(protocol => {
    const at = bytes.indexOf(`${method} ${url} ${protocol}`, 0, 'latin1')
    // Behind a body there is no line that ends before it.
    return at === 0 || (at > 0 && (!isFirst || bytes[at - 1] === LINE_FEED))
  })
}
