/**
 * TLS client for AMSU, over an open connection. It always verifies the certificate, and no environment variable turns that off. The
 * transports of @fastify/reply-from turn verification off (CVE-2026-107318), so none of them is used.
 */
import { createRequire } from 'node:module'
import { isIP, type Socket } from 'node:net'
import type nodeTls from 'node:tls'
import type { ConnectTarget } from './connect-attempt.ts'

/** Loads Node's TLS when the first connection needs it: that costs 4 to 6 MiB. */
const load = createRequire(import.meta.url)

/** Maximum size of a TLS record (RFC 8446 section 5.1). */
const RECORD_BYTES = 16_384

/** The TCP connection below each TLS connection. */
const transports = new WeakMap<Socket, Socket>()

/** The TCP connection below a socket: the socket itself without TLS. */
export function transportOf (socket: Socket): Socket {
  return transports.get(socket) ?? socket
}

/** State that connections share, as long as the trusted authorities do not change. */
interface Trust {
  /** Further certificate authorities, as PEM. */
  readonly authority: string | undefined
  readonly context: nodeTls.SecureContext
  /** The last TLS session by `host`. A resumed session is not verified again, so it is valid only for the authorities it was verified with. */
  readonly sessions: Map<string, Buffer>
}

/** Starts TLS over `socket`; the handshake is complete when the result emits `secureConnect`. Throws if TLS cannot be set up. */
export type TlsClient = (socket: Socket, target: ConnectTarget) => nodeTls.TLSSocket

/**
 * Creates a TLS client.
 *
 * @param certificateAuthority authorities in addition to the root certificates, as PEM; read for each connection
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
      ...(isIP(hostname) === 0 ? { servername: hostname } : {}), // SNI allows names only (RFC 6066 section 3)
      ...(session === undefined ? {} : { session }),
      ALPNProtocols: ['http/1.1'],
      highWaterMark: RECORD_BYTES,
    } as nodeTls.ConnectionOptions)
    transports.set(secured, socket)
    // Node emits a session only after the certificate was verified.
    secured.on('session', (next: Buffer) => { sessions.set(host, next) })
    return secured
  }
}
