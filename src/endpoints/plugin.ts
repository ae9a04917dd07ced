/**
 * The proxy's own endpoints: health, metrics and status. They are never relayed.
 */
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { Registry } from 'prom-client'
import { readiness, type Readiness } from './health.ts'
import { createMetrics, type MetricsInputs } from './metrics.ts'
import { preferredLanguage, prefersJson } from './negotiation.ts'
import { pageHeaders, renderPage } from './status-page/page.ts'
import { languages, words } from './status-page/words.ts'
import { currentWarnings, describe, type StatusInputs } from './status.ts'

/** The data that the endpoints show. */
export type EndpointsPluginOptions = StatusInputs & Pick<MetricsInputs, 'droppedLogLines'>

/**
 * Serves `/livez`, `/readyz`, `/metrics` and `/status`. None of them contains a secret, and none requires authentication, because probes
 * and scrapers have no credentials. They show paths and the names of callers; where that matters, use an admin listener.
 */
export const endpointsPlugin = fp(async (app: FastifyInstance, options: EndpointsPluginOptions) => {
  const { isDraining, quota, tokenStatus } = options
  let metrics: Registry | undefined

  app.get('/livez', async (_request, reply) => {
    reply.header('cache-control', 'no-store').type('text/plain; charset=utf-8')
    return 'ok\n'
  })

  app.get('/readyz', async (_request, reply): Promise<Readiness> => {
    const state = readiness(tokenStatus(), isDraining(), currentWarnings(options))
    reply.header('cache-control', 'no-store').code(state.ready ? 200 : 503)
    return state
  })

  app.get('/metrics', async (_request, reply) => {
    // Created at the first scrape, because this takes a tenth of the start time of the proxy. The code is bundled (esbuild.config.ts), so
    // no file is read now: that would fail if no descriptor is free, and on Node 20 it would then fail forever.
    metrics ??= createMetrics({ ...options, quota: () => quota.reading?.families })
    reply.header('cache-control', 'no-store').type(metrics.contentType)
    return await metrics.metrics()
  })

  app.get('/status', async ({ headers }, reply) => {
    const status = describe(options, headers.host ?? 'localhost')
    reply.headers({ 'cache-control': 'no-store', vary: 'accept, accept-language' })
    if (prefersJson(headers.accept)) return status
    return await reply.headers(pageHeaders()).send(renderPage(status, words[preferredLanguage(headers['accept-language'], languages)]))
  })
}, { name: 'endpoints', fastify: '5.x' })
