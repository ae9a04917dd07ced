/**
 * The metrics as Prometheus sees them: its linter finds nothing to say, and a server that scrapes the proxy can be asked what an
 * operator would ask. Started by test/metrics/run.sh.
 */
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { call } from '../support/client.ts'
import { freePort } from '../support/free-port.ts'
import { startProxy } from '../support/proxy.ts'
import { until } from '../support/until.ts'
import { json, startUpstream } from '../support/upstream.ts'

const PATH = '/amsu-analysis/v2/hrv/rr-list/'
const TIMES = '/amsu-analysis/v2/available-times'

/** A proxy that has seen good and bad days, in front of an upstream that resets `/broken`. */
async function setUp () {
  const upstream = await startUpstream({
    onRequest ({ url }, res) {
      if (url.endsWith('/broken')) res.socket?.destroy()
      else json(res, 200, url === TIMES ? { hrv_analysis: 12, health_analysis: -1 } : {})
    },
  })
  const proxy = await startProxy(upstream.origin, { CALLERS: 'app-one:caller-secret-1', QUOTA_POLL_SECONDS: '1' })
  const headers = { authorization: 'Bearer caller-secret-1' }
  for (const path of [PATH, PATH, `${PATH}broken`]) await call(proxy.origin, path, { method: 'POST', headers })
  await call(proxy.origin, PATH, { method: 'POST' })
  await until(async () => (await call(proxy.origin, '/metrics')).text.includes('quota_remaining{'))
  return { proxy, close: async () => { await proxy.stop(); await upstream.close() } }
}

test('promtool check metrics has nothing to say', async () => {
  const { proxy, close } = await setUp()
  try {
    const { text } = await call(proxy.origin, '/metrics')
    const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' })
    assert.equal(`${stdout}${stderr}`, '')
    assert.equal(status, 0)
    const broken = spawnSync('promtool', ['check', 'metrics'], { input: `${text}# TYPE x_total gauge\nx_total 1\n`, encoding: 'utf8' })
    assert.notEqual(broken.status, 0, 'it would have')
  } finally {
    await close()
  }
})

test('a Prometheus that scrapes the proxy has what an operator asks for', async () => {
  const { proxy, close } = await setUp()
  const folder = await mkdtemp(join(tmpdir(), 'amsu-proxy-prometheus-'))
  const port = await freePort()
  await writeFile(join(folder, 'prometheus.yml'), `scrape_configs:\n- job_name: amsu-proxy\n  scrape_interval: 1s\n  static_configs:\n  - targets: ['127.0.0.1:${proxy.port}']\n`)
  const server = spawn('prometheus', [`--config.file=${join(folder, 'prometheus.yml')}`, `--storage.tsdb.path=${join(folder, 'data')}`, `--web.listen-address=127.0.0.1:${port}`], { stdio: 'ignore' })
  const ended = once(server, 'exit')
  const ask = async (query: string): Promise<Record<string, string>> => await resultsOf(`http://127.0.0.1:${port}`, query)
  try {
    await until(async () => Object.keys(await ask('amsu_proxy_build_info').catch(() => ({}))).length > 0, 30_000)
    assert.deepEqual(await ask('up{job="amsu-proxy"}'), { '': '1' })
    assert.deepEqual(await ask('sum by (route, status) (amsu_proxy_requests_total)'), { [`${PATH},200`]: '2', 'other,502': '1' })
    assert.deepEqual(await ask('amsu_proxy_errors_total > 0'), { 'PROXY.UPSTREAM_RESET': '1', 'PROXY.CALLER_UNAUTHENTICATED': '1' })
    assert.deepEqual(await ask('amsu_proxy_quota_remaining < 100'), { hrv_analysis: '12' }, 'a family without a limit alarms nobody')
    assert.deepEqual(await ask('amsu_proxy_token_expires_in_seconds > bool 86000'), { '': '1' })
    assert.deepEqual(await ask('histogram_quantile(0.99, amsu_proxy_request_duration_seconds_bucket) < bool 600'), { '': '1' })
    assert.deepEqual(await ask('count({__name__=~"amsu_proxy_.+", instance=""})'), {})
  } finally {
    server.kill('SIGKILL')
    await ended
    await close()
    await rm(folder, { recursive: true, force: true })
  }
})

/** The values of a query, by the values of the labels that are not the target's. */
async function resultsOf (origin: string, query: string): Promise<Record<string, string>> {
  const { text } = await call(origin, `/api/v1/query?query=${encodeURIComponent(query)}`)
  const { data } = JSON.parse(text) as { data: { result: Array<{ metric: Record<string, string>, value: [number, string] }> } }
  return Object.fromEntries(data.result.map(({ metric, value }) => {
    const labels = Object.entries(metric).filter(([name]) => !['__name__', 'instance', 'job'].includes(name))
    return [labels.map(([, label]) => label).join(), value[1]]
  }))
}
