import { once } from 'node:events'
import http from 'node:http'
import net from 'node:net'
import type { AddressInfo } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { test, type Test } from 'tap'
import { readTokenRequestBody } from '../../src/callers/token-request-body.ts'
import { systemClock, type Clock } from '../../src/clock.ts'
import { ProxyError } from '../../src/errors.ts'
import { FakeClock } from '../support/fake-clock.ts'

/** The result of reading: the text, undefined if the client disconnected, or the code of the error. */
type Result = { text: string | undefined } | { code: string }

/** Sends bytes to a server that reads bodies of at most 10 bytes; resolves with the result of reading and all bytes of the response. */
async function read (t: Test, bytes: string[], clock: Clock = systemClock, onStart = (_socket: net.Socket): void => {}): Promise<{ result: Result, response: string }> {
  let response = ''
  let onResult = (_result: Result): void => {}
  const result = new Promise<Result>(resolve => { onResult = resolve })
  const server = http.createServer()
  const handle = (req: http.IncomingMessage, res: http.ServerResponse): void => {
    res.shouldKeepAlive = false
    const reading = readTokenRequestBody(req, res, { limitBytes: 10, timeoutMs: 5_000, clock })
    reading.then(text => ({ text }), (error: unknown) => ({ code: error instanceof ProxyError ? error.code : String(error) })).then(outcome => {
      onResult(outcome)
      t.equal(req.listenerCount('data') + req.listenerCount('close'), 0, 'nothing is left behind')
      res.end()
    }, t.error)
    onStart(socket)
  }
  server.on('request', handle).on('checkContinue', handle).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const socket = net.connect((server.address() as AddressInfo).port, '127.0.0.1', () => { for (const part of bytes) socket.write(part) })
  socket.on('data', chunk => { response += chunk.toString() }).on('error', () => {})
  await once(socket, 'close')
  server.close()
  return { result: await result, response }
}

const head = (...headers: string[]): string => `POST / HTTP/1.1\r\nHost: x\r\n${headers.map(header => `${header}\r\n`).join('')}\r\n`

test('a body is read completely, of any content type or none', async t => {
  for (const type of ['Content-Type: application/x-www-form-urlencoded', 'Content-Type: nonsense', 'Content-Type: ', 'X: y']) {
    t.strictSame((await read(t, [head(type, 'Content-Length: 10'), '12345', '67890'])).result, { text: '1234567890' }, type)
  }
  t.strictSame((await read(t, [head('Transfer-Encoding: chunked'), '2\r\n\u00e9\r\n', '1\r\nx\r\n0\r\n\r\n'])).result, { text: '\u00e9x' })
})

test('no body is an empty one', async t => {
  t.strictSame((await read(t, [head()])).result, { text: '' })
  t.strictSame((await read(t, [head('Content-Length: 0')])).result, { text: '' })
})

test('a body that says it is too large is rejected before a byte of it is read, and gets no 100', async t => {
  const { response, result } = await read(t, [head('Content-Length: 11', 'Expect: 100-continue')])
  t.strictSame(result, { code: 'BODY_TOO_LARGE' })
  t.notMatch(response, '100 Continue')
})

test('a body that turns out too large is rejected where it does', async t => {
  t.strictSame((await read(t, [head('Transfer-Encoding: chunked'), 'a\r\n1234567890\r\n', '1\r\nx\r\n'])).result, { code: 'BODY_TOO_LARGE' })
})

test('who waits for a 100 gets it', async t => {
  const { response, result } = await read(t, [head('Content-Length: 2', 'Expect: 100-continue')], systemClock, socket => { setTimeout(() => { socket.write('ab') }, 10) })
  t.strictSame(result, { text: 'ab' })
  t.match(response, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200/)
})

test('a body that does not arrive in time is rejected', async t => {
  const clock = new FakeClock()
  const { result } = await read(t, [head('Content-Length: 5'), 'abc'], clock, () => { setTimeout(() => { clock.advance(5_000).catch(t.error) }, 20) })
  t.strictSame(result, { code: 'REQUEST_TIMEOUT' })
})

test('a client that disconnects in the middle gets no response, and no timer stays', async t => {
  const clock = new FakeClock()
  t.strictSame((await read(t, [head('Content-Length: 5'), 'abc'], clock, socket => { setTimeout(() => { socket.resetAndDestroy() }, 20) })).result, { text: undefined })
  t.equal(clock.pending, 0)
})

test('a client that disconnected before is not waited for', async t => {
  const req = new http.IncomingMessage(new net.Socket())
  req.destroy()
  t.equal(await readTokenRequestBody(req, new http.ServerResponse(req), { limitBytes: 10, timeoutMs: 5_000, clock: new FakeClock() }), undefined)
})

test('a body that arrives byte by byte is whole, and none of its chunks stays in memory', async t => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const req = new http.IncomingMessage(new net.Socket())
  const reading = readTokenRequestBody(req, new http.ServerResponse(req), { limitBytes: 16_384, timeoutMs: 5_000, clock: new FakeClock() })
  const chunks: Array<WeakRef<Buffer>> = []
  for (let i = 0; i < 5_000; i++) {
    const chunk = Buffer.from(String.fromCharCode(97 + i % 26))
    chunks.push(new WeakRef(chunk))
    req.push(chunk)
  }
  while (req.readableLength > 0) await nextTurn()
  await nextTurn()
  collect()
  const kept = chunks.filter(chunk => chunk.deref() !== undefined).length
  t.ok(kept < 100, `${kept} chunks are kept`)
  req.push(null)
  t.equal(await reading, 'abcdefghijklmnopqrstuvwxyz'.repeat(193).slice(0, 5_000))
})
