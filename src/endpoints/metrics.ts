/**
 * Prometheus metrics; a new metric is added here. Telemetry holds the numbers, and prom-client receives them only at a scrape, so that
 * a request pays only for counting, and a proxy that is never scraped does not run prom-client.
 */
import { existsSync, readFileSync } from 'node:fs'
import { collectDefaultMetrics, Counter, Gauge, Registry, type Histogram as PrometheusHistogram } from 'prom-client'
import { UNLIMITED, type AvailableTimes } from '../amsu/available-times.ts'
import type { Histogram } from '../telemetry/histogram.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'
import type { TokenStatus } from '../token/token-status.ts'

/** The version of the running program. */
export interface Build {
  readonly version: string
  /** Version of Node.js, e.g. `v20.19.0`. */
  readonly node: string
}

/** The sources of the metrics. */
export interface MetricsInputs {
  readonly telemetry: Telemetry
  readonly tokenStatus: () => TokenStatus
  readonly inFlight: () => number
  /** The quota that AMSU last reported; undefined before the first reading. */
  readonly quota: () => readonly AvailableTimes[] | undefined
  readonly build: Build
  /** How many log lines were lost. */
  readonly droppedLogLines: () => number
}

/** A sample: its labels and its value. */
type Sample = readonly [labels: Readonly<Record<string, string>>, value: number]

/** The resolution of Node's event loop delay monitor, in milliseconds; its default of 10 wakes an idle proxy a hundred times a second. */
const LOOP_PRECISION_MS = 100

/** Gauges of prom-client whose names the Prometheus linter rejects; the gauges without `_total` have the same numbers by type. */
const MISNAMED = ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total']

/** The resource limits of this process, on Linux. */
const LIMITS = '/proc/self/limits'

/** The maximum number of open file descriptors. */
const MAX_DESCRIPTORS = 'process_max_fds'

/** Creates the metrics: our own, and prom-client's default metrics of the process. */
export function createMetrics (inputs: MetricsInputs): Registry {
  const registry = new Registry()
  addTraffic(registry, inputs)
  addToken(registry, inputs)
  gauge(registry, 'quota_remaining', 'Remaining calls that AMSU reports, by family; +Inf without a limit.', ['family'],
    () => (inputs.quota() ?? []).map(({ family, remaining }) => [{ family }, remaining === UNLIMITED ? Infinity : remaining]))
  gauge(registry, 'build_info', 'Version of the program; always 1.', ['version', 'node'], () => [[{ ...inputs.build }, 1]])
  counter(registry, 'log_lines_dropped_total', 'Log lines that were lost because they could not be written.', [], () => [[{}, inputs.droppedLogLines()]])
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: LOOP_PRECISION_MS })
  for (const name of MISNAMED) registry.removeSingleMetric(name)
  if (registry.getSingleMetric(MAX_DESCRIPTORS) === undefined && existsSync(LIMITS)) addDescriptorLimit(registry)
  return registry
}

function addTraffic (registry: Registry, { telemetry: { traffic }, inFlight }: MetricsInputs): void {
  counter(registry, 'requests_total', 'Relayed requests by outcome. Requests that a guard rejected are in errors_total only.', ['route', 'method', 'status', 'caller'],
    () => traffic.requests.map(({ count, ...labels }) => [labels, count]))
  histogram(registry, 'request_duration_seconds', 'Time from the request head to the end of the response.', traffic.durations)
  histogram(registry, 'upstream_response_seconds', 'Time from the request head to the first byte of the response of AMSU.', traffic.upstreamDurations)
  gauge(registry, 'in_flight_requests', 'Requests in flight.', [], () => [[{}, inFlight()]])
  counter(registry, 'request_bytes_total', 'Bytes of request bodies.', [], () => [[{}, traffic.requestBytes]])
  counter(registry, 'response_bytes_total', 'Bytes of response bodies.', [], () => [[{}, traffic.responseBytes]])
  counter(registry, 'errors_total', 'Error responses of the proxy itself by code, for relayed and rejected requests.', ['code'],
    () => [...traffic.errors].map(([code, count]) => [{ code: `PROXY.${code}` }, count]))
  counter(registry, 'replays_total', 'Requests that were replayed because AMSU had rejected the token, by outcome.', ['outcome'],
    () => [...traffic.replays].map(([outcome, count]) => [{ outcome }, count]))
  counter(registry, 'secret_leaks_blocked_total', 'Response headers that were dropped because they contained a secret.', [], () => [[{}, traffic.leaks]])
}

