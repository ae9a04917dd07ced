/**
 * What listens at one place of the configuration. A name can have several addresses (`localhost` is `127.0.0.1` and `::1`), and each
 * address has a server of its own: everything that is set on a server is set here, on every one alike.
 */
import { lookup } from 'node:dns/promises'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { isIP, type AddressInfo, type Socket } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { systemCode } from '../config/text-file.ts'
import type { TlsConfig } from '../config/tls-files.ts'
import { ProxyError } from '../errors.ts'
import { UnorderedSet } from '../relay/unordered-set.ts'
import { ClientConnection, type ConnectionHandler } from './client-connection.ts'
import { clientError } from './client-errors.ts'
import { createHttpServer, MAX_CONNECTIONS, setCertificate } from './http-server.ts'

/** How long a client may take nothing of a response that is served here, and how often that is looked at. */
const UNREAD_TIMEOUT_MS = 60_000
const UNREAD_CHECK_MS = 1_000

/** More than the queue of connections that the kernel holds. */
const MAX_WAITING_TURNS = 1_024

/** Addresses of a name that this machine does not have after all: `::1` where IPv6 is switched off. */
const NOT_OURS = new Set(['EADDRNOTAVAIL', 'EAFNOSUPPORT'])

/** A free port that was found on one address may be taken on another. */
const PORT_TRIES = 5

const OWNER = Symbol('client connection')

/** Carries the owner of a connection; a TLS socket has the one it was made of below it. */
interface OwnedSocket extends Socket { [OWNER]?: ClientConnection, readonly _parent?: OwnedSocket | null }

export interface ListenerOptions extends ConnectionHandler {
  /** The certificate to show; undefined for plain http. */
  readonly tls: TlsConfig | undefined
  /** How long a client may take for a TLS handshake, and then for the head of a request. @default 15,000 */
  readonly headTimeoutMs: number | undefined
  /** How long a client may take nothing of a response that is served here. @default 60,000 */
  readonly unreadTimeoutMs?: number | undefined
  /** Connections at once. @default half of the memory there is */
  readonly maxConnections?: number
  /** Told of a connection that could not be accepted. */
  readonly onAcceptError?: (error: Error) => void
  /** Finds the addresses of a name. @default the system's resolver */
  readonly resolve?: (host: string) => Promise<readonly string[]>
}

/** Where to listen. */
export type Place = { readonly host: string, readonly port: number } | { readonly path: string }

/** Listens once, and closes once. */
export class Listener {
  readonly #options: ListenerOptions
  readonly #connections = new UnorderedSet<ClientConnection>()
  /** Every socket, those that have not finished their TLS handshake among them. */
  readonly #sockets = new Set<Socket>()
  readonly #servers: Server[] = []
  #tls: TlsConfig | undefined
  #unreadTimer: NodeJS.Timeout | undefined
  #accepted = 0

  constructor (options: ListenerOptions) {
    this.#options = options
    this.#tls = options.tls
  }

  /** The servers, one an address; none before it listens. */
  get servers (): readonly Server[] {
    return this.#servers
  }

  /** The port, or undefined on a unix socket and before it listens. */
  get port (): number | undefined {
    const address = this.#servers[0]?.address()
    return typeof address === 'object' ? address?.port : undefined
  }

