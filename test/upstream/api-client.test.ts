import { test, type Test } from 'tap'
import { getEventListeners, once } from 'node:events'
import type { Socket } from 'node:net'
import { gzipSync } from 'node:zlib'
import { createApiClient, type ApiClient, type ApiResponseHead } from '../../src/upstream/api-client.ts'
import { createConnector } from '../../src/upstream/connector.ts'
import { until } from '../support/until.ts'
import { json, startTcp, startUpstream } from '../support/upstream.ts'

const GET = { method: 'GET', path: '/x', headers: [] } as const

/** A signal that never aborts. */
const never = (): AbortSignal => new AbortController().signal

function clientFor (t: Test, origin: string): ApiClient {
  const connect = createConnector({ connectTimeoutMs: 10_000, certificateAuthority: () => undefined, forwardProxy: undefined })
  const client = createApiClient({ origin, connect, connectTimeoutMs: 10_000, forwardProxy: undefined, maxConnections: 2 })
  t.teardown(async () => { await client.destroy() })
  return client
}

/** A client of a server that handles each request by the test's function. */
async function startOdd (t: Test, onRequest: (socket: Socket) => void): Promise<ApiClient> {
  const { origin, close } = await startTcp(socket => { socket.once('data', () => { onRequest(socket) }) })
  t.teardown(close)
  return clientFor(t, origin)
}

test('a call is sent as it is given, with its host and length, over a connection of its own, and its response is read completely', async t => {
  const upstream = await startUpstream({ onRequest (_received, res) { res.writeHead(201, ['X-Twice', 'one', 'x-twice', 'two', 'Content-Type', 'text/plain']).write('a'); res.end('bc') } })
  t.teardown(upstream.close)
  const client = clientFor(t, upstream.origin)
  const head: ApiResponseHead[] = []
  const response = await client.request({ method: 'PUT', path: '/x?y=%20', headers: ['Accept', 'a/b'], body: Buffer.from('ä'), signal: never(), onResponseHead: received => { head.push(received) } })
  t.match(response, { status: 201, headers: { 'x-twice': 'one', 'content-type': 'text/plain' }, body: Buffer.from('abc') })
  t.match(head, [{ status: 201, headers: { 'x-twice': 'one' } }])
  const { host } = new URL(upstream.origin)
  t.match(upstream.received, [{ method: 'PUT', url: '/x?y=%20', body: Buffer.from('ä'), rawHeaders: ['host', host, 'Accept', 'a/b', 'content-length', '2', 'connection', 'close'] }])
  t.equal((await client.request({ ...GET, signal: never() })).status, 201)
  t.match(upstream.received[1]?.rawHeaders, ['host', host, 'connection', 'close'])
})

test('a body of 64 KiB is read; a longer one is an error and closes the connection', async t => {
  let length = 65_536
  const upstream = await startUpstream({ onRequest (_received, res) { res.write(Buffer.alloc(length)); if (length === 65_536) res.end() } })
  t.teardown(upstream.close)
  const client = clientFor(t, upstream.origin)
  t.equal((await client.request({ ...GET, signal: never() })).body?.length, length)
  length++
  t.match(await client.request({ ...GET, signal: never() }), { status: 200, body: undefined })
  await until(() => upstream.sockets.size === 0)
})

test('nothing is followed and nothing decompressed', async t => {
  const body = gzipSync('{}')
  const upstream = await startUpstream({ onRequest (_received, res) { res.writeHead(302, { location: '/elsewhere', 'content-encoding': 'gzip' }).end(body) } })
  t.teardown(upstream.close)
  t.match(await clientFor(t, upstream.origin).request({ ...GET, signal: never() }), { status: 302, headers: { location: '/elsewhere' }, body })
  t.equal(upstream.received.length, 1)
})

test('an aborted call ends with the reason of its signal, and its connection closes; a call aborted before it began is never sent', async t => {
  const upstream = await startUpstream({ onRequest: () => {} })
  t.teardown(upstream.close)
  const client = clientFor(t, upstream.origin)
  const controller = new AbortController()
  const reason = new Error('enough')
  const given = client.request({ ...GET, signal: controller.signal })
  await until(() => upstream.received.length === 1)
  controller.abort(reason)
  await t.rejects(given, reason)
  await until(() => upstream.sockets.size === 0)
  await t.rejects(client.request({ ...GET, signal: controller.signal }), reason)
  t.equal(upstream.received.length, 1)
})

test('a signal that lives on knows nothing of calls that are over', async t => {
  const { signal } = new AbortController()
  let isBroken = false
  const upstream = await startUpstream({ onRequest (_received, res) { if (isBroken) res.socket?.destroy(); else json(res, 200, {}) } })
  t.teardown(upstream.close)
  const client = clientFor(t, upstream.origin)
  await client.request({ ...GET, signal })
  isBroken = true
  await t.rejects(client.request({ ...GET, signal }), { code: 'ERR_CONNECTION_ENDED' })
  t.strictSame(getEventListeners(signal, 'abort'), [])
})

test('a failure is known by its code, whether there was a connection by onConnected, and a head that came by onHead', async t => {
  for (const [onRequest, code, told] of [
    [(socket: Socket) => { socket.resetAndDestroy() }, 'ECONNRESET', ['connected']],
    [(socket: Socket) => { socket.end('HTTP/1.1 503 No\r\nContent-Length: 9\r\n\r\nshort') }, 'ERR_CONNECTION_ENDED', ['connected', 503]],
    [(socket: Socket) => { socket.end('\x00garbage\r\n\r\n') }, 'ERR_INVALID_RESPONSE', ['connected']],
  ] as const) {
    const seen: unknown[] = []
    const client = await startOdd(t, onRequest)
    await t.rejects(client.request({ ...GET, signal: never(), onConnected () { seen.push('connected') }, onResponseHead ({ status }) { seen.push(status) } }), { code })
    t.strictSame(seen, told, code)
  }
  const gone = await startTcp(() => {})
  await gone.close()
  await t.rejects(clientFor(t, gone.origin).request({ ...GET, signal: never(), onConnected () { t.fail('connected') } }), { code: 'ECONNREFUSED' })
})

test('when the proxy stops, calls in flight and calls that wait for a connection fail', async t => {
  const received: Array<Promise<unknown>> = []
  const { origin, close } = await startTcp(socket => { received.push(once(socket, 'data')) })
  t.teardown(close)
  const client = clientFor(t, origin)
  const calls = [1, 2, 3].map(async () => { await t.rejects(client.request({ ...GET, signal: never() }), { code: 'ERR_CONNECTION_ENDED' }) })
  await until(() => received.length === 2)
  await Promise.all(received)
  await client.destroy()
  await Promise.all(calls)
})
