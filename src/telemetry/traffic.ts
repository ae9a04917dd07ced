/**
 * Traffic counters: counts relayed and rejected requests. This runs once per request, on the hot path: an event finds its counter by a
 * few lookups and allocates nothing. Metric names and labels are built when they are read.
 */
import { STATUS_CODES } from 'node:http'
import type { Replay } from '../amsu/invalid-token.ts'
import { routeOf } from '../amsu/routes.ts'
import { errorTable, type ErrorCode } from '../errors.ts'
import { CLIENT_CLOSED_REQUEST, type Outcome } from '../relay/context.ts'
import { Histogram } from './histogram.ts'

/** Bounds of both histograms, in seconds: from a cached response to the analysis of days of ECG. */
const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600]

/** The number of requests with the same labels. */
export interface RequestCount {
  readonly route: string
  readonly method: string
  /** A status code, or `other` for a number that is not one. */
  readonly status: string
  /** Name of the caller; empty with open access. */
  readonly caller: string
  count: number
}

type Counts = Map<string, Map<string, Map<string | undefined, Map<number, RequestCount>>>>

/** The counters of a proxy since its start. */
export class Traffic {
  readonly #requests: Counts = new Map()
  /** From the first byte of a request to the last byte of its response. */
  readonly durations = new Histogram(SECONDS)
  /** From the first byte of a request to the first byte of AMSU's response. */
  readonly upstreamDurations = new Histogram(SECONDS)
  /** Errors of the proxy, of relayed and rejected requests. Zeros are there from the start, because a rate needs a first value. */
  readonly errors = new Map((Object.keys(errorTable) as ErrorCode[]).map(code => [code, 0]))
  readonly replays = new Map<Replay, number>([['responded', 0], ['rejected_again', 0], ['failed', 0]])
  requestBytes = 0
  responseBytes = 0
  /** Response headers that were dropped because they contained a secret. */
  leaks = 0

  /** Counts a relayed request when it ends. */
  count (outcome: Outcome): void {
    const { bytesIn, bytesOut, durationMs, errorCode, replay, upstreamMs } = outcome
    this.#countOf(outcome).count++
    this.durations.add(durationMs / 1000)
    if (upstreamMs !== undefined) this.upstreamDurations.add(upstreamMs / 1000)
    this.requestBytes += bytesIn
    this.responseBytes += bytesOut
    if (errorCode !== undefined) this.countError(errorCode)
    if (replay !== undefined) increment(this.replays, replay)
  }

  /** Counts an error of a request without an {@link Outcome}. */
  countError (code: ErrorCode): void {
    increment(this.errors, code)
  }

  /** The requests by their labels, in the order of first use. */
  get requests (): RequestCount[] {
    return [...this.#requests.values()].flatMap(methods => [...methods.values()]).flatMap(callers => [...callers.values()]).flatMap(statuses => [...statuses.values()])
  }

  #countOf ({ caller, method, path, status }: Outcome): RequestCount {
    const route = routeOf(path)
    const code = status === CLIENT_CLOSED_REQUEST || status in STATUS_CODES ? status : 0
    const statuses = branch(branch(branch(this.#requests, route), method), caller)
    let counter = statuses.get(code)
    if (counter === undefined) {
      counter = { route, method, status: code === 0 ? 'other' : String(code), caller: caller ?? '', count: 0 }
      statuses.set(code, counter)
    }
    return counter
  }
}

/** Returns the map below `key`; creates it if it is missing. */
function branch<K, V, T> (map: Map<K, Map<V, T>>, key: K): Map<V, T> {
  let below = map.get(key)
  if (below === undefined) {
    below = new Map()
    map.set(key, below)
  }
  return below
}

function increment<K> (counts: Map<K, number>, key: K): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}