function addToken (registry: Registry, { telemetry: { tokenCallHistory }, tokenStatus }: MetricsInputs): void {
  gauge(registry, 'token_expires_in_seconds', 'Seconds until the access token expires; 0 if none is valid.', [], () => [[{}, tokenStatus().tokenExpiresInSeconds ?? 0]])
  gauge(registry, 'refresh_token_expires_in_seconds', 'Seconds until the refresh token expires; 0 if there is none.', [], () => [[{}, tokenStatus().refreshTokenExpiresInSeconds ?? 0]])
  counter(registry, 'token_requests_total', 'Calls to the token endpoints of AMSU, by call and outcome.', ['call', 'outcome'],
    () => tokenCallHistory.counts.map(({ call, count, outcome }) => [{ call, outcome }, count]))
  gauge(registry, 'token_consecutive_failures', 'Consecutive failed attempts to get a token.', [], () => [[{}, tokenStatus().consecutiveFailures]])
}

/** prom-client reads the limit only once, and omits the metric forever if no descriptor is free at that moment. */
function addDescriptorLimit (registry: Registry): void {
  let limit: number | undefined
  const metric = new Gauge({
    name: MAX_DESCRIPTORS,
    help: 'Maximum number of open file descriptors.',
    registers: [registry],
    collect () {
      limit ??= readDescriptorLimit()
      metric.set(limit ?? NaN)
    },
  })
}

function readDescriptorLimit (): number | undefined {
  try {
    const found = /^Max open files +(\d+)/m.exec(readFileSync(LIMITS, 'utf8'))?.[1]
    return found === undefined ? Infinity : Number(found)
  } catch {
    return undefined // no descriptor is free
  }
}

function counter (registry: Registry, name: string, help: string, labelNames: readonly string[], read: () => Sample[]): void {
  const metric = new Counter({ ...common(registry, name, help), labelNames: [...labelNames], collect () { fill(read()) } })
  const fill = (samples: Sample[]): void => {
    metric.reset()
    for (const [labels, value] of samples) metric.inc(labels, value)
  }
}

function gauge (registry: Registry, name: string, help: string, labelNames: readonly string[], read: () => Sample[]): void {
  const metric = new Gauge({ ...common(registry, name, help), labelNames: [...labelNames], collect () { fill(read()) } })
  const fill = (samples: Sample[]): void => {
    metric.reset()
    for (const [labels, value] of samples) metric.set(labels, value)
  }
}

/** A histogram of our own, because prom-client's cannot be set from counts; a registry requires only these members. */
function histogram (registry: Registry, shortName: string, help: string, counts: Histogram): void {
  const { name } = common(registry, shortName, help)
  const sample = (suffix: string, value: number, labels = {}): object => ({ metricName: `${name}_${suffix}`, labels, value })
  const get = async (): Promise<object> => {
    const { bounds, cumulative, sum } = counts
    const values = [...bounds, '+Inf'].map((le, i) => sample('bucket', cumulative[i] as number, { le }))
    return { name, help, type: 'histogram', values: [...values, sample('sum', sum), sample('count', cumulative.at(-1) as number)] }
  }
  registry.registerMetric({ name, get } as unknown as PrometheusHistogram)
}

function common (registry: Registry, name: string, help: string): { name: string, help: string, registers: Registry[] } {
  return { name: `amsu_proxy_${name}`, help, registers: [registry] }
}
