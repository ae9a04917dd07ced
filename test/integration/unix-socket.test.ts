import { test, type Test } from 'tap'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { call, errorCode } from '../support/client.ts'
import { endProgram, runProgram, startProgram, type Program } from '../support/program.ts'
import { CLIENT_ID, CLIENT_SECRET, startProxy } from '../support/proxy.ts'
import { pemPath, trustingAgent } from '../support/tls.ts'
import { until } from '../support/until.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

const PATH = '/amsu-analysis/v2/things/'

/** What callers of a socket put into `Host`; the connection goes to the path of their agent. */
const ORIGIN = 'http://localhost'

/** A path short enough for a socket, whatever the checkout's, and an agent that connects to it. */
function setUp (t: Test): { path: string, agent: http.Agent } {
  const dir = mkdtempSync(join(tmpdir(), 'amsu-'))
  const path = join(dir, 'proxy.sock')
  const agent = new http.Agent({ socketPath: path } as http.AgentOptions)
  t.teardown(() => {
    agent.destroy()
    rmSync(dir, { recursive: true })
  })
  return { path, agent }
}

/** Whether nobody accepts a connection any more. */
async function isRefused (path: string): Promise<boolean> {
  return await new Promise(resolve => {
    http.get({ socketPath: path, path: '/livez', agent: false }, res => { res.resume(); resolve(false) }).on('error', () => { resolve(true) })
  })
}

async function startOn (t: Test, path: string, upstream: Upstream): Promise<Program> {
  const program = await startProgram(upstream.origin, { UNIX_SOCKET: path })
  t.teardown(async () => { await endProgram(program) })
  return program
}

test('a unix socket is listened on instead of a port, open to owner and group only, and gone after the stop', async t => {
  const { path, agent } = setUp(t)
  const upstream = await startUpstream()
  t.teardown(upstream.close)
  const proxy = await startProxy(upstream.origin, { UNIX_SOCKET: path })
  t.equal(proxy.origin, `unix:${path}`)
  t.equal(statSync(path).mode & 0o777, 0o660)
  t.match(await call(ORIGIN, PATH, { agent, method: 'POST', body: 'data' }), { status: 200, text: '"bytes":4' })
  t.match(upstream.received[0]?.headers, { authorization: 'Bearer upstream-token-1', host: new URL(upstream.origin).host })
  t.equal((await call(ORIGIN, '/readyz', { agent })).status, 200)
  await proxy.stop()
  t.equal(existsSync(path), false)
})

test('the guards hold on a unix socket too, and a Location is turned to what the caller called', async t => {
  const { path, agent } = setUp(t)
  const upstream = await startUpstream({ onRequest: ({ headers }, res) => { res.writeHead(302, { location: `http://${String(headers.host)}/next` }).end() } })
  const proxy = await startProxy(upstream.origin, { UNIX_SOCKET: path, CALLERS: 'app:caller-secret' })
  t.teardown(async () => { await proxy.stop(); await upstream.close() })
  const headers = { authorization: 'Bearer caller-secret' }
  t.equal(errorCode((await call(ORIGIN, PATH, { agent })).text), 'PROXY.CALLER_UNAUTHENTICATED')
  t.equal(errorCode((await call(ORIGIN, PATH, { agent, headers: { ...headers, host: 'evil.example' } })).text), 'PROXY.HOST_REJECTED')
  t.equal(errorCode((await call(ORIGIN, PATH, { agent, headers: { ...headers, origin: 'https://evil.example' } })).text), 'PROXY.ORIGIN_REJECTED')
  t.equal(upstream.received.length, 0)
  t.equal((await call(ORIGIN, PATH, { agent, headers })).headers.location, 'http://localhost/next')
})

test('open access needs no permission on a unix socket, whatever HOST says: its file mode does', async t => {
  const { path, agent } = setUp(t)
  const upstream = await startUpstream()
  t.teardown(upstream.close)
  await t.rejects(startProxy(upstream.origin, { HOST: '0.0.0.0' }), /ALLOW_OPEN_ACCESS/)
  const proxy = await startProxy(upstream.origin, { HOST: '0.0.0.0', UNIX_SOCKET: path })
  t.equal((await call(ORIGIN, PATH, { agent })).status, 200)
  await proxy.stop()
})

test('https is served on a unix socket too', async t => {
  const { path } = setUp(t)
  const upstream = await startUpstream()
  const proxy = await startProxy(upstream.origin, { UNIX_SOCKET: path, TLS_CERT_FILE: pemPath('server.pem'), TLS_KEY_FILE: pemPath('server-key.pem') })
  const agent = trustingAgent({ socketPath: path, servername: 'localhost' } as object)
  t.teardown(async () => { agent.destroy(); await proxy.stop(); await upstream.close() })
  t.equal((await call('https://localhost', PATH, { agent })).status, 200)
})

test('the socket file of a killed process is replaced, the one of a running process is not', async t => {
  const { path, agent } = setUp(t)
  const upstream = await startUpstream()
  t.teardown(upstream.close)
  const killed = await startOn(t, path, upstream)
  await endProgram(killed)
  t.equal(existsSync(path), true, 'left behind')
  const running = await startOn(t, path, upstream)
  t.equal(running.origin, `unix:${path}`)
  t.equal(statSync(path).mode & 0o777, 0o660)
  const settings = { AMSU_CLIENT_ID: CLIENT_ID, AMSU_CLIENT_SECRET: CLIENT_SECRET, AMSU_BASE_URL: upstream.origin, UNIX_SOCKET: path }
  t.match(await runProgram([], settings), { code: 1, stdout: /another process already listens on UNIX_SOCKET/, stderr: /cannot listen \(EADDRINUSE\)/ })
  t.equal((await call(ORIGIN, PATH, { agent })).status, 200, 'the first one is not harmed')
  running.child.kill('SIGTERM')
  t.same(await running.exited, { code: 0, signal: null })
  t.equal(existsSync(path), false)
})

test('a path that cannot be a socket ends with 1, and what lies there stays as it is', async t => {
  const { path } = setUp(t)
  writeFileSync(path, 'precious')
  const settings = { AMSU_CLIENT_ID: CLIENT_ID, AMSU_CLIENT_SECRET: CLIENT_SECRET, AMSU_BASE_URL: 'http://127.0.0.1:9' }
  t.match(await runProgram([], { ...settings, UNIX_SOCKET: path }), { code: 1, stdout: /UNIX_SOCKET names a file that is not a socket/, stderr: /EADDRINUSE/ })
  t.equal(readFileSync(path, 'utf8'), 'precious')
  t.match(await runProgram([], { ...settings, UNIX_SOCKET: join(path, 'below') }), { code: 1, stderr: /cannot listen \(ENOTDIR\)/ })
  t.match(await runProgram([], { ...settings, UNIX_SOCKET: `${path}-${'x'.repeat(200)}` }), { code: 1, stderr: /cannot listen/ })
})

test('stopping lets a request over the socket finish', async t => {
  const { path, agent } = setUp(t)
  let held: http.ServerResponse | undefined
  let onHeld = (): void => {}
  const upstream = await startUpstream({ onRequest: (_received, res) => { held = res; onHeld() } })
  t.teardown(upstream.close)
  const proxy = await startProxy(upstream.origin, { UNIX_SOCKET: path, SHUTDOWN_GRACE_MS: '30000' })
  const holding = new Promise<void>(resolve => { onHeld = resolve })
  const underWay = call(ORIGIN, PATH, { agent })
  await holding
  const stopped = proxy.stop()
  await until(async () => await isRefused(path))
  held?.end('finished')
  t.equal((await underWay).text, 'finished')
  await stopped
})
