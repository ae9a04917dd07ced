/**
 * A request counts as sent when its bytes are written, not before; a response of AMSU is read whenever it arrives; and as long as
 * nothing has gone to the client, a fault is a response.
 */
import { test, type Test } from 'tap'
import { once } from 'node:events'
import net, { type Socket } from 'node:net'
import { call, errorCode, sendBytes } from '../support/client.ts'
import { startProxy, type Proxy } from '../support/proxy.ts'
import { until } from '../support/until.ts'
import { json, startScripted, startUpstream, type Scripted } from '../support/upstream.ts'

const PATH = '/amsu-analysis/v2/things/'
const HEAD = `POST ${PATH} HTTP/1.1\r\nHost: localhost\r\n`
const INVALID = JSON.stringify({ error: { code: 'COMMON.INVALID_CREDENTIALS', msg: 'no' } })

/** A proxy in front of an upstream that sends raw bytes. */
async function setUp (t: Test, script: (head: string, socket: Socket) => void, settings: Record<string, string> = {}): Promise<{ proxy: Proxy, upstream: Scripted }> {
  const upstream = await startScripted(script)
  const proxy = await startProxy(upstream.origin, settings)
  t.teardown(async () => { await proxy.stop(); await upstream.close() })
  return { proxy, upstream }
}

function respond (socket: Socket, body: string, status = '200 OK', headers = ''): void {
  socket.write(`HTTP/1.1 ${status}\r\nContent-Length: ${body.length}\r\n${headers}\r\n${body}`)
}

/** Sends a head, and its body when it is told to; resolves to all that came back. */
function slowPost (port: number, length: number): { sendBody: (body: string) => void, text: Promise<string> } {
  const socket = net.connect(port, '127.0.0.1')
  socket.write(`${HEAD}Connection: close\r\nContent-Length: ${length}\r\n\r\n`)
  let text = ''
  socket.on('data', chunk => { text += chunk.toString('latin1') }).on('error', () => {})
  return { sendBody (body) { socket.write(body) }, text: once(socket, 'close').then(() => text) }
}

test('heads whose bodies have not come hold no connection to AMSU', async t => {
  const { proxy, upstream } = await setUp(t, (_head, socket) => { respond(socket, 'ok') }, { UPSTREAM_MAX_CONNECTIONS: '2' })
  const slow = Array.from({ length: 20 }, () => slowPost(proxy.port, 2))
  await until(async () => (await call(proxy.origin, '/metrics')).text.includes('amsu_proxy_in_flight_requests 20\n'))
  t.equal((await call(proxy.origin, PATH)).text, 'ok', 'somebody else is served at once')
  t.equal(upstream.heads.length, 1, 'AMSU has seen nothing of the heads')
  for (const { sendBody } of slow) sendBody('hi')
  for (const { text } of slow) t.match(await text, /^HTTP\/1\.1 200 /)
})

test('an unsolicited response is never given to a request whose body is still being sent', async t => {
  let idle: Socket | undefined
  const { proxy, upstream } = await setUp(t, (head, socket) => {
    idle = socket
    respond(socket, head.startsWith('POST') ? 'own' : 'first')
  })
  t.equal((await call(proxy.origin, PATH)).text, 'first')
  const post = slowPost(proxy.port, 2)
  await until(async () => (await call(proxy.origin, '/metrics')).text.includes('amsu_proxy_in_flight_requests 1\n'))
  const closed = once(idle as unknown as Socket, 'close')
  respond(idle as unknown as Socket, 'somebody else’s')
  await closed
  post.sendBody('hi')
  t.match(await post.text, /\r\n\r\nown$/)
  t.equal(upstream.heads.length, 2)
})

test('the end of a connection without a request fails no request, however many bodies are being sent', async t => {
  let idle: Socket | undefined
  const { proxy } = await setUp(t, (_head, socket) => { idle = socket; respond(socket, 'ok') })
  await call(proxy.origin, PATH)
  const post = slowPost(proxy.port, 2)
  await until(async () => (await call(proxy.origin, '/metrics')).text.includes('amsu_proxy_in_flight_requests 1\n'))
  idle?.resetAndDestroy()
  await once(idle as unknown as Socket, 'close')
  post.sendBody('hi')
  t.match(await post.text, /^HTTP\/1\.1 200 /)
})

test('a client that never sends the first byte of its body is 408, because AMSU has seen nothing; one that stops later is 504', async t => {
  const { proxy, upstream } = await setUp(t, () => {}, { UPSTREAM_IDLE_TIMEOUT_MS: '200' })
  t.equal(errorCode(await slowPost(proxy.port, 5).text), 'PROXY.REQUEST_TIMEOUT')
  t.equal(upstream.heads.length, 0)
  const stopped = slowPost(proxy.port, 5)
  stopped.sendBody('hi')
  t.equal(errorCode(await stopped.text), 'PROXY.UPSTREAM_TIMEOUT')
  t.equal(upstream.heads.length, 1)
})

