/**
 * The metrics of the proxy, for Prometheus. The numbers are kept elsewhere, as numbers; prom-client is handed them when somebody
 * reads, so that a request pays for nothing but counting, and a proxy nobody scrapes does not even run it.
 */
import { existsSync, readFileSync } from 'node:fs'
import { collectDefaultMetrics, Counter, Gauge, Registry, type Histogram as PrometheusHistogram } from 'prom-client'
import { UNLIMITED, type AvailableTimes } from '../amsu/available-times.ts'
import type { Histogram } from '../telemetry/histogram.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'
import type { TokenStatus } from '../token/token-status.ts'

/** The program that runs. */
export interface Build {
  readonly version: string
  /** Version of Node.js, e.g. `v20.19.0`. */
  readonly node: string
}

/** Where the metrics are read from. */
export interface MetricsInputs {
  readonly telemetry: Telemetry
  readonly tokenStatus: () => TokenStatus
  readonly inFlight: () => number
  /** What AMSU last said is left; undefined before it said so. */
  readonly quota: () => readonly AvailableTimes[] | undefined
  readonly build: Build
  /** How many lines the log has lost. */
  readonly droppedLogLines: () => number
}

/** A sample: its labels and its value. */
type Sample = readonly [labels: Readonly<Record<string, string>>, value: number]

/** How often Node looks whether its loop is late, in milliseconds; its default of 10 wakes an idle proxy a hundred times a second. */
const LOOP_PRECISION_MS = 100

/** Gauges of prom-client whose names Prometheus' linter refuses; the same numbers, by type, are in those without `_total`. */
const MISNAMED = ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total']

/** Limits of this process, on Linux. */
const LIMITS = '/proc/self/limits'

/** How many descriptors the process may have open. */
const MAX_DESCRIPTORS = 'process_max_fds'

/** Creates the metrics: our own, and those of the process that every program with prom-client has. */
export function createMetrics (inputs: MetricsInputs): Registry {
  const registry = new Registry()
  addTraffic(registry, inputs)
  addToken(registry, inputs)
  gauge(registry, 'quota_remaining', 'Calls that AMSU says are left, by family; +Inf without a limit.', ['family'],
    () => (inputs.quota() ?? []).map(({ family, remaining }) => [{ family }, remaining === UNLIMITED ? Infinity : remaining]))
  gauge(registry, 'build_info', 'The program that runs; always 1.', ['version', 'node'], () => [[{ ...inputs.build }, 1]])
  counter(registry, 'log_lines_dropped_total', 'Lines of the log that were lost because they could not be written.', [], () => [[{}, inputs.droppedLogLines()]])
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: LOOP_PRECISION_MS })
  for (const name of MISNAMED) registry.removeSingleMetric(name)
  if (registry.getSingleMetric(MAX_DESCRIPTORS) === undefined && existsSync(LIMITS)) addDescriptorLimit(registry)
  return registry
}

function addTraffic (registry: Registry, { telemetry: { traffic }, inFlight }: MetricsInputs): void {
  counter(registry, 'requests_total', 'Requests that were taken to be relayed, by how they ended. What a guard refused before is in errors_total only.', ['route', 'method', 'status', 'caller'],
    () => traffic.requests.map(({ count, ...labels }) => [labels, count]))
  histogram(registry, 'request_duration_seconds', 'From the head of a request to the end of its answer.', traffic.durations)
  histogram(registry, 'upstream_response_seconds', 'From the head of a request to the first byte of the answer of AMSU.', traffic.upstreamDurations)
  gauge(registry, 'in_flight_requests', 'Requests under way.', [], () => [[{}, inFlight()]])
  counter(registry, 'request_bytes_total', 'Bytes of request bodies.', [], () => [[{}, traffic.requestBytes]])
  counter(registry, 'response_bytes_total', 'Bytes of the bodies of answers.', [], () => [[{}, traffic.responseBytes]])
  counter(registry, 'errors_total', 'Errors answered by the proxy itself, by code, whether the request was relayed or refused before.', ['code'],
    () => [...traffic.errors].map(([code, count]) => [{ code: `PROXY.${code}` }, count]))
  counter(registry, 'replays_total', 'Requests that AMSU refused because of the token and that could be sent once more, by what came of it.', ['outcome'],
    () => [...traffic.replays].map(([outcome, count]) => [{ outcome }, count]))
  counter(registry, 'secret_leaks_blocked_total', 'Headers of answers that were dropped because they held a secret.', [], () => [[{}, traffic.leaks]])
}

function addToken (registry: Registry, { telemetry: { tokenCallHistory }, tokenStatus }: MetricsInputs): void {
  gauge(registry, 'token_expires_in_seconds', 'Until the end of the access token; 0 when none is usable.', [], () => [[{}, tokenStatus().tokenExpiresInSeconds ?? 0]])
  gauge(registry, 'refresh_token_expires_in_seconds', 'Until the end of the refresh token; 0 when there is none.', [], () => [[{}, tokenStatus().refreshTokenExpiresInSeconds ?? 0]])
  counter(registry, 'token_requests_total', 'Calls to the token endpoints of AMSU, by call and outcome.', ['call', 'outcome'],
    () => tokenCallHistory.counts.map(({ call, count, outcome }) => [{ call, outcome }, count]))
  gauge(registry, 'token_consecutive_failures', 'Failed attempts in a row to get a token.', [], () => [[{}, tokenStatus().consecutiveFailures]])
}

/** prom-client reads the limit once, and leaves the metric out for good when no descriptor is free just then. */
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
    return undefined // there is none free
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

/** A histogram of our own make, because prom-client's can not be handed counts; a registry asks a metric for no more than this. */
function histogram (registry: Registry, shortName: string, help: string, counts: Histogram): void {
  const { name } = common(registry, shortName, help)
  const sample = (suffix: string, value: number, labels = {}): object => ({ metricName: `${name}_${suffix}`, labels, value })
  const get = async (): Promise<object> => {
    const { bounds, cumulated, sum } = counts
    const values = [...bounds, '+Inf'].map((le, i) => sample('bucket', cumulated[i] as number, { le }))
    return { name, help, type: 'histogram', values: [...values, sample('sum', sum), sample('count', cumulated.at(-1) as number)] }
  }
  registry.registerMetric({ name, get } as unknown as PrometheusHistogram)
}

function common (registry: Registry, name: string, help: string): { name: string, help: string, registers: Registry[] } {
  return { name: `amsu_proxy_${name}`, help, registers: [registry] }
}
