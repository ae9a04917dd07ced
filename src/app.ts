/**
 * Composition root: builds all components, and registers the plugins in the order in which a request passes them.
 */
import type { Logger } from 'pino'
import { createAuthorizedGet } from './amsu/authorized-get.ts'
import { ClockSkew } from './amsu/clock-skew.ts'
import { observeTokenApi } from './amsu/observed-token-api.ts'
import { createTokenApi } from './amsu/token-api.ts'
import { authenticate, createCallerRegistry, type CallerRegistry } from './callers/caller-registry.ts'
import { callersPlugin, type CallersPluginOptions } from './callers/plugin.ts'
import type { Clock } from './clock.ts'
import type { Config } from './config/config.ts'
import type { Build } from './endpoints/metrics.ts'
import { endpointsPlugin, type EndpointsPluginOptions } from './endpoints/plugin.ts'
import type { ListenerAddress } from './endpoints/status.ts'
import { createBrowserGuard } from './guards/browser-guard.ts'
import { guardPlugin } from './guards/plugin.ts'
import { createLifecycle, type App, type Servers } from './lifecycle.ts'
import { EvictionLog } from './logging/eviction-log.ts'
import { FailureLog } from './logging/failure-log.ts'
import { RejectionLog } from './logging/rejection-log.ts'
import type { Outcome } from './relay/context.ts'
import { relayPlugin, type RelayPluginOptions } from './relay/plugin.ts'
import { Relay } from './relay/relay.ts'
import { Rotation, type RotationTargets } from './rotation.ts'
import type { Masker } from './secrets/masker.ts'
import { connectionLimits } from './server/connection-limits.ts'
import { HeaderBudget } from './server/header-budget.ts'
import { oldSpaceBytes } from './server/heap.ts'
import { ownerOf, type Listener } from './server/listener.ts'
import { createServer, type ServerContext } from './server/server.ts'
import { QuotaPoll } from './telemetry/quota-poll.ts'
import { Telemetry } from './telemetry/telemetry.ts'
import { TokenSource } from './token/token-source.ts'
import { withAuthorization } from './token/with-authorization.ts'
import { createApiClient, type ApiClient } from './upstream/api-client.ts'
import { createConnector } from './upstream/connector.ts'
import { createTransport, type ClosableTransport } from './upstream/transport.ts'

/** What the components need from outside. */
export interface Dependencies {
  readonly clock: Clock
  readonly random: () => number
  readonly log: Logger
  /** Writes the line of a relayed request. */
  readonly logOutcome: (outcome: Outcome) => void
  readonly masker: Masker
  /** How long a client may take for a TLS handshake, and then for a request header. @default 15,000 */
  readonly headTimeoutMs?: number
  /** Options of Node.js; they may set the size of the heap. */
  readonly nodeOptions?: string
  /** The version, as metrics and the status page show it. */
  readonly build: Build
  /** How many log lines were lost. */
  readonly droppedLogLines: () => number
}

/** Builds the proxy without opening anything. */
export async function createApp (config: Config, dependencies: Dependencies): Promise<App> {
  const { build, clock, droppedLogLines, log, logOutcome, masker } = dependencies
  maskSecrets(config, masker)
  const [telemetry, evictions, failures, rejections] = [new Telemetry(clock), new EvictionLog(clock, log), new FailureLog(clock, log), new RejectionLog(clock, log)]
  const { origin, credentials, certificateAuthority } = config.amsu
  const authority = { pem: certificateAuthority }
  const { client, transport } = createUpstream(config, clock, () => authority.pem)
  const clockSkew = new ClockSkew(clock, log)
  const api = observeTokenApi(createTokenApi({ client, clock, onResponseHead: clockSkew.onResponseHead, ...config.token }), telemetry.onTokenCall)
  const tokens = new TokenSource({ api, credentials, ...dependencies, onSecret: masker.add, ...config.token })
  const quota = new QuotaPoll({ authorizedGet: createAuthorizedGet({ client, clock, withAuthorization, onResponseHead: clockSkew.onResponseHead, ...config.token }), tokens, clock, log, ...config.quota })
  const registry = createCallerRegistry(config.callers, clock)
  const relay = new Relay({
    transport,
    upstreamUrl: new URL(origin),
    tokens,
    clock,
    ...config.relay,
    isRevealing: masker.isRevealing,
    onLeak: (count, requestId) => { telemetry.onLeak(count); log.error({ requestId, count }, 'response headers that contained a secret were dropped') },
    onEventLoopStall: lateMs => { log.warn({ lateMs: Math.round(lateMs) }, 'the event loop was blocked') },
    onOutcome: outcome => { telemetry.onOutcome(outcome); logOutcome(outcome); failures.add(outcome); if (outcome.errorCode === 'OVERLOADED') rejections.add('OVERLOADED') },
    onRejection: code => { telemetry.onRejection(code); rejections.add(code) },
  })

  const endpoints: EndpointsPluginOptions = {
    telemetry, build, droppedLogLines, quota, settings: config.effective, tokenStatus: () => tokens.status(), clockSkewSeconds: () => clockSkew.seconds, isDraining: () => relay.isDraining, inFlight: () => relay.inFlight, now: clock.wall, listenerAddress: () => listenerAddressOf(config, servers), mask: masker.mask,
  }
  const relaying = { relay, authenticate: (value: string | undefined) => authenticate(registry, value), connectionOf: ownerOf, allowedRoutes: config.allowedRoutes, origin }
  const servers = await createServers(config, { log, nodeOptions: dependencies.nodeOptions ?? '', headTimeoutMs: dependencies.headTimeoutMs, unreadTimeoutMs: config.relay.idleTimeoutMs, onRejection: telemetry.onRejection, onEvicted: limit => { evictions.add(limit) } }, { relaying, callers: { registry, clock }, endpoints })
  const targets = { ...rotationTargets(servers.main.listener, tokens, registry, masker), onCertificateAuthority: (pem: string) => { authority.pem = pem } }
  const rotation = new Rotation(config, targets, log)
  return createLifecycle({ servers, config, clock, log, relay, tokens, quota, summaries: [evictions, failures, rejections], rotation, upstreams: [transport, client] })
}

