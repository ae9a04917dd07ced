/**
 * What was relayed and refused, as numbers. This runs once a request, on the way on which the CPU time of the proxy is spent: an
 * event finds its counter by a few look-ups and allocates nothing. Names and labels are made when somebody reads.
 */
import { STATUS_CODES } from 'node:http'
import type { Replay } from '../amsu/invalid-token.ts'
import { routeOf } from '../amsu/routes.ts'
import { errorTable, type ErrorCode } from '../errors.ts'
import { CLIENT_CLOSED_REQUEST, type Outcome } from '../relay/context.ts'
import { Histogram } from './histogram.ts'

/** Bounds of both histograms, in seconds: from a cached answer to the analysis of days of ECG. */
const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600]

/** Requests that have all labels in common. */
export interface RequestCount {
  readonly route: string
  readonly method: string
  /** A status code, or `other` for a number that is none. */
  readonly status: string
  /** Name of the caller; empty in open access, and for a stranger. */
  readonly caller: string
  count: number
}

type Counts = Map<string, Map<string, Map<string | undefined, Map<number, RequestCount>>>>

/** The counters of a proxy, from its start. */
export class Traffic {
  readonly #requests: Counts = new Map()
  /** From the first byte of a request to the last of its answer. */
  readonly durations = new Histogram(SECONDS)
  /** To the first byte of AMSU's answer. */
  readonly upstreamDurations = new Histogram(SECONDS)
  /** Errors of the proxy, whether the request was relayed or refused before. Zeros are there from the start: a rate needs a first value. */
  readonly errors = new Map((Object.keys(errorTable) as ErrorCode[]).map(code => [code, 0]))
  readonly replays = new Map<Replay, number>([['responded', 0], ['rejected_again', 0], ['failed', 0]])
  requestBytes = 0
  responseBytes = 0
  /** Headers of answers that were dropped because they held a secret. */
  leaks = 0

  /** Counts a request that the relay took, when it ends. */
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

  /** Counts an error; those of an {@link Outcome} are counted with it. */
  countError (code: ErrorCode): void {
    increment(this.errors, code)
  }

  /** The requests by their labels, in the order in which these were first seen. */
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

/** The map below `key`, made when it is first asked for. */
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
