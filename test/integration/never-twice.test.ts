import { test } from 'tap'
import http from 'node:http'
import type { Socket } from 'node:net'
import { call, errorCode } from '../support/client.ts'
import { startProxy } from '../support/proxy.ts'
import { startScripted, startTcp } from '../support/upstream.ts'

const PATH = '/amsu-analysis/v2/things/'
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

test('only a GET or HEAD on a stale connection is retried, and only once', async t => {
  for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
    for (const [fault, end] of [['FIN', (socket: Socket) => { socket.end() }], ['RST', (socket: Socket) => { socket.resetAndDestroy() }]] as const) {
      for (const isPooled of [true, false]) {
        const used = new Set<Socket>()
        const upstream = await startScripted((_head, socket) => {
          // The first request of a connection gets a response, the second finds it closed; or the first does already.
          if (isPooled && !used.has(socket) && upstream.heads.length === 1) socket.write(OK)
          else if (upstream.heads.length <= 2 && (isPooled ? used.has(socket) : upstream.heads.length === 1)) end(socket)
          else socket.write(method === 'HEAD' ? OK.slice(0, -2) : OK)
          used.add(socket)
        })
        const proxy = await startProxy(upstream.origin)
        if (isPooled) t.equal((await call(proxy.origin, PATH)).status, 200)
        const before = upstream.heads.length
        const body = method === 'GET' || method === 'HEAD' ? '' : 'x'
        const got = await call(proxy.origin, PATH, { method, body, headers: body === '' ? {} : { 'content-length': '1' } })
        const isSentAgain = isPooled && body === ''
        t.equal(got.status, isSentAgain ? 200 : 502, `${method}, ${fault}, ${isPooled ? 'pooled' : 'fresh'}`)
        t.equal(upstream.heads.length - before, isSentAgain ? 2 : 1, `${method}, ${fault}, ${isPooled ? 'pooled' : 'fresh'}: arrivals`)
        await proxy.stop()
        await upstream.close()
      }
    }
  }
})

test('a GET whose second sending fails as well is an error, and not sent a third time', async t => {
  let count = 0
  const upstream = await startScripted((_head, socket) => { if (count++ === 0) socket.write(OK); else socket.resetAndDestroy() })
  const proxy = await startProxy(upstream.origin)
  t.teardown(async () => { await proxy.stop(); await upstream.close() })
  await call(proxy.origin, PATH)
  t.equal(errorCode((await call(proxy.origin, PATH)).text), 'PROXY.UPSTREAM_RESET')
  t.equal(upstream.heads.length, 3)
})

test('a GET whose second sending finds nobody is told that the first one may have been charged', async t => {
  let count = 0
  const upstream = await startScripted((_head, socket) => { if (count++ === 0) socket.write(OK); else upstream.close().catch(() => {}) })
  const proxy = await startProxy(upstream.origin)
  const awake = await startTcp(() => {}) // a stop alone keeps no process running
  t.teardown(async () => { await proxy.stop(); await awake.close() })
  t.equal((await call(proxy.origin, PATH)).status, 200)
  const got = await call(proxy.origin, PATH)
  t.equal(errorCode(got.text), 'PROXY.UPSTREAM_RESET')
  t.match(got.text, 'may have been processed and charged')
  t.equal(upstream.heads.length, 2)
  t.equal(errorCode((await call(proxy.origin, PATH)).text), 'PROXY.UPSTREAM_UNREACHABLE', 'the next one was not sent')
})

test('past MAX_IN_FLIGHT requests get 503 at once, and the proxy’s own endpoints still respond', async t => {
  for (const admin of [{}, { ADMIN_PORT: '0' }]) {
    const held: Socket[] = []
    const upstream = await startScripted((_head, socket) => { held.push(socket) })
    const proxy = await startProxy(upstream.origin, { MAX_IN_FLIGHT: '3', ...admin })
    const agent = new http.Agent({ keepAlive: true })
    t.teardown(async () => { agent.destroy(); await proxy.stop(); await upstream.close() })
    const underWay = Array.from({ length: 3 }, async () => await call(proxy.origin, PATH, { agent }))
    while (held.length < 3) await new Promise(resolve => setImmediate(resolve))
    const refused = await call(proxy.origin, PATH, { method: 'POST', body: 'x' })
    t.match(refused, { status: 503, headers: { 'retry-after': '1', 'x-amsu-proxy-error': 'OVERLOADED' } })
    for (const path of ['/readyz', '/livez']) t.equal((await call(proxy.adminOrigin ?? proxy.origin, path)).status, 200, path)
    for (const socket of held) socket.write(OK)
    t.same((await Promise.all(underWay)).map(({ status }) => status), [200, 200, 200])
    t.equal(upstream.heads.length, 3)
  }
})
