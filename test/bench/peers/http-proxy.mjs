/** http-proxy, by http-party, with connections that are kept: it keeps none as it comes. Settings: PORT, UPSTREAM, TOKEN. */
import { Agent, createServer } from 'node:http'
import httpProxy from 'http-proxy'

const { PORT, UPSTREAM, TOKEN } = process.env
const proxy = httpProxy.createProxyServer({
  target: UPSTREAM,
  agent: new Agent({ keepAlive: true, maxFreeSockets: 2048 }),
  headers: { authorization: `Bearer ${TOKEN}` },
})
proxy.on('error', (error, request, response) => {
  response.destroy(error)
})

createServer((request, response) => {
  if (request.url.startsWith('/amsu-analysis/')) proxy.web(request, response)
  else response.writeHead(404).end()
}).listen({ host: '127.0.0.1', port: Number(PORT), backlog: 4096 })
