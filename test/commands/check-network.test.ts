import { test } from 'tap'
import { systemClock } from '../../src/clock.ts'
import { checkDns, checkForwardProxy, checkTcp, checkTls, failureCode, forwardProxyTargetOf, connectTargetOf, type CheckContext } from '../../src/commands/check-network.ts'
import type { StepOutcome } from '../../src/commands/check-report.ts'
import type { ForwardProxy } from '../../src/upstream/forward-proxy.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { startForwardProxy } from '../support/forward-proxy.ts'
import { CA_PATH, startTlsFront } from '../support/tls.ts'
import { json, startTcp, startUpstream } from '../support/upstream.ts'
import { contextOf } from './check-setup.ts'

const DAY_MS = 86_400_000

/** The step of the forward proxy as `check` runs it. */
async function forwardStep (context: CheckContext): Promise<StepOutcome> {
  return await checkForwardProxy(context, context.config.amsu.forwardProxy as ForwardProxy)
}

test('a name is looked up without its port, and printed with all its addresses', async t => {
  const asked: string[] = []
  const lookup = async (name: string) => {
    asked.push(name)
    return [{ address: '192.0.2.7' }, { address: '2001:db8::7' }]
  }
  t.strictSame(await checkDns(contextOf({ AMSU_BASE_URL: 'https://amsu.example:8443' }, { lookup })), {
    status: 'ok', found: 'amsu.example resolves to 192.0.2.7, 2001:db8::7', data: { host: 'amsu.example', addresses: ['192.0.2.7', '2001:db8::7'] },
  })
  t.strictSame(asked, ['amsu.example'])
})

test('an address needs no name server', async t => {
  const lookup = async () => { throw new Error('not reached') }
  for (const [url, host] of [['http://192.0.2.7', '192.0.2.7'], ['https://[2001:db8::7]:8443', '2001:db8::7']] as const) {
    t.match(await checkDns(contextOf({ AMSU_BASE_URL: url }, { lookup })), { status: 'ok', found: `${host} is an IP address`, data: { host, addresses: [host] } })
  }
})

test('a DNS server that is silent until the connect timeout does not respond', async t => {
  const clock = new FakeClock()
  const asked = checkDns(contextOf({ AMSU_BASE_URL: 'https://amsu.example', UPSTREAM_CONNECT_TIMEOUT_MS: '700' }, { clock, lookup: async () => await new Promise(() => {}) }))
  t.strictSame(clock.delays, [700])
  await clock.advance(700)
  t.match(await asked, { status: 'failed', found: 'amsu.example: the name has no address (EAI_AGAIN)', cause: /DNS server does not respond/ })
})

test('a port that accepts connections is reported with its address, and one that refuses with its code', async t => {
  const { port, origin, close } = await startTcp(() => {})
  t.teardown(close)
  t.strictSame(await checkTcp(contextOf({ AMSU_BASE_URL: origin })), { status: 'ok', found: `connected to 127.0.0.1:${port}`, data: { address: '127.0.0.1', port } })
  t.match(await checkTcp(contextOf({ AMSU_BASE_URL: 'http://127.0.0.1:9' })), { status: 'failed', found: '127.0.0.1:9: no connection (ECONNREFUSED)', data: { code: 'ECONNREFUSED' } })
})

test('a certificate is good until fourteen days before its end, and then to be renewed', async t => {
  const upstream = await startUpstream()
  const front = await startTlsFront(upstream, 'server')
  t.teardown(async () => { await front.close(); await upstream.close() })
  const settings = { AMSU_BASE_URL: front.origin, AMSU_CA_FILE: CA_PATH }
  const good = await checkTls(contextOf(settings))
  t.match(good, { status: 'ok', found: /^TLSv1.3, certificate of .+, expires in \d+ days$/, data: { protocol: 'TLSv1.3', validTo: /Z$/ } })
  const end = Date.parse(String(good.data?.['validTo']))
  for (const [leftMs, expected] of [[14 * DAY_MS, { status: 'ok', data: { daysLeft: 14 } }], [14 * DAY_MS - 1, { status: 'note', advice: /AMSU must renew/, data: { daysLeft: 13 } }]] as const) {
    t.match(await checkTls(contextOf(settings, { clock: { ...systemClock, wall: () => end - leftMs } })), expected)
  }
  t.match(await checkTls(contextOf({ AMSU_BASE_URL: front.origin })), { status: 'failed', cause: /authority/ }, 'an authority nobody named')
  t.equal(upstream.received.length + upstream.tokenCalls.length, 0, 'nothing is asked of AMSU')
})

