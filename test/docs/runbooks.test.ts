import { test, type Test } from 'tap'
import { once } from 'node:events'
import net from 'node:net'
import { systemClock, type Clock } from '../../src/clock.ts'
import { check } from '../../src/commands/check.ts'
import { words } from '../../src/endpoints/status-page/words.ts'
import type { describe } from '../../src/endpoints/status.ts'
import { simulatorDefaults, startSimulator, type Simulator, type SimulatorOptions } from '../simulator/simulator.ts'
import { call, errorCode } from '../support/client.ts'
import { startProxy, type Proxy } from '../support/proxy.ts'
import { until } from '../support/until.ts'
import { codeSpans, read, rowsOf, sectionOf } from './markdown.ts'

const TIMES = '/amsu-analysis/v2/available-times'
const CREDENTIALS = { AMSU_CLIENT_ID: simulatorDefaults.clientId, AMSU_CLIENT_SECRET: simulatorDefaults.clientSecret }
const books = new Map(sectionOf(read('docs/operations.md'), 'Runbooks').split(/^### /m).slice(1).map(book => [book.split('\n')[0], rowsOf(book)]))

interface Scene {
  readonly simulator: Simulator
  readonly proxy: Proxy
}

async function setUp (t: Test, options: Partial<SimulatorOptions> = {}, settings: Record<string, string> = {}, faults: Simulator['faults'] = {}): Promise<Scene> {
  const simulator = await startSimulator(options)
  Object.assign(simulator.faults, faults)
  const proxy = await startProxy(simulator.origin, { ...CREDENTIALS, TOKEN_WAIT_MS: '0', ...settings })
  // No timer of the proxy keeps a process alive, and the simulator may be gone: as in main.ts.
  const keptAlive = setInterval(() => {}, 60_000)
  t.teardown(async () => { await proxy.stop(); await simulator.close(); clearInterval(keptAlive) })
  return { simulator, proxy }
}

/** What a runbook says of one place: all that stands in backticks there. */
function told (book: string, place: string): string[] {
  return codeSpans(books.get(book)?.find(([where]) => where === place)?.[1] ?? '')
}

/** Runs `check` against AMSU as it is now. */
async function doctor (origin: string, settings: Record<string, string> = CREDENTIALS, clock: Clock = systemClock): Promise<{ code: number, text: string }> {
  let text = ''
  const code = await check({ environment: { ...settings, AMSU_BASE_URL: origin }, dotenvPath: '/nonexistent/.env', clock, isColored: false, write (each) { text += each }, unsetEnv () {} }, false)
  return { code, text }
}

async function readiness ({ origin }: Proxy): Promise<unknown> {
  return (JSON.parse((await call(origin, '/readyz')).text) as { reason: unknown }).reason
}

async function warnings ({ origin }: Proxy): Promise<string> {
  return String((JSON.parse((await call(origin, '/readyz')).text) as { warnings?: unknown }).warnings)
}

async function state ({ origin }: Proxy): Promise<ReturnType<typeof describe>> {
  return JSON.parse((await call(origin, '/status', { headers: { accept: 'application/json' } })).text) as ReturnType<typeof describe>
}

/** Checks that a runbook says in a place what was seen there. `…` stands for what is filled in. */
function tells (t: Test, book: string, place: string, seen: string, quoted: string): void {
  t.ok(told(book, place).includes(quoted), `${book}, ${place}: ${quoted}`)
  let at = 0
  for (const part of quoted.split('…')) {
    at = seen.indexOf(part, at)
    t.ok(at >= 0, `${book}, ${place}, as it is: ${part}`)
  }
}

test('the token endpoint is down: log, readiness, check and page say what the runbook says', async t => {
  const name = 'The token endpoint is down'
  const { proxy, simulator } = await setUp(t, {}, {}, { tokenStatus: 500 })
  await until(async () => await readiness(proxy) === 'starting' && proxy.lines.join('').includes('will try again'))
  for (const message of ['AMSU token call failed', 'the proxy got no access token from AMSU and will try again', 'retryInSeconds']) tells(t, name, 'log', proxy.lines.join(''), message)
  tells(t, name, '`/readyz`', 'starting', 'starting')
  t.equal(await warnings(proxy), 'token_call_failed:500')
  tells(t, name, '`/readyz`', await warnings(proxy), 'token_call_failed:…')
  tells(t, name, '`check`', (await doctor(simulator.origin)).text, 'AMSU has an outage')
  t.match(await state(proxy), { state: 'token_endpoint_down', token: { failureCode: null, failureStatus: 500 } })
  tells(t, name, 'status page', words.en.failure.withStatus, 'The last token call failed with status …')
  tells(t, name, 'status page', words.en.states.token_endpoint_down_without[0] ?? '', 'Not serving: no token')
  t.equal(errorCode((await call(proxy.origin, TIMES)).text), 'PROXY.TOKEN_UNAVAILABLE')
})

test('the credentials are rejected: log, readiness, check and page say what the runbook says', async t => {
  const name = 'The credentials are rejected'
  const { proxy, simulator } = await setUp(t, {}, {}, { rejectCredentials: true })
  await until(async () => await readiness(proxy) === 'credentials_rejected')
  tells(t, name, 'log', proxy.lines.join(''), 'AMSU rejects the credentials: check AMSU_CLIENT_ID and AMSU_CLIENT_SECRET')
  tells(t, name, '`/readyz`', 'credentials_rejected', 'credentials_rejected')
  const { code, text } = await doctor(simulator.origin)
  t.equal(code, 1)
  for (const message of ['AMSU rejects the credentials (…)', 'the ID or the secret is wrong, or AMSU has revoked it']) tells(t, name, '`check`', text, message)
  tells(t, name, '`check`', (await doctor(simulator.origin, { ...CREDENTIALS, AMSU_CLIENT_SECRET: 'a secret ' })).text, 'the ID or the secret begins or ends with a space or a quotation mark')
  t.equal((await state(proxy)).state, 'credentials_rejected')
  tells(t, name, 'status page', words.en.states.credentials_rejected_without[0] ?? '', 'Not serving: AMSU rejects the credentials')
})

test('the quota is empty: log, readiness, check and page say so, and the proxy is ready', async t => {
  const name = 'The quota is empty'
  const { proxy, simulator } = await setUp(t, { quotas: { health_analysis: 0 } }, { QUOTA_POLL_SECONDS: '1' })
  await until(async () => (await state(proxy)).quota.families.some(({ family, remaining }) => family === 'health_analysis' && remaining === 0))
  const { text } = await doctor(simulator.origin)
  for (const message of ['left: …', 'the quota of … is used up', 'ask AMSU for more; calls of these families fail until then']) tells(t, name, '`check`', text, message)
  tells(t, name, 'log', proxy.lines.join(''), 'the quota of these families is used up: ask AMSU for more calls; AMSU rejects these analyses until then')
  t.equal(await readiness(proxy), 'ok')
  t.equal(await warnings(proxy), 'quota_empty:health_analysis')
  tells(t, name, '`/readyz`', await warnings(proxy), 'quota_empty:…')
  tells(t, name, 'status page', words.en.quota.usedUp, 'The quota is used up: …. AMSU rejects these analyses; ask it for more calls.')
})

test('AMSU revokes tokens: the log says so, and the caller notices nothing', async t => {
  const { proxy, simulator } = await setUp(t, {}, { TOKEN_WAIT_MS: '5000' })
  await call(proxy.origin, TIMES)
  simulator.revokeAll()
  t.equal((await call(proxy.origin, TIMES)).status, 200)
  await proxy.untilLogged(2)
  tells(t, 'AMSU revokes tokens', 'log', proxy.lines.join(''), 'AMSU rejected the access token: the proxy renews it')
  t.equal(proxy.accessLines()[1]?.['replayed'], true)
})

test('504s: the line has no upstreamMs, and small calls of check work', async t => {
  const { proxy, simulator } = await setUp(t, {}, { TOKEN_WAIT_MS: '5000', UPSTREAM_RESPONSE_TIMEOUT_MS: '100' }, { hang: true })
  t.equal((await call(proxy.origin, TIMES)).status, 504)
  await proxy.untilLogged(1)
  const [line = {}] = proxy.accessLines()
  t.match(line, { msg: 'request', status: 504, errorCode: 'PROXY.UPSTREAM_TIMEOUT' })
  t.notOk('upstreamMs' in line)
  t.equal(await readiness(proxy), 'ok')
  delete simulator.faults.hang
  tells(t, '504s', '`check`', (await doctor(simulator.origin)).text, 'left: …')
})

test('502s: the line has the cause, check names the step, and the proxy is ready while its token lasts', async t => {
  const { proxy, simulator } = await setUp(t)
  await until(async () => await readiness(proxy) === 'ok')
  await simulator.close()
  t.equal((await call(proxy.origin, TIMES)).status, 502)
  await proxy.untilLogged(1)
  t.match(proxy.accessLines()[0], { status: 502, errorCode: 'PROXY.UPSTREAM_UNREACHABLE', cause: { code: 'ECONNREFUSED' } })
  tells(t, '502s', '`check`', (await doctor(simulator.origin)).text, 'nothing listens there, or a firewall rejects the connection')
  t.equal(await readiness(proxy), 'ok')
  tells(t, '502s', '`/readyz`', await warnings(proxy), 'amsu_unreachable')
  t.match(await state(proxy), { warnings: ['amsu_unreachable'] })
  tells(t, '502s', 'status page', words.en.unreachable, 'The last request could not connect to AMSU. Run amsu-proxy check to see where the connection fails.')
})

test('requests are rejected as overload: however many they are, the log has a line at once and then a count', async t => {
  const { proxy, simulator } = await setUp(t, {}, { MAX_IN_FLIGHT: '1' })
  await until(async () => await readiness(proxy) === 'ok')
  simulator.faults.hang = true
  const first = call(proxy.origin, TIMES)
  await simulator.seen('GET /available-times')
  for (let i = 0; i < 20; i++) t.equal(errorCode((await call(proxy.origin, TIMES)).text), 'PROXY.OVERLOADED')
  t.match((await call(proxy.origin, '/metrics')).text, 'amsu_proxy_errors_total{code="PROXY.OVERLOADED"} 20\n')
  await proxy.stop()
  t.equal((await first).status, 504)
  const lines = proxy.lines.filter(line => line.includes('OVERLOADED')).map(line => JSON.parse(line) as Record<string, unknown>)
  t.match(lines[0], { level: 40, count: 1 })
  t.ok(lines.length < 5, `${lines.length} lines`)
  t.equal(lines.reduce((sum, { count }) => sum + Number(count), 0), 20)
  tells(t, 'Requests are rejected as overload', 'log', proxy.lines.join(''), 'requests are rejected')
})

test('the clock is wrong, or nothing is configured: log, readiness, check and page say so', async t => {
  const { simulator } = await setUp(t)
  const late = await doctor(simulator.origin, CREDENTIALS, { ...systemClock, wall: () => systemClock.wall() - 3_600_000 })
  for (const message of ['this clock is … the clock of AMSU', 'set the clock of this machine (…)']) tells(t, 'The clock is wrong', '`check`', late.text, message)
  t.equal(late.code, 0)
  const proxy = await startProxy(simulator.origin, CREDENTIALS, { ...systemClock, wall: () => systemClock.wall() - 3_600_000 })
  await until(async () => await readiness(proxy) === 'ok')
  tells(t, 'The clock is wrong', 'log', proxy.lines.join(''), 'the clock of this machine is … the clock of AMSU: set it, certificates and the times in the log depend on it')
  tells(t, 'The clock is wrong', '`/readyz`', await warnings(proxy), 'clock_off')
  t.match(await state(proxy), { clock: { isOff: true } })
  tells(t, 'The clock is wrong', 'status page', words.en.clock.behind, 'The clock of this machine is … the clock of AMSU')
  await proxy.stop()
  const bare = await doctor(simulator.origin, {})
  t.equal(bare.code, 2)
  tells(t, 'It does not start', '`check`', bare.text, 'a setting is missing or invalid')
})

test('client connections are closed, requests are rejected with 431: the log says so, and the proxy is ready', async t => {
  const simulator = await startSimulator()
  // An old space that has room for four connections and few header fields.
  const proxy = await startProxy(simulator.origin, CREDENTIALS, systemClock, { nodeOptions: '--max-old-space-size=1' })
  t.teardown(async () => { await proxy.stop(); await simulator.close() })
  await until(async () => await readiness(proxy) === 'ok')
  const clients = Array.from({ length: 8 }, () => net.connect(proxy.port, '127.0.0.1').on('error', () => {}))
  await Promise.all(clients.slice(0, 4).map(async client => await once(client.resume(), 'close')))
  for (const client of clients) client.destroy()
  tells(t, 'Client connections are closed', 'log', proxy.lines.join(''), 'client connections are closed because the connection limit is reached: give the process more open files or memory')
  t.equal(await readiness(proxy), 'ok')
  const many = Object.fromEntries(Array.from({ length: 1_200 }, (_, i) => [`x-${i}`, '']))
  for (const [headers, isRead] of [[many, true], [{ 'x-long': 'x'.repeat(20_000) }, false]] as const) {
    t.equal((await call(proxy.origin, TIMES, { headers })).status, 431)
    const line = proxy.lines.map(line => JSON.parse(line) as Record<string, unknown>).filter(({ status }) => status === 431).at(-1) ?? {}
    t.match(line, { msg: 'request rejected', errorCode: 'PROXY.HEAD_TOO_LARGE' })
    t.equal('method' in line, isRead)
  }
  for (const text of ['request rejected', 'PROXY.HEAD_TOO_LARGE']) tells(t, 'Requests are rejected with 431', 'log', proxy.lines.join(''), text)
  t.match((await call(proxy.origin, '/metrics')).text, 'amsu_proxy_errors_total{code="PROXY.HEAD_TOO_LARGE"} 2\n')
})
