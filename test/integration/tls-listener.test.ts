import { test, type Test } from 'tap'
import { once } from 'node:events'
import { copyFileSync, writeFileSync } from 'node:fs'
import type https from 'node:https'
import net from 'node:net'
import { join } from 'node:path'
import tls from 'node:tls'
import { systemClock } from '../../src/clock.ts'
import { call, sendBytes } from '../support/client.ts'
import { runProgram } from '../support/program.ts'
import { CLIENT_ID, CLIENT_SECRET, startProxy, type Proxy } from '../support/proxy.ts'
import { connectTls, pemPath, readPair, shownName, trustingAgent, type PairName } from '../support/tls.ts'
import { until } from '../support/until.ts'
import { startUpstream, type UpstreamOptions } from '../support/upstream.ts'

const PATH = '/amsu-analysis/v2/things/'
const LISTENER = { TLS_CERT_FILE: pemPath('server.pem'), TLS_KEY_FILE: pemPath('server-key.pem') }

interface Scene {
  readonly proxy: Proxy
  /** The directory of the pair that is served. */
  readonly files: { readonly cert: string, readonly key: string }
  /** Replaces the pair. */
  readonly install: (name: PairName, keyName?: PairName) => void
  readonly agent: https.Agent
}

/** A proxy that serves a copy of the good pair. */
async function setUp (t: Test, options: UpstreamOptions = {}, settings: Record<string, string> = {}, limits = {}): Promise<Scene> {
  const upstream = await startUpstream(options)
  const dir = t.testdir({})
  const files = { cert: join(dir, 'cert.pem'), key: join(dir, 'key.pem') }
  const install = (name: PairName, keyName = name): void => {
    copyFileSync(pemPath(`${name}.pem`), files.cert)
    copyFileSync(pemPath(`${keyName}-key.pem`), files.key)
  }
  install('server')
  const proxy = await startProxy(upstream.origin, { TLS_CERT_FILE: files.cert, TLS_KEY_FILE: files.key, ...settings }, systemClock, limits)
  const agent = trustingAgent()
  t.teardown(async () => { agent.destroy(); await proxy.stop(); await upstream.close() })
  return { proxy, files, install, agent }
}

