/**
 * The endpoints of our own; they are never forwarded.
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

/** Where the endpoints read what they tell. */
export type EndpointsPluginOptions = StatusInputs & Pick<MetricsInputs, 'droppedLogLines'>

/**
 * Serves `/livez`, `/readyz`, `/metrics` and `/status`. None of them holds a secret and none asks who reads: probes and scrapers have
 * no credentials. Names of callers and paths are told, so where that matters the endpoints belong on a listener of their own.
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
    // Made for the first scrape: it takes a tenth of the time in which the proxy starts. Its code is there already (esbuild.config.ts),
    // so that there is no file to be read now, which fails when no descriptor is free, and on Node 20 then fails for ever.
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
