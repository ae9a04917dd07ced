import { test } from 'tap'
import { createMetrics, type MetricsInputs } from '../../src/endpoints/metrics.ts'
import { Telemetry } from '../../src/telemetry/telemetry.ts'
import type { TokenStatus } from '../../src/token/token-status.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { outcomeOf } from '../telemetry/outcomes.ts'

const STATUS: TokenStatus = {
  reason: 'ok', tokenExpiresInSeconds: 86_000, tokenLifeSeconds: 86_400, tokenRenewsInSeconds: 69_000, refreshTokenExpiresInSeconds: 2_591_600, isRenewing: false, failure: null, failureCode: null, failureStatus: null, areNewCredentialsRejected: false, consecutiveFailures: 0, nextAttemptInSeconds: null,
}

/** All samples, by name and labels. */
async function scrape (changes: Partial<MetricsInputs> = {}, telemetry = new Telemetry(new FakeClock())): Promise<{ text: string, samples: Map<string, string> }> {
  const registry = createMetrics({ telemetry, tokenStatus: () => STATUS, inFlight: () => 0, quota: () => undefined, build: { version: '1.2.3', node: 'v20.19.0' }, droppedLogLines: () => 5, ...changes })
  const text = await registry.metrics()
  return { text, samples: new Map(text.split('\n').filter(line => /^[a-z]/.test(line)).map(line => [line.slice(0, line.lastIndexOf(' ')), line.slice(line.lastIndexOf(' ') + 1)])) }
}

test('every metric is there from the start, with its type and a line of help', async t => {
  const { text } = await scrape()
  for (const [name, type] of [
    ['requests_total', 'counter'], ['request_duration_seconds', 'histogram'], ['upstream_response_seconds', 'histogram'], ['in_flight_requests', 'gauge'], ['request_bytes_total', 'counter'], ['response_bytes_total', 'counter'],
    ['errors_total', 'counter'], ['replays_total', 'counter'], ['token_expires_in_seconds', 'gauge'], ['refresh_token_expires_in_seconds', 'gauge'], ['token_requests_total', 'counter'], ['token_consecutive_failures', 'gauge'],
    ['quota_remaining', 'gauge'], ['secret_leaks_blocked_total', 'counter'], ['log_lines_dropped_total', 'counter'], ['build_info', 'gauge'],
  ] as const) t.match(text, new RegExp(`^# HELP amsu_proxy_${name} [A-Z].*\\.\n# TYPE amsu_proxy_${name} ${type}$`, 'm'), name)
})

test('the process has the metrics that every program with prom-client has', async t => {
  const { samples } = await scrape()
  for (const name of ['process_cpu_seconds_total', 'process_resident_memory_bytes', 'process_start_time_seconds', 'nodejs_eventloop_lag_seconds', 'nodejs_heap_size_used_bytes']) t.ok(samples.has(name), name)
})

test('what was counted is scraped, as often as one scrapes', async t => {
  const observer = new Telemetry(new FakeClock())
  observer.onOutcome(outcomeOf({ caller: 'app', bytesIn: 10, bytesOut: 3, durationMs: 40, upstreamMs: 30 }))
  observer.onOutcome(outcomeOf({ status: 504, errorCode: 'UPSTREAM_TIMEOUT', replay: 'failed', durationMs: 700_000, upstreamMs: undefined }))
  observer.onRejection('HOST_REJECTED')
  observer.onLeak(2)
  observer.onTokenCall('refresh_put', 'method_blocked')
  observer.onTokenCall('refresh_post', 'ok')
  await scrape({}, observer)
  const { samples } = await scrape({ inFlight: () => 7 }, observer)
  for (const [name, value] of [
    ['requests_total{route="/amsu-analysis/v2/hrv/rr-list/",method="POST",status="200",caller="app"}', '1'],
    ['requests_total{route="/amsu-analysis/v2/hrv/rr-list/",method="POST",status="504",caller=""}', '1'],
    ['request_duration_seconds_bucket{le="0.025"}', '0'],
    ['request_duration_seconds_bucket{le="0.05"}', '1'],
    ['request_duration_seconds_bucket{le="600"}', '1'],
    ['request_duration_seconds_bucket{le="+Inf"}', '2'],
    ['request_duration_seconds_sum', '700.04'],
    ['request_duration_seconds_count', '2'],
    ['upstream_response_seconds_count', '1'],
    ['in_flight_requests', '7'],
    ['request_bytes_total', String(1_048_576 + 10)],
    ['response_bytes_total', '515'],
    ['errors_total{code="PROXY.UPSTREAM_TIMEOUT"}', '1'],
    ['errors_total{code="PROXY.HOST_REJECTED"}', '1'],
    ['errors_total{code="PROXY.INTERNAL"}', '0'],
    ['replays_total{outcome="failed"}', '1'],
    ['replays_total{outcome="responded"}', '0'],
    ['secret_leaks_blocked_total', '2'],
    ['log_lines_dropped_total', '5'],
    ['token_requests_total{call="refresh_put",outcome="method_blocked"}', '1'],
    ['token_requests_total{call="refresh_post",outcome="ok"}', '1'],
    ['token_requests_total{call="credentials",outcome="rejected"}', '0'],
    ['build_info{version="1.2.3",node="v20.19.0"}', '1'],
  ] as const) t.equal(samples.get(`amsu_proxy_${name}`), value, name)
})

test('the token lifetime is in seconds; without a token it is 0', async t => {
  const { samples } = await scrape()
  t.equal(samples.get('amsu_proxy_token_expires_in_seconds'), '86000')
  t.equal(samples.get('amsu_proxy_refresh_token_expires_in_seconds'), '2591600')
  t.equal(samples.get('amsu_proxy_token_consecutive_failures'), '0')
  const without = await scrape({ tokenStatus: () => ({ ...STATUS, reason: 'token_expired', tokenExpiresInSeconds: null, refreshTokenExpiresInSeconds: null, failure: 'transient', consecutiveFailures: 3 }) })
  t.equal(without.samples.get('amsu_proxy_token_expires_in_seconds'), '0')
  t.equal(without.samples.get('amsu_proxy_refresh_token_expires_in_seconds'), '0')
  t.equal(without.samples.get('amsu_proxy_token_consecutive_failures'), '3')
})

test('quota is reported by family once AMSU has sent it; a family without a limit has infinitely many calls left', async t => {
  const { samples } = await scrape()
  t.notOk([...samples.keys()].some(name => name.includes('quota')), 'unknown is not zero')
  const known = await scrape({ quota: () => [{ family: 'hrv_analysis', remaining: 12 }, { family: 'health_analysis', remaining: 0 }, { family: 'arrhythmia_analysis', remaining: -1 }] })
  t.equal(known.samples.get('amsu_proxy_quota_remaining{family="hrv_analysis"}'), '12')
  t.equal(known.samples.get('amsu_proxy_quota_remaining{family="health_analysis"}'), '0')
  t.equal(known.samples.get('amsu_proxy_quota_remaining{family="arrhythmia_analysis"}'), '+Inf')
})

test('names and labels are plain: a label value is escaped, and gauges do not end like counters', async t => {
  const observer = new Telemetry(new FakeClock())
  observer.onOutcome(outcomeOf({ caller: 'a"b\\c' }))
  const { text } = await scrape({}, observer)
  t.match(text, 'caller="a\\"b\\\\c"')
  t.notMatch(text, /^# TYPE \S+_total gauge$/m)
})