test('with a certificate and its key the proxy serves https, by TLS 1.2 and 1.3 and nothing older', async t => {
  const { proxy, agent } = await setUp(t)
  t.match(proxy.origin, /^https:\/\/127\.0\.0\.1:\d+$/)
  t.equal((await call(proxy.origin, '/livez', { agent })).status, 200)
  t.match(await call(proxy.origin, PATH, { agent, method: 'POST', body: 'data' }), { status: 200, text: '"bytes":4' })
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    const socket = await connectTls(proxy.port, { minVersion: version, maxVersion: version })
    t.equal(socket.getProtocol(), version)
    socket.destroy()
  }
  for (const version of ['TLSv1', 'TLSv1.1'] as const) {
    await t.rejects(connectTls(proxy.port, { minVersion: version, maxVersion: version, ciphers: 'ALL:@SECLEVEL=0' }), { code: 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION' }, version)
  }
})

test('TLS 1.1 stays disabled when the certificate was reloaded and Node is configured to accept it', async t => {
  const { DEFAULT_CIPHERS, DEFAULT_MIN_VERSION } = tls
  t.teardown(() => { Object.assign(tls, { DEFAULT_CIPHERS, DEFAULT_MIN_VERSION }) })
  Object.assign(tls, { DEFAULT_CIPHERS: 'ALL:@SECLEVEL=0', DEFAULT_MIN_VERSION: 'TLSv1' })
  const { proxy } = await setUp(t)
  for (let i = 0; i < 2; i++) {
    await t.rejects(connectTls(proxy.port, { maxVersion: 'TLSv1.1' }), { code: 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION' })
    proxy.reload()
  }
})

test('plain http and garbage on the https port get no response and never reach AMSU', async t => {
  let requests = 0
  const { proxy, agent } = await setUp(t, { onRequest: (_received, res) => { requests++; res.end() } })
  for (const bytes of [`GET ${PATH} HTTP/1.1\r\nHost: localhost\r\n\r\n`, 'garbage\r\n\r\n', Buffer.alloc(64, 0x16)]) {
    const { text } = await sendBytes(proxy.port, bytes)
    t.notMatch(text, /HTTP|PROXY|error|[a-z]{4}/i)
    t.ok(text.length <= 7, 'a TLS alert at most')
  }
  t.equal(requests, 0)
  t.equal((await call(proxy.origin, '/livez', { agent })).status, 200, 'and others are served on')
})

test('half a pair, or a key that does not fit, ends with 2 and is named', async t => {
  const credentials = { AMSU_CLIENT_ID: CLIENT_ID, AMSU_CLIENT_SECRET: CLIENT_SECRET, PORT: '0' }
  for (const [settings, problem] of [
    [{ TLS_CERT_FILE: LISTENER.TLS_CERT_FILE }, /TLS_KEY_FILE must be given together with TLS_CERT_FILE/],
    [{ TLS_KEY_FILE: LISTENER.TLS_KEY_FILE }, /TLS_CERT_FILE must be given together with TLS_KEY_FILE/],
    [{ ...LISTENER, TLS_KEY_FILE: pemPath('second-key.pem') }, /TLS_KEY_FILE must be .* with the matching key/],
  ] as const) {
    const { code, stdout, stderr } = await runProgram([], { ...credentials, ...settings })
    t.equal(code, 2)
    t.equal(stdout, '')
    t.match(stderr, problem)
    t.notMatch(stderr, /PRIVATE/)
  }
})

test('a replaced pair is shown to new connections without a restart, within seconds by itself and at once by reload', async t => {
  const { proxy, install, agent } = await setUp(t)
  const before = await connectTls(proxy.port)
  t.equal(await shownName(proxy.port), 'amsu-proxy test server')
  install('second')
  await until(async () => await shownName(proxy.port) === 'amsu-proxy test second')
  install('server')
  proxy.reload()
  t.equal(await shownName(proxy.port), 'amsu-proxy test server')
  t.equal((await call(proxy.origin, PATH, { agent })).status, 200)
  const response = once(before, 'data')
  before.write('GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n')
  t.match(String((await response)[0]), /^HTTP\/1\.1 200 /, 'a connection that was there before goes on')
  before.destroy()
})

test('a new pair that does not hold leaves the old one, and the log says so without the key', async t => {
  const { proxy, files, install } = await setUp(t)
  const complaints = (): string[] => proxy.lines.filter(line => line.includes('the new certificate cannot be used'))
  install('second', 'server')
  await until(() => complaints().length > 0)
  t.match(complaints()[0], 'TLS_KEY_FILE must be')
  for (const spoil of [
    () => { writeFileSync(files.cert, 'no certificate') },
    () => { install('second'); writeFileSync(files.key, '') },
    () => { install('second'); writeFileSync(files.key, readPair('second').key.slice(0, 100)) },
  ]) {
    const count = complaints().length
    spoil()
    proxy.reload()
    t.equal(complaints().length, count + 1)
    t.equal(await shownName(proxy.port), 'amsu-proxy test server')
  }
  for (const name of ['server', 'second'] as const) {
    for (const line of readPair(name).key.split('\n').filter(line => line !== '' && !line.startsWith('-'))) t.notOk(proxy.lines.join('').includes(line))
  }
  install('second')
  proxy.reload()
  t.equal(await shownName(proxy.port), 'amsu-proxy test second', 'a good one is taken again')
})

test('a Location on AMSU is turned to https on this proxy', async t => {
  const { proxy, agent } = await setUp(t, { onRequest: ({ headers, url }, res) => { res.writeHead(302, { location: `http://${String(headers.host)}${url}next` }).end() } })
  const { port } = proxy
  t.equal((await call(proxy.origin, PATH, { agent })).headers.location, `https://127.0.0.1:${port}${PATH}next`)
  t.equal((await call(proxy.origin, PATH, { agent, headers: { host: `localhost:${port}` } })).headers.location, `https://localhost:${port}${PATH}next`)
})

test('stopping lets a busy TLS connection finish, and does not wait for idle, unused, or half-made ones', async t => {
  let finish = (): void => {}
  const { proxy, agent } = await setUp(t, { onRequest: ({ url }, res) => { if (url.endsWith('hold')) finish = () => { res.end('finished') }; else res.end() } }, { SHUTDOWN_GRACE_MS: '30000' })
  const keepAlive = trustingAgent({ keepAlive: true })
  t.teardown(() => { keepAlive.destroy() })
  await call(proxy.origin, PATH, { agent: keepAlive })
  const unused = await connectTls(proxy.port)
  const silent = net.connect(proxy.port, '127.0.0.1')
  const halfway = net.connect(proxy.port, '127.0.0.1', () => { halfway.write(Buffer.from('1603010200', 'hex')) })
  for (const socket of [unused, silent, halfway]) socket.on('error', () => {}).resume()
  const waiting = [unused, silent, halfway].map(async socket => { await once(socket, 'close') })
  const busy = call(proxy.origin, `${PATH}hold`, { agent, method: 'POST', body: 'x' })
  const before = finish
  await until(() => finish !== before)
  const stopped = proxy.stop()
  await Promise.all(waiting)
  t.pass('those that wait for nothing are ended first')
  await t.rejects(connectTls(proxy.port), { code: 'ECONNREFUSED' })
  finish()
  t.match(await busy, { status: 200, text: 'finished', headers: { connection: 'close' } })
  const start = performance.now()
  await stopped
  t.ok(performance.now() - start < 5_000)
})

test('a TLS connection that stays busy gets 504 after the grace period', async t => {
  let isHanging = false
  const { proxy, agent } = await setUp(t, { onRequest: () => { isHanging = true } }, { SHUTDOWN_GRACE_MS: '100' })
  const hanging = call(proxy.origin, PATH, { agent })
  await until(() => isHanging)
  const start = performance.now()
  await proxy.stop()
  t.equal((await hanging).status, 504)
  t.ok(performance.now() - start < 5_000)
})

test('a TLS handshake that does not finish in time is closed, and no other client waits for it', async t => {
  const { proxy, agent } = await setUp(t, {}, {}, { headTimeoutMs: 200 })
  const start = performance.now()
  const slow = ['', Buffer.from('1603010200', 'hex')].map(async bytes => await sendBytes(proxy.port, bytes))
  t.equal((await call(proxy.origin, PATH, { agent })).status, 200)
  await Promise.all(slow)
  t.ok(performance.now() - start < 10_000, 'not the two minutes of Node')
})
