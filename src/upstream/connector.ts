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
  /** The same while it may change: what it holds counts for connections made from then on. @default `certificateAuthority` for good */
  readonly authority?: { readonly pem: string | undefined }
  /** The only way to AMSU, where there is one. */
  readonly forwardProxy: ForwardProxy | undefined
  /** Finds the addresses of a name. @default the system's resolver */
  readonly lookup?: LookupFunction
}

/** Makes what connects to AMSU, by TLS or not, directly or through a forward proxy. */
export function createConnector ({ origin, connectTimeoutMs, certificateAuthority, authority = { pem: certificateAuthority }, forwardProxy, lookup }: ConnectorOptions): buildConnector.connector {
  const isTunnel = forwardProxy !== undefined && origin.startsWith('https:')
  const build = (pem: string | undefined): buildConnector.connector => buildConnector({
    timeout: isTunnel ? 0 : connectTimeoutMs, // a tunnel has one limit for everything
    // Node gives up an address after 250 ms when the name has another one: less than a round trip on a slow line.
    autoSelectFamilyAttemptTimeout: Math.ceil(connectTimeoutMs / 2),
    rejectUnauthorized: true,
    ...(lookup === undefined ? {} : { lookup }),
    ...(pem === undefined ? {} : { ca: [...rootCertificates, pem] }),
  })
  let built = { pem: authority.pem, connect: build(authority.pem) }
  const direct: buildConnector.connector = (options, callback) => {
    // Built anew with its cache of TLS sessions: one of the old authority would be resumed without looking at the certificate.
    if (built.pem !== authority.pem) built = { pem: authority.pem, connect: build(authority.pem) }
    built.connect(options, callback)
  }
  if (forwardProxy === undefined) return direct
  if (isTunnel) return createTunnelConnector({ forwardProxy, connectTimeoutMs, secure: direct })
  return (options, callback) => {
    direct({ ...options, hostname: forwardProxy.host, port: String(forwardProxy.port) }, (...[error, socket]) => {
      if (error === null) callback(null, socket)
      else callback(new ForwardProxyError(undefined, error), null)
    })
  }
}
