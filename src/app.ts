/**
 * The composition root: builds the parts, and registers the plugins in the order in which a request meets them.
 */
import type { Logger } from 'pino'
import { authenticate, createCallerRegistry, type CallerRegistry } from './callers/caller-registry.ts'
import { callersPlugin } from './callers/plugin.ts'
import type { Clock } from './clock.ts'
import type { Config } from './config/config.ts'
import { createLifecycle, type App, type Listening } from './lifecycle.ts'
import { createBrowserGuard } from './relay/browser-guard.ts'
import type { Outcome } from './relay/context.ts'
import { createEnquiry } from './relay/enquiry.ts'
import { guardPlugin, relayPlugin } from './relay/plugin.ts'
import { Relay } from './relay/relay.ts'
import type { Build } from './report/metrics.ts'
import { Observer } from './report/observer.ts'
import { reportPlugin } from './report/plugin.ts'
import { QuotaPoll } from './report/quota.ts'
import { RefusalLog } from './report/refusal-log.ts'
import type { Entrance } from './report/status.ts'
import { Rotation, type RotationTargets } from './rotation.ts'
import type { Masker } from './secrets/masker.ts'
import { createServer, showCertificate } from './server.ts'
import { createTokenApi } from './token/amsu-token-api.ts'
import { ClockSkew } from './token/clock-skew.ts'
import { observeTokenApi } from './token/observed-token-api.ts'
import { TokenSource } from './token/token-source.ts'
import { createCallAgent } from './upstream/call-agent.ts'
import { createTransport } from './upstream/transport.ts'

/** What the parts need from outside. */
export interface Ports {
  readonly clock: Clock
  readonly random: () => number
  readonly log: Logger
  /** Writes the line of a relayed request. */
  readonly logOutcome: (outcome: Outcome) => void
  readonly masker: Masker
  /** How long a caller may take for a TLS handshake, and then for the head of a request. @default 15,000 */
  readonly headTimeoutMs?: number
  /** What runs, as metrics and the status page tell it. */
  readonly build: Build
}

/** Builds the proxy; nothing is opened yet. */
export async function createApp (config: Config, ports: Ports): Promise<App> {
  const { build, clock, log, logOutcome, masker } = ports
  const observer = new Observer(clock)
  const refusals = new RefusalLog(clock, log)
  maskSecrets(config, masker)
  const { origin, credentials } = config.amsu
  const transport = createTransport({ ...config.amsu, ...config.relay, clock })
  // Calls of our own, for the token and the quota, have a connection each: they must get through when all others are taken.
  const callAgent = createCallAgent({ ...config.amsu, ...config.relay, maxConnections: 2 })
  const clockSkew = new ClockSkew(clock, log)
  const api = observeTokenApi(createTokenApi({ dispatcher: callAgent, origin, clock, onAnswer: clockSkew.onAnswer, ...config.token }), observer.onTokenCall)
  const tokens = new TokenSource({ api, credentials, ...ports, onSecret: masker.add, ...config.token })
  const quota = new QuotaPoll({ enquire: createEnquiry({ dispatcher: callAgent, origin, clock, onAnswer: clockSkew.onAnswer, ...config.token }), tokens, clock, log, ...config.quota })
  const registry = createCallerRegistry(config.callers, clock)
  const relay = new Relay({
    transport,
    upstreamUrl: new URL(origin),
    tokens,
    clock,
    ...config.relay,
    isRevealing: masker.isRevealing,
    onLeak: (count, requestId) => { observer.onLeak(count); log.error({ requestId, count }, 'dropped answer headers that held a secret of ours') },
    onStall: lateMs => { log.warn({ lateMs: Math.round(lateMs) }, 'the event loop stood still') },
    onOutcome: outcome => { observer.onOutcome(outcome); logOutcome(outcome) },
    onRefusal: code => { observer.onRefusal(code); refusals.add(code) },
  })

  const guard = createBrowserGuard(config.guard)
  const report = {
    observer, build, quota, settings: config.effective, tokenStatus: () => tokens.status(), clockSkewSeconds: () => clockSkew.seconds, isDraining: () => relay.isDraining, inFlight: () => relay.inFlight, now: clock.wall, entrance: () => entranceOf(config, app), mask: masker.mask,
  }
  const surroundings = { relay, log, headTimeoutMs: ports.headTimeoutMs, onRefusal: observer.onRefusal }
  const app = createServer(surroundings, config.listener.tls)
  await app.register(guardPlugin, { guard })
  await app.register(callersPlugin, { registry, clock })
  await app.register(relayPlugin, { relay, authenticate: value => authenticate(registry, value), allowedRoutes: config.allowedRoutes, origin, upstream: callAgent })
  const admin = config.adminListener === undefined ? undefined : createServer(surroundings)
  await admin?.register(guardPlugin, { guard })
  await (admin ?? app).register(reportPlugin, report)

  const rotation = new Rotation(config, rotationTargets(app, tokens, registry, masker), log)
  return createLifecycle({ app, admin, config, clock, relay, tokens, quota, refusals, rotation, upstreams: [transport, callAgent] })
}

/** Where callers reach the relay; the port is known once it listens. */
function entranceOf ({ adminListener, callers, listener }: Config, { server }: Listening): Entrance {
  const address = server.address()
  const port = adminListener === undefined || typeof address !== 'object' ? undefined : address?.port
  return { isTls: listener.tls !== undefined, socketPath: 'path' in listener ? listener.path : undefined, port, needsCaller: callers !== undefined }
}

/** Hands what has changed to the parts that use it; secrets are masked first. */
function rotationTargets ({ server }: Listening, tokens: TokenSource, registry: CallerRegistry, masker: Masker): RotationTargets {
  return {
    onCredentials: next => { maskCredentials(next, masker, 'candidate'); tokens.rotate(next) },
    onCallers: callers => { for (const { name, secret } of callers) masker.add(`caller ${name}`, secret); registry.replace(callers) },
    onTls (tls) {
      masker.add('tls_key', tls.key)
      showCertificate(server, tls)
    },
  }
}

function maskSecrets ({ amsu, callers, listener }: Config, masker: Masker): void {
  maskCredentials(amsu.credentials, masker)
  if (amsu.forwardProxy?.secret !== undefined) masker.add('forward_proxy', amsu.forwardProxy.secret)
  for (const { name, secret } of callers ?? []) masker.add(`caller ${name}`, secret)
  if (listener.tls !== undefined) masker.add('tls_key', listener.tls.key)
}

/** Masks credentials under a name of their own until they are in use: refused ones must not push out the ones that are. */
function maskCredentials ({ clientId, clientSecret }: Config['amsu']['credentials'], masker: Masker, owner = 'client'): void {
  masker.add(`${owner}_id`, clientId)
  masker.add(`${owner}_secret`, clientSecret)
}
