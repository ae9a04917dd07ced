/**
 * The connections to AMSU. TLS is verified, always, and no environment variable opens it: the pool is ours because the transports
 * of @fastify/reply-from switch verification off (CVE-2026-107318).
 */
import type { LookupFunction } from 'node:net'
import { rootCertificates } from 'node:tls'
import { buildConnector, Client, Pool, type Dispatcher } from 'undici'
import { systemClock, type Clock } from '../clock.ts'
import { ForwardProxyError, type ForwardProxy } from './forward-proxy.ts'
import { headerValue } from './headers.ts'
import { createTunnelConnector } from './tunnel.ts'

/** A connection's last request is the first one after this long: names are resolved anew, so that a change in DNS is followed. */
const CONNECTION_TTL_MS = 300_000

/** What only a forward proxy answers: it wants to know who we are (RFC 9110 section 15.5.8). */
const PROXY_AUTHENTICATION_REQUIRED = 407

/** What tinyproxy answers to a wrong password. AMSU says so too, but it never asks for Basic credentials: its scheme is Bearer. */
const UNAUTHORIZED = 401
const BASIC_CHALLENGE = /^basic\b/i

export interface UpstreamAgentOptions {
  /** Origin of AMSU. */
  readonly origin: string
  readonly connectTimeoutMs: number
  readonly maxConnections: number
  /** Further certificate authorities, as PEM. */
  readonly certificateAuthority: string | undefined
  /** The only way to AMSU, where there is one. */
  readonly forwardProxy: ForwardProxy | undefined
  /** Finds the addresses of a name. @default the system's resolver */
  readonly lookup?: LookupFunction
  /** Tells the age of connections. @default systemClock */
  readonly clock?: Clock
}

/** How often a connection has been used: what tells a connection that was found dead from one that died of a request. */
export interface ConnectionUse {
  /** Requests handed to the connection that is open now. */
  requests: number
}

/** A handler that wants to know which connection its request goes to. */
export interface ConnectionAware {
  onConnection: (use: ConnectionUse) => void
}

/** Headers in any form undici takes. */
type Headers = NonNullable<Dispatcher.DispatchOptions['headers']>

/** One connection of the pool, with a count of its uses. */
class CountingClient extends Client {
  readonly #use: ConnectionUse = { requests: 0 }
  readonly #clock: Clock
  /** Of the connection that is open now. */
  #connectedAtMs = Infinity

  constructor (origin: URL, options: object, clock: Clock) {
    super(origin, options)
    this.#clock = clock
    this.on('connect', () => {
      this.#use.requests = 0
      this.#connectedAtMs = clock.monotonic()
    })
    this.on('disconnect', () => { this.#connectedAtMs = Infinity })
  }

  override dispatch (options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler & Partial<ConnectionAware>): boolean {
    handler.onConnection?.(this.#use)
    // Its last request says so. The pool's own limit would be looked up for every connection at every request.
    const isOld = this.#clock.monotonic() - this.#connectedAtMs > CONNECTION_TTL_MS
    return super.dispatch(isOld ? { ...options, reset: true } : options, handler)
  }
}

/**
 * A connection to a forward proxy that is asked for http resources. It is told the whole URL of each request, and who we are. What
 * it answers in its own name can not be told from AMSU's answers, unless it asks who we are. Each request has a connection of its own
 * to it: tinyproxy closes after an answer without saying so, and a charged call must not be lost to a connection that looks alive.
 */
class ForwardedClient extends CountingClient {
  readonly #origin: string
  readonly #authorization: string | undefined

  constructor (origin: URL, options: object, clock: Clock, { authorization }: ForwardProxy) {
    super(origin, options, clock)
    this.#origin = origin.origin
    this.#authorization = authorization?.reveal()
  }

  override dispatch (options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler & Partial<ConnectionAware>): boolean {
    const onHeaders = handler.onHeaders?.bind(handler)
    handler.onHeaders = (status, raw, ...rest) => {
      if (asksWhoWeAre(status, raw)) throw new ForwardProxyError(status)
      return onHeaders?.(status, raw, ...rest) ?? true
    }
    return super.dispatch({ ...options, reset: true, path: `${this.#origin}${options.path}`, headers: this.#withAuthorization(options.headers ?? {}) }, handler)
  }

  #withAuthorization (headers: Headers): Headers {
    if (this.#authorization === undefined) return headers
    return Array.isArray(headers) ? [...headers, 'proxy-authorization', this.#authorization] : { ...headers, 'proxy-authorization': this.#authorization }
  }
}

/**
 * Creates a pool of connections to one origin. It has no time-outs of its own for answers (the exchange keeps those), sends one
 * request at a time over a connection, and never sends one twice.
 */
export function createUpstreamAgent (options: UpstreamAgentOptions): Pool {
  const { origin, maxConnections, forwardProxy, clock = systemClock } = options
  const isForwarded = forwardProxy !== undefined && origin.startsWith('http:')
  return new Pool(origin, {
    connect: createConnector(options),
    connections: maxConnections,
    factory: (target, options) => isForwarded ? new ForwardedClient(target, options, clock, forwardProxy) : new CountingClient(target, options, clock),
    pipelining: 1,
    headersTimeout: 0,
    bodyTimeout: 0,
  })
}

/** Makes what connects to AMSU, by TLS or not, directly or through a forward proxy. */
export function createConnector ({ origin, connectTimeoutMs, certificateAuthority, forwardProxy, lookup }: UpstreamAgentOptions): buildConnector.connector {
  const isTunnel = forwardProxy !== undefined && origin.startsWith('https:')
  const direct = buildConnector({
    timeout: isTunnel ? 0 : connectTimeoutMs, // a tunnel has one limit for everything
    // Node gives up an address after 250 ms when the name has another one: less than a round trip on a slow line.
    autoSelectFamilyAttemptTimeout: Math.ceil(connectTimeoutMs / 2),
    rejectUnauthorized: true,
    ...(lookup === undefined ? {} : { lookup }),
    ...(certificateAuthority === undefined ? {} : { ca: [...rootCertificates, certificateAuthority] }),
  })
  if (forwardProxy === undefined) return direct
  if (isTunnel) return createTunnelConnector({ forwardProxy, connectTimeoutMs, secure: direct })
  return (options, callback) => {
    direct({ ...options, hostname: forwardProxy.host, port: String(forwardProxy.port) }, (...[error, socket]) => {
      if (error === null) callback(null, socket)
      else callback(new ForwardProxyError(undefined, error), null)
    })
  }
}

function asksWhoWeAre (status: number, raw: readonly Buffer[]): boolean {
  if (status !== UNAUTHORIZED) return status === PROXY_AUTHENTICATION_REQUIRED
  return BASIC_CHALLENGE.test(headerValue(raw.map(String), 'www-authenticate') ?? '')
}
