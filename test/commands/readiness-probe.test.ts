import { test } from 'tap'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../src/clock.ts'
import { healthcheck } from '../../src/commands/healthcheck.ts'
import { probeReadiness, checkReadiness, probeTarget } from '../../src/commands/readiness-probe.ts'
import { wait } from '../../src/commands/wait.ts'
import { startProxy } from '../support/proxy.ts'
import { pemPath } from '../support/tls.ts'
import { json, startTcp, startUpstream } from '../support/upstream.ts'

const TLS = { TLS_CERT_FILE: pemPath('self-signed.pem'), TLS_KEY_FILE: pemPath('self-signed-key.pem') }

/** The output and the exit code of a command. */
async function runHealthcheck (environment: Record<string, string>): Promise<{ code: number, said: string[] }> {
  const said: string[] = []
  const code = await healthcheck({ environment, dotenvPath: '/nonexistent/.env', print: line => { said.push(line) } })
  return { code, said }
}

async function runWait (environment: Record<string, string>, timeoutMs: number): Promise<{ code: number, said: string[] }> {
  const said: string[] = []
  const code = await wait({ environment, dotenvPath: '/nonexistent/.env', print: line => { said.push(line) }, clock: systemClock }, timeoutMs)
  return { code, said }
}

test('the proxy is asked where it listens: everywhere means loopback, a second listener goes before the first, a socket before a port', async t => {
  for (const [given, place] of [
    [{}, 'http://127.0.0.1:8080'],
    [{ PORT: '9000' }, 'http://127.0.0.1:9000'],
    [{ HOST: '0.0.0.0' }, 'http://127.0.0.1:8080'],
    [{ HOST: '::' }, 'http://[::1]:8080'],
    [{ HOST: '::1', PORT: '1' }, 'http://[::1]:1'],
    [{ HOST: 'amsu.internal' }, 'http://amsu.internal:8080'],
    [{ TLS_CERT_FILE: '/x', TLS_KEY_FILE: '/y' }, 'https://127.0.0.1:8080'],
    [{ UNIX_SOCKET: '/run/a.sock' }, 'unix:/run/a.sock'],
    [{ ADMIN_PORT: '9100' }, 'http://127.0.0.1:9100'],
    [{ ADMIN_HOST: '0.0.0.0', ADMIN_PORT: '9100', HOST: '10.0.0.7', TLS_CERT_FILE: '/x' }, 'http://127.0.0.1:9100'],
    [{ ADMIN_PORT: '9100', UNIX_SOCKET: '/run/a.sock' }, 'http://127.0.0.1:9100'],
    [{ ADMIN_HOST: '10.0.0.8', UNIX_SOCKET: '/run/a.sock' }, 'unix:/run/a.sock'],
  ] as const) t.match(probeTarget(given), { place }, JSON.stringify(given))
  t.match(probeTarget({ PORT: '0' }), { problem: /PORT=0 takes a free port/ })
  t.match(probeTarget({ ADMIN_PORT: '0' }), { problem: /ADMIN_PORT=0 takes a free port/ })
  for (const PORT of ['x', '70000', '-1']) t.match(probeTarget({ PORT }), { problem: 'PORT must be a whole number from 0 to 65535' })
})

test('healthcheck is 0 for a proxy that is ready: by http, by its own certificate, over a unix socket, at the second listener', async t => {
  const upstream = await startUpstream()
  t.teardown(upstream.close)
  const home = await mkdtemp(join(tmpdir(), 'amsu-proxy-')) // a socket's path may have 107 bytes, and a test's folder has more
  t.teardown(async () => { await rm(home, { recursive: true }) })
  const socket = join(home, 'p.sock')
  for (const settings of [{}, TLS, { UNIX_SOCKET: socket }, { UNIX_SOCKET: socket, ...TLS }, { ADMIN_PORT: '0', CALLERS: 'app:a-secret' }] as Array<Record<string, string>>) {
    const proxy = await startProxy(upstream.origin, settings)
    const port = 'UNIX_SOCKET' in settings ? {} : { PORT: String(proxy.port) }
    const admin = proxy.adminOrigin === undefined ? {} : { ADMIN_PORT: new URL(proxy.adminOrigin).port }
    t.match(await runWait({ ...settings, ...port, ...admin }, 10_000), { code: 0 })
    t.match(await runHealthcheck({ ...settings, ...port, ...admin }), { code: 0, said: [/^ready: the token expires in 86\d+ s$/] }, Object.keys(settings).join(' '))
    await proxy.stop()
  }
})

