/**
 * Responses that reject the token, but are too long, break off, or never end.
 */
import { test, type Test } from 'tap'
import { once } from 'node:events'
import type http from 'node:http'
import net, { type Socket } from 'node:net'
import { call, errorCode } from '../support/client.ts'
import { createScaledClock } from '../support/scaled-clock.ts'
import { startProxy, type Proxy } from '../support/proxy.ts'
import { until } from '../support/until.ts'
import { json, startTcp, startUpstream, type Upstream, type UpstreamOptions } from '../support/upstream.ts'

const PATH = '/amsu-analysis/v2/things/'
const INVALID = { error: { code: 'COMMON.INVALID_CREDENTIALS', msg: 'no' } }
const REFUSAL = JSON.stringify(INVALID)

/** A proxy in front of an AMSU that responds as `options` say. */
async function setUp (t: Test, options: UpstreamOptions, settings: Record<string, string> = {}, clock?: ReturnType<typeof createScaledClock>): Promise<{ proxy: Proxy, upstream: Upstream }> {
  const upstream = await startUpstream(options)
  const proxy = await startProxy(upstream.origin, settings, clock)
  t.teardown(async () => { await proxy.stop(); await upstream.close() })
  return { proxy, upstream }
}

async function metrics (proxy: Proxy): Promise<string> {
  return (await call(proxy.origin, '/metrics')).text
}

/** Sends the head of a POST and the beginning of its body; resolves to all that came back. */
function beginPost (t: Test, port: number, beginning: string, length: number): { socket: Socket, text: Promise<string> } {
  const socket = net.connect(port, '127.0.0.1')
  t.teardown(() => { socket.destroy() })
  socket.write(`POST ${PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${length}\r\n\r\n${beginning}`)
  let text = ''
  socket.on('data', chunk => { text += chunk.toString('latin1') }).on('error', () => {})
  return { socket, text: once(socket, 'close').then(() => text) }
}

/** How a 401 stops in the middle of its body, and what the client gets if there is no better response. */
const BREAKS = [
  ['a reset', (socket: Socket) => { socket.resetAndDestroy() }, 'PROXY.UPSTREAM_RESET'],
  ['an end', (socket: Socket) => { socket.end() }, 'PROXY.UPSTREAM_RESET'],
  ['a broken chunk', (socket: Socket) => { socket.write('ZZ\r\n') }, 'PROXY.UPSTREAM_INVALID'],
  ['silence', () => {}, 'PROXY.UPSTREAM_TIMEOUT'],
] as const

/** Writes a 401, half of its body, and breaks off. */
function breakOff (socket: Socket, act: (socket: Socket) => void): void {
  socket.write('HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n{"er\r\n', () => { act(socket) })
}

test('a second rejection longer than any envelope gives the client the first one whole, and counts as rejected again', async t => {
  let count = 0
  const { proxy, upstream } = await setUp(t, {
    onRequest (_received, res) {
      if (++count === 1) json(res, 401, INVALID, { 'x-refusal': 'first' })
      else json(res, 401, { error: { code: 'COMMON.INVALID_CREDENTIALS', msg: 'x'.repeat(70_000) } }, { 'x-refusal': 'second' })
    },
  })
  const got = await call(proxy.origin, PATH, { method: 'POST', body: 'paid for' })
  t.match(got, { status: 401, text: REFUSAL, headers: { 'x-refusal': 'first' } })
  t.equal(got.headers['x-amsu-proxy-error'], undefined, 'it is AMSU’s own')
  t.strictSame(upstream.received.map(({ body }) => body.toString()), ['paid for', 'paid for'])
  await proxy.untilLogged(1)
  t.match(proxy.accessLines(), [{ status: 401, replayed: true, bytesOut: REFUSAL.length }])
  t.match(await metrics(proxy), /amsu_proxy_replays_total\{outcome="rejected_again"\} 1\n/)
})

test('a body that stops while it is collected for a replay is never sent again, and its memory is given back', async t => {
  const early: http.ServerResponse[] = []
  const late: http.ServerResponse[] = []
  const { proxy, upstream } = await setUp(t, {
    onHead (req, res) {
      if (req.url !== PATH || early.length === 16) return false
      req.resume() // it refuses before it has read the body
      if (early.push(res) === 16) for (const response of early) json(response, 401, INVALID)
      return true
    },
    onRequest (_received, res) {
      if (late.length === 16) res.end('ok')
      else if (late.push(res) === 16) for (const response of late) json(response, 401, INVALID)
    },
  }, { REPLAY_BODY_BYTES: '1000', UPSTREAM_IDLE_TIMEOUT_MS: '6000' }, createScaledClock(20))
  // All the memory there is for retries: sixteen bodies of the largest size, but for a byte each.
  const stopped = Array.from({ length: 16 }, () => beginPost(t, proxy.port, 'x'.repeat(999), 1_000))
  await until(() => proxy.accessLines().length === 16)
  for (const { socket } of stopped) socket.write('x') // too late
  for (const { socket, text } of stopped) {
    socket.end()
    t.match(await text, new RegExp(`^HTTP/1\\.1 401 [^]*\r\n${REFUSAL}\r\n0\r\n\r\n$`))
  }
  t.equal(upstream.received.length, 0, 'none was sent again')
  for (const line of proxy.accessLines()) t.match(line, { status: 401, replayed: false, bytesIn: 999 })
  t.notMatch(await metrics(proxy), /amsu_proxy_replays_total\{outcome="\w+"\} [1-9]/)

  const whole = 'y'.repeat(1_000)
  const got = await Promise.all(Array.from({ length: 16 }, async () => await call(proxy.origin, PATH, { method: 'POST', body: whole })))
  t.strictSame([...new Set(got.map(({ status }) => status))], [200], 'as many bodies are kept as ever')
  t.equal(upstream.received.length, 32, 'each was refused, and sent once more')
  t.ok(upstream.received.every(({ body }) => body.toString() === whole))
})

