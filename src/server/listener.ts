/**
 * Listens on one configured host and port, or on a unix socket: accepts connections, limits their number, and closes them. A name can have
 * several addresses (`localhost` is `127.0.0.1` and `::1`), and each address has its own server with the same settings.
 */
import { lookup } from 'node:dns/promises'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { isIP, type AddressInfo, type Socket } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { ListenerConfig } from '../config/config.ts'
import type { TlsConfig } from '../config/tls-files.ts'
import { codeOf, ProxyError } from '../errors.ts'
import { UnorderedSet } from '../relay/unordered-set.ts'
import { ClientConnection, type ConnectionHandler } from './client-connection.ts'
import { clientError } from './client-errors.ts'
import { chooseEvicted } from './eviction.ts'
import { closeServer, createHttpServer, setCertificate } from './http-server.ts'

/** Write stall timeout of local responses, and how often it is checked. */
const UNREAD_TIMEOUT_MS = 60_000
const UNREAD_CHECK_MS = 1_000

/** Longer than the kernel's backlog of connections. */
const MAX_WAITING_TURNS = 1_024

/** Errors for an address that this machine does not have, such as `::1` without IPv6. */
const NOT_OURS = new Set(['EADDRNOTAVAIL', 'EAFNOSUPPORT'])

/** Attempts to find a port that is free on every address. */
const PORT_TRIES = 5

const OWNER = Symbol('client connection')

/** A socket with its client connection; a TLS socket has the raw one as its parent. */
interface OwnedSocket extends Socket { [OWNER]?: ClientConnection, readonly _parent?: OwnedSocket | null }

export interface ListenerOptions extends ConnectionHandler {
  /** The certificate to present; undefined for plain http. */
  readonly tls: TlsConfig | undefined
  /** How long a client may take for a TLS handshake, and then for the head of a request. @default 15,000 */
  readonly headTimeoutMs: number | undefined
  /** Write stall timeout: how long a client may read nothing of a local response. @default 60,000 */
  readonly unreadTimeoutMs?: number | undefined
  /** Connection limit; see {@link connectionLimits}. @default none */
  readonly maxConnections?: number
  /** Called when a connection was closed because of that limit. */
  readonly onEvicted?: () => void
  /** Called when a connection could not be accepted. */
  readonly onAcceptError?: (error: Error) => void
  /** Resolves a name. @default the system's resolver */
  readonly resolve?: (host: string) => Promise<readonly string[]>
}

/** Listens once, and closes once. */
export class Listener {
  readonly #options: ListenerOptions
  readonly #connections = new UnorderedSet<ClientConnection>()
  /** Every socket, including those in a TLS handshake. */
  readonly #sockets = new Set<Socket>()
  readonly #servers: Server[] = []
  #tls: TlsConfig | undefined
  #unreadTimer: NodeJS.Timeout | undefined
  #accepted = 0

  constructor (options: ListenerOptions) {
    this.#options = options
    this.#tls = options.tls
  }

  /** The servers, one per address; empty before it listens. */
  get servers (): readonly Server[] {
    return this.#servers
  }

  /** The port, or undefined on a unix socket and before it listens. */
  get port (): number | undefined {
    const address = this.#servers[0]?.address()
    return typeof address === 'object' ? address?.port : undefined
  }

