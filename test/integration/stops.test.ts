/**
 * What a stop and a cut leave behind them: whole responses stay whole, what is cut looks cut and is logged, and nobody is forgotten.
 */
import { test, type Test } from 'tap'
import { once } from 'node:events'
import { renameSync, symlinkSync } from 'node:fs'
import type http from 'node:http'
import net, { type Socket } from 'node:net'
import { dirname } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { endProgram, startProgram } from '../support/program.ts'
import { startProxy, type Proxy } from '../support/proxy.ts'
import { connectBoth, connectRaw, listenOn, statuses, type RawClient } from '../support/raw-client.ts'
import { until } from '../support/until.ts'
import { startScripted, startUpstream } from '../support/upstream.ts'

const PATH = '/amsu-analysis/v2/things/'

/** Smaller than what a stream takes before it says that it is full: AMSU's response is then read to its end all the same. */
const PIECE = `2000\r\n${'x'.repeat(8_192)}\r\n`

/** A response without length to an HTTP/1.0 client that reads nothing: its last piece waits in the proxy, all before it in the kernels. */
async function setUpUnread (t: Test, settings: Record<string, string>): Promise<{ proxy: Proxy, client: RawClient, accepted: Socket }> {
  const amsu: Socket[] = []
  const upstream = await startScripted((_head, socket) => { amsu.push(socket) })
  const proxy = await startProxy(upstream.origin, settings)
  t.teardown(async () => { await proxy.stop(); await upstream.close() })
  const { client, accepted } = await connectBoth(t, proxy)
  client.socket.write(`GET ${PATH} HTTP/1.0\r\nHost: localhost\r\n\r\n`)
  await until(() => amsu.length === 1)
  const [socket] = amsu as [Socket]
  socket.setNoDelay(true).write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')
  for (let pieces = 1; accepted.writableLength === 0; pieces++) {
    socket.write(PIECE)
    while (accepted.bytesWritten < pieces * 8_192) await nextTurn()
  }
  socket.write('1\r\nx\r\n0\r\n\r\n')
  await until(() => accepted.writableLength > 8_192)
  return { proxy, client, accepted }
}

test('a response whose end is not written when the grace period is over is cut by a reset, never ended cleanly, and logged as 499', async t => {
  const { proxy, client } = await setUpUnread(t, { SHUTDOWN_GRACE_MS: '50' })
  await proxy.stop()
  t.match(proxy.accessLines(), [{ status: 499 }])
  t.equal(proxy.accessLines().length, 1)
  t.ok(await client.isReset())
})

test('a response whose end its client does not read is cut after the idle timeout and logged as 499', async t => {
  const { proxy, client, accepted } = await setUpUnread(t, { UPSTREAM_IDLE_TIMEOUT_MS: '300' })
  await until(() => accepted.destroyed)
  await proxy.untilLogged(1)
  t.match(proxy.accessLines(), [{ status: 499 }])
  t.ok(await client.isReset())
})

for (const leave of ['destroy', 'resetAndDestroy'] as const) {
  test(`a client that leaves while its POST of 300 kB waits for a token is noticed, and AMSU gets nothing: ${leave}`, async t => {
    const waiting: http.ServerResponse[] = []
    const upstream = await startUpstream({ onToken (_received, res) { waiting.push(res) } })
    const proxy = await startProxy(upstream.origin)
    t.teardown(async () => { await proxy.stop(); await upstream.close() })
    await until(() => waiting.length === 1)
    const { client, accepted } = await connectBoth(t, proxy)
    client.socket.write(`POST ${PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 300000\r\n\r\n${'x'.repeat(300_000)}`)
    await until(() => accepted.bytesRead > 65_536)
    await until(() => client.socket.writableLength === 0)
    client.socket[leave]()
    await proxy.untilLogged(1)
    t.match(proxy.accessLines(), [{ status: 499 }])
    waiting[0]?.end(JSON.stringify({ access_token: 'x'.repeat(40), token_type: 'bearer', expires_in: 3600 }))
    await until(() => proxy.lines.some(line => line.includes('token obtained')))
    for (let turns = 0; turns < 20; turns++) await nextTurn()
    t.equal(upstream.received.length, 0)
    t.ok(upstream.sockets.size <= 1, 'no connection but that of the token call')
  })
}

