/**
 * Reverse proxy routes under `/amsu-analysis`. @fastify/http-proxy defines the routes. The first hook after the guards takes each request
 * out of Fastify, so that only bytes are forwarded: no content type is checked, no body is parsed and no URL is rebuilt
 * (docs/internals/decisions/0002-relay-leg.md).
 */
import httpProxy from '@fastify/http-proxy'
import type { Socket } from 'node:net'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { ProxyError, RELAYED_METHODS } from '../errors.ts'
import { isAllowedRoute, type AllowedRoute } from '../guards/allowed-routes.ts'
import type { ExchangeConnection } from './context.ts'
import type { Relay } from './relay.ts'

/** Prefix of all relayed paths; static, never a parameter (CVE-2026-120213). */
const PREFIX = '/amsu-analysis'

export interface RelayPluginOptions {
  readonly relay: Relay
  /** The caller's name, or undefined in open access; a promise while a token is being verified. Throws or rejects for an unknown caller. */
  readonly authenticate: (authorization: string | undefined) => string | undefined | Promise<string | undefined>
  /** The client connection that owns a socket. */
  readonly connectionOf: (socket: Socket) => ExchangeConnection | undefined
  /** The allowed routes; undefined allows all. */
  readonly allowedRoutes: readonly AllowedRoute[] | undefined
  /** Origin of AMSU. */
  readonly origin: string
}

/** Relays every request under the prefix. */
export const relayPlugin = fp(async (app: FastifyInstance, { relay, authenticate, connectionOf, allowedRoutes, origin }: RelayPluginOptions) => {
  await app.register(async scope => {
    scope.addHook('onRequest', (request, reply, done) => {
      const isLate = relay.isDraining
      const caller = authenticate(request.raw.headers.authorization)
      if (!(caller instanceof Promise)) {
        accept(request, reply, caller, isLate)
        return
      }
      caller.then(name => { accept(request, reply, name, isLate) }).catch((error: unknown) => {
        // At the end of a shutdown the connection has rejected the request already.
        if (!reply.raw.headersSent) done(error as Error)
      })
    })
    await scope.register(httpProxy, {
      upstream: origin,
      prefix: PREFIX,
      rewritePrefix: PREFIX,
      routes: ['/*'],
      httpMethods: [...RELAYED_METHODS],
      undici: { request: unreachable }, // otherwise it would open connections that verify no certificate (CVE-2026-107318)
      handler: unreachable,
    })
  })

  /** Relays a request whose caller is known. No stranger gets further than this: not to the routes, and not to a place in flight. */
  function accept ({ id, raw }: FastifyRequest, reply: FastifyReply, caller: string | undefined, isLate: boolean): void {
    if (reply.raw.headersSent) return // rejected at the end of a shutdown, while the caller was being identified
    if (allowedRoutes !== undefined && !isAllowedRoute(allowedRoutes, raw.method as string, raw.url as string)) throw new ProxyError('ROUTE_REJECTED')
    const connection = connectionOf(raw.socket)
    if (connection === undefined) throw new ProxyError('INTERNAL')
    reply.hijack()
    relay.relay({ req: raw, res: reply.raw, requestId: id, connection, caller, isLate })
  }
}, { name: 'relay', fastify: '5.x', dependencies: ['guard'] })

/** Handler of http-proxy. No request reaches it; if one did, nothing may be forwarded. */
function unreachable (): never {
  throw new ProxyError('INTERNAL')
}