test('a 401 whose body breaks off is a rejection: it renews the token, and the request is sent once more', async t => {
  for (const [name, act] of BREAKS) {
    let heads = 0
    const { proxy, upstream } = await setUp(t, {
      onRequest ({ body }, res) {
        if (++heads === 1 && res.socket !== null) breakOff(res.socket, act)
        else res.end(`got ${body.toString()}`)
      },
    }, { UPSTREAM_IDLE_TIMEOUT_MS: '200' })
    t.match(await call(proxy.origin, PATH, { method: 'POST', body: 'paid for' }), { status: 200, text: 'got paid for' }, name)
    t.equal(heads, 2)
    t.strictSame(upstream.received.map(({ headers }) => headers.authorization), upstream.tokens.map(token => `Bearer ${token}`), 'with the new token')
    await proxy.untilLogged(1)
    t.match(proxy.accessLines(), [{ status: 200, replayed: true }])
  }
})

test('a 401 that breaks off is 502 or 504 where the request cannot be sent once more, and later requests have a new token', async t => {
  for (const [name, act, code] of BREAKS) {
    let heads = 0
    const { proxy, upstream } = await setUp(t, {
      onRequest (_received, res) {
        if (++heads === 1 && res.socket !== null) breakOff(res.socket, act)
        else res.end('ok')
      },
    }, { UPSTREAM_IDLE_TIMEOUT_MS: '200', REPLAY_BODY_BYTES: '5' })
    const got = await call(proxy.origin, PATH, { method: 'POST', body: 'too long' })
    t.equal(errorCode(got.text), code, name)
    t.equal(heads, 1, 'it is not sent twice')
    t.equal((await call(proxy.origin, PATH)).text, 'ok')
    t.strictSame(upstream.received.map(({ headers }) => headers.authorization), upstream.tokens.map(token => `Bearer ${token}`))
    t.match(proxy.accessLines()[0], { errorCode: code, replayed: false })
  }
})

test('a 401 that breaks off is 502 or 504 where no new token comes, and the one that was rejected is not sent again', async t => {
  for (const [name, act, code] of BREAKS) {
    let isDown = false
    const { proxy, upstream } = await setUp(t, {
      isTokenDown: () => isDown,
      onRequest (_received, res) { if (res.socket !== null) breakOff(res.socket, act) },
    }, { UPSTREAM_IDLE_TIMEOUT_MS: '200', TOKEN_WAIT_MS: '100' })
    await until(() => upstream.tokens.length === 1)
    await until(async () => (await call(proxy.origin, '/readyz')).status === 200)
    isDown = true
    t.equal(errorCode((await call(proxy.origin, PATH, { method: 'POST', body: 'x' })).text), code, name)
    t.equal(errorCode((await call(proxy.origin, PATH)).text), 'PROXY.TOKEN_UNAVAILABLE')
    t.equal(upstream.received.length, 1)
  }
})

test('a POST that AMSU rejected, and that finds no connection with its new token, gets the response of AMSU and is not counted as sent again', async t => {
  const awake = await startTcp(() => {}) // a stop alone keeps no process running
  t.teardown(awake.close)
  const { proxy, upstream } = await setUp(t, {
    onRequest (_received, res) { json(res, 401, INVALID, { connection: 'close' }) },
    onToken (_received, res) {
      json(res, 200, { access_token: `token-${upstream.tokenCalls.length}-${'x'.repeat(40)}`, token_type: 'bearer', expires_in: 86_400, refresh_token: 'y'.repeat(40) })
      if (upstream.tokenCalls.length === 2) res.once('finish', () => { upstream.close().catch(() => {}) })
    },
  })
  const got = await call(proxy.origin, PATH, { method: 'POST', body: 'x' })
  t.match(got, { status: 401, text: REFUSAL })
  t.notOk('x-amsu-proxy-error' in got.headers)
  await proxy.untilLogged(1)
  t.match(proxy.accessLines(), [{ status: 401, replayed: false }])
  t.notMatch(await metrics(proxy), /amsu_proxy_replays_total\{outcome="\w+"\} [1-9]/)
})

test('a second rejection that breaks off gives the client the first one, whole', async t => {
  for (const [name, act] of BREAKS) {
    let heads = 0
    const { proxy } = await setUp(t, {
      onRequest (_received, res) {
        if (++heads === 2 && res.socket !== null) breakOff(res.socket, act)
        else json(res, 401, INVALID)
      },
    }, { UPSTREAM_IDLE_TIMEOUT_MS: '200' })
    t.match(await call(proxy.origin, PATH, { method: 'POST', body: 'x' }), { status: 401, text: REFUSAL }, name)
    t.equal(heads, 2)
    t.match(await metrics(proxy), /amsu_proxy_replays_total\{outcome="rejected_again"\} 1\n/)
  }
})
