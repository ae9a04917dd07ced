/**
 * Answers the vendor's token endpoints at their exact paths, whatever the method: nothing that is sent there is ever relayed. Each
 * request is answered in its first hook, before Fastify would judge its content type.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { Clock } from '../clock.ts'
import { ProxyError, RELAYED_METHODS, TOKEN_METHODS } from '../errors.ts'
import type { CallerRegistry } from './caller-registry.ts'
import { readBody } from './request-body.ts'
import { handleTokenCall, TOKEN_PATHS, tokenEndpointCall, type TokenEndpoint } from './token-endpoint.ts'

/** Largest token request; two secrets have room in a fraction of it. */
const MAX_BODY_BYTES = 16_384

/** A token request must be there within this. */
const BODY_TIMEOUT_MS = 10_000

export interface CallersPluginOptions {
  readonly registry: CallerRegistry
  readonly clock: Clock
}

/** Serves the token endpoints. Other spellings of their paths must have been mapped to these, or refused, before routing. */
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
    const text = await readBody(request.raw, reply.raw, { clock, limitBytes: MAX_BODY_BYTES, timeoutMs: BODY_TIMEOUT_MS })
    if (text === undefined) return reply.hijack()
    const { body, status } = await handleTokenCall(call, text, registry)
    // Tokens are kept by nobody on the way (RFC 6749 section 5.1).
    reply.headers({ 'cache-control': 'no-store', pragma: 'no-cache', 'x-request-id': request.id }).code(status)
    if (status === 401) reply.header('www-authenticate', 'Bearer realm="amsu-proxy"')
    return reply.send(body)
  }
}, { name: 'callers', fastify: '5.x' })

/** Every request is answered before its handler. */
function unreachable (): never {
  throw new ProxyError('INTERNAL')
}
