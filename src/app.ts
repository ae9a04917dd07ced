/**
 * The composition root: builds the parts, and registers the plugins in the order in which a request meets them.
 */
import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import type { Logger } from 'pino'
import { delay, type Clock } from './clock.ts'
import type { Config } from './config/config.ts'
import { ProxyError } from './errors.ts'
import { answerExpectations, answerMalformed, Connections } from './listener.ts'
import { isSaneRequestId } from './relay/headers.ts'
import { relayPlugin } from './relay/plugin.ts'
import { refuse } from './relay/refusal.ts'
import { Relay } from './relay/relay.ts'
import { createUpstreamAgent } from './relay/upstream-agent.ts'
import { logOutcome } from './report/access-log.ts'
import { reportPlugin } from './report/plugin.ts'
import type { Masker } from './secrets/masker.ts'
import { createTokenApi } from './token/amsu-token-api.ts'
import { TokenSource } from './token/token-source.ts'

/** A head must arrive within this. */
const HEAD_TIMEOUT_MS = 15_000

/** How often Node looks for heads that are late. */
const HEAD_CHECK_INTERVAL_MS = 1_000

/** Longer than the 60 s after which most load balancers drop an idle connection, so that they, not we, end it. */
const KEEP_ALIVE_TIMEOUT_MS = 72_000

/** What the parts need from outside. */
export interface Ports {
  readonly clock: Clock
  readonly random: () => number
  readonly log: Logger
  readonly masker: Masker
}

/** A proxy that can be opened once and stopped once. */
export interface App {
  /** Listens and starts to keep a token. Resolves to the real address, e.g. `http://127.0.0.1:8080`. */
  open: () => Promise<string>
  /** Lets what is under way finish within the grace time, then closes everything. */
  stop: () => Promise<void>
}

/** Builds the proxy; nothing is opened yet. */
export async function createApp (config: Config, ports: Ports): Promise<App> {
  const { clock, log, masker } = ports
  for (const [name, secret] of Object.entries(config.amsu.credentials)) masker.add(name, secret)
  const { origin } = config.amsu
  const upstream = createUpstreamAgent({ origin, ...config.relay })
  // Token calls have a connection of their own: they must get through when all others are taken.
  const tokenUpstream = createUpstreamAgent({ origin, connectTimeoutMs: config.relay.connectTimeoutMs, maxConnections: 1 })
  const api = createTokenApi({ dispatcher: tokenUpstream, origin, clock, credentials: () => config.amsu.credentials, ...config.token })
  const tokens = new TokenSource({ api, ...ports, onSecret: masker.add, ...config.token })
  const relay = new Relay({
    upstream,
    upstreamUrl: new URL(origin),
    tokens,
    clock,
    ...config.relay,
    isRevealing: masker.isRevealing,
    onLeak: (count, requestId) => { log.error({ requestId, count }, 'dropped answer headers that held a secret of ours') },
    onOutcome: outcome => { logOutcome(log, outcome) },
  })

  const app = createServer(relay, log)
  await app.register(relayPlugin, { relay, origin, upstream })
  await app.register(reportPlugin, { tokenStatus: () => tokens.status(), isDraining: () => relay.isDraining })

  const connections = new Connections(app.server)
  return {
    async open () {
      await app.listen({ ...config.listener })
      tokens.start()
      return addressOf(app)
    },
    async stop () {
      await drain(app, relay, connections, delay(config.shutdownGraceMs, clock))
      tokens.close()
      await Promise.all([upstream.destroy(), tokenUpstream.destroy(), app.close()])
    },
  }
}

/** Takes no new connection, ends the idle ones, and lets requests under way finish until `grace` is over. */
async function drain (app: FastifyInstance, relay: Relay, connections: Connections, grace: Promise<void>): Promise<void> {
  relay.drain()
  app.server.close()
  // What has arrived in full but was not read yet is a request under way: let it be read first.
  await nextTurn()
  await nextTurn()
  connections.closeIdle(socket => relay.isBusy(socket))
  await Promise.race([relay.whenIdle(), grace])
  connections.end(relay.inFlight > 0)
}

/** The HTTP server with the answers that belong to no plugin. */
function createServer (relay: Relay, log: Logger): FastifyInstance {
  const app = fastify({
    logger: false,
    trustProxy: false,
    forceCloseConnections: false,
    return503OnClosing: false,
    requestTimeout: 0, // an upload may take an hour; its silences are limited instead
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    http: { headersTimeout: HEAD_TIMEOUT_MS, connectionsCheckingInterval: HEAD_CHECK_INTERVAL_MS, requireHostHeader: false },
    genReqId: ({ headers }: IncomingMessage) => isSaneRequestId(headers['x-request-id']) ? headers['x-request-id'] : randomUUID(),
    clientErrorHandler: (error, socket) => { answerMalformed(relay, error, socket) },
    frameworkErrors: (_error, request, reply) => { answer(new ProxyError('PATH_REJECTED'), request, reply) },
  })
  // Headers past Node's limit of 2,000 would be hidden from us and still frame the body (CVE-2026-58044).
  app.server.maxHeadersCount = 0
  answerExpectations(app.server)
  app.setNotFoundHandler((request, reply) => {
    answer(new ProxyError(isRelayed(request.raw.url ?? '') ? 'METHOD_REJECTED' : 'NOT_FOUND'), request, reply)
  })
  app.setErrorHandler((error, request, reply) => {
    if (!(error instanceof ProxyError)) log.error({ err: error, requestId: request.id }, 'defect')
    answer(error instanceof ProxyError ? error : new ProxyError('INTERNAL', { cause: error }), request, reply)
  })
  return app
}

function answer (error: ProxyError, request: FastifyRequest, reply: FastifyReply): void {
  reply.hijack()
  refuse(request.raw, reply.raw, error, request.id)
}

function isRelayed (target: string): boolean {
  return target.startsWith('/amsu-analysis/')
}

/** The real address; a wildcard stays one, because only the operator knows which name leads here. */
function addressOf (app: FastifyInstance): string {
  const { address, family, port } = app.server.address() as AddressInfo
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`
}
