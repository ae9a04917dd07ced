import { test } from 'tap'
import { call, errorCode, sendBytes } from '../support/client.ts'
import { startProxy } from '../support/proxy.ts'
import { startUpstream } from '../support/upstream.ts'

const PATH = '/amsu-analysis/v2/things/'
const PAGE = 'https://app.example'

test('a browser page cannot call, read or warm anything, by any method, anywhere', async t => {
  const upstream = await startUpstream()
  const proxy = await startProxy(upstream.origin)
  t.teardown(async () => { await proxy.stop(); await upstream.close() })
  for (const path of [PATH, '/readyz', '/livez', '/nowhere', '/amsu-analysis/v2/token']) {
    for (const method of ['GET', 'POST', 'OPTIONS', 'HEAD']) {
      for (const [headers, status, code] of [
        [{ host: 'evil.example' }, 421, 'HOST_REJECTED'],
        [{ host: '0.0.0.0:8080' }, 421, 'HOST_REJECTED'],
        [{ origin: PAGE }, 403, 'ORIGIN_REJECTED'],
        [{ origin: 'null' }, 403, 'ORIGIN_REJECTED'],
        [{ 'sec-fetch-site': 'cross-site' }, 403, 'ORIGIN_REJECTED'],
        [{ 'sec-fetch-site': 'same-site' }, 403, 'ORIGIN_REJECTED'],
      ] as const) {
        const got = await call(proxy.origin, path, { method, headers })
        t.equal(got.status, status, `${method} ${path} ${JSON.stringify(headers)}`)
        t.equal(got.headers['x-amsu-proxy-error'], code)
        t.equal(got.headers.connection, 'close')
        t.notOk(Object.keys(got.headers).some(name => name.startsWith('access-control-')), 'and gets no CORS header')
      }
    }
  }
  t.equal(upstream.received.length, 0)
})

test('no Host, two Hosts and HTTP/1.0 without one are rejected', async t => {
  const upstream = await startUpstream()
  const proxy = await startProxy(upstream.origin)
  t.teardown(async () => { await proxy.stop(); await upstream.close() })
  for (const bytes of [`GET ${PATH} HTTP/1.1\r\n\r\n`, `GET ${PATH} HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n`, `GET ${PATH} HTTP/1.0\r\n\r\n`]) {
    const { text } = await sendBytes(proxy.port, bytes)
    t.match(text, /^HTTP\/1\.1 421 /)
    t.equal(errorCode(text), 'PROXY.HOST_REJECTED')
  }
  t.match((await sendBytes(proxy.port, `GET ${PATH} HTTP/1.0\r\nHost: localhost\r\n\r\n`)).text, /^HTTP\/1\.1 200 /)
  t.equal(upstream.received.length, 1)
})

test('only an allowed origin gets CORS responses, on errors and preflights too', async t => {
  const upstream = await startUpstream({ onRequest: (_received, res) => { res.writeHead(200, { 'access-control-allow-origin': '*', vary: 'Accept', 'x-a': '1' }); res.end('ok') } })
  const proxy = await startProxy(upstream.origin, { ALLOWED_ORIGINS: PAGE })
  t.teardown(async () => { await proxy.stop(); await upstream.close() })
  const headers = { origin: PAGE, 'sec-fetch-site': 'cross-site' }

  const got = await call(proxy.origin, PATH, { headers })
  t.match(got, { status: 200, text: 'ok', headers: { 'access-control-allow-origin': PAGE, vary: /Accept.*Origin/, 'x-a': '1', 'access-control-expose-headers': /X-Request-Id/ } })
  const preflight = await call(proxy.origin, PATH, { method: 'OPTIONS', headers: { ...headers, 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization,content-type' } })
  t.match(preflight, { status: 204, headers: { 'access-control-allow-origin': PAGE, 'access-control-allow-methods': /POST/, 'access-control-allow-headers': 'authorization,content-type', 'access-control-max-age': '600' } })
  t.match(await call(proxy.origin, '/nowhere', { headers }), { status: 404, headers: { 'access-control-allow-origin': PAGE } })
  t.match(await call(proxy.origin, PATH, { headers: { origin: 'https://app.example.evil' } }), { status: 403 })
  const plain = await call(proxy.origin, PATH)
  t.notOk('access-control-allow-origin' in plain.headers, 'AMSU’s own CORS headers are dropped')
  t.equal(upstream.received.length, 2, 'a preflight reaches nobody')
})

test('ALLOWED_HOSTS lets a name in, ALLOWED_ROUTES keeps a call out', async t => {
  const upstream = await startUpstream()
  const proxy = await startProxy(upstream.origin, { ALLOWED_HOSTS: 'amsu.example.org:8080', ALLOWED_ROUTES: 'GET /amsu-analysis/v2/available-times,POST /amsu-analysis/v2/hrv/**' })
  t.teardown(async () => { await proxy.stop(); await upstream.close() })
  const host = { headers: { host: 'amsu.example.org' } }
  t.equal((await call(proxy.origin, '/amsu-analysis/v2/available-times?x', host)).status, 200)
  t.equal((await call(proxy.origin, '/amsu-analysis/v2/hrv/rr-list/', { ...host, method: 'POST' })).status, 200)
  for (const [method, path] of [['POST', '/amsu-analysis/v2/available-times'], ['GET', '/amsu-analysis/v2/hrv/rr-list/'], ['POST', '/amsu-analysis/v2/arrhythmia/af/results/']] as const) {
    const got = await call(proxy.origin, path, { ...host, method })
    t.equal(got.status, 403)
    t.equal(errorCode(got.text), 'PROXY.ROUTE_REJECTED')
  }
  t.equal(upstream.received.length, 2)
})

test('only a preflight of an allowed page is handled here; any other OPTIONS is a call', async t => {
  const upstream = await startUpstream()
  const proxy = await startProxy(upstream.origin, { ALLOWED_ORIGINS: PAGE })
  t.teardown(async () => { await proxy.stop(); await upstream.close() })
  for (const headers of [{ origin: PAGE }, { 'access-control-request-method': 'POST' }, {}]) t.equal((await call(proxy.origin, PATH, { method: 'OPTIONS', headers })).status, 200)
  t.same(upstream.received.map(({ method }) => method), ['OPTIONS', 'OPTIONS', 'OPTIONS'])
  const preflight = { method: 'OPTIONS', headers: { origin: PAGE, 'access-control-request-method': 'POST' } }
  t.match(await call(proxy.origin, `${PATH}..%2f`, preflight), { status: 400, headers: { 'access-control-allow-origin': PAGE } }, 'the path is checked first')
  t.notOk('access-control-allow-headers' in (await call(proxy.origin, PATH, preflight)).headers, 'what was not requested is not sent')
})
