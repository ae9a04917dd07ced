import { test } from 'tap'
import { readdirSync, readFileSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { call } from '../support/client.ts'
import { startProxy } from '../support/proxy.ts'
import { createScaledClock } from '../support/scaled-clock.ts'
import { until } from '../support/until.ts'
import { json, startUpstream, type Received } from '../support/upstream.ts'

const TIMES = '/amsu-analysis/v2/available-times'

async function families (origin: string): Promise<string[]> {
  return (await call(origin, '/metrics')).text.split('\n').filter(line => line.startsWith('amsu_proxy_quota_remaining'))
}

test('the quota is read with the token, by the one call that costs nothing, and becomes a metric', async t => {
  const upstream = await startUpstream({ onRequest: (_received, res) => { json(res, 200, { arrhythmia_analysis: 812, hrv_analysis: -1 }) } })
  const proxy = await startProxy(upstream.origin, { QUOTA_POLL_SECONDS: '300' }, createScaledClock(20))
  t.teardown(async () => { await proxy.stop(); await upstream.close() })
  await until(async () => (await families(proxy.origin)).length === 2)
  t.strictSame(await families(proxy.origin), ['amsu_proxy_quota_remaining{family="arrhythmia_analysis"} 812', 'amsu_proxy_quota_remaining{family="hrv_analysis"} +Inf'])
  t.match(upstream.received.map(({ method, url, headers }) => [method, url, headers.authorization]), [['GET', TIMES, `Bearer ${upstream.tokens[0]}`]])
  t.match((await call(proxy.origin, '/metrics')).text, 'amsu_proxy_request_duration_seconds_count 0', 'a question of our own is no request of a caller')
  t.strictSame(proxy.accessLines(), [])
})

test('whatever happens to the quota call, requests are relayed and only one log line results', async t => {
  const faults: Array<(received: Received, res: Parameters<typeof json>[0]) => void> = [
    (_received, res) => { json(res, 500, {}) },
    (_received, res) => { res.socket?.destroy() },
    (_received, res) => { res.end('x'.repeat(100_000)) },
    (_received, res) => { res.end('{"hrv_analysis": 1,}') },
    () => {}, // no response at all
    (_received, res) => { json(res, 200, { hrv_analysis: 5 }) },
  ]
  let asked = 0
  const upstream = await startUpstream({
    onRequest (received, res) {
      if (received.url !== TIMES) json(res, 200, {})
      else (faults[asked++] ?? faults.at(-1))?.(received, res)
    },
  })
  const proxy = await startProxy(upstream.origin, { QUOTA_POLL_SECONDS: '2' }, createScaledClock(20))
  t.teardown(async () => { await proxy.stop(); await upstream.close() })
  await until(async () => {
    t.equal((await call(proxy.origin, '/amsu-analysis/v2/x')).status, 200)
    t.equal((await call(proxy.origin, '/readyz')).status, 200)
    return (await families(proxy.origin)).length === 1
  })
  t.ok(asked >= faults.length)
  t.equal(proxy.lines.filter(line => line.includes('AMSU does not report the quota')).length, 1)
  t.equal(upstream.tokenCalls.length, 1)
})

test('why AMSU does not report the quota of the quota is in the line: the code of the connection, or the status', async t => {
  for (const [respond, line] of [
    [(res: ServerResponse) => { res.socket?.destroy() }, { err: { code: 'ERR_CONNECTION_ENDED' } }],
    [(res: ServerResponse) => { json(res, 403, {}) }, { status: 403 }],
  ] as const) {
    const upstream = await startUpstream({ onRequest: (_received, res) => { respond(res) } })
    const proxy = await startProxy(upstream.origin, { QUOTA_POLL_SECONDS: '1' })
    const told = (): string | undefined => proxy.lines.find(each => each.includes('AMSU does not report the quota'))
    await until(() => told() !== undefined)
    t.match(JSON.parse(String(told())), line)
    await proxy.stop()
    await upstream.close()
  }
})

test('an exhausted quota is reported by one log line and by /readyz, which stays ready; a refilled one by another line', async t => {
  const left = { hrv_analysis: 0, health_analysis: -1 }
  const upstream = await startUpstream({ onRequest: (_received, res) => { json(res, 200, left) } })
  const proxy = await startProxy(upstream.origin, { QUOTA_POLL_SECONDS: '2' }, createScaledClock(20))
  t.teardown(async () => { await proxy.stop(); await upstream.close() })
  const warnings = async (): Promise<unknown> => {
    const { status, text } = await call(proxy.origin, '/readyz')
    const { reason, warnings } = JSON.parse(text) as Record<string, unknown>
    if (upstream.received.length > 0) t.strictSame([status, reason], [200, 'ok'])
    return warnings
  }
  await until(async () => await warnings() !== undefined)
  t.strictSame(await warnings(), ['quota_empty:hrv_analysis'])
  await until(() => upstream.received.length > 3)
  left.hrv_analysis = 100
  await until(async () => await warnings() === undefined)
  t.match(proxy.lines.map(line => JSON.parse(line) as Record<string, unknown>).filter(({ msg }) => String(msg).includes('quota')), [
    { level: 40, families: ['hrv_analysis'], msg: 'the quota of these families is used up: ask AMSU for more calls; AMSU rejects these analyses until then' },
    { level: 30, families: ['hrv_analysis'], msg: 'the quota of these families is filled again, their analyses can be called' },
  ])
})

test('a clock that goes wrong while the proxy runs is reported with the next quota call', async t => {
  let offMs = 0
  const upstream = await startUpstream({ onRequest: (_received, res) => { json(res.setHeader('date', new Date(Date.now() - offMs).toUTCString()), 200, { hrv_analysis: 5 }) } })
  const proxy = await startProxy(upstream.origin, { QUOTA_POLL_SECONDS: '1' })
  t.teardown(async () => { await proxy.stop(); await upstream.close() })
  const readiness = async (): Promise<string> => (await call(proxy.origin, '/readyz')).text
  await until(async () => (await readiness()).includes('"ok"'))
  offMs = 7_200_000
  await until(async () => (await readiness()).includes('"warnings":["clock_off"]'))
  t.ok(proxy.lines.some(line => line.includes('the clock of this machine is ahead of the clock of AMSU')))
  offMs = 0
  await until(async () => !(await readiness()).includes('warnings'))
})

test('a token that AMSU calls bad when asked for the quota is renewed before a caller meets it', async t => {
  const upstream = await startUpstream({
    onRequest ({ headers }, res) {
      if (String(headers.authorization).startsWith('Bearer upstream-token-1-')) json(res, 401, { error: { code: 'COMMON.INVALID_CREDENTIALS', msg: '' } })
      else json(res, 200, { hrv_analysis: 5 })
    },
  })
  const proxy = await startProxy(upstream.origin, { QUOTA_POLL_SECONDS: '300' }, createScaledClock(20))
  t.teardown(async () => { await proxy.stop(); await upstream.close() })
  await until(async () => (await families(proxy.origin)).length === 1)
  t.equal(upstream.tokens.length, 2)
  t.strictSame(upstream.received.map(({ url }) => url), [TIMES, TIMES])
})

test('the token is opened once', async t => {
  const root = new URL('../../src/', import.meta.url)
  const opened = readdirSync(root, { encoding: 'utf8', recursive: true })
    .filter(path => path.endsWith('.ts'))
    .flatMap(path => [...readFileSync(new URL(path, root), 'utf8').matchAll(/(?<!headers|forwardProxy\??)\.authorization\b/g)].map(() => path))
  t.strictSame(opened, ['token/with-authorization.ts'])
})
