import { test } from 'tap'
import { createHash, randomBytes } from 'node:crypto'
import { call, errorCode, sendBytes } from '../support/client.ts'
import { CLIENT_SECRET, startProxy } from '../support/proxy.ts'
import { hashBodies, startScripted, startUpstream, type Received } from '../support/upstream.ts'

const PATH = '/amsu-analysis/v2/things/'

function headersNamed (received: Received | undefined, name: string): string[] {
  return (received?.rawHeaders ?? []).filter((_, i, all) => i % 2 === 1 && all[i - 1]?.toLowerCase() === name)
}

test('method, path, query and body reach AMSU byte for byte, and the response comes back likewise', async t => {
  const response = randomBytes(100_000)
  const upstream = await startUpstream({ onRequest: (_received, res) => { res.writeHead(207, 'Own Words', { 'X-One': 'é', 'content-type': 'odd/type; x' }); res.end(response) } })
  const proxy = await startProxy(upstream.origin)
  t.teardown(async () => { await proxy.stop(); await upstream.close() })
  const body = randomBytes(70_000)
  for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
    const target = `${PATH}%C3%A4/x../...y/~!$&'()*+,=:@/?a=%2F..%5C&b=//;#`.replace('#', '%23')
    const got = await call(proxy.origin, target, { method, body, headers: { 'content-length': body.length } })
    t.equal(got.status, 207)
    t.ok(got.body.equals(response))
    t.match(got.headers, { 'content-type': 'odd/type; x', 'x-one': 'é' })
    const seen = upstream.received.at(-1)
    t.equal(seen?.method, method)
    t.equal(seen?.url, target)
    t.ok(seen?.body.equals(body), `${method} body`)
  }
})

test('every request carries exactly one Authorization, set by the proxy, whatever the caller sent', async t => {
  const upstream = await startUpstream()
  const proxy = await startProxy(upstream.origin)
  t.teardown(async () => { await proxy.stop(); await upstream.close() })
  for (const headers of [
    [],
    ['Authorization', 'Bearer theirs'],
    ['Authorization', 'Bearer one', 'authorization', 'Bearer two'],
    ['Connection', 'close, authorization'],
    ['Connection', 'Authorization', 'Connection', 'Via'],
    ['Proxy-Authorization', 'Basic abc'],
  ]) {
    await call(proxy.origin, PATH, { headers: ['Host', 'localhost', ...headers] })
    const seen = upstream.received.at(-1)
    t.same(headersNamed(seen, 'authorization'), [`Bearer ${upstream.tokens[0]}`], headers.join(' '))
    t.same(headersNamed(seen, 'proxy-authorization'), [])
    t.same(headersNamed(seen, 'via'), ['1.1 amsu-proxy'])
    t.same(headersNamed(seen, 'host'), [new URL(upstream.origin).host])
  }
})

test('any content type passes untouched: none, malformed, text/plain that is not UTF-8, invalid JSON', async t => {
  const upstream = await startUpstream()
  const proxy = await startProxy(upstream.origin)
  t.teardown(async () => { await proxy.stop(); await upstream.close() })
  const body = Buffer.from([0xff, 0xfe, 0x00, 0x7b, 0x80])
  for (const type of [undefined, 'text/plain', 'text/plain; charset=latin1', 'application/json', 'multipart/form-data; boundary=x', 'multipart/form-data', 'garbage;;', ';', 'a/b, c/d', 'application/json\t; charset']) {
    for (const isChunked of [true, false]) {
      const headers = ['Host', 'localhost', ...(type === undefined ? [] : ['Content-Type', type]), ...(isChunked ? ['Transfer-Encoding', 'chunked'] : ['Content-Length', '5'])]
      const got = await call(proxy.origin, PATH, { method: 'POST', headers, body })
      t.equal(got.status, 200, `${String(type)}`)
      const seen = upstream.received.at(-1)
      t.ok(seen?.body.equals(body))
      t.equal(seen?.headers['content-type'], type)
      t.equal(seen?.headers['content-length'], isChunked ? undefined : '5', 'the framing stays what it was')
    }
  }
})

test('large bodies stream, with and without a length', async t => {
  const hashes: string[] = []
  const upstream = await startUpstream({ onHead: hashBodies(PATH, hashes) })
  const proxy = await startProxy(upstream.origin)
  t.teardown(async () => { await proxy.stop(); await upstream.close() })
  const body = randomBytes(20_000_000)
  for (const headers of [{ 'content-length': body.length }, { 'transfer-encoding': 'chunked' }]) t.equal((await call(proxy.origin, PATH, { method: 'POST', headers, body })).status, 200)
  const sent = createHash('sha1').update(body).digest('hex')
  t.same(hashes, [sent, sent])
})

