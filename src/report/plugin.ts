/**
 * The endpoints of our own; they are never forwarded.
 */
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { readiness, type Readiness } from './health.ts'
import type { TokenStatus } from '../token/token-status.ts'

export interface ReportOptions {
  readonly tokenStatus: () => TokenStatus
  readonly isDraining: () => boolean
}

/** Serves `/livez` and `/readyz`. */
export const reportPlugin = fp(async (app: FastifyInstance, { tokenStatus, isDraining }: ReportOptions) => {
  app.get('/livez', async (_request, reply) => {
    reply.header('cache-control', 'no-store').type('text/plain; charset=utf-8')
    return 'ok\n'
  })

  app.get('/readyz', async (_request, reply): Promise<Readiness> => {
    const state = readiness(tokenStatus(), isDraining())
    reply.header('cache-control', 'no-store').code(state.ready ? 200 : 503)
    return state
  })
}, { name: 'report', fastify: '5.x' })