  /** Listens at a path, or at every address of a host. @returns the first address, as a URL without path; for a path, an empty text */
  async listen (place: Place): Promise<string> {
    if ('path' in place) {
      await this.#bind({ path: place.path })
      return ''
    }
    const { resolve = addressesOf } = this.#options
    const hosts = isIP(place.host) === 0 ? [...new Set(await resolve(place.host))] : [place.host]
    for (let tries = 1; !await this.#bindAll(hosts, place.port, tries === PORT_TRIES);) tries++
    const { address, family, port } = this.#servers[0]?.address() as AddressInfo
    return `${this.#tls === undefined ? 'http' : 'https'}://${family === 'IPv6' ? `[${address}]` : address}:${port}`
  }

  /** Shows another certificate to clients that connect from now on. */
  showCertificate (tls: TlsConfig): void {
    this.#tls = tls
    for (const server of this.#servers) setCertificate(server, tls)
  }

  /** Resolves when everybody who has connected by now is accepted: libuv accepts one in a turn of the event loop, and closing resets the rest. */
  async acceptWaiting (): Promise<void> {
    for (let before = -1, turns = 0; before !== this.#accepted && turns < MAX_WAITING_TURNS; turns++) {
      before = this.#accepted
      await nextTurn()
      await nextTurn()
    }
  }

  /** Accepts no new connection. @returns resolves when all are closed */
  async close (): Promise<void> {
    clearInterval(this.#unreadTimer)
    await Promise.all(this.#servers.map(async server => { await closeServer(server) }))
  }

  /** Whether a request is in flight on any connection. */
  get isBusy (): boolean {
    for (const connection of this.#connections) if (connection.isBusy) return true
    return false
  }

  /** Ends every connection that waits for nothing. */
  closeIdle (): void {
    for (const connection of this.#connections) if (connection.isIdle) connection.end()
  }

  /** Ends the requests that are served here because the proxy stops. */
  stopLocal (): void {
    for (const connection of this.#connections) connection.stop()
  }

  /** Ends every connection, after what has been written. */
  endAll (): void {
    for (const connection of this.#connections) connection.end()
  }

  /** Cuts every connection that is still there. */
  destroyAll (): void {
    for (const connection of this.#connections) connection.destroy()
    for (const socket of this.#sockets) socket.destroy()
  }

  /** Binds every address; false if a free port that was taken from the first one is to be tried anew. */
  async #bindAll (hosts: readonly string[], wantedPort: number, isLastTry: boolean): Promise<boolean> {
    let unavailable: unknown
    for (const host of hosts) {
      try {
        await this.#bind({ host, port: wantedPort === 0 ? this.port ?? 0 : wantedPort })
      } catch (error) {
        const code = systemCode(error)
        if (NOT_OURS.has(code)) {
          unavailable = error
          continue
        }
        const isRetried = wantedPort === 0 && code === 'EADDRINUSE' && !isLastTry
        if (!isRetried) throw error
        await Promise.all(this.#servers.splice(0).map(async server => { await closeServer(server) }))
        return false
      }
    }
    if (this.#servers.length === 0) throw unavailable
    return true
  }

  async #bind (place: Place): Promise<void> {
    const server = createHttpServer(this.#tls, this.#options.headTimeoutMs)
    this.#own(server)
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(place, () => {
        server.off('error', reject)
        // Nobody else would hear it, and the process would end: a firewall or a lack of memory may refuse a connection.
        server.on('error', error => { this.#options.onAcceptError?.(error) })
        resolve()
      })
    })
    this.#servers.push(server)
    this.#unreadTimer ??= this.#watchUnread()
  }

  /** Gives up the oldest connection on which no request is in flight: at the last the newest, which has no owner yet. */
  #makeRoom (): void {
    for (const socket of this.#sockets) {
      if (ownerOf(socket)?.isBusy === true) continue
      socket.destroy()
      return
    }
  }

  #watchUnread (): NodeJS.Timeout {
    const { unreadTimeoutMs = UNREAD_TIMEOUT_MS } = this.#options
    let nowMs = 0
    return setInterval(() => {
      nowMs += UNREAD_CHECK_MS
      for (const connection of this.#connections) connection.checkWriteStall(nowMs, unreadTimeoutMs)
    }, UNREAD_CHECK_MS).unref()
  }

  /** Takes over every event that hands out a request or a socket; Node would answer some of them in its own words, or with silence. */
  #own (server: Server): void {
    server.on('connection', (socket: Socket) => {
      this.#accepted++
      this.#sockets.add(socket)
      if (this.#sockets.size > (this.#options.maxConnections ?? MAX_CONNECTIONS)) this.#makeRoom()
      socket.once('close', () => { this.#sockets.delete(socket) })
    })
    // Of a TLS connection the secure socket is the one that requests know.
    server.on(this.#tls === undefined ? 'connection' : 'secureConnection', (socket: OwnedSocket) => {
      const connection = socket[OWNER] = new ClientConnection(socket, this.#options)
      if (socket._parent != null) socket._parent[OWNER] = connection
      this.#connections.add(connection)
      // Node reads TLS past its streams, unless somebody listens: pipelined bytes that were decrypted before a pause are then lost.
      if (this.#tls !== undefined) socket.on('data', () => {})
      socket.once('close', () => { this.#connections.remove(connection) })
    })
    const accept = (req: IncomingMessage, res: ServerResponse): void => { ownerOf(req.socket)?.accept(req, res) }
    server.on('request', accept)
    // The 100 is sent only once a token is there and every check is passed (RFC 9110 section 10.1.1).
    server.on('checkContinue', accept)
    server.on('checkExpectation', accept)
    server.on('connect', (req: IncomingMessage, socket: Socket) => {
      // Node has let go of the socket: a response that is still in flight on it would never learn that it may go on.
      socket.on('drain', () => { (socket as Socket & { _httpMessage?: ServerResponse | null })._httpMessage?.emit('drain') })
      socket.once('end', () => { socket.end() })
      socket.resume()
      ownerOf(socket)?.reject(new ProxyError('METHOD_REJECTED'), req)
    })
    server.on('clientError', (error: Error, socket: Socket) => {
      const owner = ownerOf(socket)
      // What still arrives of what was refused: the local reply must not be overtaken by a reset.
      if (owner?.isDeaf === true) return
      const rejection = socket.writable ? clientError(error) : undefined
      if (rejection === undefined || owner === undefined) socket.destroy()
      else owner.reject(rejection)
    })
  }
}

/** The owner of a connection that a listener has accepted. */
export function ownerOf (socket: OwnedSocket): ClientConnection | undefined {
  return socket[OWNER]
}

/** The addresses of a name, by the system's resolver. */
async function addressesOf (host: string): Promise<readonly string[]> {
  const found = await lookup(host, { all: true, order: 'verbatim' })
  return found.map(({ address }) => address)
}

async function closeServer (server: Server): Promise<void> {
  if (server.listening) await new Promise<void>(resolve => { server.close(() => { resolve() }) })
}
