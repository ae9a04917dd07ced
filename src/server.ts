/**
 * The HTTP server that callers reach: its limits, what Fastify is told, and the answers that belong to no plugin.
 */
import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type tls from 'node:tls'
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import type { Logger } from 'pino'
import type { TlsConfig } from './config/tls-files.ts'
import { ProxyError, type ErrorCode } from './errors.ts'
import { answerExpectations, answerMalformed } from './listener.ts'
import { isSaneRequestId } from './relay/headers.ts'
import { refuse } from './relay/refusal.ts'
import type { Relay } from './relay/relay.ts'
import { judgeTarget, routedTarget } from './relay/target-guard.ts'

/** A TLS handshake must be done within this, and then a head have arrived. Node gives the one two minutes, the other one. */
const HEAD_TIMEOUT_MS = 15_000

/** How often Node looks for heads that are late. */
const HEAD_CHECK_INTERVAL_MS = 1_000

/** Longer than the 60 s after which most load balancers drop an idle connection, so that they, not we, end it. */
const KEEP_ALIVE_TIMEOUT_MS = 72_000

/** What the answers that belong to no plugin depend on. */
export interface Surroundings {
  readonly relay: Relay
  readonly log: Logger
  /** How long a caller may take for a TLS handshake, and then for the head of a request. @default 15,000 */
  readonly headTimeoutMs: number | undefined
  /** Told of each refusal given here. */
  readonly onRefusal: (code: ErrorCode) => void
}

/** Makes an HTTP server with the answers that belong to no plugin. */
export function createServer (surroundings: Surroundings, tls?: TlsConfig): FastifyInstance {
  const { headTimeoutMs = HEAD_TIMEOUT_MS, log, onRefusal, relay } = surroundings
  const app = fastify({
    logger: false,
    trustProxy: false, // X-Forwarded-* is anybody's word (CVE-2026-3635)
    forceCloseConnections: false,
    return503OnClosing: false,
    requestTimeout: 0, // an upload may take an hour; its silences are limited instead
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    ...serverOptions(headTimeoutMs, tls !== undefined),
    rewriteUrl: ({ url }: IncomingMessage) => routedTarget(url ?? ''),
    genReqId: ({ headers }: IncomingMessage) => isSaneRequestId(headers['x-request-id']) ? headers['x-request-id'] : randomUUID(),
    clientErrorHandler: (error, socket) => { answerMalformed(relay, error, socket, onRefusal) },
    frameworkErrors: (_error, request, reply) => { answer(new ProxyError('PATH_REJECTED'), request, reply, surroundings) },
  })
  // Headers past Node's limit of 2,000 would be hidden from us and still frame the body (CVE-2026-58044).
  app.server.maxHeadersCount = 0
  answerExpectations(app.server, onRefusal)
  if (tls !== undefined) showCertificate(app.server, tls)
  app.setNotFoundHandler((request, reply) => {
    const isRelayed = app.hasPlugin('relay') && judgeTarget(request.raw.url ?? '') === 'relay'
    answer(new ProxyError(isRelayed ? 'METHOD_REJECTED' : 'NOT_FOUND'), request, reply, surroundings)
  })
  app.setErrorHandler((error, request, reply) => {
    if (!(error instanceof ProxyError)) log.error({ err: error, requestId: request.id }, 'defect')
    answer(error instanceof ProxyError ? error : new ProxyError('INTERNAL', { cause: error }), request, reply, surroundings)
  })
  return app
}

/** Options of Node's server, which go under another name for https. */
function serverOptions (timeoutMs: number, isTls: boolean): object {
  const options = { headersTimeout: timeoutMs, connectionsCheckingInterval: HEAD_CHECK_INTERVAL_MS, requireHostHeader: false }
  return isTls ? { https: { ...options, handshakeTimeout: timeoutMs } } : { http: options }
}

/**
 * Sets the certificate shown to new callers, and the oldest protocol spoken with them. The server would keep a readable copy of the
 * key, and so print it wherever it is printed itself; it has no more use for it.
 */
export function showCertificate (server: object, { cert, key }: TlsConfig): void {
  const secured = server as tls.Server & { key: unknown }
  secured.setSecureContext({ cert, key: key.reveal(), minVersion: 'TLSv1.2' })
  secured.key = undefined
}

/** Answers a request that a guard or no route took, and says so in the log; one that was relayed has a line of its own. */
function answer (error: ProxyError, request: FastifyRequest, reply: FastifyReply, { log, onRefusal }: Surroundings): void {
  reply.hijack()
  onRefusal(error.code)
  log.info({ requestId: request.id, method: request.method, path: request.raw.url?.split('?', 1)[0], status: error.status, errorCode: `PROXY.${error.code}` }, 'refused')
  refuse(request.raw, reply.raw, error, request.id)
}
