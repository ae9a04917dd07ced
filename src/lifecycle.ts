/**
 * Opening and stopping: the listeners, and the order in which a running proxy lets go.
 */
import type { Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { delay, type Clock } from './clock.ts'
import type { Config, TcpListenerConfig } from './config/config.ts'
import { Connections } from './listener.ts'
import type { Relay } from './relay/relay.ts'
import type { Rotation } from './rotation.ts'
import type { TokenSource } from './token/token-source.ts'
import { listenRestricted } from './unix-socket.ts'

/** What is answered here, not relayed, is not counted as under way; it takes less than this. */
const OWN_ANSWER_MS = 50

/** A proxy that can be opened once and stopped once. */
export interface App {
  /** Listens and starts to keep a token. Resolves to the real addresses. */
  open: () => Promise<Addresses>
  /** Reads secret files, callers and certificates again. */
  reload: () => void
  /** Lets what is under way finish within the grace time, then closes everything. */
  stop: () => Promise<void>
  /** The HTTP servers, for whoever must look inside. */
  readonly servers: readonly Listening[]
}

/** Where a proxy listens: `http://127.0.0.1:8080`, `https://…`, or `unix:/path`. */
export interface Addresses {
  readonly address: string
  readonly adminAddress: string | undefined
}

/** A server that listens and closes, as Fastify's. */
export interface Listening {
  readonly server: Server
  listen: (options: { host: string, port: number } | { path: string }) => Promise<unknown>
  close: () => PromiseLike<unknown>
}

/** What is opened and closed. */
export interface Parts {
  readonly app: Listening
  readonly admin: Listening | undefined
  readonly config: Config
  readonly clock: Clock
  readonly relay: Relay
  readonly tokens: TokenSource
  readonly quota: { readonly start: () => void, readonly close: () => void }
  /** Writes what is left to be told of refused requests. */
  readonly refusals: { readonly close: () => void }
  readonly rotation: Rotation
  readonly upstreams: ReadonlyArray<{ destroy: () => Promise<void> }>
}

/** Makes the parts openable. */
export function createLifecycle ({ app, admin, config, clock, relay, tokens, quota, refusals, rotation, upstreams }: Parts): App {
  const { listener: { tls, ...place }, adminListener, shutdownGraceMs } = config
  const servers = [app, admin].filter(server => server !== undefined)
  const connections = servers.map(({ server }) => new Connections(server))
  const handshakes = trackHandshakes(app.server)
  let removeSocket = (): void => {}

  return {
    async open () {
      if ('path' in place) removeSocket = await listenRestricted(place.path, async path => await app.listen({ path }))
      const address = 'path' in place ? `unix:${place.path}` : await listen(app, place, tls === undefined ? 'http' : 'https')
      const adminAddress = admin === undefined || adminListener === undefined ? undefined : await listen(admin, adminListener, 'http')
      tokens.start()
      quota.start()
      return { address, adminAddress }
    },
    servers,
    reload () { rotation.reload() },
    async stop () {
      relay.drain()
      quota.close()
      for (const { server } of servers) server.close()
      removeSocket()
      // What has arrived in full but was not read yet is a request under way: let it be read first.
      await nextTurn()
      await nextTurn()
      for (const each of connections) each.closeIdle()
      for (const socket of handshakes.values()) socket.destroy()
      await Promise.race([relay.whenIdle(), delay(shutdownGraceMs, clock)])
      await delay(OWN_ANSWER_MS, clock)
      for (const each of connections) each.end(relay.inFlight > 0)
      rotation.close()
      tokens.close()
      refusals.close()
      await Promise.all([...upstreams.map(async upstream => { await upstream.destroy() }), ...servers.map(async server => { await server.close() })])
    },
  }
}

/**
 * The connections of a TLS server that have not finished their handshake, and so are not among its `Connections`: a port scanner
 * or a health check of plain TCP would hold up the end for the two minutes Node gives a handshake.
 */
function trackHandshakes (server: Server): ReadonlyMap<string, Socket> {
  const handshakes = new Map<string, Socket>()
  const nameOf = ({ remoteAddress, remotePort }: Socket): string => `${String(remoteAddress)} ${String(remotePort)}`
  if (!('setSecureContext' in server)) return handshakes
  server.on('connection', (socket: Socket) => {
    const name = nameOf(socket)
    handshakes.set(name, socket)
    socket.once('close', () => { handshakes.delete(name) })
  })
  server.on('secureConnection', (socket: Socket) => { handshakes.delete(nameOf(socket)) })
  return handshakes
}

async function listen (app: Listening, { host, port: wantedPort }: TcpListenerConfig, scheme: string): Promise<string> {
  await app.listen({ host, port: wantedPort })
  const { address, family, port } = app.server.address() as AddressInfo
  return `${scheme}://${family === 'IPv6' ? `[${address}]` : address}:${port}`
}
