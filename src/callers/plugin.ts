/**
 * Fastify routes of the local token endpoint, at AMSU's exact paths and for every method: no request to them is relayed. The first hook
 * sends the response, before Fastify checks the content type.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { Clock } from '../clock.ts'
import { ProxyError, RELAYED_METHODS, TOKEN_METHODS } from '../errors.ts'
import type { CallerRegistry } from './caller-registry.ts'
import { readTokenRequestBody } from './token-request-body.ts'
import { handleTokenCall, TOKEN_PATHS, tokenEndpointCall, type TokenEndpoint } from './token-endpoint.ts'

/** Largest token request; two secrets need a fraction of it. */
const MAX_TOKEN_REQUEST_BYTES = 16_384

/** Timeout for the body of a token request. */
const BODY_TIMEOUT_MS = 10_000

export interface CallersPluginOptions {
  readonly registry: CallerRegistry
  readonly clock: Clock
}

/** Serves the token endpoints. Before routing, other spellings of their paths must be mapped to these or rejected. */
export const callersPlugin = fp(async (app: FastifyInstance, { registry, clock }: CallersPluginOptions) => {
  for (const endpoint of ['token', 'refreshment'] as const) {
    app.route({
      method: [...RELAYED_METHODS],
      url: TOKEN_PATHS[endpoint],
      exposeHeadRoute: false,
      onRequest: async (request, reply) => await handle(endpoint, request, reply),
      handler: unreachable,
    })
  }

  async function handle (endpoint: TokenEndpoint, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const call = tokenEndpointCall(endpoint, request.method)
    if (call === undefined) throw new ProxyError('METHOD_REJECTED', { allow: TOKEN_METHODS[endpoint] })
    const text = await readTokenRequestBody(request.raw, reply.raw, { clock, limitBytes: MAX_TOKEN_REQUEST_BYTES, timeoutMs: BODY_TIMEOUT_MS })
    if (text === undefined) return reply.hijack()
    const grant = await handleTokenCall(call, text, registry)
    // No cache may store tokens (RFC 6749 section 5.1).
    return reply.headers({ 'cache-control': 'no-store', pragma: 'no-cache', 'x-request-id': request.id }).send(grant)
  }
}, { name: 'callers', fastify: '5.x' })

/** Never called: the hook sends every response. */
function unreachable (): never {
  throw new ProxyError('INTERNAL')
}
