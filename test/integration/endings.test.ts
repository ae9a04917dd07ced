/**
 * What a client gets while the proxy stops, or when the proxy has a defect.
 */
import { test } from 'tap'
import { once } from 'node:events'
import net from 'node:net'
import { systemClock, type Clock } from '../../src/clock.ts'
import { call, errorCode } from '../support/client.ts'
import { startProxy } from '../support/proxy.ts'
import { until } from '../support/until.ts'
import { startUpstream } from '../support/upstream.ts'

const PATH = '/amsu-analysis/v2/things/'

test('a request that comes while the proxy stops, on a connection that was open, is 503 and ends it', async t => {
  let isHeld = false
  const upstream = await startUpstream({ onHead ({ headers }) { isHeld ||= headers['content-length'] === '2'; return false } })
  const proxy = await startProxy(upstream.origin, { SHUTDOWN_GRACE_MS: '20000' })
  t.teardown(upstream.close)
  const hold = net.connect(proxy.port, '127.0.0.1')
  const caller = net.connect(proxy.port, '127.0.0.1')
  t.teardown(() => { hold.destroy() })
  let text = ''
  caller.on('data', chunk => { text += chunk.toString() })
  // A first request with its response; then all but the last bytes of a second. Another upload keeps the proxy busy.
  caller.write(`GET ${PATH} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
  await until(() => text.includes('200 OK'))
  caller.write(`GET ${PATH} HTTP/1.1\r\nHost: localhost\r\n`)
  hold.write(`POST ${PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nx`)
  await until(() => isHeld)
  text = ''
  const stopped = proxy.stop()
  const closed = once(caller, 'close')
  caller.write('\r\n')
  await closed
  t.match(text, /^HTTP\/1\.1 503 /)
  t.match(text, /\r\nconnection: close\r\n/i)
  t.equal(errorCode(text), 'PROXY.DRAINING')
  const finished = once(hold, 'data') as Promise<[Buffer]>
  hold.write('x')
  const [response] = await finished
  t.match(response.toString(), /^HTTP\/1\.1 200 /, 'what was under way finishes')
  await stopped
  t.match(proxy.lines.map(line => JSON.parse(line) as object).filter(line => 'count' in line), [{ level: 40, errorCode: 'PROXY.DRAINING', count: 1, msg: 'requests are rejected' }], 'the log tells of it')
  t.equal(upstream.received.length, 2)
})

test('a defect is 500 with a request id, and the log says under that id what happened', async t => {
  let isBroken = false
  const clock: Clock = {
    ...systemClock,
    wall () {
      if (!isBroken) return systemClock.wall()
      isBroken = false // what looks at the clock first is what breaks
      throw new TypeError('the clock is gone')
    },
  }
  const upstream = await startUpstream()
  const proxy = await startProxy(upstream.origin, {}, clock)
  t.teardown(async () => { await proxy.stop(); await upstream.close() })
  t.equal((await call(proxy.origin, PATH)).status, 200)
  for (const [path, options] of [[PATH, { method: 'POST', body: 'x' }], ['/readyz', {}]] as const) {
    isBroken = true
    const got = await call(proxy.origin, path, options)
    t.equal(got.status, 500)
    t.equal(errorCode(got.text), 'PROXY.INTERNAL')
    t.notMatch(got.text, /clock/, 'the response does not say it')
    const id = String(got.headers['x-request-id'])
    t.ok(proxy.lines.some(line => line.includes(`"requestId":"${id}"`) && line.includes('the clock is gone')), 'the log does')
  }
  t.equal(upstream.received.length, 1, 'nothing was sent')
  t.equal((await call(proxy.origin, PATH)).status, 200, 'the next request is served')
})

test('a login whose body is arriving when the proxy stops gets its response within the grace period', async t => {
  const upstream = await startUpstream()
  const proxy = await startProxy(upstream.origin, { SHUTDOWN_GRACE_MS: '20000' })
  t.teardown(upstream.close)
  const body = 'client_id=app&client_secret=secret'
  const client = net.connect(proxy.port, '127.0.0.1')
  let text = ''
  client.on('data', chunk => { text += chunk.toString() })
  client.write(`POST /amsu-analysis/v2/token HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: ${body.length}\r\n\r\n${body.slice(0, 5)}`)
  await until(() => proxy.servers[0]?.listener.isBusy === true)
  const stopped = proxy.stop()
  setTimeout(() => { client.write(body.slice(5)) }, 150)
  await stopped
  t.match(text, /^HTTP\/1\.1 200 [^]*access_token/)
})

test('a response that is not written yet when the proxy stops is written whole', async t => {
  const length = 20_000_000
  const upstream = await startUpstream({ onRequest: (_received, res) => { res.end(Buffer.alloc(length, 'x')) } })
  const proxy = await startProxy(upstream.origin, { SHUTDOWN_GRACE_MS: '20000' })
  t.teardown(upstream.close)
  const client = net.connect(proxy.port, '127.0.0.1')
  client.write(`GET ${PATH} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
  await once(client, 'readable')
  const stopped = proxy.stop()
  let bytes = 0
  client.on('data', chunk => { bytes += chunk.length })
  await Promise.all([stopped, once(client, 'close')])
  t.ok(bytes > length, `${bytes} bytes`)
})
