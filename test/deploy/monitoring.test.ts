import { test } from 'tap'
import { existsSync, readFileSync } from 'node:fs'
import { settings } from '../../src/config/settings.ts'
import { readYaml } from './manifests.ts'

const docker = new URL('../../docker/', import.meta.url).pathname

/** Every metric that the proxy promises, as Prometheus stores it, with its labels. */
const metrics: Record<string, readonly string[]> = {
  requests_total: ['route', 'method', 'status', 'caller'],
  request_duration_seconds_bucket: ['le'],
  upstream_response_seconds_bucket: ['le'],
  in_flight_requests: [],
  request_bytes_total: [],
  response_bytes_total: [],
  errors_total: ['code'],
  replays_total: ['outcome'],
  token_expires_in_seconds: [],
  refresh_token_expires_in_seconds: [],
  token_requests_total: ['call', 'outcome'],
  token_consecutive_failures: [],
  quota_remaining: ['family'],
  secret_leaks_blocked_total: [],
  log_lines_dropped_total: [],
  build_info: ['version', 'node'],
}

/** Labels that Prometheus adds to every series. */
const ADDED_LABELS = ['job', 'instance']

interface Rule { readonly alert: string, readonly expr: string, readonly labels: { severity: string }, readonly annotations: { summary: string, description: string } }
interface Story { readonly alert_rule_test?: readonly { alertname: string, exp_alerts: readonly unknown[] }[] }
interface Panel { readonly title: string, readonly description?: string, readonly type: string, readonly gridPos: { x: number, y: number, w: number, h: number }, readonly targets?: readonly { expr: string }[], readonly datasource?: { uid: string } }
interface Dashboard { readonly uid: string, readonly panels: readonly Panel[], readonly templating: { list: readonly { name: string, type: string }[] } }
interface Compose { readonly services: Record<string, { image?: string, environment?: Record<string, string>, volumes?: readonly string[], ports?: readonly string[], networks: readonly string[] }>, readonly networks: Record<string, object> }

const [{ groups }] = readYaml(`${docker}monitoring/alerts.yaml`) as [{ groups: readonly { rules: readonly Rule[] }[] }]
const rules = groups.flatMap(group => group.rules)
const dashboard = JSON.parse(readFileSync(`${docker}monitoring/grafana-dashboard.json`, 'utf8')) as Dashboard
const drawn = dashboard.panels.filter(({ type }) => type !== 'row')
const queries = drawn.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr))
const [compose] = readYaml(`${docker}compose.monitoring.yaml`) as [Compose]

function metricsIn (expression: string): string[] {
  return [...expression.matchAll(/\bamsu_proxy_(\w+)/g)].map(([, name = '']) => name)
}

test('alerts and dashboard ask for metrics and labels that the proxy has', async t => {
  for (const expression of [...rules.map(({ expr }) => expr), ...queries]) {
    for (const name of metricsIn(expression)) t.ok(name in metrics, `${name} in ${expression}`)
    const known = [...ADDED_LABELS, ...metricsIn(expression).flatMap(name => metrics[name] ?? [])]
    const asked = [...expression.matchAll(/(?:by|on) \(([^)]*)\)/g)].flatMap(([, labels = '']) => labels.split(', '))
    const selected = [...expression.matchAll(/([a-z]+)(?:=|=~|!=|!~)"/g)].map(([, label = '']) => label)
    for (const label of [...asked, ...selected]) t.ok(known.includes(label), `${label} in ${expression}`)
  }
})

test('the dashboard draws every metric of the proxy, from a data source that can be chosen, with words for each panel', async t => {
  const shown = queries.flatMap(metricsIn)
  for (const name of Object.keys(metrics)) t.ok(shown.includes(name), name)
  t.match(dashboard.templating.list, [{ name: 'datasource', type: 'datasource' }, { name: 'instance', type: 'query' }])
  for (const { title, description, datasource } of drawn) {
    t.match(description, /\.$/, title)
    t.match(datasource?.uid, /^\$\{datasource\}$/, title)
  }
  for (const [i, { title, gridPos: { x, y, w, h } }] of dashboard.panels.entries()) {
    t.ok(x + w <= 24, title)
    t.notOk(dashboard.panels.slice(0, i).some(({ gridPos: other }) => x < other.x + other.w && other.x < x + w && y < other.y + other.h && other.y < y + h), `${title} covers no other panel`)
  }
})

test('every alert says how urgent it is, what happened and what to do, and has an example that lets it fire', async t => {
  const [{ tests }] = readYaml(`${docker}monitoring/alerts.test.yaml`) as [{ tests: readonly Story[] }]
  const fired = tests.flatMap(({ alert_rule_test: checks = [] }) => checks).filter(check => check.exp_alerts.length > 0).map(({ alertname }) => alertname)
  t.same([...new Set(fired)].sort(), rules.map(({ alert }) => alert).sort())
  for (const { alert, labels, annotations } of rules) {
    t.match(labels.severity, /^(?:page|ticket)$/, alert)
    t.ok(annotations.summary.length > 10 && annotations.description.endsWith('.'), alert)
  }
})

test('what the monitoring mounts exists, its images have versions, and nothing of it is published beyond this machine', async t => {
  for (const [name, { image, environment = {}, volumes = [], ports = [], networks }] of Object.entries(compose.services)) {
    for (const volume of volumes.filter(volume => volume.startsWith('.'))) t.ok(existsSync(new URL(volume.split(':')[0] as string, `file://${docker}`)), volume)
    for (const port of ports) t.match(port, /^127\.0\.0\.1:/, name)
    for (const network of networks) t.ok(network in compose.networks || ['private', 'outside'].includes(network), `${name}: ${network}`)
    if (name === 'amsu-proxy') for (const setting of Object.keys(environment)) t.ok(setting in settings, setting)
    else t.match(image, /:v?\d+\.\d+\.\d+$/, name)
  }
  const [prometheus] = readYaml(`${docker}monitoring/prometheus.yaml`) as [{ scrape_configs: object[] }]
  t.match(prometheus.scrape_configs, [{ job_name: 'amsu-proxy', dns_sd_configs: [{ names: ['amsu-proxy'], port: Number(compose.services['amsu-proxy']?.environment?.['ADMIN_PORT']) }] }])
  const [{ providers }] = readYaml(`${docker}monitoring/grafana/dashboards.yaml`) as [{ providers: [{ options: { path: string } }] }]
  t.ok(compose.services['grafana']?.volumes?.some(volume => volume.includes(`grafana-dashboard.json:${providers[0].options.path}/`)))
})
