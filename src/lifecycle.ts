/**
 * Opening and stopping: the listeners, and the order in which a running proxy lets go (graceful shutdown).
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { delay, type Clock } from './clock.ts'
import type { Config } from './config/config.ts'
import type { Relay } from './relay/relay.ts'
import type { Rotation } from './rotation.ts'
import type { HttpServer } from './server/server.ts'
import { listenRestricted } from './server/unix-socket.ts'
import type { TokenSource } from './token/token-source.ts'

/** How often a shutdown looks whether a request is still in flight, and how long it waits behind the last one for what is just being read. */
const LOOK_MS = 10
const LAST_LOOK_MS = 50

/** Bounds of what comes after the grace time: writing the last responses, and closing connections whose client does not read. */
const LAST_RESPONSES_MS = 300
const CLOSE_MS = 300

/** A proxy that can be opened once and stopped once. */
export interface App {
  /** Listens and starts to keep a token. Resolves to the real addresses. */
  open: () => Promise<Addresses>
  /** Reads secret files, callers and certificates again. */
  reload: () => void
  /** Lets what is in flight finish within the grace time, then closes everything. */
  stop: () => Promise<void>
  /** For those who must look inside. */
  readonly servers: readonly HttpServer[]
}

/** Where a proxy listens: `http://127.0.0.1:8080`, `https://…`, or `unix:/path`. */
export interface Addresses {
  readonly address: string
  readonly adminAddress: string | undefined
}

/** The servers there are. */
export interface Servers {
  readonly main: HttpServer
  /** It stays open to the end of a shutdown, so that probes see it. */
  readonly admin: HttpServer | undefined
}

/** What is opened and closed. */
export interface Components {
  readonly servers: Servers
  readonly config: Config
  readonly clock: Clock
  readonly relay: Relay
  readonly tokens: TokenSource
  readonly quota: { readonly start: () => void, readonly close: () => void }
  /** Writes what is left to be told of refused requests. */
  readonly rejections: { readonly close: () => void }
  readonly rotation: Rotation
  readonly upstreams: ReadonlyArray<{ destroy: () => Promise<void> }>
}

/** Makes the parts openable. */
export function createLifecycle (components: Components): App {
  const { config, quota, rotation, servers: { main: { listener }, admin }, tokens } = components
  const servers = [components.servers.main, admin].filter(server => server !== undefined)
  let removeSocket = (): void => {}

  return {
    async open () {
      const { tls, ...place } = config.listener
      if ('path' in place) removeSocket = await listenRestricted(place.path, async path => await listener.listen({ path }))
      const address = 'path' in place ? `unix:${place.path}` : await listener.listen(place)
      const adminAddress = config.adminListener === undefined ? undefined : await admin?.listener.listen(config.adminListener)
      tokens.start()
      quota.start()
      return { address, adminAddress }
    },
    servers,
    reload () { rotation.reload() },
    async stop () {
      const closed = [listener.close()]
      removeSocket()
      await drain(components)
      if (admin !== undefined) closed.push(admin.listener.close())
      for (const server of servers) server.listener.endAll()
      release(components)
      await Promise.race([Promise.all(closed), delay(CLOSE_MS, components.clock)])
      for (const server of servers) server.listener.destroyAll()
      await Promise.all([...closed, ...components.upstreams.map(async upstream => { await upstream.destroy() }), ...servers.map(async ({ app }) => { await app.close() })])
    },
  }
}

/** Lets requests in flight finish; those that outlast the grace time get a local reply, because silence would make clients repeat them. */
async function drain (components: Components): Promise<void> {
  const { clock, config, quota, relay, servers: { main: { listener } } } = components
  relay.drain()
  quota.close()
  // What has arrived in full but was not read yet is a request in flight: let it be read first.
  await nextTurn()
  await nextTurn()
  listener.closeIdle()
  await whenIdle(components, config.shutdownGraceMs)
  relay.stop()
  listener.stopLocal()
  await whenIdle(components, LAST_RESPONSES_MS)
  await delay(LAST_LOOK_MS, clock)
}

/** Waits until no request is in flight, relayed or served here, but not longer than `limitMs`. */
async function whenIdle ({ clock, relay, servers: { main: { listener } } }: Components, limitMs: number): Promise<void> {
  const startMs = clock.monotonic()
  while ((listener.isBusy || relay.inFlight > 0) && clock.monotonic() - startMs < limitMs) await delay(Math.min(LOOK_MS, limitMs), clock)
}

/** Ends what works behind the requests. */
function release ({ rejections, rotation, tokens }: Components): void {
  rotation.close()
  tokens.close()
  rejections.close()
}
