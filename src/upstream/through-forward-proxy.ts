/**
 * Requests for http resources through a forward proxy (RFC 9112 section 3.2.2): it is told the whole URL of each, and who we are. What
 * it answers in its own name can not be told from AMSU's answers, unless it asks who we are.
 */
import { ForwardProxyError, type ForwardProxy } from './forward-proxy.ts'
import { headerValue } from './header-value.ts'
import type { PendingRequest, RequestHandler, OutgoingRequest, Transport } from './pending-request.ts'
import type { FramedResponseHead } from './response-head.ts'

/** What only a forward proxy answers: it wants to know who we are (RFC 9110 section 15.5.8). */
const PROXY_AUTHENTICATION_REQUIRED = 407

/** What tinyproxy answers to a wrong password. AMSU says so too, but it never asks for Basic credentials: its scheme is Bearer. */
const UNAUTHORIZED = 401
const BASIC_CHALLENGE = /^basic\b/i

/** Whether an answer is the forward proxy asking who we are. `headers` are flat names and values. */
export function isProxyAuthRequired (status: number, headers: readonly string[]): boolean {
  if (status !== UNAUTHORIZED) return status === PROXY_AUTHENTICATION_REQUIRED
  return BASIC_CHALLENGE.test(headerValue(headers, 'www-authenticate') ?? '')
}

/**
 * Sends what is given to it in absolute form.
 *
 * @param origin of AMSU
 * @param transport leads to the forward proxy
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

/** Hears first whether it is AMSU that answers. */
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
