/**
 * Options of Node's HTTP and HTTPS servers: timeouts, keep-alive, TLS certificate.
 */
import http, { type Server } from 'node:http'
import type https from 'node:https'
import { createRequire } from 'node:module'
import type tls from 'node:tls'
import type { TlsConfig } from '../config/tls-files.ts'
import { JoiningRequest } from './joining-request.ts'

/** Loads Node's TLS only if there is a certificate: that costs 4 to 6 MiB. */
const load = createRequire(import.meta.url)

/** Timeout of a TLS handshake, and then of a request head. Node's defaults are two minutes and one minute. */
const HEAD_TIMEOUT_MS = 15_000

/** How often Node checks the timeout of request heads. */
const HEAD_CHECK_INTERVAL_MS = 1_000

/** Longer than the 60 s after which most load balancers drop an idle connection, so that they close it, not the proxy. */
const KEEP_ALIVE_TIMEOUT_MS = 72_000

/** TCP keep-alive probes a silent client after this long: a response may take five minutes, and NATs drop silent connections earlier. */
const TCP_KEEP_ALIVE_DELAY_MS = 60_000

/**
 * Creates a server that does not listen yet.
 *
 * @param certificate the certificate to present; undefined for plain http
 * @param headTimeoutMs how long a client may take for a TLS handshake, and then for the head of a request
 */
export function createHttpServer (certificate: TlsConfig | undefined, headTimeoutMs = HEAD_TIMEOUT_MS): Server {
  const options = {
    IncomingMessage: JoiningRequest,
    headersTimeout: headTimeoutMs,
    connectionsCheckingInterval: HEAD_CHECK_INTERVAL_MS,
    requestTimeout: 0, // an upload may take an hour; the idle timeout applies instead
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    requireHostHeader: false, // the guards check it
    keepAlive: true,
    keepAliveInitialDelay: TCP_KEEP_ALIVE_DELAY_MS,
    noDelay: true,
  }
  const server = certificate === undefined ? http.createServer(options) : (load('node:https') as typeof https).createServer({ ...options, handshakeTimeout: headTimeoutMs })
  // Headers beyond Node's limit of 2,000 would be hidden from us and still frame the body (CVE-2026-58044). HeaderBudget limits
  // the memory they take.
  server.maxHeadersCount = 0
  // Node would destroy connections with unwritten responses or unread requests.
  server.closeIdleConnections = () => {}
  if (certificate !== undefined) setCertificate(server, certificate)
  return server
}

/**
 * Sets the certificate for new connections, and the minimum TLS version. It also removes the server's readable copy of the key, which the
 * server no longer needs and would print whenever it is printed itself.
 */
export function setCertificate (server: Server, { cert, key }: TlsConfig): void {
  const secured = server as unknown as tls.Server & { key: unknown }
  secured.setSecureContext({ cert, key: key.reveal(), minVersion: 'TLSv1.2' })
  secured.key = undefined
}

/** Stops accepting connections. @returns resolves when all are closed */
export async function closeServer (server: Server): Promise<void> {
  if (server.listening) await new Promise<void>(resolve => { server.close(() => { resolve() }) })
}
