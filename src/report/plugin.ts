/**
 * The endpoints of our own; they are never forwarded.
 */
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { Registry } from 'prom-client'
import { readiness, type Readiness } from './health.ts'
import type { MetricsSources } from './metrics.ts'

export interface ReportOptions extends MetricsSources {
  readonly isDraining: () => boolean
}

/** Serves `/livez`, `/readyz` and `/metrics`. */
export const reportPlugin = fp(async (app: FastifyInstance, options: ReportOptions) => {
  const { isDraining, tokenStatus } = options
  let metrics: Promise<Registry> | undefined

  app.get('/livez', async (_request, reply) => {
    reply.header('cache-control', 'no-store').type('text/plain; charset=utf-8')
    return 'ok\n'
  })

  app.get('/readyz', async (_request, reply): Promise<Readiness> => {
    const state = readiness(tokenStatus(), isDraining())
    reply.header('cache-control', 'no-store').code(state.ready ? 200 : 503)
    return state
  })

  app.get('/metrics', async (_request, reply) => {
    // Loaded with the first scrape: it takes a tenth of the time in which the proxy starts.
    metrics ??= import('./metrics.ts').then(({ createMetrics }) => createMetrics(options))
    const registry = await metrics
    reply.header('cache-control', 'no-store').type(registry.contentType)
    return await registry.metrics()
  })
}, { name: 'report', fastify: '5.x' })
