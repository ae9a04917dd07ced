/**
 * A stand-in for AMSU that sends exactly the responses that a test sets, and records what it received. The full stand-in, with AMSU's
 * rules, is test/simulator; this one is for faults and bytes.
 */
import { createHash } from 'node:crypto'
import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import net, { type AddressInfo, type Socket } from 'node:net'

/** A request as it arrived, body included. */
export interface Received {
  readonly method: string
  readonly url: string
  readonly rawHeaders: readonly string[]
  readonly headers: http.IncomingHttpHeaders
  readonly body: Buffer
}

export interface Upstream {
  readonly origin: string
  /** Everything outside the token endpoints, in order of arrival, once the body is whole. */
  readonly received: Received[]
  /** Calls of the token endpoints. */
  readonly tokenCalls: Received[]
  /** Tokens issued so far. */
  readonly tokens: string[]
  /** Open connections. */
  readonly sockets: Set<Socket>
  close: () => Promise<void>
}

export interface UpstreamOptions {
  /** Handles all requests except token calls; by default it sends 200 and echoes what it got. Called with the whole body. */
  readonly onRequest?: (received: Received, res: ServerResponse) => void
  /** Sees a request before its body is read; true if it took over. */
  readonly onHead?: (req: IncomingMessage, res: ServerResponse) => boolean
  /** Handles token calls; by default it issues `upstream-token-N`. */
  readonly onToken?: (received: Received, res: ServerResponse) => void
  /** While it returns true, token calls get 500. @default never */
  readonly isTokenDown?: () => boolean
  /** `expires_in` of issued tokens, in seconds. @default 86400 */
  readonly lifeSeconds?: number
}

/** For `onHead`: reads what is sent to `path` without keeping it, and notes the SHA-1 of each body. */
export function hashBodies (path: string, hashes: string[]): NonNullable<UpstreamOptions['onHead']> {
  return (req, res) => {
    if (req.url !== path) return false
    const hash = createHash('sha1')
    req.on('data', (chunk: Buffer) => hash.update(chunk))
    req.on('end', () => {
      hashes.push(hash.digest('hex'))
      res.end('ok')
    })
    return true
  }
}

/** Starts an upstream on a free port. */
export async function startUpstream (options: UpstreamOptions = {}): Promise<Upstream> {
  const received: Received[] = []
  const tokenCalls: Received[] = []
  const tokens: string[] = []
  const sockets = new Set<Socket>()

  function issue (_call: Received, res: ServerResponse): void {
    if (options.isTokenDown?.() === true) {
      json(res, 500, {})
      return
    }
    const token = `upstream-token-${tokens.length + 1}-${'x'.repeat(40)}`
    tokens.push(token)
    json(res, 200, { access_token: token, token_type: 'bearer', expires_in: options.lifeSeconds ?? 86_400, refresh_token: `upstream-refresh-${tokens.length}-${'y'.repeat(40)}` })
  }

  const server = http.createServer({ keepAliveTimeout: 60_000 }, (req, res) => {
    if (options.onHead?.(req, res) === true) return
    const chunks: Buffer[] = []
    req.on('data', (chunk: Buffer) => chunks.push(chunk))
    req.on('end', () => {
      const whole: Received = { method: String(req.method), url: String(req.url), rawHeaders: req.rawHeaders, headers: req.headers, body: Buffer.concat(chunks) }
      const isToken = whole.url.startsWith('/amsu-analysis/v2/token')
      if (isToken) tokenCalls.push(whole)
      else received.push(whole)
      const response = isToken ? options.onToken ?? issue : options.onRequest ?? echo
      response(whole, res)
    })
  })
  server.maxHeadersCount = 0 // newer Node.js rejects more than 2,000 with 431
  server.on('connection', socket => track(socket, sockets))
  const origin = await listen(server)
  return { origin, received, tokenCalls, tokens, sockets, close: async () => { await closeServer(server, sockets) } }
}

/** Sends JSON. */
export function json (res: ServerResponse, status: number, value: unknown, headers: Record<string, string> = {}): void {
  res.writeHead(status, { 'content-type': 'application/json', ...headers })
  res.end(JSON.stringify(value))
}

/** Starts a TCP server that hands each connection to `onConnection`; for responses that no HTTP server would send. */
export async function startTcp (onConnection: (socket: Socket) => void): Promise<{ origin: string, port: number, close: () => Promise<void> }> {
  const sockets = new Set<Socket>()
  const server = net.createServer(socket => {
    track(socket, sockets)
    socket.on('error', () => {})
    onConnection(socket)
  })
  const origin = await listen(server)
  return { origin, port: (server.address() as AddressInfo).port, close: async () => { await closeServer(server, sockets) } }
}

function echo (whole: Received, res: ServerResponse): void {
  json(res, 200, { method: whole.method, url: whole.url, bytes: whole.body.length })
}

function track (socket: Socket, sockets: Set<Socket>): void {
  sockets.add(socket)
  socket.on('close', () => sockets.delete(socket))
}

async function listen (server: net.Server): Promise<string> {
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function closeServer (server: net.Server, sockets: Set<Socket>): Promise<void> {
  for (const socket of sockets) socket.destroy()
  await new Promise<void>(resolve => server.close(() => { resolve() }))
}

/** What a scripted upstream counts. */
export interface Scripted {
  readonly origin: string
  /** Heads of the requests outside the token endpoints, in order of arrival. */
  readonly heads: string[]
  readonly sockets: Set<Socket>
  close: () => Promise<void>
}

/**
 * Starts an upstream that sends raw bytes: it issues tokens properly, and hands every other request to `script` as soon as its head is
 * there, with the socket to do with as it likes.
 */
export async function startScripted (script: (head: string, socket: Socket) => void): Promise<Scripted> {
  const heads: string[] = []
  const sockets = new Set<Socket>()
  const token = JSON.stringify({ access_token: `scripted-token-${'x'.repeat(40)}`, token_type: 'bearer', expires_in: 86_400, refresh_token: `scripted-refresh-${'y'.repeat(40)}` })
  const server = await startTcp(socket => {
    track(socket, sockets)
    let text = ''
    socket.on('data', chunk => {
      text += chunk.toString('latin1')
      const end = text.indexOf('\r\n\r\n')
      if (end < 0 || !/^[A-Z]+ \//.test(text)) return
      const head = text.slice(0, end)
      text = ''
      if (/^(?:POST|PUT) \/amsu-analysis\/v2\/token/.test(head)) {
        socket.write(`HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${token.length}\r\n\r\n${token}`)
        return
      }
      heads.push(head)
      script(head, socket)
    })
  })
  return { origin: server.origin, heads, sockets, close: server.close }
}
