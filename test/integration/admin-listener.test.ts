import { test } from 'tap'
import { once } from 'node:events'
import http from 'node:http'
import net from 'node:net'
import { call, errorCode, sendBytes } from '../support/client.ts'
import { endProgram, runProgram, startProgram } from '../support/program.ts'
import { CLIENT_ID, CLIENT_SECRET, startProxy } from '../support/proxy.ts'
import { startUpstream } from '../support/upstream.ts'

const PATH = '/amsu-analysis/v2/things/'

test('with an admin listener the endpoints of our own are there, and AMSU is on the first one only', async t => {
  const upstream = await startUpstream()
  const proxy = await startProxy(upstream.origin, { ADMIN_PORT: '0' })
  t.teardown(async () => { await proxy.stop(); await upstream.close() })
  const admin = String(proxy.adminOrigin)
  t.match(admin, /^http:\/\/127\.0\.0\.1:\d+$/)
  t.not(admin, proxy.origin)
  t.equal((await call(proxy.origin, PATH)).status, 200)
  t.match(await call(admin, '/livez'), { status: 200, text: 'ok' })
  t.match(await call(admin, '/readyz'), { status: 200, text: '"ready":true' })
  for (const path of ['/livez', '/readyz', '/metrics', '/status', '/']) {
    const got = await call(proxy.origin, path)
    t.equal(got.status, 404, path)
    t.equal(errorCode(got.text), 'PROXY.NOT_FOUND', path)
  }
  const before = upstream.received.length + upstream.tokenCalls.length
  for (const path of [PATH, '/amsu-analysis/v2/token', '/amsu-analysis/v2/token/refreshment', '/amsu-analysis/', '/nothing']) {
    const got = await call(admin, path, { method: 'POST', body: 'client_id=a&client_secret=b', headers: { 'content-type': 'application/x-www-form-urlencoded' } })
    t.ok(got.status === 404 || got.status === 405, `${path}: ${got.status}`)
    t.notMatch(got.text, /access_token/)
  }
  t.equal(upstream.received.length + upstream.tokenCalls.length, before, 'nothing was relayed')
})

test('what is relayed is not found on the admin listener', async t => {
  const upstream = await startUpstream()
  const proxy = await startProxy(upstream.origin, { ADMIN_PORT: '0' })
  t.teardown(async () => { await proxy.stop(); await upstream.close() })
  for (const method of ['GET', 'POST']) t.match(await call(String(proxy.adminOrigin), PATH, { method }), { status: 404, text: 'PROXY.NOT_FOUND' })
})

test('both listeners reject foreign hosts and browser pages', async t => {
  const upstream = await startUpstream()
  const proxy = await startProxy(upstream.origin, { ADMIN_PORT: '0', ALLOWED_HOSTS: 'proxy.example' })
  t.teardown(async () => { await proxy.stop(); await upstream.close() })
  for (const [origin, path] of [[proxy.origin, PATH], [String(proxy.adminOrigin), '/readyz']] as const) {
    for (const [headers, status, code] of [
      [{ host: 'evil.example' }, 421, 'PROXY.HOST_REJECTED'],
      [{ host: '0.0.0.0' }, 421, 'PROXY.HOST_REJECTED'],
      [{ origin: 'https://evil.example' }, 403, 'PROXY.ORIGIN_REJECTED'],
      [{ 'sec-fetch-site': 'cross-site' }, 403, 'PROXY.ORIGIN_REJECTED'],
    ] as const) {
      const got = await call(origin, path, { headers })
      t.equal(got.status, status, `${path} ${JSON.stringify(headers)}`)
      t.equal(errorCode(got.text), code)
    }
    t.equal((await call(origin, path, { headers: { host: 'proxy.example' } })).status, 200)
    const { text } = await sendBytes(Number(new URL(origin).port), `GET ${path} HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n`)
    t.match(text, /^HTTP\/1\.1 4\d\d /, 'two hosts')
    t.equal(errorCode((await call(origin, `${path}/../x`)).text), 'PROXY.PATH_REJECTED')
  }
})

test('the endpoints of our own ask for no caller: a probe has no credentials', async t => {
  const upstream = await startUpstream()
  const proxy = await startProxy(upstream.origin, { ADMIN_PORT: '0', ADMIN_HOST: '0.0.0.0', CALLERS: 'app:caller-secret' })
  t.teardown(async () => { await proxy.stop(); await upstream.close() })
  t.match(proxy.adminOrigin, /^http:\/\/0\.0\.0\.0:/)
  t.equal((await call(proxy.origin, PATH)).status, 401)
  t.equal((await call(`http://127.0.0.1:${new URL(String(proxy.adminOrigin)).port}`, '/readyz')).text.includes('"ready"'), true)
})

test('SIGTERM closes the first listener; the admin listener reports the shutdown until its end', async t => {
  let held: http.ServerResponse | undefined
  let onHeld = (): void => {}
  const upstream = await startUpstream({ onRequest: (_received, res) => { held = res; onHeld() } })
  const program = await startProgram(upstream.origin, { ADMIN_PORT: '0' })
  t.teardown(async () => { await endProgram(program); await upstream.close() })
  const admin = String(/"adminAddress":"([^"]+)"/.exec(program.output())?.[1])
  const keepAlive = new http.Agent({ keepAlive: true })
  t.teardown(() => { keepAlive.destroy() })
  t.equal((await call(admin, '/livez', { agent: keepAlive })).status, 200)
  const unused = net.connect(Number(new URL(program.origin).port), '127.0.0.1').resume()
  await once(unused, 'connect')
  const holding = new Promise<void>(resolve => { onHeld = resolve })
  const inFlight = call(program.origin, PATH)
  await holding
  const idleEnded = once(unused, 'close')
  program.child.kill('SIGTERM')
  await idleEnded
  await t.rejects(call(program.origin, '/readyz'), { code: 'ECONNREFUSED' })
  t.match(await call(admin, '/readyz'), { status: 503, text: /"reason":"draining"/ }, 'a new connection')
  t.equal((await call(admin, '/livez', { agent: keepAlive })).status, 200, 'an open one')
  held?.end('finished')
  t.equal((await inFlight).text, 'finished')
  t.same(await program.exited, { code: 0, signal: null })
  await t.rejects(call(admin, '/readyz'), { code: 'ECONNREFUSED' })
})

test('an admin address that is taken ends with 1, and the first listener with it', async t => {
  const taken = net.createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  t.teardown(() => taken.close())
  const { port } = taken.address() as net.AddressInfo
  const settings = { AMSU_CLIENT_ID: CLIENT_ID, AMSU_CLIENT_SECRET: CLIENT_SECRET, AMSU_BASE_URL: 'http://127.0.0.1:9', PORT: '0' }
  t.match(await runProgram([], { ...settings, ADMIN_PORT: String(port) }), { code: 1, stdout: /EADDRINUSE/, stderr: /cannot listen \(EADDRINUSE\)/ })
  t.match(await runProgram([], { ...settings, ADMIN_PORT: '65536' }), { code: 2, stderr: /ADMIN_PORT must be/ })
})