test('a request of length 0 has no body and waits for none, however many zeros that length has', async t => {
  const upstream = await startUpstream()
  const proxy = await startProxy(upstream.origin, { UPSTREAM_IDLE_TIMEOUT_MS: '2000' })
  t.teardown(async () => { await proxy.stop(); await upstream.close() })
  for (const [length, body] of [['0', ''], ['00', ''], ['000', ''], ['05', 'hello']] as const) {
    const { text } = await sendBytes(proxy.port, `POST ${PATH} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: ${length}\r\n\r\n${body}`)
    t.match(text, /^HTTP\/1\.1 200 /, length)
    t.equal(upstream.received.at(-1)?.body.toString(), body)
  }
  t.equal(upstream.received.length, 4)
})

test('responses without a body end: HEAD, 204, 304 with a length, an empty 200', async t => {
  const upstream = await startScripted((head, socket) => {
    const status = Number(/things\/(\d+)/.exec(head)?.[1])
    socket.write(`HTTP/1.1 ${status} Words\r\nContent-Length: ${status === 200 && !head.startsWith('HEAD') ? 0 : 42}\r\nETag: "x"\r\n\r\n`)
  })
  const proxy = await startProxy(upstream.origin)
  t.teardown(async () => { await proxy.stop(); await upstream.close() })
  for (const [method, status] of [['GET', 304], ['GET', 204], ['HEAD', 200], ['GET', 200], ['GET', 304]] as const) {
    const got = await call(proxy.origin, `${PATH}${status}`, { method })
    t.equal(got.status, status)
    t.equal(got.body.length, 0)
    t.equal(got.headers.etag, '"x"')
    if (method === 'HEAD') t.equal(got.headers['content-length'], '42')
  }
})

test('the request id is the caller’s if it is sane, else a new one; sent upstream, sent back and logged', async t => {
  const upstream = await startUpstream({ onRequest: (_received, res) => { res.setHeader('x-request-id', 'upstream-own'); res.end() } })
  const proxy = await startProxy(upstream.origin)
  t.teardown(async () => { await proxy.stop(); await upstream.close() })
  const own = await call(proxy.origin, PATH, { headers: { 'x-request-id': 'caller-1' } })
  t.equal(own.headers['x-request-id'], 'caller-1')
  t.equal(upstream.received[0]?.headers['x-request-id'], 'caller-1')
  const fresh = await call(proxy.origin, PATH, { headers: { 'x-request-id': 'x'.repeat(200) } })
  t.match(fresh.headers['x-request-id'], /^[0-9a-f-]{36}$/)
  t.equal(upstream.received[1]?.headers['x-request-id'], fresh.headers['x-request-id'])
  await proxy.untilLogged(2)
  t.same(proxy.accessLines().map(line => line['requestId']), ['caller-1', fresh.headers['x-request-id']])
})

test('one line a request says what happened, and nothing of what was carried', async t => {
  const upstream = await startUpstream()
  const proxy = await startProxy(upstream.origin)
  t.teardown(async () => { await proxy.stop(); await upstream.close() })
  await call(proxy.origin, `${PATH}?patient=jane`, { method: 'POST', body: 'body-of-jane', headers: { 'x-name': 'header-of-jane' } })
  await proxy.untilLogged(1)
  const [line] = proxy.accessLines()
  t.match(line, { level: 30, method: 'POST', path: PATH, status: 200, bytesIn: 12, durationMs: Number, upstreamMs: Number, requestId: String, bytesOut: Number })
  t.notMatch(proxy.lines.join(''), /jane/)
})

test('a redirect is passed on, not followed, and points back to this proxy', async t => {
  const elsewhere = await startUpstream()
  const upstream: Awaited<ReturnType<typeof startUpstream>> = await startUpstream({
    onRequest: ({ url }, res) => {
      res.writeHead(307, { location: url === PATH ? `${upstream.origin}${PATH}slash/` : `${elsewhere.origin}/x` })
      res.end()
    }
  })
  const proxy = await startProxy(upstream.origin)
  t.teardown(async () => { await proxy.stop(); await upstream.close(); await elsewhere.close() })
  t.equal((await call(proxy.origin, PATH)).headers.location, `${proxy.origin}${PATH}slash/`)
  t.equal((await call(proxy.origin, `${PATH}x`)).headers.location, `${elsewhere.origin}/x`)
  t.equal(elsewhere.received.length, 0)
})

