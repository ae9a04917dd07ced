import { test } from 'tap'
import { call, sendBytes } from '../support/client.ts'
import { CLIENT_ID, CLIENT_SECRET, startProxy } from '../support/proxy.ts'
import { until } from '../support/until.ts'
import { json, startUpstream } from '../support/upstream.ts'

const PATH = '/amsu-analysis/v2/hrv/rr-list/'

/** Reads one sample; 0 when there is none. */
async function read (origin: string, sample: string): Promise<number> {
  const { text } = await call(origin, '/metrics')
  return Number(text.split('\n').find(line => line.startsWith(`amsu_proxy_${sample} `))?.split(' ').at(-1) ?? 0)
}

test('a scrape shows what was relayed, by route, method, status and caller, and must not be cached', async t => {
  const upstream = await startUpstream({ onRequest: ({ url }, res) => { json(res, url.split('?')[0] === PATH ? 200 : 418, {}) } })
  const proxy = await startProxy(upstream.origin, { CALLERS: 'app-one:caller-secret-1' })
  t.teardown(async () => { await proxy.stop(); await upstream.close() })
  const headers = { authorization: 'Bearer caller-secret-1' }
  for (const path of [PATH, `${PATH}?q=1`, `${PATH}more`]) await call(proxy.origin, path, { method: 'POST', body: 'body', headers })
  await proxy.untilLogged(3)
  const { status, headers: got, text } = await call(proxy.origin, '/metrics')
  t.equal(status, 200)
  t.match(got, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8', 'cache-control': 'no-store' })
  t.match(text, `amsu_proxy_requests_total{route="${PATH}",method="POST",status="200",caller="app-one"} 2\n`)
  t.match(text, 'amsu_proxy_requests_total{route="other",method="POST",status="418",caller="app-one"} 1\n')
  t.match(text, 'amsu_proxy_request_bytes_total 12\n')
  t.match(text, 'amsu_proxy_token_requests_total{call="credentials",outcome="ok"} 1\n')
  t.match(text, 'amsu_proxy_build_info{version="0.0.0",node="v0.0.0"} 1\n')
  for (const secret of [CLIENT_ID, CLIENT_SECRET, 'caller-secret-1', 'upstream-token', 'upstream-refresh']) t.notMatch(text, secret)
  t.match(await call(proxy.origin, '/metrics', { method: 'HEAD' }), { status: 200, text: '' })
})

test('every error has its count, wherever on its way a request was rejected', async t => {
  const upstream = await startUpstream({ onRequest: (_received, res) => { res.socket?.destroy() } })
  const proxy = await startProxy(upstream.origin, { ALLOWED_ROUTES: `POST ${PATH}` })
  t.teardown(async () => { await proxy.stop(); await upstream.close() })
  await call(proxy.origin, PATH, { method: 'POST' })
  await call(proxy.origin, '/nowhere')
  await call(proxy.origin, PATH)
  await call(proxy.origin, `${PATH}../x`)
  await call(proxy.origin, PATH, { headers: { host: 'evil.example' } })
  await call(proxy.origin, PATH, { headers: { origin: 'https://evil.example' } })
  await sendBytes(proxy.port, 'garbage\r\n\r\n')
  await sendBytes(proxy.port, 'CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n')
  await call(proxy.origin, PATH, { method: 'POST', headers: { expect: 'miracles' } })
  for (const code of ['UPSTREAM_RESET', 'NOT_FOUND', 'ROUTE_REJECTED', 'PATH_REJECTED', 'HOST_REJECTED', 'ORIGIN_REJECTED', 'BAD_REQUEST', 'METHOD_REJECTED', 'EXPECTATION_FAILED']) {
    t.equal(await read(proxy.origin, `errors_total{code="PROXY.${code}"}`), 1, code)
  }
  t.equal(await read(proxy.origin, 'request_duration_seconds_count'), 1, 'what a guard refused is not among the requests')
})

test('what is over the limit counts as an error, and what is in flight is shown', async t => {
  let respond = (): void => {}
  const upstream = await startUpstream({ onRequest: (_received, res) => { respond = () => { res.end() } } })
  const proxy = await startProxy(upstream.origin, { MAX_IN_FLIGHT: '1' })
  t.teardown(async () => { await proxy.stop(); await upstream.close() })
  const held = call(proxy.origin, PATH)
  await until(() => upstream.received.length === 1)
  t.equal((await call(proxy.origin, PATH)).status, 503)
  t.equal(await read(proxy.origin, 'in_flight_requests'), 1)
  t.equal(await read(proxy.origin, 'errors_total{code="PROXY.OVERLOADED"}'), 1)
  respond()
  await held
  await proxy.untilLogged(1)
  t.equal(await read(proxy.origin, 'in_flight_requests'), 0)
})

test('a replayed request counts by what AMSU said the second time', async t => {
  let bad: string[] = []
  let isTokenDown = false
  let isBroken = false
  const upstream = await startUpstream({
    onRequest: ({ headers }, res) => {
      if (bad.some(token => headers.authorization === `Bearer ${token}`)) json(res, 401, { error: { code: 'COMMON.INVALID_CREDENTIALS', msg: '' } })
      else if (isBroken) res.destroy()
      else json(res, 200, {})
    },
    isTokenDown: () => isTokenDown,
  })
  t.teardown(async () => { await upstream.close() })
  for (const [outcome, rejects, fault, status] of [['responded', 1, '', 200], ['rejected_again', 2, '', 401], ['failed', 1, 'AMSU breaks off', 502], ['not sent again', 1, 'no new token comes', 401]] as const) {
    isTokenDown = false
    isBroken = fault === 'AMSU breaks off'
    const proxy = await startProxy(upstream.origin, { TOKEN_WAIT_MS: '50' })
    const issued = upstream.tokens.length
    await until(async () => (await call(proxy.origin, '/readyz')).status === 200)
    isTokenDown = fault === 'no new token comes'
    bad = [issued + 1, issued + 2].slice(0, rejects).map(n => `upstream-token-${n}-${'x'.repeat(40)}`)
    t.equal((await call(proxy.origin, PATH)).status, status, outcome)
    await proxy.untilLogged(1)
    t.match(proxy.accessLines(), [{ status, replayed: outcome !== 'not sent again' }], 'the log agrees')
    for (const each of ['responded', 'rejected_again', 'failed']) t.equal(await read(proxy.origin, `replays_total{outcome="${each}"}`), each === outcome ? 1 : 0, `${outcome}: ${each}`)
    await proxy.stop()
  }
})

test('a response that holds a secret is counted as a leak', async t => {
  const upstream = await startUpstream({ onRequest: ({ headers }, res) => { res.setHeader('x-echo', String(headers.authorization)).end() } })
  const proxy = await startProxy(upstream.origin)
  t.teardown(async () => { await proxy.stop(); await upstream.close() })
  t.notOk('x-echo' in (await call(proxy.origin, PATH)).headers)
  t.equal(await read(proxy.origin, 'secret_leaks_blocked_total'), 1)
})
