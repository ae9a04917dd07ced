/**
 * HTTP server: Fastify behind a listener, its options, its error and not-found handlers, and request ids.
 */
import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import type { Logger } from 'pino'
import type { TlsConfig } from '../config/tls-files.ts'
import { ProxyError, type ErrorCode } from '../errors.ts'
import { checkTarget, pathOf, routedTarget } from '../guards/target-guard.ts'
import { isSaneRequestId } from '../relay/headers.ts'
import { sendLocalReply } from '../relay/local-reply.ts'
import type { HeaderBudget } from './header-budget.ts'
import { Listener } from './listener.ts'

/** Dependencies of the server. */
export interface ServerContext {
  readonly log: Logger
  /** The header fields that the connections of all listeners may hold. */
  readonly headerBudget: HeaderBudget
  /** How long a client may take for a TLS handshake, and then for the head of a request. @default 15,000 */
  readonly headTimeoutMs: number | undefined
  /** Write stall timeout: how long a client may read nothing of a local response. */
  readonly unreadTimeoutMs: number
  /** Called for each local reply sent here. */
  readonly onRejection: (code: ErrorCode) => void
  /** Called for each connection that was closed because this connection limit was reached. */
  readonly onEvicted: (limit: number) => void
}

/** The Fastify instance with the routes, and the listener that serves them. */
export interface HttpServer {
  readonly app: FastifyInstance
  readonly listener: Listener
}

/** Creates the HTTP server. The app must be `ready` before the listener listens. */
export function createServer (context: ServerContext, maxConnections: number, tls?: TlsConfig): HttpServer {
  const app = fastify({
    logger: false,
    trustProxy: false, // any client can send X-Forwarded-* (CVE-2026-3635)
    forceCloseConnections: false,
    return503OnClosing: false,
    rewriteUrl: ({ url }: IncomingMessage) => routedTarget(url ?? ''),
    genReqId: requestIdOf,
    frameworkErrors: (_error, request, reply) => { reject(new ProxyError('PATH_REJECTED'), request, reply, context) },
  })
  // Fastify reads no body: a route reads its own, and a request is rejected before its body is read.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, _payload, done) => { done(null) })
  app.setNotFoundHandler((request, reply) => { reject(notFound(app, request), request, reply, context) })
  app.setErrorHandler((error, request, reply) => { reject(toProxyError(error, app, request, context), request, reply, context) })
  const listener = new Listener({
    tls,
    headTimeoutMs: context.headTimeoutMs,
    unreadTimeoutMs: context.unreadTimeoutMs,
    maxConnections,
    headerBudget: context.headerBudget,
    onEvicted () { context.onEvicted(maxConnections) },
    onAcceptError (error) { context.log.warn({ err: error }, 'the server could not accept a connection: check memory and firewall') },
    onRequest (req, res) { app.routing(req, res) },
    onRejected (error, req) {
      const requestId = req === undefined ? randomUUID() : requestIdOf(req)
      logRejection(error, req === undefined ? { requestId } : { requestId, method: req.method, path: pathOf(req.url ?? '') }, context)
      return requestId
    },
  })
  return { app, listener }
}

/** The client's request id if it is sane, else a new one. */
function requestIdOf ({ headers }: IncomingMessage): string {
  return isSaneRequestId(headers['x-request-id']) ? headers['x-request-id'] : randomUUID()
}

function notFound (app: FastifyInstance, { raw }: FastifyRequest): ProxyError {
  const isRelayed = app.hasPlugin('relay') && checkTarget(raw.url ?? '') === 'relay'
  return new ProxyError(isRelayed ? 'METHOD_REJECTED' : 'NOT_FOUND')
}

/** Maps an error to its local reply. Fastify's own 4xx errors are the client's fault; any other error is a defect. */
function toProxyError (error: unknown, app: FastifyInstance, request: FastifyRequest, { log }: ServerContext): ProxyError {
  if (error instanceof ProxyError) return error
  const isFastifys = error instanceof Error && 'statusCode' in error && Number(error.statusCode) >= 400 && Number(error.statusCode) < 500
  if (isFastifys) return request.is404 ? notFound(app, request) : new ProxyError('BAD_REQUEST', { cause: error })
  log.error({ err: error, requestId: request.id }, 'the proxy met a defect: please report it')
  return new ProxyError('INTERNAL', { cause: error })
}

/** Rejects a request by a local reply. */
function reject (error: ProxyError, request: FastifyRequest, reply: FastifyReply, context: ServerContext): void {
  reply.hijack()
  logRejection(error, { requestId: request.id, method: request.method, path: pathOf(request.raw.url ?? '') }, context)
  sendLocalReply(request.raw, reply.raw, error, request.id)
}

/** Counts and logs a request that was rejected before it was accepted; after that it has its line in the access log. */
function logRejection (error: ProxyError, request: { readonly requestId: string, readonly method?: string | undefined, readonly path?: string | undefined }, { log, onRejection }: ServerContext): void {
  onRejection(error.code)
  log.info({ ...request, status: error.status, errorCode: `PROXY.${error.code}` }, 'request rejected')
}
