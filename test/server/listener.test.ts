import { test, type Test } from 'tap'
import net from 'node:net'
import http from 'node:http'
import type { ProxyError } from '../../src/errors.ts'
import { Secret } from '../../src/secrets/secret.ts'
import { Listener, type ListenerOptions } from '../../src/server/listener.ts'
import { pemPath, readPair, shownName } from '../support/tls.ts'

async function setUp (t: Test, options: Partial<ListenerOptions> = {}): Promise<{ listener: Listener, rejected: ProxyError[] }> {
  const rejected: ProxyError[] = []
  const listener = new Listener({
    tls: undefined,
    headTimeoutMs: undefined,
    onRequest (req, res) { res.end(`${req.method} ${req.headers['content-length'] ?? ''}`) },
    onRejected (error) { rejected.push(error); return 'an-id' },
    ...options,
  })
  t.teardown(async () => { listener.destroyAll(); await listener.close() })
  return { listener, rejected }
}

async function send (host: string, port: number, bytes: string): Promise<string> {
  return await new Promise(resolve => {
    let text = ''
    const socket = net.connect(port, host, () => { socket.write(bytes) })
    socket.on('data', chunk => { text += chunk.toString('latin1') }).on('error', () => {}).on('close', () => { resolve(text) })
  })
}

/** Addresses of this machine for a test name; macOS has the first one only. */
const ADDRESSES = process.platform === 'linux' ? ['127.0.0.1', '127.0.0.2'] : ['127.0.0.1']

test('every address of a name has the same server: expectations, CONNECT, headers without number, broken heads', async t => {
  const { listener, rejected } = await setUp(t, { resolve: async () => ADDRESSES })
  const origin = await listener.listen({ host: 'localhost', port: 0 })
  const port = Number(new URL(origin).port)
  t.equal(listener.servers.length, ADDRESSES.length)
  for (const host of ADDRESSES) {
    t.match(await send(host, port, `POST / HTTP/1.1\r\nHost: a\r\n${'A:1\r\n'.repeat(2_100)}Connection: close\r\nContent-Length: 5\r\n\r\nhello`), /POST 5/, `${host}: the length behind 2,100 headers`)
    t.match(await send(host, port, 'CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n'), /^HTTP\/1\.1 405 /, host)
    t.match(await send(host, port, '\x00\r\n\r\n'), /^HTTP\/1\.1 400 /, host)
    t.notMatch(await send(host, port, 'POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello'), / 100 /, `${host}: nobody says 100 for us`)
  }
  t.strictSame(rejected.map(({ code }) => code), ADDRESSES.flatMap(() => ['METHOD_REJECTED', 'BAD_REQUEST']))
})

test('every address of a name shows the certificate, and the new one after a rotation', async t => {
  const tls = (name: 'server' | 'second') => ({ cert: readPair(name).cert, key: new Secret(readPair(name).key), certPath: pemPath('server.pem'), keyPath: pemPath('server-key.pem') })
  const { listener } = await setUp(t, { tls: tls('server'), resolve: async () => ADDRESSES })
  const origin = await listener.listen({ host: 'localhost', port: 0 })
  t.match(origin, /^https:/)
  const port = Number(new URL(origin).port)
  const before = await shownName(port)
  listener.showCertificate(tls('second'))
  for (const host of ADDRESSES) t.not(await shownName(port, { host, servername: 'localhost' }), before, host)
})

test('an address that this machine does not have is left out, unless it has none of them', async t => {
  const { listener } = await setUp(t, { resolve: async () => ['192.0.2.1', '127.0.0.1'] })
  t.match(await listener.listen({ host: 'name.test', port: 0 }), /^http:\/\/127\.0\.0\.1:\d+$/)
  const nowhere = await setUp(t, { resolve: async () => ['192.0.2.1'] })
  await t.rejects(nowhere.listener.listen({ host: 'name.test', port: 0 }), { code: 'EADDRNOTAVAIL' })
})

test('a port that is in use on any address of the name is an error: another program there would receive secrets', { skip: ADDRESSES.length > 1 ? false : 'needs two loopback addresses' }, async t => {
  const taken = http.createServer().listen(0, '127.0.0.2')
  await new Promise(resolve => { taken.once('listening', resolve) })
  t.teardown(() => taken.close())
  const { port } = taken.address() as net.AddressInfo
  const { listener } = await setUp(t, { resolve: async () => ADDRESSES })
  await t.rejects(listener.listen({ host: 'localhost', port }), { code: 'EADDRINUSE' })
})

test('a name that nothing resolves is an error with the code of the resolver', async t => {
  const { listener } = await setUp(t, { resolve: async () => { throw Object.assign(new Error(), { code: 'ENOTFOUND' }) } })
  await t.rejects(listener.listen({ host: 'name.invalid', port: 0 }), { code: 'ENOTFOUND' })
})