test('healthcheck is 1, with one line that says why', async t => {
  const upstream = await startUpstream({ onToken: (_call, res) => { json(res, 401, { error: { code: 'COMMON.AUTHENTICATION_FAILED', msg: 'no' } }) } })
  const proxy = await startProxy(upstream.origin)
  const other = createServer((_req, res) => { res.end('value-never-shown') })
  await new Promise<void>(resolve => other.listen(0, '127.0.0.1', resolve))
  const endless = await startTcp(socket => { socket.on('data', () => { socket.write(`HTTP/1.1 200 OK\r\n\r\n${'x'.repeat(100_000)}`) }) })
  const broken = await startTcp(socket => { socket.destroy() })
  t.teardown(async () => { other.close(); await endless.close(); await broken.close(); await proxy.stop(); await upstream.close() })
  t.match(await runWait({ PORT: String(proxy.port) }, 300), { code: 1, said: [/^not ready: credentials_rejected; waited 0.3 s$/] })
  for (const [environment, line] of [
    [{ PORT: String(proxy.port) }, /^not ready: credentials_rejected$/],
    [{ PORT: '9' }, /^not ready: nothing listens \(ECONNREFUSED\) at http:\/\/127.0.0.1:9$/],
    [{ UNIX_SOCKET: '/nonexistent/a.sock' }, /^not ready: nothing listens \(ENOENT\) at unix:/],
    [{ PORT: String((other.address() as { port: number }).port) }, /^not ready: the server at .* is not amsu-proxy \(status 200\)$/],
    [{ PORT: String(endless.port) }, /not amsu-proxy \(status 200\)$/],
    [{ PORT: String(broken.port) }, /the connection failed \(ECONNRESET\)/],
    [{ PORT: '0' }, /PORT=0 takes a free port/],
  ] as Array<[Record<string, string>, RegExp]>) t.match(await runHealthcheck(environment), { code: 1, said: [line] })
})

test('healthcheck and wait repeat what /readyz warns of, and end as without it', async t => {
  const ready = '{"ready":true,"reason":"ok","tokenExpiresInSeconds":86390,"warnings":["quota_empty:hrv_analysis","clock_off"]}'
  t.strictSame(checkReadiness(200, ready, 'p'), { isReady: true, message: 'ready: the token expires in 86390 s; warnings: quota_empty:hrv_analysis, clock_off' })
  const upstream = await startUpstream({ onToken: (_call, res) => { json(res, 502, {}) } })
  const proxy = await startProxy(upstream.origin)
  t.teardown(async () => { await proxy.stop(); await upstream.close() })
  t.match(await runWait({ PORT: String(proxy.port) }, 300), { code: 1, said: [/^not ready: starting; warnings: token_call_failed:502; waited 0.3 s$/] })
  t.match(await runHealthcheck({ PORT: String(proxy.port) }), { code: 1, said: [/^not ready: starting; warnings: token_call_failed:502$/] })
})

test('a proxy that does not respond is not ready', async t => {
  const silent = await startTcp(() => {})
  t.teardown(silent.close)
  t.match(await probeReadiness({ place: 'p', isTls: false, address: { host: '127.0.0.1', port: silent.port } }, 50), { isReady: false, message: 'not ready: no response within 0.05 s at p' })
})

test('wait probes until the proxy listens and has a token, and with 0 seconds it probes once', async t => {
  const upstream = await startUpstream()
  const probe = await startProxy(upstream.origin)
  const { port } = probe
  await probe.stop()
  t.match(await runWait({ PORT: String(port) }, 0), { code: 1, said: [/nothing listens/] })
  t.match(await runWait({ PORT: '0' }, 10_000), { code: 1, said: [/PORT=0/] })
  const waiting = runWait({ PORT: String(port) }, 20_000)
  const proxy = await startProxy(upstream.origin, { PORT: String(port) })
  t.teardown(async () => { await proxy.stop(); await upstream.close() })
  t.match(await waiting, { code: 0, said: [/^ready/] })
})

test('only the words of /readyz are repeated', async t => {
  t.match(checkReadiness(503, '{"ready":false,"reason":"starting","tokenExpiresInSeconds":null}', 'p'), { isReady: false, message: 'not ready: starting' })
  t.match(checkReadiness(503, '{"reason":"<script> value-never-shown"}', 'p'), { message: 'not ready: the server at p is not amsu-proxy (status 503)' })
  t.match(checkReadiness(200, '{"ready":true,"tokenExpiresInSeconds":9,"warnings":["<script>",7,"clock_off:\\n","clock_off"]}', 'p'), { message: 'ready: the token expires in 9 s; warnings: clock_off' })
  t.match(checkReadiness(200, '{"ready":true,"tokenExpiresInSeconds":9,"warnings":"value-never-shown"}', 'p'), { message: 'ready: the token expires in 9 s' })
  t.match(checkReadiness(200, '[]', 'p'), { isReady: false })
  t.match(checkReadiness(200, 'null', 'p'), { isReady: false })
})
