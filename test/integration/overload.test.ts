/**
 * MAX_IN_FLIGHT is reached: which request makes room, and which one is rejected.
 */
import { test, type Test } from 'tap'
import { once } from 'node:events'
import net from 'node:net'
import { call, errorCode } from '../support/client.ts'
import { delay } from '../../src/clock.ts'
import { startProxy, type Proxy } from '../support/proxy.ts'
import { createScaledClock } from '../support/scaled-clock.ts'
import { until } from '../support/until.ts'
import { startScripted, type Scripted } from '../support/upstream.ts'

const PATH = '/amsu-analysis/v2/things/'
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

/** A proxy with few places and a token, before an AMSU that does not respond to a path with `hang`. */
async function setUp (t: Test, places: number, clock = createScaledClock(20)): Promise<{ proxy: Proxy, upstream: Scripted, untilOverdue: () => Promise<void> }> {
  const upstream = await startScripted((head, socket) => { if (!head.includes('hang')) socket.write(OK) })
  const proxy = await startProxy(upstream.origin, { MAX_IN_FLIGHT: String(places), UPSTREAM_IDLE_TIMEOUT_MS: '600000' }, clock)
  t.teardown(async () => { await proxy.stop(); await upstream.close() })
  t.equal((await call(proxy.origin, PATH)).status, 200)
  upstream.heads.length = 0
  return { proxy, upstream, untilOverdue: async () => { await delay(2_000, clock) } }
}

/** Sends a head, and its body when it is told to; resolves to all that came back. */
async function slowPost (proxy: Proxy, path = PATH): Promise<{ sendBody: (body: string) => void, text: Promise<string> }> {
  const before = await inFlight(proxy)
  const socket = net.connect(proxy.port, '127.0.0.1')
  socket.write(`POST ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 2\r\n\r\n`)
  let text = ''
  socket.on('data', chunk => { text += chunk.toString('latin1') }).on('error', () => {})
  await until(async () => await inFlight(proxy) > before)
  return { sendBody (body) { socket.write(body) }, text: once(socket, 'close').then(() => text) }
}

async function inFlight ({ origin }: Proxy): Promise<number> {
  return Number(/^amsu_proxy_in_flight_requests (\d+)$/m.exec((await call(origin, '/metrics')).text)?.[1])
}

test('heads without bodies keep nobody out: the one that has waited longest gets 503, and AMSU has seen nothing of it', async t => {
  const { proxy, untilOverdue, upstream } = await setUp(t, 3)
  const [first, second, third] = [await slowPost(proxy), await slowPost(proxy), await slowPost(proxy)]
  await untilOverdue()
  t.equal((await call(proxy.origin, PATH)).text, 'ok')
  const evicted = await first.text
  t.match(evicted, /^HTTP\/1\.1 503 [^]*\r\nRetry-After: 1\r\n/i)
  t.equal(errorCode(evicted), 'PROXY.OVERLOADED')
  t.equal(upstream.heads.length, 1)
  for (const { sendBody } of [second, third]) sendBody('hi')
  for (const { text } of [second, third]) t.match(await text, /^HTTP\/1\.1 200 /)
  await proxy.untilLogged(5)
  t.match(proxy.accessLines().filter(({ status }) => status !== 200), [{ status: 503, errorCode: 'PROXY.OVERLOADED', bytesIn: 0 }])
  t.match(proxy.lines.filter(line => line.includes('requests are rejected')).map(line => JSON.parse(line) as unknown), [{ level: 40, errorCode: 'PROXY.OVERLOADED', count: 1 }])
  t.match((await call(proxy.origin, '/metrics')).text, 'amsu_proxy_errors_total{code="PROXY.OVERLOADED"} 1\n')
  t.equal(await inFlight(proxy), 0)
})

test('a flood of heads without bodies delays nobody who sends a whole request, once it has lasted a second', async t => {
  const { proxy, untilOverdue } = await setUp(t, 8)
  const flood = Array.from({ length: 60 }, () => net.connect(proxy.port, '127.0.0.1').on('error', () => {}))
  t.teardown(() => { for (const socket of flood) socket.destroy() })
  for (const socket of flood) socket.resume().write(`POST ${PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n`)
  await until(() => flood.filter(({ closed }) => closed).length === 52)
  await untilOverdue()
  for (let round = 0; round < 4; round++) {
    const got = await Promise.all([{}, { method: 'POST', body: 'hi' }, {}, { method: 'POST', body: 'hi' }].map(async options => await call(proxy.origin, PATH, options)))
    t.strictSame(got.map(({ status }) => status), [200, 200, 200, 200])
  }
})

test('a request of which a byte was sent is never given up: past the limit the new one gets 503', async t => {
  const { proxy, upstream } = await setUp(t, 2)
  const get = call(proxy.origin, `${PATH}hang`)
  const post = await slowPost(proxy, `${PATH}hang`)
  post.sendBody('h')
  await until(() => upstream.heads.length === 2)
  t.equal(errorCode((await call(proxy.origin, PATH)).text), 'PROXY.OVERLOADED')
  t.equal(errorCode((await call(proxy.origin, PATH, { method: 'POST', body: 'hi' })).text), 'PROXY.OVERLOADED')
  post.sendBody('i')
  for (const socket of upstream.sockets) socket.write(OK)
  t.equal((await get).text, 'ok')
  t.match(await post.text, /^HTTP\/1\.1 200 /)
})

test('a request whose body begins in time is no longer the one that makes room', async t => {
  const { proxy, untilOverdue, upstream } = await setUp(t, 2)
  const [first, second] = [await slowPost(proxy, `${PATH}hang`), await slowPost(proxy)]
  first.sendBody('h')
  await until(() => upstream.heads.length === 1)
  await untilOverdue()
  t.equal((await call(proxy.origin, PATH)).text, 'ok')
  t.equal(errorCode(await second.text), 'PROXY.OVERLOADED')
  first.sendBody('i')
  for (const socket of upstream.sockets) socket.write(OK)
  t.match(await first.text, /^HTTP\/1\.1 200 /)
})

test('a request whose body may be on the way makes no room: honest clients do not end each other', async t => {
  const { proxy } = await setUp(t, 2, createScaledClock(0.1))
  const posts = [await slowPost(proxy), await slowPost(proxy)]
  for (let round = 0; round < 5; round++) t.equal(errorCode((await call(proxy.origin, PATH)).text), 'PROXY.OVERLOADED')
  for (const { sendBody } of posts) sendBody('hi')
  for (const { text } of posts) t.match(await text, /^HTTP\/1\.1 200 /)
})