test('TLS is tried through the forward proxy where there is one, whose refusal is its own', async t => {
  const upstream = await startUpstream()
  const front = await startTlsFront(upstream, 'server')
  let isRefusing = false
  const forward = await startForwardProxy({ refusal: () => isRefusing ? 403 : undefined })
  t.teardown(async () => { await forward.close(); await front.close(); await upstream.close() })
  const context = contextOf({ AMSU_BASE_URL: front.origin, AMSU_CA_FILE: CA_PATH, AMSU_HTTP_PROXY: forward.url })
  t.match(await checkTls(context), { status: 'ok' })
  t.equal(forward.asked[0]?.target, new URL(front.origin).host)
  isRefusing = true
  t.match(await checkTls(context), { status: 'failed', found: 'the forward proxy responded with 403', cause: /the rules of the forward proxy/ })
})

test('for https the forward proxy is asked for a tunnel, and AMSU is sent nothing', async t => {
  const amsu = await startTcp(socket => { socket.on('data', () => { t.fail('a byte for AMSU') }) })
  const forward = await startForwardProxy()
  t.teardown(async () => { await forward.close(); await amsu.close() })
  const settings = { AMSU_BASE_URL: `https://127.0.0.1:${amsu.port}`, AMSU_HTTP_PROXY: forward.url }
  t.strictSame(await forwardStep(contextOf(settings)), { status: 'ok', found: `127.0.0.1:${forward.port} opens a tunnel to AMSU`, data: { address: `127.0.0.1:${forward.port}` } })
  t.match(forward.asked, [{ method: 'CONNECT', target: `127.0.0.1:${amsu.port}` }])
  t.match(await forwardStep(contextOf({ ...settings, AMSU_HTTP_PROXY: 'http://127.0.0.1:9' })), { status: 'failed', found: '127.0.0.1:9: no connection (ECONNREFUSED)', advice: /compare AMSU_HTTP_PROXY/ })
})

test('for http any response of AMSU shows that requests pass; a 403 or 5xx that is not JSON is the forward proxy’s', async t => {
  let status = 401
  let isJson = true
  const upstream = await startUpstream({ onRequest: (_call, res) => { if (isJson) json(res, status, {}); else res.writeHead(status, { 'content-type': 'text/html' }).end('<html>') } })
  const forward = await startForwardProxy()
  t.teardown(async () => { await forward.close(); await upstream.close() })
  const context = contextOf({ AMSU_BASE_URL: upstream.origin, AMSU_HTTP_PROXY: forward.url })
  for ([status, isJson] of [[401, true], [403, true], [500, true], [404, false]] as Array<[number, boolean]>) t.match(await forwardStep(context), { status: 'ok', found: /forwards requests to AMSU/ }, `${status}`)
  for ([status, isJson] of [[403, false], [502, false]] as Array<[number, boolean]>) t.match(await forwardStep(context), { status: 'failed', found: `the forward proxy responded with ${status}` }, `${status}`)
  for (const { url, headers } of upstream.received) t.match([url, headers.authorization], ['/amsu-analysis/v2/available-times', undefined], 'no token is shown')
})

test('what is reached for is named with its port, also where the URL leaves it out, and an IPv6 address in brackets', async t => {
  for (const [url, place] of [['https://amsu.example', 'amsu.example:443'], ['http://amsu.example', 'amsu.example:80'], ['http://amsu.example:8080', 'amsu.example:8080'], ['https://[2001:db8::7]', '[2001:db8::7]:443']] as const) {
    t.strictSame(connectTargetOf(contextOf({ AMSU_BASE_URL: url }, { hasForeignProxySetting: true })), { setting: 'AMSU_BASE_URL', place, hasForeignProxySetting: true })
  }
  t.strictSame(forwardProxyTargetOf(contextOf({ AMSU_HTTP_PROXY: 'http://[2001:db8::9]' })), { setting: 'AMSU_HTTP_PROXY', place: '[2001:db8::9]:80', hasForeignProxySetting: false })
})

test('a failure is known by its code, else by its name, never by its words', async t => {
  t.equal(failureCode(Object.assign(new Error('value-never-shown'), { code: 'ECONNRESET' })), 'ECONNRESET')
  t.equal(failureCode(AbortSignal.abort().reason), 'AbortError')
  t.equal(failureCode(new TypeError('value-never-shown')), 'TypeError')
  t.equal(failureCode('value-never-shown'), '')
})
