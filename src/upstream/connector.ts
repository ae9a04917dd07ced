/**
 * Makes connections to AMSU. TLS is verified, always, and no environment variable opens it: the transports of @fastify/reply-from
 * switch verification off (CVE-2026-107318), so none of them is ever used.
 */
import type { LookupFunction } from 'node:net'
import { rootCertificates } from 'node:tls'
import { buildConnector } from 'undici'
import { ForwardProxyError, type ForwardProxy } from './forward-proxy.ts'
import { createTunnelConnector } from './tunnel.ts'

export interface ConnectorOptions {
  /** Origin of AMSU. */
  readonly origin: string
  readonly connectTimeoutMs: number
  /** Further certificate authorities, as PEM. */
  readonly certificateAuthority: string | undefined
  /** The only way to AMSU, where there is one. */
  readonly forwardProxy: ForwardProxy | undefined
  /** Finds the addresses of a name. @default the system's resolver */
  readonly lookup?: LookupFunction
}

/** Makes what connects to AMSU, by TLS or not, directly or through a forward proxy. */
export function createConnector ({ origin, connectTimeoutMs, certificateAuthority, forwardProxy, lookup }: ConnectorOptions): buildConnector.connector {
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
