/**
 * The connections to AMSU. TLS is verified, always, and no environment variable opens it: the pool is ours because the transports
 * of @fastify/reply-from switch verification off (CVE-2026-107318).
 */
import type { LookupFunction } from 'node:net'
import { rootCertificates } from 'node:tls'
import { buildConnector, Client, Pool, type Dispatcher } from 'undici'

/** Connections are resolved and made anew after this long, so that a change in DNS is followed. */
const CONNECTION_TTL_MS = 300_000

export interface UpstreamAgentOptions {
  /** Origin of AMSU. */
  readonly origin: string
  readonly connectTimeoutMs: number
  readonly maxConnections: number
  /** Further certificate authorities, as PEM. */
  readonly certificateAuthority: string | undefined
  /** Finds the addresses of a name. @default the system's resolver */
  readonly lookup?: LookupFunction
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

/** One connection of the pool, with a count of its uses. */
class CountingClient extends Client {
  readonly #use: ConnectionUse = { requests: 0 }

  constructor (origin: URL, options: object) {
    super(origin, options)
    this.on('connect', () => { this.#use.requests = 0 })
  }

  override dispatch (options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler & Partial<ConnectionAware>): boolean {
    handler.onConnection?.(this.#use)
    return super.dispatch(options, handler)
  }
}

/**
 * Creates a pool of connections to one origin. It has no time-outs of its own for answers (the exchange keeps those), sends one
 * request at a time over a connection, and never sends one twice.
 */
export function createUpstreamAgent ({ origin, connectTimeoutMs, maxConnections, certificateAuthority, lookup }: UpstreamAgentOptions): Pool {
  return new Pool(origin, {
    connect: buildConnector({
      timeout: connectTimeoutMs,
      // Node gives up an address after 250 ms when the name has another one: less than a round trip on a slow line.
      autoSelectFamilyAttemptTimeout: Math.ceil(connectTimeoutMs / 2),
      rejectUnauthorized: true,
      ...(lookup === undefined ? {} : { lookup }),
      ...(certificateAuthority === undefined ? {} : { ca: [...rootCertificates, certificateAuthority] }),
    }),
    connections: maxConnections,
    factory: (target, options) => new CountingClient(target, options),
    pipelining: 1,
    clientTtl: CONNECTION_TTL_MS,
    headersTimeout: 0,
    bodyTimeout: 0,
  })
}
