/**
 * One client connection and what happens on it: pipelining, upgrades, bytes that are no request, and the end.
 */
import { test, type Test } from 'tap'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type http from 'node:http'
import net from 'node:net'
import { systemClock } from '../../src/clock.ts'
import { call, sendBytes } from '../support/client.ts'
import { startProxy, type Proxy } from '../support/proxy.ts'
import { until } from '../support/until.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

const PATH = '/amsu-analysis/v2/things/'
const POST = `POST ${PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc`

interface Scene {
  readonly proxy: Proxy
  readonly upstream: Upstream
  /** Requests that AMSU holds, by their order. */
  readonly held: http.ServerResponse[]
}

/** A proxy whose AMSU responds to each path, except those that end with `held`: these wait. */
async function setUp (t: Test, settings: Record<string, string> = {}, limits = {}): Promise<Scene> {
  const held: http.ServerResponse[] = []
  const upstream = await startUpstream({ onRequest: ({ url, body }, res) => { if (url.endsWith('held')) held.push(res); else res.end(`${url.slice(PATH.length)} ${body.length}`) } })
  const proxy = await startProxy(upstream.origin, settings, systemClock, limits)
  t.teardown(async () => { await proxy.stop(); await upstream.close() })
  return { proxy, upstream, held }
}

/** A client that sends raw bytes. */
interface Client { readonly socket: net.Socket, text: string, untilClosed: () => Promise<string> }

async function connect (t: Test, port: number, bytes: string): Promise<Client> {
  const socket = net.connect(port, '127.0.0.1')
  t.teardown(() => { socket.destroy() })
  const client: Client = { socket, text: '', async untilClosed () { await until(() => socket.closed); return client.text } }
  socket.on('data', chunk => { client.text += chunk.toString('latin1') }).on('error', () => {})
  await once(socket, 'connect')
  socket.write(bytes)
  return client
}

/** Status codes of all responses in a text, in their order. */
function statuses (text: string): string[] {
  return [...text.matchAll(/HTTP\/1\.1 (\d+) /g)].map(([, status]) => String(status))
}

function inFlight (text: string): number {
  return Number(/amsu_proxy_in_flight_requests (\d+)/.exec(text)?.[1])
}

