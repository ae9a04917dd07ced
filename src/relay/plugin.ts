/**
 * Reverse proxy routes under `/amsu-analysis`. @fastify/http-proxy defines the routes. The first hook after the guards takes each request
 * out of Fastify, so that only bytes are forwarded: no content type is checked, no body is parsed and no URL is rebuilt
 * (docs/internals/decisions/0002-relay-leg.md).
 */
import httpProxy from '@fastify/http-proxy'
import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { ProxyError, RELAYED_METHODS } from '../errors.ts'
import { isAllowedRoute, type AllowedRoute } from '../guards/allowed-routes.ts'
import type { CallerIdentity, ExchangeConnection } from './context.ts'
import type { Relay } from './relay.ts'

/** Prefix of all relayed paths; static, never a parameter (CVE-2026-120213). */
const PREFIX = '/amsu-analysis'

export interface RelayPluginOptions {
  readonly relay: Relay
  /** The caller's name, undefined in open access. Throws or rejects for an unknown caller. */
  readonly authenticate: (authorization: string | undefined) => CallerIdentity
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
    scope.addHook('onRequest', ({ raw, id }, reply, done) => {
      const caller = authenticate(raw.headers.authorization)
      if (allowedRoutes !== undefined && !isAllowedRoute(allowedRoutes, raw.method as string, raw.url as string)) {
        if (caller instanceof Promise) caller.catch(() => {}) // the route is rejected for every caller
        done(new ProxyError('ROUTE_REJECTED'))
        return
      }
      const connection = connectionOf(raw.socket)
      if (connection === undefined) throw new ProxyError('INTERNAL')
      reply.hijack()
      relay.relay({ req: raw, res: reply.raw, requestId: id, connection }, caller)
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
}, { name: 'relay', fastify: '5.x', dependencies: ['guard'] })

/** Handler of http-proxy. No request reaches it; if one did, nothing may be forwarded. */
function unreachable (): never {
  throw new ProxyError('INTERNAL')
}
