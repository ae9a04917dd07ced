import { test, type Test } from 'tap'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import type { ForwardProxy } from '../../src/upstream/forward-proxy.ts'
import { authorityOf, openTunnel } from '../../src/upstream/tunnel.ts'
import { Secret } from '../../src/secrets/secret.ts'
import { startForwardProxy } from '../support/forward-proxy.ts'
import { startTcp } from '../support/upstream.ts'

const ESTABLISHED = 'HTTP/1.1 200 Connection established\r\n\r\n'

/** Longer than any test runs. */
const IN_TIME_MS = 20_000

function at (port: number, authorization?: Secret): ForwardProxy {
  return { host: '127.0.0.1', port, authorization, secret: undefined }
}

/** A forward proxy that handles each request by the test's function. */
async function startOdd (t: Test, onRequest: (socket: Socket) => void): Promise<ForwardProxy> {
  const { port, close } = await startTcp(socket => { socket.once('data', () => { onRequest(socket) }) })
  t.teardown(close)
  return at(port)
}

test('a tunnel leads where it was asked to, and only the forward proxy is shown who we are', async t => {
  let seen = ''
  const goal = await startTcp(socket => { socket.on('data', chunk => { seen += String(chunk); socket.write('well met') }) })
  const forward = await startForwardProxy({ credentials: 'me:forward-pass' })
  t.teardown(async () => { await forward.close(); await goal.close() })
  const authorization = `Basic ${Buffer.from('me:forward-pass').toString('base64')}`
  const authority = `127.0.0.1:${goal.port}`
  const socket = await openTunnel(at(forward.port, new Secret(authorization)), authority, AbortSignal.timeout(IN_TIME_MS))
  socket.write('hello')
  t.equal(String((await once(socket, 'data'))[0]), 'well met')
  t.equal(seen, 'hello')
  t.match(forward.asked, [{ method: 'CONNECT', target: authority, headers: { host: authority, 'proxy-authorization': authorization } }])
  socket.destroy()
})

test('a refusal is reported with its status, and closes the connection', async t => {
  for (const status of [302, 403, 407, 502]) {
    let closed: Promise<unknown> | undefined
    const odd = await startOdd(t, socket => { closed = once(socket, 'close'); socket.write(`HTTP/1.1 ${status} No\r\n\r\n`) })
    await t.rejects(openTunnel(odd, 'amsu.example:443', AbortSignal.timeout(IN_TIME_MS)), { name: 'ForwardProxyError', status, cause: undefined })
    await closed
  }
})

test('interim responses of the forward proxy are skipped, in one segment with the final one or byte by byte', async t => {
  const interim = 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\nContent-Length: 5\r\nConnection: close\r\n\r\n'
  for (const pieces of [[interim + ESTABLISHED], [interim, ESTABLISHED], [...interim + ESTABLISHED]]) {
    let seen = ''
    const odd = await startOdd(t, socket => {
      socket.setNoDelay(true)
      for (const piece of pieces) socket.write(piece)
      socket.on('data', chunk => { seen += String(chunk); socket.write('well met') })
    })
    const socket = await openTunnel(odd, 'amsu.example:443', AbortSignal.timeout(IN_TIME_MS))
    socket.write('hello')
    t.equal(String((await once(socket, 'data'))[0]), 'well met')
    t.equal(seen, 'hello')
    socket.destroy()
  }
})

test('a refusal behind interim responses is reported with its own status', async t => {
  const odd = await startOdd(t, socket => { socket.write('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 407 No\r\n\r\n') })
  await t.rejects(openTunnel(odd, 'amsu.example:443', AbortSignal.timeout(IN_TIME_MS)), { name: 'ForwardProxyError', status: 407 })
})

test('interim responses without end, and a switch of protocols, are no HTTP', async t => {
  const endless = 'HTTP/1.1 102 Processing\r\n\r\n'.repeat(12_000)
  for (const text of [`${endless}${ESTABLISHED}`, `HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n${ESTABLISHED}`]) {
    let closed: Promise<unknown> | undefined
    const odd = await startOdd(t, socket => { closed = new Promise(resolve => socket.once('close', resolve)); socket.write(text) })
    await t.rejects(openTunnel(odd, 'amsu.example:443', AbortSignal.timeout(IN_TIME_MS)), { name: 'ForwardProxyError', status: undefined, cause: { code: 'ERR_INVALID_RESPONSE' } })
    await closed
  }
})

test('any 2xx opens the tunnel, in HTTP/1.0 too, and what its headers say of a body is ignored', async t => {
  for (const head of [
    'HTTP/1.0 200 Connection established', 'HTTP/1.1 201 Created', 'HTTP/1.1 204 No Content', 'HTTP/1.1 299 Fine', 'HTTP/1.1 200',
    'HTTP/1.1 200 OK\r\nContent-Length: 5', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked', 'HTTP/1.1 200 OK\r\nContent-Length: x\r\nTransfer-Encoding: gzip\r\nConnection: close',
  ]) {
    const odd = await startOdd(t, socket => { socket.write(`${head}\r\n\r\n`); socket.once('data', () => { socket.write('well met') }) })
    const socket = await openTunnel(odd, 'amsu.example:443', AbortSignal.timeout(IN_TIME_MS))
    socket.write('hello')
    t.equal(String((await once(socket, 'data'))[0]), 'well met', head)
    socket.destroy()
  }
})

test('a tunnel in which the server speaks first is rejected: in TLS the client does', async t => {
  const odd = await startOdd(t, socket => { socket.write(`${ESTABLISHED}who speaks here`) })
  await t.rejects(openTunnel(odd, 'amsu.example:443', AbortSignal.timeout(IN_TIME_MS)), { name: 'ForwardProxyError', status: 200 })
})

test('a forward proxy that is not there, hangs up or speaks no HTTP has no status, and its fault as cause', async t => {
  for (const [forward, code] of [
    [at(9), 'ECONNREFUSED'],
    [await startOdd(t, socket => { socket.end() }), 'ERR_CONNECTION_ENDED'],
    [await startOdd(t, socket => { socket.end('HTTP/1.1 200 Conn') }), 'ERR_CONNECTION_ENDED'],
    [await startOdd(t, socket => { socket.resetAndDestroy() }), 'ECONNRESET'],
    [await startOdd(t, socket => { socket.end('garbage\r\n\r\n') }), 'ERR_INVALID_RESPONSE'],
  ] as const) await t.rejects(openTunnel(forward, 'amsu.example:443', AbortSignal.timeout(IN_TIME_MS)), { name: 'ForwardProxyError', status: undefined, cause: { code } })
})

test('an aborted attempt closes its connection to a silent forward proxy', async t => {
  const giveUp = new AbortController()
  let closed: Promise<unknown> | undefined
  const silent = await startOdd(t, socket => { closed = once(socket, 'close'); giveUp.abort() })
  await t.rejects(openTunnel(silent, 'amsu.example:443', giveUp.signal), { name: 'ForwardProxyError', status: undefined, cause: { name: 'AbortError' } })
  await closed
  await t.rejects(openTunnel(silent, 'amsu.example:443', giveUp.signal), { name: 'ForwardProxyError', cause: { name: 'AbortError' } })
})

test('a tunnel is requested by name and port, 443 by default, an IPv6 address in brackets', async t => {
  for (const [target, authority] of [
    [{ hostname: 'amsu.example', port: '' }, 'amsu.example:443'], [{ hostname: 'amsu.example', port: '8443' }, 'amsu.example:8443'], [{ hostname: '2001:db8::7', port: '' }, '[2001:db8::7]:443'],
  ] as const) t.equal(authorityOf(target), authority)
})
