/**
 * What listens at one place of the configuration. A name can have several addresses (`localhost` is `127.0.0.1` and `::1`), and each
 * address has a server of its own: everything that is set on a server is set here, on every one alike.
 */
import { lookup } from 'node:dns/promises'
import http, { type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type https from 'node:https'
import { createRequire } from 'node:module'
import { isIP, type AddressInfo, type Socket } from 'node:net'
import type tls from 'node:tls'
import { systemCode } from '../config/text-file.ts'
import type { TlsConfig } from '../config/tls-files.ts'
import { ProxyError } from '../errors.ts'
import { UnorderedSet } from '../relay/unordered-set.ts'
import { ClientConnection, type ConnectionHandler } from './client-connection.ts'
import { clientError } from './client-errors.ts'

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

/** Addresses of a name that this machine does not have after all: `::1` where IPv6 is switched off. */
const NOT_OURS = new Set(['EADDRNOTAVAIL', 'EAFNOSUPPORT'])

/** A free port that was found on one address may be taken on another. */
const PORT_TRIES = 5

const OWNER = Symbol('client connection')

/** Carries the owner of a connection. */
interface OwnedSocket extends Socket { [OWNER]?: ClientConnection }

export interface ListenerOptions extends ConnectionHandler {
  /** The certificate to show; undefined for plain http. */
  readonly tls: TlsConfig | undefined
  /** How long a client may take for a TLS handshake, and then for the head of a request. @default 15,000 */
  readonly headTimeoutMs: number | undefined
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

  /** Accepts no new connection. @returns resolves when all are closed */
  async close (): Promise<void> {
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
    const server = this.#createServer()
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(place, () => {
        server.off('error', reject)
        resolve()
      })
    })
    this.#servers.push(server)
  }

  #createServer (): Server {
    const { headTimeoutMs = HEAD_TIMEOUT_MS } = this.#options
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
    const server = this.#tls === undefined ? http.createServer(options) : (load('node:https') as typeof https).createServer({ ...options, handshakeTimeout: headTimeoutMs })
    // Headers past Node's limit of 2,000 would be hidden from us and still frame the body (CVE-2026-58044).
    server.maxHeadersCount = 0
    // Node would cut responses that are not written yet, and requests that have arrived and were not read yet.
    server.closeIdleConnections = () => {}
    if (this.#tls !== undefined) setCertificate(server, this.#tls)
    this.#own(server)
    return server
  }

  /** Takes over every event that hands out a request or a socket; Node would answer some of them in its own words, or with silence. */
  #own (server: Server): void {
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket)
      socket.once('close', () => { this.#sockets.delete(socket) })
    })
    // Of a TLS connection the secure socket is the one that requests know.
    server.on(this.#tls === undefined ? 'connection' : 'secureConnection', (socket: OwnedSocket) => {
      const connection = socket[OWNER] = new ClientConnection(socket, this.#options)
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
      socket.resume()
      ownerOf(socket)?.reject(new ProxyError('METHOD_REJECTED'), req)
    })
    server.on('clientError', (error: Error, socket: Socket) => {
      const owner = ownerOf(socket)
      // What still arrives of what was refused: the local reply must not be overtaken by a reset.
      if (owner?.isBroken === true) return
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

/**
 * Sets the certificate shown to new clients, and the oldest protocol spoken with them. The server would keep a readable copy of the
 * key, and so print it wherever it is printed itself; it has no more use for it.
 */
function setCertificate (server: Server, { cert, key }: TlsConfig): void {
  const secured = server as unknown as tls.Server & { key: unknown }
  secured.setSecureContext({ cert, key: key.reveal(), minVersion: 'TLSv1.2' })
  secured.key = undefined
}
