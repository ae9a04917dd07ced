/**
 * A connection to AMSU through a forward proxy: a tunnel, and TLS in it from here to AMSU, verified as it is without one.
 */
import http from 'node:http'
import type { Socket } from 'node:net'
import type { buildConnector } from 'undici'
import { ForwardProxyError, type ForwardProxy } from './forward-proxy.ts'

/** A connection that is silent is probed after this long, as undici does with its own. */
const KEEP_ALIVE_DELAY_MS = 60_000

export interface TunnelOptions {
  readonly forwardProxy: ForwardProxy
  /** Limit for all of it: reaching the proxy, its answer, and the TLS handshake. */
  readonly connectTimeoutMs: number
  /** Speaks TLS over the tunnel. */
  readonly secure: buildConnector.connector
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
        socket.setKeepAlive(true, KEEP_ALIVE_DELAY_MS)
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

/** Makes the connector that undici's clients use for an https origin behind a forward proxy. */
export function createTunnelConnector ({ forwardProxy, connectTimeoutMs, secure }: TunnelOptions): buildConnector.connector {
  return (options, callback) => {
    const signal = AbortSignal.timeout(connectTimeoutMs)
    const { hostname, port } = options
    const authority = `${hostname.includes(':') ? `[${hostname}]` : hostname}:${port === '' ? '443' : port}`
    openTunnel(forwardProxy, authority, signal).then(socket => {
      let isSettled = false
      const cut = (): void => { socket.destroy() }
      const settle: buildConnector.Callback = (...result) => {
        if (isSettled) return
        isSettled = true
        signal.removeEventListener('abort', cut)
        callback(...result)
      }
      signal.addEventListener('abort', cut)
      // A handshake over a socket that is destroyed ends without a word, and who waits for it would wait for ever.
      socket.once('close', () => { settle(new ForwardProxyError(undefined, signal.reason), null) })
      secure({ ...options, httpSocket: socket }, settle)
    }, (error: Error) => { callback(error, null) })
  }
}
