/** @fastify/http-proxy as it comes: no option but those without which it would not relay with a token. Settings: PORT, UPSTREAM, TOKEN. */
import proxy from '@fastify/http-proxy'
import Fastify from 'fastify'

const { PORT, UPSTREAM, TOKEN } = process.env
const prefix = '/amsu-analysis'
const authorization = `Bearer ${TOKEN}`
const app = Fastify()

await app.register(proxy, {
  upstream: UPSTREAM,
  prefix,
  rewritePrefix: prefix,
  replyOptions: { rewriteRequestHeaders: (request, headers) => ({ ...headers, authorization }) },
})
await app.listen({ host: '127.0.0.1', port: Number(PORT) })
