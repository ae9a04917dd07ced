import { test } from 'tap'
import { once } from 'node:events'
import type http from 'node:http'
import net from 'node:net'
import { systemClock } from '../../src/clock.ts'
import { call, errorCode, sendBytes } from '../support/client.ts'
import { startProxy } from '../support/proxy.ts'
import { startUpstream } from '../support/upstream.ts'
import { until } from '../support/until.ts'

const PATH = '/amsu-analysis/v2/things/'
const HEAD = `POST ${PATH} HTTP/1.1\r\nHost: localhost\r\n`

test('bytes that are no request, or an ambiguous one, are rejected in the envelope and never reach AMSU', async t => {
  const upstream = await startUpstream()
  const proxy = await startProxy(upstream.origin)
  t.teardown(async () => { await proxy.stop(); await upstream.close() })
  for (const [name, bytes, status, code] of [
    ['garbage', '\x00\x01\x02\x03\r\n\r\n', 400, 'BAD_REQUEST'],
    ['TLS', Buffer.from('160301020001000', 'hex'), 400, 'BAD_REQUEST'],
    ['HTTP/2 preface', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400, 'BAD_REQUEST'],
    ['an unknown method', `BREW ${PATH} HTTP/1.1\r\nHost: a\r\n\r\n`, 400, 'BAD_REQUEST'],
    ['HTTP/0.9', `GET ${PATH}\r\n\r\n`, 400, 'BAD_REQUEST'],
    ['HTTP/0.9 by its name', `GET ${PATH} HTTP/0.9\r\nHost: localhost\r\n\r\n`, 400, 'BAD_REQUEST'],
    ['HTTP/2 by its name', `GET ${PATH} HTTP/2.0\r\nHost: localhost\r\n\r\n`, 400, 'BAD_REQUEST'],
    ['CVE-2024-27982: a blank before a length', `POST ${PATH} HTTP/1.1\r\n Content-Length: 5\r\nHost: a\r\n\r\nhello`, 400, 'BAD_REQUEST'],
    ['CVE-2024-27982: a blank before the colon', `${HEAD}Content-Length : 5\r\n\r\nhello`, 400, 'BAD_REQUEST'],
    ['a folded header', `${HEAD}X: a\r\n b\r\nContent-Length: 0\r\n\r\n`, 400, 'BAD_REQUEST'],
    ['CVE-2023-30589: a line that ends with CR alone', `${HEAD}X: a\rContent-Length: 5\r\n\r\nhello`, 400, 'BAD_REQUEST'],
    ['CVE-2025-23167: a head that ends with CR LF CR', `GET ${PATH} HTTP/1.1\r\nHost: a\r\n\rGET ${PATH} HTTP/1.1\r\nHost: a\r\n\r\n`, 400, 'BAD_REQUEST'],
    ['a bare CR', `${HEAD}X: a\rb\r\nContent-Length: 0\r\n\r\n`, 400, 'BAD_REQUEST'],
    ['NUL in a header', `${HEAD}X: a\0b\r\nContent-Length: 0\r\n\r\n`, 400, 'BAD_REQUEST'],
    ['length and chunks', `${HEAD}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400, 'BAD_REQUEST'],
    ['chunks and length', `${HEAD}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n`, 400, 'BAD_REQUEST'],
    ['two lengths', `${HEAD}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello`, 400, 'BAD_REQUEST'],
    ['a list of lengths', `${HEAD}Content-Length: 5, 5\r\n\r\nhello`, 400, 'BAD_REQUEST'],
    ['a negative length', `${HEAD}Content-Length: -5\r\n\r\nhello`, 400, 'BAD_REQUEST'],
    ['a signed length', `${HEAD}Content-Length: +5\r\n\r\nhello`, 400, 'BAD_REQUEST'],
    ['a length in hex', `${HEAD}Content-Length: 0x5\r\n\r\nhello`, 400, 'BAD_REQUEST'],
    ['an unknown coding', `${HEAD}Transfer-Encoding: gzip\r\n\r\nhello`, 400, 'BAD_REQUEST'],
    ['a coding under the chunks', `${HEAD}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`, 400, 'BAD_REQUEST'],
    ['chunked twice', `${HEAD}Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n`, 400, 'BAD_REQUEST'],
    ['chunked, twice said', `${HEAD}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n`, 400, 'BAD_REQUEST'],
    ['a hidden coding', `${HEAD}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`, 400, 'BAD_REQUEST'],
    ['70 kB of headers', `${HEAD}${`X-Pad: ${'x'.repeat(1000)}\r\n`.repeat(70)}\r\n`, 431, 'HEAD_TOO_LARGE'],
    ['a 70 kB target', `GET ${PATH}${'x'.repeat(70_000)} HTTP/1.1\r\nHost: a\r\n\r\n`, 431, 'HEAD_TOO_LARGE'],
    ['a length over the limit', `${HEAD}Content-Length: 200000000\r\n\r\n`, 413, 'BODY_TOO_LARGE'],
    ['an expectation nobody knows', `${HEAD}Expect: foo\r\nContent-Length: 5\r\n\r\nhello`, 417, 'EXPECTATION_FAILED'],
    ['CONNECT', 'CONNECT example.org:443 HTTP/1.1\r\nHost: example.org\r\n\r\n', 405, 'METHOD_REJECTED'],
    ['an absolute target', 'GET http://evil.example/amsu-analysis/v2/x HTTP/1.1\r\nHost: localhost\r\n\r\n', 400, 'PATH_REJECTED'],
    ['the asterisk', 'OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n', 400, 'PATH_REJECTED'],
  ] as const) {
    const { text } = await sendBytes(proxy.port, bytes)
    t.match(text, new RegExp(`^HTTP/1\\.1 ${status} `), name)
    t.equal(errorCode(text), `PROXY.${code}`, name)
    t.match(text, new RegExp(`X-Amsu-Proxy-Error: ${code}\r\n`), name)
    t.match(text, /connection: close\r\n/i, name)
  }
  t.equal(upstream.received.length, 0, 'nothing was forwarded')
  t.equal((await call(proxy.origin, PATH)).status, 200, 'and the proxy is well')
})

test('a request line of another protocol behind a body in the same segment is 400, whatever the body ends with', async t => {
  const upstream = await startUpstream()
  const proxy = await startProxy(upstream.origin)
  t.teardown(async () => { await proxy.stop(); await upstream.close() })
  for (const body of ['a', '\n']) {
    for (const protocol of ['RTSP/1.0', 'ICE/1.0']) {
      const { text } = await sendBytes(proxy.port, `POST ${PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\n${body}GET ${PATH}hidden ${protocol}\r\nHost: localhost\r\n\r\n`)
      t.strictSame([...text.matchAll(/HTTP\/1\.1 (\d+) /g)].map(([, status]) => status), ['200', '400'], `${protocol} behind ${JSON.stringify(body)}`)
    }
  }
  t.ok(upstream.received.every(({ method }) => method === 'POST'))
})

test('a bad chunk in the middle of a body is 400 to the caller, cancels the call at AMSU, and is logged as 400', async t => {
  const heads: http.IncomingMessage[] = []
  const upstream = await startUpstream({ onHead: req => req.url === PATH && heads.push(req) > 0 })
  const proxy = await startProxy(upstream.origin)
  t.teardown(async () => { await proxy.stop(); await upstream.close() })
  for (const bad of ['ZZ\r\nhello\r\n0\r\n\r\n', '5\r\nhelloworld\r\n0\r\n\r\n', '-5\r\nhello\r\n', '5;\r\r\nhello\r\n']) {
    const { text } = await sendBytes(proxy.port, `${HEAD}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n${bad}`)
    t.match(text, /^HTTP\/1\.1 400 /, JSON.stringify(bad))
    t.equal(errorCode(text), 'PROXY.BAD_REQUEST')
  }
  t.ok(heads.every(req => !req.complete), 'no whole request ever arrived')
  t.ok(proxy.accessLines().every(line => line['status'] === 400))
})

test('more than 2,000 headers do not hide the length of a body (CVE-2026-58044)', async t => {
  const upstream = await startUpstream()
  const proxy = await startProxy(upstream.origin)
  t.teardown(async () => { await proxy.stop(); await upstream.close() })
  const { text } = await sendBytes(proxy.port, `${HEAD}${'A:1\r\n'.repeat(2_100)}Connection: close\r\nContent-Length: 5\r\n\r\nhello`)
  t.match(text, /^HTTP\/1\.1 200 /)
  t.equal(upstream.received[0]?.body.toString(), 'hello')
})

test('100 Continue is said only when the request may go on, and the body then passes', async t => {
  const upstream = await startUpstream()
  const proxy = await startProxy(upstream.origin)
  t.teardown(async () => { await proxy.stop(); await upstream.close() })
  const head = `${HEAD}Expect: 100-continue\r\nConnection: close\r\n`
  const socket = net.connect(proxy.port, '127.0.0.1', () => { socket.write(`${head}Content-Length: 5\r\n\r\n`) })
  const [first] = await once(socket, 'data') as [Buffer]
  t.equal(first.toString(), 'HTTP/1.1 100 Continue\r\n\r\n')
  socket.write('hello')
  const [second] = await once(socket, 'data') as [Buffer]
  t.match(second.toString(), /^HTTP\/1\.1 200 /)
  socket.destroy()
  t.equal(upstream.received[0]?.headers.expect, undefined)
  const refused = await sendBytes(proxy.port, `${head}Content-Length: 200000000\r\n\r\n`)
  t.match(refused.text, /^HTTP\/1\.1 413 /, 'no 100 before a refusal')
  const old = await sendBytes(proxy.port, `POST ${PATH} HTTP/1.0\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi`)
  t.match(old.text, /^HTTP\/1\.1 200 /, 'HTTP/1.0 knows no 100')
})

test('an upgrade is not relayed: the request passes as an ordinary one', async t => {
  const upstream = await startUpstream()
  const proxy = await startProxy(upstream.origin)
  t.teardown(async () => { await proxy.stop(); await upstream.close() })
  for (const upgrade of ['Connection: Upgrade, close\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x', 'Connection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA']) {
    const { text } = await sendBytes(proxy.port, `GET ${PATH} HTTP/1.1\r\nHost: a\r\n${upgrade}\r\n\r\n`)
    t.match(text, /^HTTP\/1\.1 200 /)
    t.notMatch(upstream.received.at(-1)?.rawHeaders.join('\n'), /upgrade|http2/i)
  }
})

test('a body that grows past the limit while it streams is 413, and AMSU never sees a whole request', async t => {
  const upstream = await startUpstream()
  const proxy = await startProxy(upstream.origin, { MAX_BODY_BYTES: '1000000' })
  t.teardown(async () => { await proxy.stop(); await upstream.close() })
  const got = await call(proxy.origin, PATH, { method: 'POST', headers: { 'transfer-encoding': 'chunked' }, body: Buffer.alloc(3_000_000) })
  t.equal(got.status, 413)
  t.equal(errorCode(got.text), 'PROXY.BODY_TOO_LARGE')
  t.equal((await call(proxy.origin, PATH, { method: 'POST', body: Buffer.alloc(1_000_000) })).status, 200, 'the limit itself is allowed')
  t.equal(upstream.received.length, 1)
})

test('a rejected upload is not read to its end, and a caller who writes for long before it reads finds the rejection', async t => {
  const upstream = await startUpstream()
  const proxy = await startProxy(upstream.origin, { MAX_BODY_BYTES: '1000000' })
  t.teardown(async () => { await proxy.stop(); await upstream.close() })
  const server = proxy.servers[0]?.listener.servers[0]
  for (const [target, framing, status] of [
    ['/elsewhere', 'Content-Length: 100000000\r\n\r\n', 404],
    [PATH, 'Content-Length: 100000000\r\n\r\n', 413],
    [PATH, 'Transfer-Encoding: chunked\r\n\r\n5f5e100\r\n', 413],
  ] as const) {
    const accepted = once(server as net.Server, 'connection') as Promise<[net.Socket]>
    const socket = net.connect(proxy.port, '127.0.0.1')
    socket.write(`POST ${target} HTTP/1.1\r\nHost: a\r\n${framing}`)
    const chunk = Buffer.alloc(65_536)
    const push = (): void => { while (socket.writable && socket.write(chunk)); }
    socket.on('drain', push).on('error', () => {})
    push()
    const [taken] = await accepted
    await until(() => taken.bytesRead > 4_000_000)
    const [response] = await once(socket, 'data') as [Buffer]
    t.match(response.toString(), new RegExp(`^HTTP/1.1 ${status} `), framing)
    socket.destroy()
    t.ok(taken.bytesRead < 7_000_000, `${taken.bytesRead} bytes were read`)
  }
})

test('a length is said once to AMSU, however it was spelled, and no way of framing is read in two ways (CVE-2026-1525)', async t => {
  const upstream = await startUpstream()
  const proxy = await startProxy(upstream.origin)
  t.teardown(async () => { await proxy.stop(); await upstream.close() })
  const framings = ['Content-Length', 'content-length', 'CONTENT-LENGTH', 'Content_Length'].flatMap(first => ['', 'Content-Length', 'content-length'].map(second => `${first}: 5\r\n${second === '' ? '' : `${second}: 5\r\n`}`))
  const codings = ['chunked', 'Chunked', ' chunked', '\tchunked', 'chunked ', 'chunked\t', '\x0bchunked', 'chunked;q=1', '"chunked"', 'chunked,', ',chunked', 'identity', 'identity, chunked', 'x', '', 'chun\x00ked']
  const obfuscated = codings.flatMap(coding => ['Transfer-Encoding:', 'transfer-encoding:', 'Transfer_Encoding:', 'Transfer-Encoding :', 'X: a\r\n Transfer-Encoding:', 'X: a\nTransfer-Encoding:', 'X: a\rTransfer-Encoding:'].flatMap(name => ['', 'Content-Length: 5\r\n'].map(length => `${length}${name}${coding}\r\n`)))
  let passed = 0
  for (const framing of [...framings, ...obfuscated]) {
    const before = upstream.received.length
    // Read as a chunk this is an empty body; read as five bytes, these five; without a body, the start of another request.
    const { text } = await sendBytes(proxy.port, `${HEAD}Connection: close\r\n${framing}\r\n0\r\n\r\n`)
    const name = JSON.stringify(framing)
    t.match(text, /^HTTP\/1\.1 (?:200|400) /, name)
    for (const { rawHeaders, headers, body } of upstream.received.slice(before)) {
      t.ok(rawHeaders.filter(header => /^(?:content|transfer)[-_](?:length|encoding)$/i.test(header)).length <= 1, name)
      t.equal(body.length, headers['content-length'] === '5' ? 5 : 0, name)
      passed++
    }
    t.ok(upstream.received.length <= before + 1, name)
  }
  t.ok(passed > 10 && passed < 100, `${passed} of ${framings.length + obfuscated.length} are requests`)
})

test('CVE-2024-22019: extensions of a chunk are not read without end', async t => {
  const upstream = await startUpstream()
  const proxy = await startProxy(upstream.origin)
  t.teardown(async () => { await proxy.stop(); await upstream.close() })
  t.match((await sendBytes(proxy.port, `${HEAD}Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\n\r\n`)).text, /^HTTP\/1\.1 200 /, 'a few are fine')
  const { text } = await sendBytes(proxy.port, `${HEAD}Transfer-Encoding: chunked\r\n\r\n5;${'a'.repeat(100_000)}\r\nhello\r\n0\r\n\r\n`)
  t.match(text, /^HTTP\/1\.1 400 /)
  t.equal(upstream.received.length, 1)
})

test('trailers end here both ways: nothing comes in or out behind a body', async t => {
  const trailers: string[] = []
  const upstream = await startUpstream({
    onHead: (req, res) => {
      if (req.url !== PATH) return false
      req.resume().on('end', () => {
        trailers.push(...req.rawTrailers)
        res.writeHead(200, { trailer: 'X-Sum' })
        res.write('ok')
        res.addTrailers({ 'X-Sum': '1', Authorization: 'Bearer x' })
        res.end()
      })
      return true
    },
  })
  const proxy = await startProxy(upstream.origin)
  t.teardown(async () => { await proxy.stop(); await upstream.close() })
  const { text } = await sendBytes(proxy.port, `${HEAD}Connection: close\r\nTrailer: Authorization\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nAuthorization: Bearer theirs\r\nX-Sum: 1\r\n\r\n`)
  t.match(text, /^HTTP\/1\.1 200 [^]*\r\n\r\n2\r\nok\r\n0\r\n\r\n$/)
  t.notMatch(text, /x-sum|trailer|bearer/i)
  t.strictSame(trailers, [])
  const framed = await sendBytes(proxy.port, `${HEAD}Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 7\r\n\r\n`)
  t.match(framed.text, /^HTTP\/1\.1 400 /, 'a length behind the body is no request')
})

test('a head that does not arrive in time gets 408, and no other client waits for it', async t => {
  const upstream = await startUpstream()
  const proxy = await startProxy(upstream.origin, {}, systemClock, { headTimeoutMs: 200 })
  t.teardown(async () => { await proxy.stop(); await upstream.close() })
  const slow = ['', 'P', HEAD, `${HEAD}X-Pad: `].map(async bytes => await sendBytes(proxy.port, bytes))
  t.equal((await call(proxy.origin, PATH)).status, 200)
  for (const { text } of await Promise.all(slow)) {
    t.match(text, /^HTTP\/1\.1 408 /)
    t.equal(errorCode(text), 'PROXY.REQUEST_TIMEOUT')
  }
  t.equal(upstream.received.length, 1)
})
