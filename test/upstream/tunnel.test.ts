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

test('a tunnel in which the server speaks first is rejected: in TLS the client does', async t => {
  const odd = await startOdd(t, socket => { socket.write(`${ESTABLISHED}who speaks here`) })
  await t.rejects(openTunnel(odd, 'amsu.example:443', AbortSignal.timeout(IN_TIME_MS)), { name: 'ForwardProxyError', status: 200 })
})

test('a forward proxy that is not there, hangs up or speaks no HTTP has no status, and its fault as cause', async t => {
  for (const [forward, code] of [
    [at(9), 'ECONNREFUSED'],
    [await startOdd(t, socket => { socket.end() }), 'ECONNRESET'],
    [await startOdd(t, socket => { socket.end('garbage\r\n\r\n') }), /^HPE_/],
  ] as const) await t.rejects(openTunnel(forward, 'amsu.example:443', AbortSignal.timeout(IN_TIME_MS)), { name: 'ForwardProxyError', status: undefined, cause: { code } })
})

test('an aborted attempt closes its connection to a silent forward proxy', async t => {
  const giveUp = new AbortController()
  let closed: Promise<unknown> | undefined
  const silent = await startOdd(t, socket => { closed = once(socket, 'close'); giveUp.abort() })
  await t.rejects(openTunnel(silent, 'amsu.example:443', giveUp.signal), { name: 'ForwardProxyError', status: undefined, cause: { name: 'AbortError' } })
  await closed
})

test('a tunnel is requested by name and port, 443 by default, an IPv6 address in brackets', async t => {
  for (const [target, authority] of [
    [{ hostname: 'amsu.example', port: '' }, 'amsu.example:443'], [{ hostname: 'amsu.example', port: '8443' }, 'amsu.example:8443'], [{ hostname: '2001:db8::7', port: '' }, '[2001:db8::7]:443'],
  ] as const) t.equal(authorityOf(target), authority)
})
