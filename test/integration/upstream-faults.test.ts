import { test, type Test } from 'tap'
import { once } from 'node:events'
import http from 'node:http'
import net, { type Socket } from 'node:net'
import { call, errorCode, sendBytes } from '../support/client.ts'
import { startProxy } from '../support/proxy.ts'
import { startScripted, startTcp, startUpstream } from '../support/upstream.ts'

const PATH = '/amsu-analysis/v2/things/'
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

/** A proxy before an upstream that applies `fault` to the first request, and responds to the following ones. */
async function setUp (t: Test, fault: (socket: Socket, head: string) => void, settings: Record<string, string> = {}) {
  let isFirst = true
  const upstream = await startScripted((head, socket) => {
    if (isFirst) fault(socket, head)
    else socket.write(OK)
    isFirst = false
  })
  const proxy = await startProxy(upstream.origin, settings)
  t.teardown(async () => { await proxy.stop(); await upstream.close() })
  return { upstream, proxy }
}

test('whatever AMSU does wrong before its response is one error, sent once, and the next request is served', async t => {
  for (const [name, fault, status, code] of [
    ['ends', socket => { socket.end() }, 502, 'UPSTREAM_RESET'],
    ['resets', socket => { socket.resetAndDestroy() }, 502, 'UPSTREAM_RESET'],
    ['ends in the middle of the head', socket => { socket.end('HTTP/1.1 200 OK\r\nContent-') }, 502, 'UPSTREAM_RESET'],
    ['sends garbage', socket => { socket.write('\x00\x01\x02 garbage\r\n\r\n') }, 502, 'UPSTREAM_INVALID'],
    ['speaks another version', socket => { socket.write('ICY 200 OK\r\n\r\n') }, 502, 'UPSTREAM_INVALID'],
    ['sends two lengths', socket => { socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc') }, 502, 'UPSTREAM_INVALID'],
    ['sends length and chunks', socket => { socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n') }, 502, 'UPSTREAM_INVALID'],
    ['splits the response with a bare CR', socket => { socket.write('HTTP/1.1 200 OK\r\nX: a\rSet-Cookie: b\r\nContent-Length: 0\r\n\r\n') }, 502, 'UPSTREAM_INVALID'],
    ['sends a control character in a value', socket => { socket.write('HTTP/1.1 200 OK\r\nX: a\x01b\r\nContent-Length: 0\r\n\r\n') }, 502, 'UPSTREAM_INVALID'],
    ['sends 40 kB of headers', socket => { socket.write(`HTTP/1.1 200 OK\r\n${`X: ${'x'.repeat(1000)}\r\n`.repeat(40)}Content-Length: 0\r\n\r\n`) }, 502, 'UPSTREAM_INVALID'],
    ['switches protocols', socket => { socket.write('HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n') }, 502, 'UPSTREAM_INVALID'],
  ] as Array<[string, (socket: Socket) => void, number, string]>) {
    for (const method of ['GET', 'POST']) {
      const { upstream, proxy } = await setUp(t, fault)
      const got = await call(proxy.origin, PATH, { method, ...(method === 'POST' ? { body: 'x' } : {}) })
      t.equal(got.status, status, `${name}, ${method}`)
      t.equal(errorCode(got.text), `PROXY.${code}`, name)
      t.notMatch(got.text, /\d+\.\d+|ECONN|:\d\d/, 'no address and no library message')
      t.equal(upstream.heads.length, 1, 'sent once')
      t.equal((await call(proxy.origin, PATH)).text, 'ok', 'the next request is served')
    }
  }
})

test('a paid response that is unusual but unambiguous reaches its caller, normalised', async t => {
  for (const [name, bytes] of [
    ['100 and 102 that nobody asked for', `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Wait\r\n\r\n${OK}`],
    ['103 with Connection: close', `HTTP/1.1 103 Hints\r\nConnection: close\r\nContent-Length: 7\r\n\r\n${OK}`],
    ['chunked twice', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n'],
    ['chunked and a comma', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked,\r\n\r\n2\r\nok\r\n0\r\n\r\n'],
    ['padded chunk sizes', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2   \r\nok\r\n000000000000\r\n\r\n'],
    ['zeros before a length', 'HTTP/1.1 200 OK\r\nContent-Length: 00000000000000000002\r\n\r\nok'],
    ['one length twice', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2, 2\r\n\r\nok'],
    ['a blank before a colon', 'HTTP/1.1 200 OK\r\nX : y\r\nContent-Length : 2\r\n\r\nok'],
  ] as const) {
    const { proxy } = await setUp(t, socket => { socket.write(bytes) })
    const { text } = await sendBytes(proxy.port, `POST ${PATH} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx`)
    const [head = '', body = ''] = text.split(/\r\n\r\n(.*)/s)
    t.match(head, /^HTTP\/1\.1 200 OK\r\n/, name)
    t.equal(body.includes('ok'), true, name)
    t.equal(head.match(/^(?:content-length: 2|transfer-encoding: chunked)$/gim)?.length, 1, `${name}: ${head}`)
    t.notMatch(head, /[\t ]:/)
  }
})

test('odd but valid responses pass: 103 first, status 999, Trailer with a length, chunks with trailers, sliced byte by byte', async t => {
  for (const [name, bytes, status] of [
    ['103 first', `HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n${OK}`, 200],
    ['status 999', OK.replace('200', '999'), 999],
    ['Trailer with a length', OK.replace('\r\n', '\r\nTrailer: X-Sum\r\n'), 200],
    ['chunks with trailers', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\nAuthorization: x\r\n\r\n', 200],
    ['until the end of the connection', 'HTTP/1.0 200 OK\r\n\r\nok', 200],
  ] as const) {
    const { proxy } = await setUp(t, socket => { socket.write(bytes, () => { if (bytes.startsWith('HTTP/1.0')) socket.end() }) })
    const got = await call(proxy.origin, PATH)
    t.equal(got.status, status, name)
    t.equal(got.text, 'ok', name)
    t.notOk(got.headers.trailer)
  }
  const { proxy } = await setUp(t, socket => {
    let at = 0
    const next = (): void => { if (at < OK.length) socket.write(OK[at++] as string, () => setImmediate(next)) }
    next()
  })
  t.equal((await call(proxy.origin, PATH)).text, 'ok', 'sliced byte by byte')
})

test('a response that breaks off cuts the caller’s connection: never a clean end', async t => {
  for (const [name, first, breakOff, version] of [
    ['short of its length', 'Content-Length: 100\r\n\r\npart', socket => { socket.end() }, '1.1'],
    ['reset', 'Content-Length: 100\r\n\r\npart', socket => { socket.resetAndDestroy() }, '1.1'],
    ['without the last chunk', 'Transfer-Encoding: chunked\r\n\r\n4\r\npart\r\n', socket => { socket.end() }, '1.1'],
    ['bad chunk', 'Transfer-Encoding: chunked\r\n\r\n4\r\npart\r\n', socket => { socket.write('ZZ\r\n') }, '1.1'],
    ['for an HTTP/1.0 caller, who knows no other end', 'Transfer-Encoding: chunked\r\n\r\n4\r\npart\r\n', socket => { socket.end() }, '1.0'],
  ] as Array<[string, string, (socket: Socket) => void, string]>) {
    const sockets: Socket[] = []
    const { proxy } = await setUp(t, socket => {
      sockets.push(socket)
      socket.write(`HTTP/1.1 200 OK\r\n${first}`)
    })
    // Only once the caller has read the first part: some clients take a reset that overtakes it for an end.
    const { isReset } = await sendBytes(proxy.port, `GET ${PATH} HTTP/${version}\r\nHost: localhost\r\n\r\n`, () => { breakOff(sockets[0] as Socket) })
    t.ok(isReset, name)
    await proxy.untilLogged(1)
    t.match(proxy.accessLines()[0], { status: 200, errorCode: /PROXY.UPSTREAM_(RESET|INVALID)/ }, name)
  }
})

test('an upstream that cannot be reached is 502, and nothing was sent', async t => {
  const gone = await startTcp(() => {})
  const upstream = await startUpstream()
  const proxy = await startProxy(upstream.origin)
  t.teardown(async () => { await proxy.stop(); await gone.close() })
  await call(proxy.origin, PATH)
  await upstream.close()
  for (const options of [{}, { method: 'POST', body: 'x'.repeat(300_000) }]) {
    const got = await call(proxy.origin, PATH, options)
    t.equal(got.status, 502)
    t.equal(errorCode(got.text), 'PROXY.UPSTREAM_UNREACHABLE')
  }
})

test('silence has a limit of its own in each phase', async t => {
  const settings = { UPSTREAM_RESPONSE_TIMEOUT_MS: '150', UPSTREAM_IDLE_TIMEOUT_MS: '100' }
  const waiting = await setUp(t, () => {}, settings)
  const noResponse = await call(waiting.proxy.origin, PATH, { method: 'POST', body: 'x' })
  t.equal(noResponse.status, 504)
  t.equal(errorCode(noResponse.text), 'PROXY.UPSTREAM_TIMEOUT')
  t.equal(waiting.upstream.heads.length, 1)

  const downloading = await setUp(t, socket => { socket.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npart') }, settings)
  await t.rejects(call(downloading.proxy.origin, PATH), 'a silent download is cut')
  await downloading.proxy.untilLogged(1)
  t.match(downloading.proxy.accessLines()[0], { errorCode: 'PROXY.UPSTREAM_TIMEOUT' })

  const uploading = await setUp(t, () => {}, settings)
  const { text } = await sendBytes(uploading.proxy.port, `POST ${PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nhalf`)
  t.match(text, /^HTTP\/1\.1 504 /, 'AMSU has seen a part of it, so this is no 408')
  t.equal(errorCode(text), 'PROXY.UPSTREAM_TIMEOUT')
  await uploading.proxy.untilLogged(1)
  t.match(uploading.proxy.accessLines()[0], { cause: { message: 'the client stopped sending its body' } }, 'the log tells whose silence it was')

  const stuck = await setUp(t, socket => { socket.pause() }, { ...settings, UPSTREAM_IDLE_TIMEOUT_MS: '800' })
  const stalled = await call(stuck.proxy.origin, PATH, { method: 'POST', body: Buffer.alloc(30_000_000) }).catch((error: Error) => error)
  t.match(stalled, { status: 504 }, 'an upstream that does not read is not the caller’s fault')
})

test('a slow but steady upload is no silence', async t => {
  const upstream = await startUpstream()
  const proxy = await startProxy(upstream.origin, { UPSTREAM_IDLE_TIMEOUT_MS: '150', UPSTREAM_RESPONSE_TIMEOUT_MS: '200' })
  t.teardown(async () => { await proxy.stop(); await upstream.close() })
  const req = http.request(`${proxy.origin}${PATH}`, { method: 'POST', headers: { 'content-length': 12 } })
  const response = once(req, 'response') as Promise<[http.IncomingMessage]>
  for (let i = 0; i < 12; i++) {
    req.write('x')
    await new Promise(resolve => setTimeout(resolve, 50))
  }
  req.end()
  const [res] = await response
  t.equal(res.statusCode, 200)
  res.resume()
})

test('a response that comes while the upload runs reaches the caller, and the connection ends', async t => {
  for (const status of [401, 413]) {
    const { upstream, proxy } = await setUp(t, socket => { socket.end(`HTTP/1.1 ${status} Early\r\nContent-Length: 5\r\nConnection: close\r\n\r\nearly`) })
    const got = await call(proxy.origin, PATH, { method: 'POST', body: Buffer.alloc(30_000_000) })
    t.equal(got.status, status)
    t.equal(got.text, 'early')
    t.equal(got.headers.connection, 'close')
    t.equal(upstream.heads.length, 1)
    t.equal((await call(proxy.origin, PATH)).text, 'ok')
  }
})

test('a client that disconnects while waiting, uploading or downloading cancels the call at AMSU at once', async t => {
  for (const [phase, request, response] of [
    ['waiting', `GET ${PATH} HTTP/1.1\r\nHost: localhost\r\n\r\n`, ''],
    ['uploading', `POST ${PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nhalf`, ''],
    ['downloading', `GET ${PATH} HTTP/1.1\r\nHost: localhost\r\n\r\n`, 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart'],
  ] as const) {
    let onCancelled = (_ms: number): void => {}
    const cancelled = new Promise<number>(resolve => { onCancelled = resolve })
    let leftAt = 0
    const callers: Socket[] = []
    const { proxy } = await setUp(t, socket => {
      socket.on('close', () => { onCancelled(performance.now() - leftAt) })
      socket.write(response)
      setTimeout(() => {
        leftAt = performance.now()
        callers[0]?.destroy()
      }, 30)
    })
    const caller = net.connect(proxy.port, '127.0.0.1', () => caller.write(request))
    caller.on('error', () => {})
    callers.push(caller)
    t.ok(await cancelled < 100, phase)
    await proxy.untilLogged(1)
    t.match(proxy.accessLines()[0], { status: 499 }, phase)
  }
})

test('a caller who reads slowly slows AMSU down instead of filling the memory', async t => {
  let sent = 0
  const chunk = Buffer.alloc(65_536)
  const { proxy } = await setUp(t, socket => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n')
    const push = (): void => { while (socket.write(chunk)) sent += chunk.length }
    socket.on('drain', push)
    push()
  })
  const caller = net.connect(proxy.port, '127.0.0.1', () => caller.write(`GET ${PATH} HTTP/1.1\r\nHost: localhost\r\n\r\n`))
  await once(caller, 'readable')
  caller.pause()
  let before = -1
  while (before !== sent) {
    before = sent
    await new Promise(resolve => setTimeout(resolve, 200))
  }
  t.ok(sent < 40_000_000, `${sent} bytes taken for a caller who reads none`)
  caller.destroy()
})

test('CVE-2026-6733: an unsolicited response reaches no client, whenever it comes', async t => {
  const unasked = 'HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nunasked!'
  for (const when of ['together', 'next', 'later']) {
    const { proxy, upstream } = await setUp(t, socket => {
      if (when === 'together') socket.write(OK + unasked)
      else socket.write(OK, () => { if (when === 'next') setImmediate(() => { socket.write(unasked) }); else setTimeout(() => { socket.write(unasked) }, 30) })
    })
    t.equal((await call(proxy.origin, PATH)).text, 'ok', when)
    const first = [...upstream.sockets].at(-1) as Socket
    if (when === 'later') await once(first, 'close')
    for (let i = 0; i < 3; i++) t.equal((await call(proxy.origin, PATH)).text, 'ok', when)
    t.equal(upstream.heads.length, 4)
  }
})