  /** Listens at a path, or at every address of a host. @returns the first address as a URL without a path; an empty string for a socket path */
  async listen (target: ListenerConfig): Promise<string> {
    if ('path' in target) {
      await this.#bind({ path: target.path })
      return ''
    }
    const { resolve = addressesOf } = this.#options
    const hosts = isIP(target.host) === 0 ? [...new Set(await resolve(target.host))] : [target.host]
    for (let tries = 1; !await this.#bindAll(hosts, target.port, tries === PORT_TRIES);) tries++
    const { address, family, port } = this.#servers[0]?.address() as AddressInfo
    return `${this.#tls === undefined ? 'http' : 'https'}://${family === 'IPv6' ? `[${address}]` : address}:${port}`
  }

  /** Sets another certificate for new connections. */
  showCertificate (tls: TlsConfig): void {
    this.#tls = tls
    for (const server of this.#servers) setCertificate(server, tls)
  }

  /** Resolves when the kernel's backlog is accepted: libuv accepts one connection per turn of the event loop, and closing would reset the others. */
  async acceptWaiting (): Promise<void> {
    for (let before = -1, turns = 0; before !== this.#accepted && turns < MAX_WAITING_TURNS; turns++) {
      before = this.#accepted
      await nextTurn()
      await nextTurn()
    }
  }

  /** Stops accepting connections. @returns resolves when all are closed */
  async close (): Promise<void> {
    clearInterval(this.#unreadTimer)
    await Promise.all(this.#servers.map(async server => { await closeServer(server) }))
  }

  /** Whether a request is in flight on any connection. */
  get isBusy (): boolean {
    for (const connection of this.#connections) if (connection.isBusy) return true
    return false
  }

  /** Closes every idle connection. */
  closeIdle (): void {
    for (const connection of this.#connections) if (connection.isIdle) connection.end()
  }

  /** Ends the local requests at the end of a graceful shutdown. */
  stopLocal (): void {
    for (const connection of this.#connections) connection.stop()
  }

  /** Closes every connection after the data written so far. */
  endAll (): void {
    for (const connection of this.#connections) connection.end()
  }

  /** Destroys all remaining connections. */
  destroyAll (): void {
    for (const connection of this.#connections) connection.destroy()
    for (const socket of this.#sockets) socket.destroy()
  }

  /** Binds every address. Returns false if the free port of the first address is in use on another one. */
  async #bindAll (hosts: readonly string[], wantedPort: number, isLastTry: boolean): Promise<boolean> {
    let unavailable: unknown
    for (const host of hosts) {
      try {
        await this.#bind({ host, port: wantedPort === 0 ? this.port ?? 0 : wantedPort })
      } catch (error) {
        const code = codeOf(error)
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

  async #bind (target: ListenerConfig): Promise<void> {
    const server = createHttpServer(this.#tls, this.#options.headTimeoutMs)
    this.#own(server)
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(target, () => {
        server.off('error', reject)
        // An `error` without a listener would end the process. Accepting can fail, for example for lack of memory.
        server.on('error', error => { this.#options.onAcceptError?.(error) })
        resolve()
      })
    })
    this.#servers.push(server)
    this.#unreadTimer ??= this.#watchUnread()
  }

  /** Enforces the connection limit for a connection that was accepted. */
  #makeRoomFor (socket: Socket): void {
    if (this.#sockets.size <= (this.#options.maxConnections ?? Infinity)) return
    chooseEvicted(this.#sockets, socket, ownerOf).destroy()
    this.#options.onEvicted?.()
  }

  #watchUnread (): NodeJS.Timeout {
    const { unreadTimeoutMs = UNREAD_TIMEOUT_MS } = this.#options
    let nowMs = 0
    return setInterval(() => {
      nowMs += UNREAD_CHECK_MS
      for (const connection of this.#connections) connection.checkWriteStall(nowMs, unreadTimeoutMs)
    }, UNREAD_CHECK_MS).unref()
  }

  /** Handles every event with a request or a socket: otherwise Node would send its own replies, or none. */
  #own (server: Server): void {
    server.on('connection', (socket: Socket) => {
      this.#accepted++
      this.#sockets.add(socket)
      socket.once('close', () => { this.#sockets.delete(socket) })
      this.#makeRoomFor(socket)
    })
    // For TLS, requests refer to the secure socket.
    server.on(this.#tls === undefined ? 'connection' : 'secureConnection', (socket: OwnedSocket) => {
      const connection = socket[OWNER] = new ClientConnection(socket, this.#options)
      if (socket._parent != null) socket._parent[OWNER] = connection
      this.#connections.add(connection)
      // Without a listener Node reads TLS past its streams, and loses pipelined bytes that were decrypted before a pause.
      if (this.#tls !== undefined) socket.on('data', () => {})
      socket.once('close', () => { this.#connections.remove(connection) })
    })
    const accept = (req: IncomingMessage, res: ServerResponse): void => { ownerOf(req.socket)?.accept(req, res) }
    server.on('request', accept)
    // The exchange sends 100 Continue, after all checks and when a token is available (RFC 9110 section 10.1.1).
    server.on('checkContinue', accept)
    server.on('checkExpectation', accept)
    server.on('connect', (req: IncomingMessage, socket: Socket) => {
      // Node has detached the socket: a response in flight would never get its `drain`.
      socket.on('drain', () => { (socket as Socket & { _httpMessage?: ServerResponse | null })._httpMessage?.emit('drain') })
      socket.once('end', () => { socket.end() })
      socket.resume()
      ownerOf(socket)?.reject(new ProxyError('METHOD_REJECTED'), req)
    })
    server.on('clientError', (error: Error, socket: Socket) => {
      const owner = ownerOf(socket)
      // Further bytes of a rejected request: a reset must not overtake the local reply.
      if (owner?.isDiscarding === true) return
      const rejection = socket.writable ? clientError(error) : undefined
      if (rejection === undefined || owner === undefined) socket.destroy()
      else owner.reject(rejection)
    })
  }
}

/** The client connection of an accepted socket. */
export function ownerOf (socket: OwnedSocket): ClientConnection | undefined {
  return socket[OWNER]
}

/** Resolves a name by the system's resolver. */
async function addressesOf (host: string): Promise<readonly string[]> {
  const found = await lookup(host, { all: true, order: 'verbatim' })
  return found.map(({ address }) => address)
}
