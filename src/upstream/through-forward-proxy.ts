/**
 * Requests for http resources through a forward proxy (RFC 9112 section 3.2.2): it is told the whole URL of each, and who we are. What
 * it answers in its own name can not be told from AMSU's answers, unless it asks who we are.
 */
import type { Delivery, DeliveryListener, OutgoingRequest, Transport } from './delivery.ts'
import { ForwardProxyError, type ForwardProxy } from './forward-proxy.ts'
import { headerValue } from './header-value.ts'
import type { ResponseHead } from './response-head.ts'

/** What only a forward proxy answers: it wants to know who we are (RFC 9110 section 15.5.8). */
const PROXY_AUTHENTICATION_REQUIRED = 407

/** What tinyproxy answers to a wrong password. AMSU says so too, but it never asks for Basic credentials: its scheme is Bearer. */
const UNAUTHORIZED = 401
const BASIC_CHALLENGE = /^basic\b/i

/** Whether an answer is the forward proxy asking who we are. `headers` are flat names and values. */
export function asksWhoWeAre (status: number, headers: readonly string[]): boolean {
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
    send: (request, listener): Delivery => transport.send(inAbsoluteForm(request, origin, credentials), new Suspicious(listener)),
  }
}

function inAbsoluteForm (request: OutgoingRequest, origin: string, credentials: readonly string[]): OutgoingRequest {
  return { ...request, target: `${origin}${request.target}`, headers: [...request.headers, ...credentials] }
}

/** Hears first whether it is AMSU that answers. */
class Suspicious implements DeliveryListener {
  readonly #listener: DeliveryListener

  constructor (listener: DeliveryListener) {
    this.#listener = listener
  }

  onConnected (isReused: boolean): boolean {
    return this.#listener.onConnected(isReused)
  }

  onSent (): void {
    this.#listener.onSent()
  }

  onAnswerStarted (): void {
    this.#listener.onAnswerStarted()
  }

  onHead (head: ResponseHead): void {
    if (asksWhoWeAre(head.status, head.headers)) throw new ForwardProxyError(head.status)
    this.#listener.onHead(head)
  }

  onBody (chunk: Buffer): boolean {
    return this.#listener.onBody(chunk)
  }

  onEnd (): void {
    this.#listener.onEnd()
  }

  onFailure (cause: Error): void {
    this.#listener.onFailure(cause)
  }
}
