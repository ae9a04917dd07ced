/**
 * A tunnel to AMSU through a forward proxy (RFC 9110 section 9.3.6). TLS is spoken in it from here to AMSU, verified as it is
 * without one.
 */
import http from 'node:http'
import type { Socket } from 'node:net'
import type { ConnectTarget } from './connect-attempt.ts'
import { ForwardProxyError, type ForwardProxy } from './forward-proxy.ts'

/** A silent connection is probed after this long, in milliseconds. */
export const KEEP_ALIVE_DELAY_MS = 60_000

/** Where a tunnel shall lead, as CONNECT names it: always with the port. */
export function authorityOf ({ hostname, port }: Pick<ConnectTarget, 'hostname' | 'port'>): string {
  return `${hostname.includes(':') ? `[${hostname}]` : hostname}:${port === '' ? '443' : port}`
}

/**
 * Opens a tunnel.
 *
 * @param authority where it shall lead, as `host:port`
 * @param signal ends the attempt
 * @throws {ForwardProxyError} when the forward proxy can not be reached, or refuses
 */
export async function openTunnel ({ host, port, authorization }: ForwardProxy, authority: string, signal: AbortSignal): Promise<Socket> {
  return await new Promise((resolve, reject) => {
    const headers = { host: authority, ...(authorization === undefined ? {} : { 'proxy-authorization': authorization.reveal() }) }
    const request = http.request({ host, port, method: 'CONNECT', path: authority, headers, agent: false, signal })
    request.once('connect', ({ statusCode = 0 }, socket: Socket, head) => {
      socket.on('error', () => {}) // who uses the socket is told by its end
      // AMSU does not speak first in TLS: what is there already is not its.
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
