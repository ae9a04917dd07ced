/** The minimum in Node.js: node:http on both sides and no package at all. Settings: PORT, UPSTREAM, TOKEN. */
import { Agent, createServer, request as send } from 'node:http'
import { pipeline } from 'node:stream'

const { PORT, UPSTREAM, TOKEN } = process.env
const { hostname, port } = new URL(UPSTREAM)
const agent = new Agent({ keepAlive: true, maxFreeSockets: 2048 })
const authorization = `Bearer ${TOKEN}`

createServer((request, response) => {
  const { headers, method, url } = request
  if (!url.startsWith('/amsu-analysis/')) {
    response.writeHead(404).end()
    return
  }
  const onward = send({ agent, hostname, port, method, path: url, headers: { ...headers, authorization, connection: 'keep-alive' } })
  onward.on('error', () => response.destroy())
  onward.on('response', upstream => {
    if (response.destroyed) {
      upstream.destroy() // the load has gone; a pipeline into a closed stream would throw
      return
    }
    response.writeHead(upstream.statusCode, upstream.headers)
    pipeline(upstream, response, () => {})
  })
  pipeline(request, onward, () => {})
}).listen({ host: '127.0.0.1', port: Number(PORT), backlog: 4096 })