test('an echo of our token in a header is dropped, and said in the log', async t => {
  const upstream = await startUpstream({
    onRequest: ({ headers }, res) => {
      res.writeHead(200, { 'x-echo': String(headers.authorization), authorization: 'x', 'set-cookie': ['a=b', 'c=d'], 'x-basic': `Basic ${Buffer.from(`u:${CLIENT_SECRET}`).toString('base64')}`, kept: 'yes' })
      res.end()
    }
  })
  const proxy = await startProxy(upstream.origin)
  t.teardown(async () => { await proxy.stop(); await upstream.close() })
  const got = await call(proxy.origin, PATH)
  t.equal(got.headers['kept'], 'yes')
  for (const name of ['x-echo', 'authorization', 'set-cookie', 'x-basic']) t.notOk(name in got.headers, name)
  t.match(proxy.lines.join(''), /"count":2,"msg":"response headers that contained/)
})

test('a path outside the prefix, another method, and a loop are rejected and never reach AMSU', async t => {
  const upstream = await startUpstream()
  const proxy = await startProxy(upstream.origin)
  t.teardown(async () => { await proxy.stop(); await upstream.close() })
  for (const [path, method, status, code] of [
    ['/', 'GET', 404, 'NOT_FOUND'], ['/amsu-analysis', 'GET', 404, 'NOT_FOUND'], ['/amsu-analysisx/', 'POST', 404, 'NOT_FOUND'], ['/other/amsu-analysis/x', 'GET', 404, 'NOT_FOUND'],
    [PATH, 'TRACE', 405, 'METHOD_REJECTED'], [PATH, 'PROPFIND', 405, 'METHOD_REJECTED'],
  ] as const) {
    const got = await call(proxy.origin, path, { method })
    t.equal(got.status, status, `${method} ${path}`)
    t.equal(errorCode(got.text), `PROXY.${code}`)
    t.match(got.headers, { 'x-amsu-proxy-error': code, connection: 'close', 'x-request-id': String })
  }
  t.equal((await call(proxy.origin, PATH, { headers: { via: '1.1 amsu-proxy' } })).status, 508)
  t.equal(upstream.received.length, 0)
})

test('CVE-2026-3635: what a caller says of where it came by changes no Location, and AMSU does not hear of it', async t => {
  const upstream: Awaited<ReturnType<typeof startUpstream>> = await startUpstream({ onRequest: (_received, res) => { res.writeHead(302, { location: `${upstream.origin}/next` }).end() } })
  const proxy = await startProxy(upstream.origin)
  t.teardown(async () => { await proxy.stop(); await upstream.close() })
  const claims = { 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https', 'x-forwarded-for': '192.0.2.1', 'x-forwarded-port': '1', 'x-real-ip': '192.0.2.1', forwarded: 'host=evil.example;proto=https', x_forwarded_host: 'evil.example' }
  t.equal((await call(proxy.origin, PATH, { headers: { host: 'localhost:1', ...claims } })).headers.location, 'http://localhost:1/next')
  t.notMatch(upstream.received[0]?.rawHeaders.join('\n'), /evil|192\.0\.2|forwarded/i)
  t.notMatch(proxy.lines.join(''), /evil|192\.0\.2/)
})

test('CVE-2026-21710: __proto__ and constructor are names like any other, of a header, in a query or in a token request', async t => {
  const upstream = await startUpstream()
  const proxy = await startProxy(upstream.origin)
  t.teardown(async () => { await proxy.stop(); await upstream.close() })
  const target = `${PATH}?__proto__[isAdmin]=1&constructor[prototype][isAdmin]=1&__proto__.isAdmin=1`
  const got = await call(proxy.origin, target, { headers: ['Host', 'localhost', '__proto__', 'isAdmin', 'constructor', 'isAdmin', 'toString', 'x', 'hasOwnProperty', 'x'] })
  t.equal(got.status, 200)
  t.equal(upstream.received[0]?.url, target)
  for (const name of ['__proto__', 'constructor', 'tostring', 'hasownproperty']) t.equal(headersNamed(upstream.received[0], name).length, 1, name)
  for (const body of ['{"__proto__":{"client_id":"a","client_secret":"b"}}', '__proto__[client_id]=a&__proto__[client_secret]=b', '{"constructor":{"prototype":{"client_id":"a"}}}']) {
    t.equal(errorCode((await call(proxy.origin, '/amsu-analysis/v2/token', { method: 'POST', body })).text), 'PROXY.INVALID_TOKEN_REQUEST', body)
  }
  t.notOk('isAdmin' in {} || 'client_id' in {})
  t.equal((await call(proxy.origin, PATH)).status, 200, 'and the proxy is well')
})
