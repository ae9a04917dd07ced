/**
 * A forward proxy as networks have them: tunnels for https, the absolute form for http, and a password if wanted.
 */
import http, { type IncomingHttpHeaders } from 'node:http'
import net, { type AddressInfo, type Socket } from 'node:net'

/** The target of a request: `host:port` of a tunnel, or an absolute URL. */
export interface Asked {
  readonly method: string
  readonly target: string
  readonly headers: IncomingHttpHeaders
}

export interface ForwardProxyOptions {
  /** `user:password`; a client without it gets 407. @default everybody may use it */
  readonly credentials?: string
  /** The status it sends instead of doing its work; 0 means no response. @default it does its work */
  readonly refusal?: () => number | undefined
}

export interface TestForwardProxy {
  /** For AMSU_HTTP_PROXY, without credentials. */
  readonly url: string
  readonly port: number
  /** All targets, refused or not. */
  readonly asked: Asked[]
  /** Connections made to it so far. */
  readonly connections: () => number
  /** Ends all connections, as a restart would. */
  cut: () => void
  close: () => Promise<void>
}

/** Starts a forward proxy on a free port. */
export async function startForwardProxy ({ credentials, refusal }: ForwardProxyOptions = {}): Promise<TestForwardProxy> {
  const asked: Asked[] = []
  const sockets = new Set<Socket>()
  let connections = 0

  /** The status to refuse with, or undefined when the request may pass. */
  function rejectionOf ({ method, url, headers }: http.IncomingMessage): number | undefined {
    asked.push({ method: String(method), target: String(url), headers })
    const expected = credentials === undefined ? undefined : `Basic ${Buffer.from(credentials).toString('base64')}`
    if (expected !== undefined && headers['proxy-authorization'] !== expected) return 407
    return refusal?.()
  }

  const server = http.createServer((req, res) => {
    const status = rejectionOf(req)
    if (status === 0) return
    if (status !== undefined || !req.url?.startsWith('http://')) {
      res.writeHead(status ?? 400, { 'content-type': 'text/html', ...(status === 407 ? { 'proxy-authenticate': 'Basic realm="net"' } : {}) })
      res.end('<html>the forward proxy says no</html>')
      return
    }
    const { 'proxy-authorization': _ours, 'proxy-connection': _hop, ...headers } = req.headers
    const behind = http.request(req.url, { method: String(req.method), headers: { ...headers, via: `${headers.via ?? ''}, 1.1 forward` } }, response => {
      res.writeHead(Number(response.statusCode), response.headers)
      response.pipe(res)
    })
    behind.on('error', () => { res.writeHead(502, { 'content-type': 'text/html' }).end('<html>no way</html>') })
    req.pipe(behind)
  })
  server.on('connect', (req: http.IncomingMessage, socket: Socket) => {
    const status = rejectionOf(req)
    if (status === 0) return
    if (status !== undefined) {
      socket.end(`HTTP/1.1 ${status} No\r\nContent-Type: text/html\r\nContent-Length: 0\r\n\r\n`)
      return
    }
    const { hostname, port } = new URL(`http://${String(req.url)}`)
    const behind = net.connect(Number(port), hostname, () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
      socket.pipe(behind).pipe(socket)
    })
    track(behind, sockets)
    behind.on('error', () => { socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n') })
    socket.on('error', () => { behind.destroy() })
    socket.on('close', () => { behind.destroy() })
  })
  server.on('connection', socket => {
    connections++
    track(socket, sockets)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    asked,
    connections: () => connections,
    cut () { for (const socket of sockets) socket.destroy() },
    async close () {
      for (const socket of sockets) socket.destroy()
      await new Promise<void>(resolve => server.close(() => { resolve() }))
    },
  }
}

function track (socket: Socket, sockets: Set<Socket>): void {
  sockets.add(socket)
  socket.on('close', () => sockets.delete(socket))
}
