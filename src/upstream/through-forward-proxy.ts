/**
 * http requests through a forward proxy, in absolute form (RFC 9112 section 3.2.2) with `Proxy-Authorization`. The forward proxy's own
 * responses cannot be distinguished from AMSU's, except a request for proxy authentication.
 */
import { ForwardProxyError, type ForwardProxy } from './forward-proxy.ts'
import { headerValue } from './header-value.ts'
import type { PendingRequest, RequestHandler, OutgoingRequest, Transport } from './pending-request.ts'
import type { FramedResponseHead } from './response-head.ts'

/** The forward proxy requires authentication; only a proxy sends this status (RFC 9110 section 15.5.8). */
const PROXY_AUTHENTICATION_REQUIRED = 407

/** tinyproxy sends 401 for a wrong password. AMSU sends 401 too, but never a Basic challenge: its scheme is Bearer. */
const UNAUTHORIZED = 401
const BASIC_CHALLENGE = /^basic\b/i

/**
 * Creates a transport that sends requests in absolute form.
 *
 * @param origin of AMSU
 * @param transport sends to the forward proxy
 */
export function throughForwardProxy (origin: string, transport: Transport, { authorization }: ForwardProxy): Transport {
  const credentials = authorization === undefined ? [] : ['proxy-authorization', authorization.reveal()]
  return {
    send: (request, handler): PendingRequest => transport.send(inAbsoluteForm(request, origin, credentials), new ProxyAuthDetector(handler)),
  }
}

function inAbsoluteForm (request: OutgoingRequest, origin: string, credentials: readonly string[]): OutgoingRequest {
  return { ...request, target: `${origin}${request.target}`, headers: [...request.headers, ...credentials] }
}

/** Whether a response is the forward proxy's request for authentication. `headers` are flat names and values. */
function isProxyAuthRequired (status: number, headers: readonly string[]): boolean {
  if (status !== UNAUTHORIZED) return status === PROXY_AUTHENTICATION_REQUIRED
  return BASIC_CHALLENGE.test(headerValue(headers, 'www-authenticate') ?? '')
}

/** Fails a request if the response is the forward proxy's request for authentication; passes everything else to the handler. */
class ProxyAuthDetector implements RequestHandler {
  readonly #handler: RequestHandler

  constructor (handler: RequestHandler) {
    this.#handler = handler
  }

  onConnected (isReused: boolean): boolean {
    return this.#handler.onConnected(isReused)
  }

  onRequestSent (): void {
    this.#handler.onRequestSent()
  }

  onFirstByte (): void {
    this.#handler.onFirstByte()
  }

  onResponseStart (head: FramedResponseHead): void {
    if (isProxyAuthRequired(head.status, head.headers)) throw new ForwardProxyError(head.status)
    this.#handler.onResponseStart(head)
  }

  onResponseData (chunk: Buffer): boolean {
    return this.#handler.onResponseData(chunk)
  }

  onResponseEnd (): void {
    this.#handler.onResponseEnd()
  }

  onResponseError (cause: Error): void {
    this.#handler.onResponseError(cause)
  }
}