test('the wait for a connection is limited by UPSTREAM_CONNECT_TIMEOUT_MS, and nothing was sent', async t => {
  const { proxy, upstream } = await setUp(t, () => {}, { UPSTREAM_MAX_CONNECTIONS: '1', UPSTREAM_CONNECT_TIMEOUT_MS: '150' })
  const first = call(proxy.origin, PATH)
  await until(() => upstream.heads.length === 1)
  const refused = await Promise.all(Array.from({ length: 10 }, async () => await call(proxy.origin, PATH, { method: 'POST', body: 'x' })))
  for (const { status, text } of refused) t.match({ status, code: errorCode(text) }, { status: 502, code: 'PROXY.UPSTREAM_UNREACHABLE' })
  t.equal(upstream.heads.length, 1)
  for (const socket of upstream.sockets) respond(socket, 'late')
  t.equal((await first).text, 'late')
})

test('an early response to an upload arrives, though AMSU closes with bytes unread and its kernel resets', async t => {
  for (const [status, body] of [['413 Payload Too Large', '{"error":{"code":"COMMON.TOO_LARGE","msg":"x"}}'], ['401 Unauthorized', INVALID]] as const) {
    const upstream = await startScripted((_head, socket) => {
      socket.pause()
      respond(socket, body, status, 'Content-Type: application/json\r\nConnection: close\r\n')
      socket.destroy() // not all bytes that came were read
    })
    const proxy = await startProxy(upstream.origin)
    t.teardown(async () => { await proxy.stop(); await upstream.close() })
    for (let i = 0; i < 10; i++) {
      const got = await call(proxy.origin, PATH, { method: 'POST', body: Buffer.alloc(8_000_000) })
      t.equal(got.status, Number(status.slice(0, 3)))
      t.equal(got.text, body)
      t.equal(got.headers['x-amsu-proxy-error'], undefined, 'it is AMSU’s own')
    }
  }
})

test('an early 401 to a body that is small enough is replayed with a new token', async t => {
  let count = 0
  const { upstream, proxy } = await (async () => {
    const upstream = await startUpstream({
      onHead (req, res) {
        if (req.url !== PATH || ++count > 1) return false
        req.resume() // it responds before it has read the body
        json(res, 401, JSON.parse(INVALID), { connection: 'close' })
        return true
      },
    })
    const proxy = await startProxy(upstream.origin)
    t.teardown(async () => { await proxy.stop(); await upstream.close() })
    return { upstream, proxy }
  })()
  const post = slowPost(proxy.port, 6)
  post.sendBody('one')
  await until(() => upstream.tokens.length === 2)
  post.sendBody('two')
  t.match(await post.text, /^HTTP\/1\.1 200 /)
  t.strictSame(upstream.received.map(({ body }) => body.toString()), ['onetwo'])
  await proxy.untilLogged(1)
  t.match(proxy.accessLines(), [{ status: 200, replayed: true, bytesIn: 6 }])
})

test('a client that stops in the middle of a body that AMSU has rejected early gets AMSU’s response', async t => {
  const { proxy } = await setUp(t, (_head, socket) => { respond(socket, INVALID, '401 Unauthorized') }, { UPSTREAM_IDLE_TIMEOUT_MS: '200' })
  const post = slowPost(proxy.port, 6)
  post.sendBody('one')
  t.match(await post.text, /^HTTP\/1\.1 401 [^]*INVALID_CREDENTIALS/)
})

test('a head without the first byte of its body is no response yet: what breaks then is 502 or 504, never silence', async t => {
  for (const [name, act, code] of [
    ['a reset', socket => { socket.resetAndDestroy() }, 'PROXY.UPSTREAM_RESET'],
    ['an end', socket => { socket.end() }, 'PROXY.UPSTREAM_RESET'],
    ['a broken chunk', socket => { socket.write('ZZ\r\n') }, 'PROXY.UPSTREAM_INVALID'],
    ['silence', () => {}, 'PROXY.UPSTREAM_TIMEOUT'],
  ] as Array<[string, (socket: Socket) => void, string]>) {
    for (const head of ['Content-Length: 5', 'Transfer-Encoding: chunked']) {
      if (name === 'a broken chunk' && head.startsWith('Content-Length')) continue
      const { proxy, upstream } = await setUp(t, (_head, socket) => { socket.write(`HTTP/1.1 200 OK\r\n${head}\r\n\r\n`, () => { act(socket) }) }, { UPSTREAM_IDLE_TIMEOUT_MS: '200' })
      const got = await call(proxy.origin, PATH, { method: 'POST', body: 'x' })
      t.equal(errorCode(got.text), code, `${name}, ${head}`)
      t.equal(upstream.heads.length, 1)
      await proxy.untilLogged(1)
      t.match(proxy.accessLines(), [{ status: got.status, errorCode: code }], 'the log says what the client was told')
    }
  }
})

test('a request that outlasts a stop gets 504 if it was sent, 503 if nothing was, and a log line', async t => {
  const { proxy, upstream } = await setUp(t, () => {}, { SHUTDOWN_GRACE_MS: '100' })
  const sent = sendBytes(proxy.port, `${HEAD}Content-Length: 1\r\n\r\nx`)
  const unsent = slowPost(proxy.port, 1)
  await until(() => upstream.heads.length === 1)
  await until(async () => (await call(proxy.origin, '/metrics')).text.includes('amsu_proxy_in_flight_requests 2\n'))
  await proxy.stop()
  t.equal(errorCode((await sent).text), 'PROXY.UPSTREAM_TIMEOUT')
  t.notOk((await sent).isReset)
  t.equal(errorCode(await unsent.text), 'PROXY.DRAINING')
  t.strictSame(proxy.accessLines().map(({ status }) => status).sort(), [503, 504])
})
