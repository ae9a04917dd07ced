/**
 * Connections through a forward proxy that fail, or break during the TLS handshake.
 */
import { test, type Test } from 'tap'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { createConnector } from '../../src/upstream/connector.ts'
import type { ForwardProxy } from '../../src/upstream/forward-proxy.ts'
import { startTcp } from '../support/upstream.ts'

const ESTABLISHED = 'HTTP/1.1 200 Connection established\r\n\r\n'

/** A forward proxy that handles each request by the test's function. */
async function startOdd (t: Test, onRequest: (socket: Socket) => void): Promise<ForwardProxy> {
  const { port, close } = await startTcp(socket => { socket.once('data', () => { onRequest(socket) }) })
  t.teardown(close)
  return { host: '127.0.0.1', port, authorization: undefined, secret: undefined }
}

/** Opens a connection, and records each call of the callback. */
async function connect (forwardProxy: ForwardProxy, protocol: 'http:' | 'https:' = 'https:', connectTimeoutMs = 10_000): Promise<Array<{ error: Error | null, socket: Socket | null }>> {
  const connector = createConnector({ forwardProxy, connectTimeoutMs, certificateAuthority: () => undefined })
  const responses: Array<{ error: Error | null, socket: Socket | null }> = []
  await new Promise<void>(resolve => {
    connector({ protocol, hostname: 'amsu.example', host: 'amsu.example', port: '' }, (error, socket) => {
      responses.push({ error, socket })
      resolve()
    })
  })
  return responses
}

test('a rejection is reported with its status', async t => {
  const forwardProxy = await startOdd(t, socket => { socket.end('HTTP/1.1 403 No\r\n\r\n') })
  t.match(await connect(forwardProxy), [{ error: { name: 'ForwardProxyError', status: 403 }, socket: null }])
})

test('a forward proxy that is not there is known by its fault, and one that is silent by the timeout', async t => {
  for (const protocol of ['http:', 'https:'] as const) {
    t.match(await connect({ host: '127.0.0.1', port: 9, authorization: undefined, secret: undefined }, protocol), [{ error: { name: 'ForwardProxyError', cause: { code: 'ECONNREFUSED' } } }])
  }
  const silent = await startOdd(t, () => {})
  t.match(await connect(silent, 'https:', 200), [{ error: { name: 'ForwardProxyError', status: undefined, cause: { code: 'ERR_CONNECT_TIMEOUT' } }, socket: null }])
})

test('a handshake whose line breaks, or that is not done in time, is one failure and no wait without end, and its line is closed', async t => {
  const broken = await startOdd(t, socket => { socket.write(ESTABLISHED); socket.once('data', () => { socket.resetAndDestroy() }) })
  t.match(await connect(broken), [{ error: { code: /^(?:ECONNRESET|ERR_FORWARD_PROXY)$/ }, socket: null }])
  let closed: Promise<unknown> | undefined
  const silent = await startOdd(t, socket => { socket.write(ESTABLISHED); closed = once(socket.resume(), 'close') })
  t.match(await connect(silent, 'https:', 300), [{ error: { name: 'ForwardProxyError', status: undefined, cause: { code: 'ERR_CONNECT_TIMEOUT' } }, socket: null }])
  await closed
})

test('for http the connection leads to the forward proxy itself, and its callback is called once, also when the connection breaks later', async t => {
  const { port, close } = await startTcp(socket => { socket.once('data', () => { socket.resetAndDestroy() }) })
  t.teardown(close)
  const responses = await connect({ host: '127.0.0.1', port, authorization: undefined, secret: undefined }, 'http:')
  const { socket } = responses[0] as { socket: Socket }
  t.equal(socket.remotePort, port)
  socket.write('x')
  await new Promise(resolve => socket.resume().once('close', resolve))
  t.match(responses, [{ error: null }])
  t.equal(responses.length, 1)
})
