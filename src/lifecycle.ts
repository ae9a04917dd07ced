/**
 * Lifecycle: opens the listeners, and stops the proxy in order (graceful shutdown).
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Logger } from 'pino'
import { delay, type Clock } from './clock.ts'
import type { Config } from './config/config.ts'
import type { Relay } from './relay/relay.ts'
import type { Rotation } from './rotation.ts'
import type { HttpServer } from './server/server.ts'
import { listenRestricted } from './server/unix-socket.ts'
import type { TokenSource } from './token/token-source.ts'

/** How often a shutdown checks for requests in flight, and how long it waits after the last one for bytes that are just being read. */
const POLL_MS = 10
const LAST_WAIT_MS = 50

/** Limits after the grace period: for writing the last responses, and for closing connections whose client does not read. */
const LAST_RESPONSES_MS = 300
const CLOSE_MS = 300

/** A proxy that can be opened once and stopped once. */
export interface App {
  /** Opens the listeners and starts to keep a token. Resolves to the actual addresses. */
  open: () => Promise<Addresses>
  /** Reads secret files, callers and certificates again. */
  reload: () => void
  /** Lets requests in flight finish within the grace period, then closes everything. */
  stop: () => Promise<void>
  /** The servers, for tests. */
  readonly servers: readonly HttpServer[]
}

/** Where a proxy listens: `http://127.0.0.1:8080`, `https://…`, or `unix:/path`. */
export interface Addresses {
  readonly address: string
  readonly adminAddress: string | undefined
}

/** The servers of a proxy. */
export interface Servers {
  readonly main: HttpServer
  /** Stays open until the end of a shutdown, for probes. */
  readonly admin: HttpServer | undefined
}

/** The components that are opened and closed. */
export interface Components {
  readonly servers: Servers
  readonly config: Config
  readonly clock: Clock
  readonly log: Logger
  readonly relay: Relay
  readonly tokens: TokenSource
  readonly quota: { readonly start: () => void, readonly close: () => void }
  /** They write the last counts of failed and rejected requests. */
  readonly summaries: ReadonlyArray<{ readonly close: () => void }>
  readonly rotation: Rotation
  readonly upstreams: ReadonlyArray<{ destroy: () => Promise<void> }>
}

/** Creates the lifecycle of the components. */
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
      components.relay.drain()
      for (const { listener } of servers) await listener.acceptWaiting()
      const closed = [listener.close()]
      try {
        removeSocket()
      } catch (error) {
        // The requests in flight matter more; the next start replaces a stale socket file.
        components.log.warn({ err: error }, 'the socket file cannot be removed, the next start replaces it')
      }
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

/** Lets requests in flight finish; those that exceed the grace period get a local reply, because clients would retry without a response. */
async function drain (components: Components): Promise<void> {
  const { clock, config, quota, relay, servers: { main: { listener } } } = components
  relay.drain()
  quota.close()
  await closeIdle(listener)
  await whenIdle(components, config.shutdownGraceMs)
  relay.stop()
  listener.stopLocal()
  await whenIdle(components, LAST_RESPONSES_MS)
  await delay(LAST_WAIT_MS, clock)
}

/** Closes the idle connections. A request that has arrived completely but is not read yet is in flight: it is read first. */
async function closeIdle (listener: HttpServer['listener']): Promise<void> {
  await nextTurn()
  await nextTurn()
  listener.closeIdle()
}

/** Waits until no request is in flight, relayed or local, but not longer than `limitMs`. Connections that become idle meanwhile are closed. */
async function whenIdle ({ clock, relay, servers: { main: { listener } } }: Components, limitMs: number): Promise<void> {
  const startMs = clock.monotonic()
  while ((listener.isBusy || relay.inFlight > 0) && clock.monotonic() - startMs < limitMs) {
    await delay(Math.min(POLL_MS, limitMs), clock)
    await closeIdle(listener)
  }
}

/** Stops the background work. */
function release ({ rotation, summaries, tokens }: Components): void {
  rotation.close()
  tokens.close()
  for (const summary of summaries) summary.close()
}