test('everybody who has connected when SIGTERM comes gets a response, also before it was accepted', async t => {
  const upstream = await startUpstream()
  t.teardown(upstream.close)
  const program = await startProgram(upstream.origin)
  t.teardown(async () => { await endProgram(program) })
  // While it stands still, connections wait in the kernel.
  program.child.kill('SIGSTOP')
  const clients = await Promise.all(Array.from({ length: 60 }, async () => {
    const client = await connectRaw(t, program.origin)
    await new Promise<void>(resolve => client.socket.write(`POST ${PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nhi`, () => { resolve() }))
    return client
  }))
  program.child.kill('SIGTERM')
  program.child.kill('SIGCONT')
  const texts = await Promise.all(clients.map(async client => await client.readAll()))
  t.ok(texts.every(text => /^HTTP\/1\.1 (?:200|503) /.test(text)), statuses(texts.join('')).join())
  t.ok(clients.every(({ events }) => events.join() === 'end,close'))
  t.equal(upstream.received.length, texts.filter(text => text.includes(' 200 ')).length)
  t.strictSame(await program.exited, { code: 0, signal: null })
})

test('a socket file that cannot be removed does not end a stop: requests in flight finish, and the log says so', async t => {
  const held: http.ServerResponse[] = []
  const upstream = await startUpstream({ onRequest (_received, res) { held.push(res) } })
  t.teardown(upstream.close)
  const listener = listenOn(t, 'a unix socket')
  const proxy = await startProxy(upstream.origin, { SHUTDOWN_GRACE_MS: '60000', ...listener })
  const client = await connectRaw(t, proxy.origin)
  client.socket.write(`POST ${PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nhi`)
  await until(() => held.length === 1)
  // A directory that leads to itself lets nobody in, not even root.
  const dir = dirname(String(listener['UNIX_SOCKET']))
  renameSync(dir, `${dir}-moved`)
  symlinkSync(dir, dir)
  const stopped = proxy.stop()
  await until(() => proxy.lines.some(line => line.includes('the socket file cannot be removed')))
  held[0]?.end('paid for')
  t.match(await client.readAll(), /^HTTP\/1\.1 200 [^]*paid for/)
  await stopped
})

test('a connection that becomes idle while the proxy stops is closed at once, though another request is still in flight', async t => {
  const held: http.ServerResponse[] = []
  const upstream = await startUpstream({ onRequest ({ url }, res) { held.push(res); if (url.endsWith('begun')) res.write('begun, ') } })
  const proxy = await startProxy(upstream.origin, { SHUTDOWN_GRACE_MS: '60000' })
  t.teardown(upstream.close)
  const other = await connectRaw(t, proxy.origin)
  other.socket.write(`GET ${PATH} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
  await until(() => held.length === 1)
  // The head of this response has left before the stop, so it could not say that the connection will close.
  const client = await connectRaw(t, proxy.origin)
  client.socket.write(`GET ${PATH}begun HTTP/1.1\r\nHost: localhost\r\n\r\n`)
  client.socket.resume()
  await until(() => client.text().includes('begun, '))
  const stopped = proxy.stop()
  for (let turns = 0; turns < 20; turns++) await nextTurn()
  held[1]?.end('ended')
  const text = await client.readAll()
  t.match(text, 'ended')
  t.notMatch(text, /connection: close/i)
  t.equal(other.text(), '', 'the other one is in flight')
  held[0]?.end('ok')
  t.match(await other.readAll(), /^HTTP\/1\.1 200 /)
  await stopped
})

for (const [name, before, after] of [
  ['says nothing', '', ''],
  ['sends another request', '', 'GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n'],
  ['sends the rest of another request', 'GET /livez HTTP/1.1\r\nHo', 'st: localhost\r\n\r\n'],
] as const) {
  test(`a stop does not truncate a response that the kernel still holds for a client that reads late and ${name}`, async t => {
    const large = Buffer.alloc(1_500_000, 'paid for ')
    const held: http.ServerResponse[] = []
    const upstream = await startUpstream({ onRequest ({ url }, res) { if (url.endsWith('held')) held.push(res); else res.end(large) } })
    const proxy = await startProxy(upstream.origin, { SHUTDOWN_GRACE_MS: '60000' })
    t.teardown(upstream.close)
    const other = net.connect(proxy.port, '127.0.0.1')
    other.write(`GET ${PATH}held HTTP/1.1\r\nHost: localhost\r\n\r\n`)
    await until(() => held.length === 1)
    const { client, accepted } = await connectBoth(t, proxy)
    client.socket.write(`POST ${PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\na${before}`)
    await proxy.untilLogged(1)
    t.equal(accepted.writableLength, 0, 'all of it lies in the kernel')
    const stopped = proxy.stop()
    if (before === '') await until(() => accepted.writableEnded)
    else await nextTurn()
    client.socket.write(after)
    await new Promise(resolve => setTimeout(resolve, 50)) // a reset would come by now
    const text = await client.readAll()
    t.ok(text.includes(large.toString('latin1')), `${text.length} bytes`)
    t.strictSame(client.events, ['end', 'close'])
    const closed = once(other, 'close')
    held[0]?.end()
    other.resume()
    await Promise.all([stopped, closed])
  })
}
