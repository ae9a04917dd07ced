/**
 * Makes Node's HTTP servers: every option and limit of theirs is set here, on each one alike.
 */
import http, { type Server } from 'node:http'
import type https from 'node:https'
import { createRequire } from 'node:module'
import type tls from 'node:tls'
import { getHeapStatistics } from 'node:v8'
import type { TlsConfig } from '../config/tls-files.ts'

/** Loads Node's TLS only where there is a certificate to show: that costs 4 to 6 MiB. */
const load = createRequire(import.meta.url)

/** A TLS handshake must be done within this, and then a head have arrived. Node gives the one two minutes, the other one. */
const HEAD_TIMEOUT_MS = 15_000

/** How often Node looks for heads that are late. */
const HEAD_CHECK_INTERVAL_MS = 1_000

/** Longer than the 60 s after which most load balancers drop an idle connection, so that they, not we, end it. */
const KEEP_ALIVE_TIMEOUT_MS = 72_000

/** A client that says nothing is probed after this long: a response may take five minutes, and NATs forget silent connections sooner. */
const TCP_KEEP_ALIVE_DELAY_MS = 60_000

/** A connection may take this much memory before it has a request in flight: a head of 16 kB with thousands of headers. */
const CONNECTION_BYTES = 262_144

/** Connections at once: all of them may take half of the memory there is. */
export const MAX_CONNECTIONS = Math.max(256, Math.floor(getHeapStatistics().heap_size_limit / 2 / CONNECTION_BYTES))

/**
 * Makes a server that does not listen yet.
 *
 * @param certificate what it shows; undefined for plain http
 * @param headTimeoutMs how long a client may take for a TLS handshake, and then for the head of a request
 */
export function createHttpServer (certificate: TlsConfig | undefined, headTimeoutMs = HEAD_TIMEOUT_MS): Server {
  const options = {
    headersTimeout: headTimeoutMs,
    connectionsCheckingInterval: HEAD_CHECK_INTERVAL_MS,
    requestTimeout: 0, // an upload may take an hour; its silences are limited instead
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    requireHostHeader: false, // the guards tell what is wrong with it
    keepAlive: true,
    keepAliveInitialDelay: TCP_KEEP_ALIVE_DELAY_MS,
    noDelay: true,
  }
  const server = certificate === undefined ? http.createServer(options) : (load('node:https') as typeof https).createServer({ ...options, handshakeTimeout: headTimeoutMs })
  // Headers past Node's limit of 2,000 would be hidden from us and still frame the body (CVE-2026-58044).
  server.maxHeadersCount = 0
  // Node would cut responses that are not written yet, and requests that have arrived and were not read yet.
  server.closeIdleConnections = () => {}
  if (certificate !== undefined) setCertificate(server, certificate)
  return server
}

/**
 * Sets the certificate shown to new clients, and the oldest protocol spoken with them. The server would keep a readable copy of the
 * key, and so print it wherever it is printed itself; it has no more use for it.
 */
export function setCertificate (server: Server, { cert, key }: TlsConfig): void {
  const secured = server as unknown as tls.Server & { key: unknown }
  secured.setSecureContext({ cert, key: key.reveal(), minVersion: 'TLSv1.2' })
  secured.key = undefined
}
