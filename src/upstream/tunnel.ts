/**
 * CONNECT tunnel to AMSU through a forward proxy (RFC 9110 section 9.3.6). TLS runs inside it from the proxy to AMSU, and is verified as
 * on a direct connection.
 */
import http from 'node:http'
import type { Socket } from 'node:net'
import type { ConnectTarget } from './connect-attempt.ts'
import { ForwardProxyError, type ForwardProxy } from './forward-proxy.ts'

/** A silent connection is probed after this long, in milliseconds. */
export const KEEP_ALIVE_DELAY_MS = 60_000

/** The target of a CONNECT request, always with the port. */
export function authorityOf ({ hostname, port }: Pick<ConnectTarget, 'hostname' | 'port'>): string {
  return `${hostname.includes(':') ? `[${hostname}]` : hostname}:${port === '' ? '443' : port}`
}

/**
 * Opens a tunnel.
 *
 * @param authority the target as `host:port`
 * @param signal aborts the attempt
 * @throws {ForwardProxyError} if the forward proxy cannot be reached, or rejects the request
 */
export async function openTunnel ({ host, port, authorization }: ForwardProxy, authority: string, signal: AbortSignal): Promise<Socket> {
  return await new Promise((resolve, reject) => {
    const headers = { host: authority, ...(authorization === undefined ? {} : { 'proxy-authorization': authorization.reveal() }) }
    const request = http.request({ host, port, method: 'CONNECT', path: authority, headers, agent: false, signal })
    request.once('connect', ({ statusCode = 0 }, socket: Socket, head) => {
      socket.on('error', () => {}) // the user of the socket is told by `close`
      // In TLS the client speaks first: bytes that have arrived already are not AMSU's.
      if (statusCode >= 200 && statusCode < 300 && head.length === 0) {
        socket.setNoDelay(true).setKeepAlive(true, KEEP_ALIVE_DELAY_MS)
        resolve(socket)
      } else {
        socket.destroy()
        reject(new ForwardProxyError(statusCode))
      }
    })
    request.once('error', cause => { reject(new ForwardProxyError(undefined, cause)) })
    request.end()
  })
}