test('CONNECT and a reset, three hundred times, leave the proxy as it was', async t => {
  const { proxy } = await setUp(t)
  for (let i = 0; i < 300; i++) {
    const socket = net.connect(proxy.port, '127.0.0.1').on('error', () => {})
    await once(socket, 'connect')
    socket.write('CONNECT example.org:443 HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await new Promise(resolve => { setImmediate(resolve) })
    socket.resetAndDestroy()
  }
  t.equal((await call(proxy.origin, PATH)).status, 200)
})

test('CONNECT behind a request in flight is rejected after that request has its response', async t => {
  const { proxy, held } = await setUp(t)
  const client = await connect(t, proxy.port, `GET ${PATH}held HTTP/1.1\r\nHost: localhost\r\n\r\nCONNECT a:1 HTTP/1.1\r\nHost: localhost\r\n\r\n`)
  await until(() => held.length === 1)
  held[0]?.end('x'.repeat(3_000_000)) // more than a client that does not read takes at once
  t.strictSame(statuses(await client.untilClosed()), ['200', '405'])
  t.ok(client.text.includes('x'.repeat(3_000_000)), 'the response is whole')
})

test('pipelined requests are handled one after the other, and get their own responses in order', async t => {
  const { proxy, upstream, held } = await setUp(t)
  const client = await connect(t, proxy.port, `GET ${PATH}held HTTP/1.1\r\nHost: localhost\r\n\r\nPOST ${PATH}second HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nhiGET ${PATH}third HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`)
  await until(() => held.length === 1)
  t.equal(upstream.received.length, 1, 'the second waits for the first')
  held[0]?.end('first')
  const text = await client.untilClosed()
  t.strictSame(statuses(text), ['200', '200', '200'])
  t.match(text, /first[^]*second 2[^]*third 0/)
})

test('pipelined requests whose client disconnects end at once, and a stop takes no grace period', async t => {
  const { proxy, held } = await setUp(t, { MAX_IN_FLIGHT: '20', SHUTDOWN_GRACE_MS: '60000', ADMIN_PORT: '0' })
  const client = await connect(t, proxy.port, `GET ${PATH}held HTTP/1.1\r\nHost: localhost\r\n\r\n`.repeat(30))
  await until(() => held.length === 1)
  client.socket.destroy()
  await until(async () => inFlight((await call(String(proxy.adminOrigin), '/metrics')).text) === 0)
  t.equal((await call(proxy.origin, PATH)).status, 200)
  await proxy.stop()
})

test('a client that pipelines without end is read no further than its share', async t => {
  const { proxy, upstream, held } = await setUp(t)
  const client = await connect(t, proxy.port, `GET ${PATH}held HTTP/1.1\r\nHost: localhost\r\n\r\n`)
  await until(() => held.length === 1)
  const flood = Buffer.from(`GET ${PATH}more HTTP/1.1\r\nHost: localhost\r\n\r\n`.repeat(1_000))
  let written = 0
  const push = (): void => { while (written < 100 && client.socket.write(flood)) written++ }
  client.socket.on('drain', push)
  push()
  await until(() => client.socket.writableNeedDrain)
  t.ok(written < 100, 'the flood stands still')
  t.equal(upstream.received.length, 1)
  held[0]?.end()
  await client.untilClosed()
  t.equal(upstream.received.length, 65, 'one in flight and 64 that waited')
  t.ok(statuses(client.text).every(status => status === '200'))
  t.match(client.text.slice(client.text.lastIndexOf('HTTP/1.1')), /\r\nconnection: close\r\n/i, 'the last one tells the client that the rest was not read')
})

test('a stray byte, a partial head or a broken head behind a whole POST does not cost it its response', async t => {
  for (const [name, behind, status] of [
    ['a stray byte', '\x01', '400'],
    ['a broken head', 'POST \x00 HTTP/1.1\r\n\r\n', '400'],
    ['a partial head', 'POST /amsu', '408'],
    ['a head without end', `GET / HTTP/1.1\r\nX: ${'x'.repeat(20_000)}`, '431'],
  ] as const) {
    const { proxy, upstream, held } = await setUp(t, {}, { headTimeoutMs: 100 })
    const client = await connect(t, proxy.port, POST.replace(PATH, `${PATH}held`))
    await until(() => held.length === 1)
    client.socket.write(behind, 'latin1')
    await new Promise(resolve => setTimeout(resolve, name === 'a partial head' ? 1_300 : 50)) // a late head is looked for once a second
    t.equal(client.text, '', `${name}: the POST is still in flight`)
    held[0]?.end('paid for')
    const text = await client.untilClosed()
    t.strictSame(statuses(text), ['200', status], name)
    t.match(text, /paid for/)
    t.equal(upstream.received.length, 1)
    t.match(proxy.accessLines(), [{ status: 200 }])
  }
})

test('of several pipelined requests only the broken one fails, and what stands behind it is not executed', async t => {
  const { proxy, upstream, held } = await setUp(t)
  const client = await connect(t, proxy.port, `${POST.replace(PATH, `${PATH}held`)}POST ${PATH} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n${POST}`)
  await until(() => held.length === 1)
  held[0]?.end('first')
  t.strictSame(statuses(await client.untilClosed()), ['200', '400'])
  t.equal(upstream.received.length, 1)
})

test('what follows a rejected request in the same segment is not executed', async t => {
  const { proxy, upstream } = await setUp(t, { CALLERS: 'app:caller-secret' })
  const good = `GET ${PATH} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer caller-secret\r\n\r\n`
  for (const [refused, status] of [
    [`GET ${PATH} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer eyJhbGciOiJIUzI1NiJ9.e30.AAAA\r\n\r\n`, '401'],
    [`GET ${PATH}%2e HTTP/1.1\r\nHost: localhost\r\n\r\n`, '400'],
    ['GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n', '404'],
    ['GET /livez HTTP/1.1\r\nHost: evil.example\r\n\r\n', '421'],
    [`BREW ${PATH} HTTP/1.1\r\nHost: localhost\r\n\r\n`, '400'],
    [`POST ${PATH} HTTP/1.1\r\nHost: localhost\r\nExpect: tea\r\nContent-Length: 0\r\n\r\n`, '417'],
    ['CONNECT a:1 HTTP/1.1\r\nHost: localhost\r\n\r\n', '405'],
  ] as const) {
    const { text } = await sendBytes(proxy.port, refused + good)
    t.strictSame(statuses(text), [status], refused.slice(0, 40))
  }
  t.equal(upstream.received.length, 0)
})

test('after a request that asked for an upgrade nothing further is read', async t => {
  const { proxy, upstream } = await setUp(t)
  const upgrade = 'Connection: Upgrade\r\nUpgrade: websocket\r\n'
  const hidden = `GET ${PATH}hidden HTTP/1.1\r\nHost: localhost\r\n\r\n`
  for (const [name, first, second] of [
    ['in the same segment', `GET ${PATH}asked HTTP/1.1\r\nHost: localhost\r\n${upgrade}\r\n${hidden}`, ''],
    ['in the next one', `GET ${PATH}asked HTTP/1.1\r\nHost: localhost\r\n${upgrade}\r\n`, hidden],
    ['behind a body', `POST ${PATH}asked HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n${upgrade}\r\nhi`, hidden],
    ['inside the body of the next request', `GET ${PATH}asked HTTP/1.1\r\nHost: localhost\r\n${upgrade}\r\nPOST ${PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${hidden.length}\r\n\r\n`, hidden],
  ] as const) {
    const before = upstream.received.length
    const client = await connect(t, proxy.port, first)
    client.socket.write(second)
    const text = await client.untilClosed()
    t.strictSame(statuses(text), ['200'], name)
    t.match(text, /\r\nconnection: close\r\n/i)
    t.strictSame(upstream.received.slice(before).map(({ url }) => url), [`${PATH}asked`], name)
  }
})

test('a connection is probed while its response is far away (TCP keep-alive)', { skip: process.platform === 'linux' ? false : 'only Linux shows the timers of a connection' }, async t => {
  const { proxy, held } = await setUp(t)
  await connect(t, proxy.port, POST.replace(PATH, `${PATH}held`))
  await until(() => held.length === 1)
  const port = proxy.port.toString(16).toUpperCase().padStart(4, '0')
  const timers = readFileSync('/proc/net/tcp', 'latin1').split('\n').map(line => line.trim().split(/\s+/)).filter(([, local, , state]) => local?.endsWith(`:${port}`) === true && state === '01').map(columns => columns[5]?.slice(0, 2))
  t.strictSame(timers, ['02'])
})

test('a client that pipelines and reads nothing costs neither memory nor the time of others, and is gone at once when it disconnects', async t => {
  const { proxy } = await setUp(t, { CALLERS: 'app:caller-secret', SHUTDOWN_GRACE_MS: '60000' })
  const client = await connect(t, proxy.port, '')
  client.socket.pause()
  const flood = Buffer.from('GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(2_000))
  let written = 0
  const push = (): void => { while (written < 400 && client.socket.write(flood)) written++ }
  client.socket.on('drain', push)
  push()
  await until(() => client.socket.writableNeedDrain)
  await new Promise(resolve => setTimeout(resolve, 300))
  t.ok(written < 200, `${written} pieces of 80 kB were taken`)
  client.socket.destroy()
  const before = performance.now()
  t.equal((await call(proxy.origin, '/livez')).status, 200)
  t.ok(performance.now() - before < 1_000, 'nobody waits for its end')
})

test('a client that still sends behind its last request gets the whole of its response, however slowly it reads', async t => {
  const large = Buffer.alloc(1_500_000, 'paid for ')
  const upstream = await startUpstream({ onRequest: (_, res) => res.end(large) })
  const proxy = await startProxy(upstream.origin)
  t.teardown(async () => { await proxy.stop(); await upstream.close() })
  let seen = 0
  for (const [name, lines] of [['HTTP/1.0', ['HTTP/1.0']], ['close', ['HTTP/1.1', 'Connection: close']]] as const) {
    const client = await connect(t, proxy.port, '')
    client.socket.pause()
    client.socket.write(`GET ${PATH} ${lines.join('\r\n')}\r\nHost: localhost\r\n\r\n`)
    // By then the kernel holds all of it.
    await until(() => proxy.accessLines().length > seen)
    client.socket.write('GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await new Promise(resolve => setTimeout(resolve, 50)) // a reset would come by now
    client.socket.resume()
    const text = await client.untilClosed()
    t.equal(text.length - text.indexOf('\r\n\r\n') - 4, large.length, name)
    t.strictSame(statuses(text), ['200'], `${name}: what came behind is no request any more`)
    seen++
  }
})

test('bytes behind the last response that are no request cost it nothing', async t => {
  const large = Buffer.alloc(8_000_000, 'paid for ')
  const upstream = await startUpstream({ onRequest: (_, res) => res.end(large) })
  const proxy = await startProxy(upstream.origin)
  t.teardown(async () => { await proxy.stop(); await upstream.close() })
  const client = await connect(t, proxy.port, `GET ${PATH} HTTP/1.0\r\nHost: localhost\r\n\r\n`)
  await until(() => client.text.length > 0)
  client.socket.write('\x01\x02 no request\r\n\r\n')
  const text = await client.untilClosed()
  t.equal(text.length - text.indexOf('\r\n\r\n') - 4, large.length)
})
