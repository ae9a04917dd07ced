/**
 * The guards before every route: DNS rebinding, cross-site requests, CORS and path traversal.
 */
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { ProxyError, TOKEN_METHODS } from '../errors.ts'
import type { BrowserGuard } from './browser-guard.ts'
import { allowOrigin, sendPreflightResponse, corsHeaders, isPreflight } from './cors.ts'
import { checkTarget } from './target-guard.ts'

export interface GuardPluginOptions {
  readonly guard: BrowserGuard
}

/** Rejects cross-site browser requests and ambiguous targets before routing. */
export const guardPlugin = fp(async (app: FastifyInstance, { guard }: GuardPluginOptions) => {
  app.addHook('onRequest', ({ raw }, reply, done) => {
    const { corsOrigin, rejection } = guard(raw.rawHeaders)
    if (corsOrigin !== undefined) {
      allowOrigin(reply.raw, corsOrigin)
      const headers = corsHeaders(reply.raw)
      for (let i = 0; i < headers.length; i += 2) reply.header(headers[i] as string, headers[i + 1])
    }
    if (rejection !== undefined) {
      done(new ProxyError(rejection))
      return
    }
    const decision = checkTarget(raw.url as string)
    if (decision === 'reject') {
      done(new ProxyError('PATH_REJECTED'))
    } else if (corsOrigin !== undefined && isPreflight(raw)) {
      reply.hijack()
      sendPreflightResponse(raw, reply.raw)
    } else if ((decision === 'token' || decision === 'refreshment') && !TOKEN_METHODS[decision].some(method => method === raw.method)) {
      done(new ProxyError('METHOD_REJECTED', { allow: TOKEN_METHODS[decision] }))
    } else {
      done()
    }
  })
}, { name: 'guard', fastify: '5.x' })