/** The options of the plugins. */
interface Plugins { readonly relaying: RelayPluginOptions, readonly callers: CallersPluginOptions, readonly endpoints: EndpointsPluginOptions }

/** Creates the servers, and registers the plugins in the order in which a request passes them. */
async function createServers (config: Config, { nodeOptions, ...rest }: Omit<ServerContext, 'headerBudget'> & { readonly nodeOptions: string }, { callers, relaying, endpoints }: Plugins): Promise<Servers> {
  const guard = createBrowserGuard(config.guard)
  const oldSpace = oldSpaceBytes(nodeOptions)
  const context = { ...rest, headerBudget: HeaderBudget.of(oldSpace) }
  const limits = connectionLimits({ oldSpaceBytes: oldSpace, upstreamConnections: config.relay.maxConnections, hasAdmin: config.adminListener !== undefined })
  const main = createServer(context, limits.main, config.listener.tls)
  const admin = config.adminListener === undefined ? undefined : createServer(context, limits.admin)
  for (const { app } of [main, ...given(admin)]) await app.register(guardPlugin, { guard })
  await main.app.register(callersPlugin, callers)
  await main.app.register(relayPlugin, relaying)
  await (admin ?? main).app.register(endpointsPlugin, endpoints)
  for (const { app } of [main, ...given(admin)]) await app.ready()
  return { main, admin }
}

/** Creates the clients of AMSU. Our own calls, for the token and the quota, have separate connections, so that they work while all others are in use. */
function createUpstream ({ amsu, relay }: Config, clock: Clock, certificateAuthority: () => string | undefined): { client: ApiClient, transport: ClosableTransport } {
  const connect = createConnector({ ...amsu, ...relay, certificateAuthority, clock })
  return {
    client: createApiClient({ ...amsu, ...relay, connect, maxConnections: 2, clock }),
    transport: createTransport({ ...amsu, ...relay, connect, clock }),
  }
}

/** Returns the address at which clients reach the relay; the port is known once it listens. */
function listenerAddressOf ({ adminListener, callers, listener }: Config, { main: { listener: { port } } }: Servers): ListenerAddress {
  return { isTls: listener.tls !== undefined, socketPath: 'path' in listener ? listener.path : undefined, port: adminListener === undefined ? undefined : port, needsCaller: callers !== undefined }
}

/** Passes changed files to the components that use them; secrets are masked first. */
function rotationTargets (listener: Listener, tokens: TokenSource, registry: CallerRegistry, masker: Masker): Omit<RotationTargets, 'onCertificateAuthority'> {
  return {
    onCredentials: next => { maskCredentials(next, masker, 'candidate'); return tokens.rotate(next) },
    onCallers: callers => { for (const { name, secret } of callers) masker.add(`caller ${name}`, secret); registry.replace(callers) },
    onTls (tls) {
      masker.add('tls_key', tls.key)
      listener.showCertificate(tls)
    },
  }
}

function maskSecrets ({ amsu, callers, listener }: Config, masker: Masker): void {
  maskCredentials(amsu.credentials, masker)
  if (amsu.forwardProxy?.secret !== undefined) masker.add('forward_proxy', amsu.forwardProxy.secret)
  for (const { name, secret } of callers ?? []) masker.add(`caller ${name}`, secret)
  if (listener.tls !== undefined) masker.add('tls_key', listener.tls.key)
}

/** Masks credentials under a separate name until they are in use, so that rejected ones do not push out the ones in use. */
function maskCredentials ({ clientId, clientSecret }: Config['amsu']['credentials'], masker: Masker, owner = 'client'): void {
  masker.add(`${owner}_id`, clientId)
  masker.add(`${owner}_secret`, clientSecret)
}

function given<T> (value: T | undefined): T[] {
  return value === undefined ? [] : [value]
}
