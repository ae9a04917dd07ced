/**
 * The connections to AMSU. TLS is verified, always, and no environment variable opens it: the pool is ours because the transports
 * of @fastify/reply-from switch verification off (CVE-2026-107318).
 */
import { rootCertificates } from 'node:tls'
import { buildConnector, Pool } from 'undici'

/** Connections are resolved and made anew after this long, so that a change in DNS is followed. */
const CONNECTION_TTL_MS = 300_000

export interface UpstreamAgentOptions {
  /** Origin of AMSU. */
  readonly origin: string
  readonly connectTimeoutMs: number
  readonly maxConnections: number
  /** Further certificate authorities, as PEM. */
  readonly certificateAuthority: string | undefined
}

/**
 * Creates a pool of connections to one origin. It has no time-outs of its own for answers (the exchange keeps those), sends one
 * request at a time over a connection, and never sends one twice.
 */
export function createUpstreamAgent ({ origin, connectTimeoutMs, maxConnections, certificateAuthority }: UpstreamAgentOptions): Pool {
  return new Pool(origin, {
    connect: buildConnector({
      timeout: connectTimeoutMs,
      rejectUnauthorized: true,
      ...(certificateAuthority === undefined ? {} : { ca: [...rootCertificates, certificateAuthority] }),
    }),
    connections: maxConnections,
    pipelining: 1,
    clientTtl: CONNECTION_TTL_MS,
    headersTimeout: 0,
    bodyTimeout: 0,
  })
}
