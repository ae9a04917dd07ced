/**
 * Mounts the relay under `/amsu-analysis`. @fastify/http-proxy makes the routes; each request leaves Fastify in its first hook,
 * because from there on only bytes are passed: no content type is judged, no body parsed, no URL built anew
 * (docs/decisions/0002-relay-leg.md).
 */
import httpProxy from '@fastify/http-proxy'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { Dispatcher } from 'undici'
import { ProxyError, RELAYED_METHODS } from '../errors.ts'
import type { Relay } from './relay.ts'
import { judgeTarget } from './target-guard.ts'

/** Everything that is relayed is under this; static, never a parameter (CVE-2026-120213). */
const PREFIX = '/amsu-analysis'

export interface RelayPluginOptions {
  readonly relay: Relay
  /** Origin of AMSU. */
  readonly origin: string
  /** Our own verified connections, so that no other transport is ever made (CVE-2026-107318). */
  readonly upstream: Dispatcher
}

/** Relays every request under the prefix. */
export const relayPlugin = fp(async (app: FastifyInstance, { relay, origin, upstream }: RelayPluginOptions) => {
  app.addHook('onRequest', (request, _reply, done) => {
    switch (judgeTarget(request.raw.url ?? '')) {
      case 'reject':
        done(new ProxyError('PATH_REJECTED'))
        break
      case 'token':
      case 'refreshment':
        done(new ProxyError('NOT_FOUND'))
        break
      case 'relay':
      case 'other':
        done()
    }
  })
  await app.register(async scope => {
    scope.addHook('onRequest', (request, reply) => {
      reply.hijack()
      relay.relay(request.raw, reply.raw, request.id)
    })
    await scope.register(httpProxy, {
      upstream: origin,
      prefix: PREFIX,
      rewritePrefix: PREFIX,
      routes: ['/*'],
      httpMethods: [...RELAYED_METHODS],
      undici: upstream,
      handler: unreachable,
    })
  })
}, { name: 'relay', fastify: '5.x' })

/** What http-proxy would do with a request that is still Fastify's. There is none; if there ever were, nothing may be forwarded. */
function unreachable (): never {
  throw new ProxyError('INTERNAL')
}
