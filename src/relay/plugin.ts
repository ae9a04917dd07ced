/**
 * The relay under `/amsu-analysis`. @fastify/http-proxy makes the routes; each request leaves
 * Fastify in the first hook behind the guards, because from there on only bytes are passed: no content type is judged, no body
 * parsed, no URL built anew (docs/internals/decisions/0002-relay-leg.md).
 */
import httpProxy from '@fastify/http-proxy'
import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { ProxyError, RELAYED_METHODS } from '../errors.ts'
import { isAllowedRoute, type AllowedRoute } from '../guards/allowed-routes.ts'
import type { CallerIdentity, ExchangeConnection } from './context.ts'
import type { Relay } from './relay.ts'

/** Everything that is relayed is under this; static, never a parameter (CVE-2026-120213). */
const PREFIX = '/amsu-analysis'

export interface RelayPluginOptions {
  readonly relay: Relay
  /** The caller's name, undefined in open access; throws or rejects for a stranger. */
  readonly authenticate: (authorization: string | undefined) => CallerIdentity
  /** The client's connection of a socket. */
  readonly connectionOf: (socket: Socket) => ExchangeConnection | undefined
  /** The calls that may be made; undefined: all. */
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
        if (caller instanceof Promise) caller.catch(() => {}) // a stranger or not: the call is not to be had
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
      undici: { request: unreachable }, // else it would make connections that verify nothing (CVE-2026-107318)
      handler: unreachable,
    })
  })
}, { name: 'relay', fastify: '5.x', dependencies: ['guard'] })

/** What http-proxy would do with a request that is still Fastify's. There is none; if there ever were, nothing may be forwarded. */
function unreachable (): never {
  throw new ProxyError('INTERNAL')
}
