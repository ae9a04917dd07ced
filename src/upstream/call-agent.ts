/**
 * The connections of calls of our own, for the token and the quota: undici's, with the same connector as those of the relay. They
 * are few, and none of them is a caller's.
 */
import { Client, Pool, type Dispatcher } from 'undici'
import { createConnector, type ConnectorOptions } from './connector.ts'
import { ForwardProxyError, type ForwardProxy } from './forward-proxy.ts'
import { asksWhoWeAre } from './through-forward-proxy.ts'

export interface CallAgentOptions extends ConnectorOptions {
  readonly maxConnections: number
}

/** Headers in any form undici takes. */
type Headers = NonNullable<Dispatcher.DispatchOptions['headers']>

/** A connection to a forward proxy that is asked for http resources, as {@link asksWhoWeAre} and its file tell. */
class ForwardedClient extends Client {
  readonly #origin: string
  readonly #authorization: string | undefined

  constructor (origin: URL, options: object, { authorization }: ForwardProxy) {
    super(origin, options)
    this.#origin = origin.origin
    this.#authorization = authorization?.reveal()
  }

  override dispatch (options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    const onHeaders = handler.onHeaders?.bind(handler)
    handler.onHeaders = (status, raw, ...rest) => {
      if (asksWhoWeAre(status, raw.map(String))) throw new ForwardProxyError(status)
      return onHeaders?.(status, raw, ...rest) ?? true
    }
    return super.dispatch({ ...options, reset: true, path: `${this.#origin}${options.path}`, headers: this.#withAuthorization(options.headers ?? {}) }, handler)
  }

  #withAuthorization (headers: Headers): Headers {
    if (this.#authorization === undefined) return headers
    return Array.isArray(headers) ? [...headers, 'proxy-authorization', this.#authorization] : { ...headers, 'proxy-authorization': this.#authorization }
  }
}

/** Creates a pool of connections to AMSU. It has no time-outs of its own for answers; whoever calls has. */
export function createCallAgent (options: CallAgentOptions): Pool {
  const { forwardProxy, maxConnections, origin } = options
  const isForwarded = forwardProxy !== undefined && origin.startsWith('http:')
  return new Pool(origin, {
    connect: createConnector(options),
    connections: maxConnections,
    ...(isForwarded ? { factory: (target: URL, clientOptions: object) => new ForwardedClient(target, clientOptions, forwardProxy) } : {}),
    pipelining: 1,
    headersTimeout: 0,
    bodyTimeout: 0,
  })
}
