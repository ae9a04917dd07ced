/**
 * TLS to AMSU, over a connection that is there already. The certificate is verified, always, and no environment variable opens it:
 * the transports of @fastify/reply-from switch verification off (CVE-2026-107318), so none of them is ever used.
 */
import { createRequire } from 'node:module'
import { isIP, type Socket } from 'node:net'
import type nodeTls from 'node:tls'
import type { ConnectTarget } from './connect-attempt.ts'

/** Loads Node's TLS when the first connection needs it: that costs 4 to 6 MiB. */
const load = createRequire(import.meta.url)

/** A TLS record holds no more (RFC 8446 section 5.1). */
const RECORD_BYTES = 16_384

/** What is kept from one connection to the next, as long as the same authorities are trusted. */
interface Trust {
  /** Further certificate authorities, as PEM. */
  readonly authority: string | undefined
  readonly context: nodeTls.SecureContext
  /** The last session by `host`. Its certificate is not verified again, so it is good for the authorities it was verified against. */
  readonly sessions: Map<string, Buffer>
}

/** Speaks TLS over `socket`; the handshake is done when the result emits `secureConnect`. Throws if there is no TLS to be had. */
export type TlsClient = (socket: Socket, target: ConnectTarget) => nodeTls.TLSSocket

/**
 * Creates a TLS client.
 *
 * @param certificateAuthority further authorities beside the root certificates, as PEM; read anew for each connection
 */
export function createTlsClient (certificateAuthority: () => string | undefined): TlsClient {
  let trust: Trust | undefined
  return (socket, { host, hostname }) => {
    const tls = load('node:tls') as typeof nodeTls
    const authority = certificateAuthority()
    if (trust === undefined || trust.authority !== authority) {
      const ca = authority === undefined ? {} : { ca: [...tls.rootCertificates, authority] }
      trust = { authority, context: tls.createSecureContext(ca), sessions: new Map() }
    }
    const { context, sessions } = trust
    const session = sessions.get(host)
    const secured = tls.connect({
      socket,
      secureContext: context,
      rejectUnauthorized: true,
      host: hostname, // what the certificate is checked against
      ...(isIP(hostname) === 0 ? { servername: hostname } : {}), // SNI has names only (RFC 6066 section 3)
      ...(session === undefined ? {} : { session }),
      ALPNProtocols: ['http/1.1'],
      highWaterMark: RECORD_BYTES,
    } as nodeTls.ConnectionOptions)
    // Node hands out a session only once the certificate was found good.
    secured.on('session', (next: Buffer) => { sessions.set(host, next) })
    return secured
  }
}
