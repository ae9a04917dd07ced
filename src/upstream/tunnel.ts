/**
 * CONNECT tunnel to AMSU through a forward proxy (RFC 9110 section 9.3.6). TLS runs inside it from the proxy to AMSU, and is verified as
 * on a direct connection.
 *
 * The request is written and the response parsed as on any other connection. Node's own client cannot be used: it takes an interim response
 * to CONNECT for the final one.
 */
import type { Socket } from 'node:net'
import type { ConnectTarget } from './connect-attempt.ts'
import { ConnectionEndedError } from './errors.ts'
import { ForwardProxyError, type ForwardProxy } from './forward-proxy.ts'
import { RequestWriter } from './request-writer.ts'
import { ResponseParser } from './response-parser.ts'
import { connectTcp, type TcpOptions } from './tcp.ts'

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
export async function openTunnel (forwardProxy: ForwardProxy, authority: string, signal: AbortSignal, options: TcpOptions = {}): Promise<Socket> {
  const socket = connectTcp(forwardProxy, options)
  const onAbort = (): void => { socket.destroy(signal.reason as Error) }
  signal.addEventListener('abort', onAbort)
  if (signal.aborted) onAbort()
  try {
    await requestTunnel(socket, authority, forwardProxy)
    return socket
  } catch (error) {
    socket.destroy()
    throw error
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

/** Sends the request, and resolves when the tunnel is open. */
async function requestTunnel (socket: Socket, authority: string, { authorization }: ForwardProxy): Promise<void> {
  const headers = ['host', authority, ...(authorization === undefined ? [] : ['proxy-authorization', authorization.reveal()])]
  await new Promise<void>((resolve, reject) => {
    let cause: Error | undefined
    const reader = new TunnelResponse()
    // The listener stays: an `error` without one would end the process. The user of the socket is told by `close`.
    socket.on('error', error => { cause ??= error })
    const onClose = (): void => { reject(new ForwardProxyError(undefined, cause ?? new ConnectionEndedError())) }
    // Not `data`: after that the socket would lose what arrives before TLS reads it.
    const onReadable = (): void => {
      const result = reader.read(socket)
      if (result === undefined) return
      socket.off('readable', onReadable).off('close', onClose)
      if (result === 'open') resolve()
      else reject(result)
    }
    socket.on('readable', onReadable).on('close', onClose)
    new RequestWriter(socket).send({ method: 'CONNECT', target: authority, headers, body: undefined }, false, () => {})
  })
}

/** The response to a CONNECT request. */
class TunnelResponse {
  readonly #parser = new ResponseParser()
  #status: number | undefined

  constructor () {
    this.#parser.begin('CONNECT', { onFirstByte () {}, onResponseStart: ({ status }) => { this.#status = status }, onResponseData: () => true })
  }

  /** Reads what has arrived: undefined while the final response is incomplete, 'open' if the tunnel is open, else why it is not. */
  read (socket: Socket): 'open' | ForwardProxyError | undefined {
    try {
      for (let bytes = nextOf(socket); bytes !== null; bytes = nextOf(socket)) {
        const length = this.#parser.read(bytes)
        if (this.#status === undefined) continue
        // In TLS the client speaks first: bytes that have arrived already are not AMSU's.
        return this.#status < 300 && length === bytes.length ? 'open' : new ForwardProxyError(this.#status)
      }
      return undefined
    } catch (error) {
      return new ForwardProxyError(undefined, error)
    }
  }
}

function nextOf (socket: Socket): Buffer | null {
  return socket.read() as Buffer | null
}
