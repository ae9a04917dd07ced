/**
 * Status of the proxy as one JSON value: the response of `/status` to programs, and the data of the status page. It contains no secret,
 * even if a caller put one into a path. It shows which paths are called, and by which callers.
 */
import { isOff } from '../amsu/clock-skew.ts'
import type { PastRequest } from '../telemetry/history.ts'
import type { QuotaReading } from '../telemetry/quota-poll.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'
import type { TokenStatus } from '../token/token-status.ts'
import { warningsOf, type Warning } from './health.ts'
import type { Build } from './metrics.ts'

/** Longer paths are truncated: one of 16 KiB would make the page unreadable. */
const MAX_PATH_LENGTH = 200

/** The state of the proxy, in the words of the page. */
export type State = 'starting' | 'serving' | 'renewing' | 'token_endpoint_down' | 'credentials_rejected' | 'draining'

/** The address at which clients reach the relay. */
export interface ListenerAddress {
  readonly isTls: boolean
  /** Path of the Unix socket. */
  readonly socketPath: string | undefined
  /** The port, if it is not the one of the page. */
  readonly port: number | undefined
  readonly needsCaller: boolean
}

/** The inputs of the status. */
export interface StatusInputs {
  readonly telemetry: Telemetry
  readonly build: Build
  readonly tokenStatus: () => TokenStatus
  /** Seconds by which this clock is ahead of AMSU's, negative if it is behind; undefined if unknown. */
  readonly clockSkewSeconds: () => number | undefined
  readonly isDraining: () => boolean
  readonly inFlight: () => number
  readonly quota: { readonly isOn: boolean, readonly reading: QuotaReading | undefined, readonly isFailing: boolean }
  readonly settings: ReadonlyArray<{ readonly name: string, readonly value: string, readonly isDefault: boolean }>
  readonly listenerAddress: () => ListenerAddress
  /** Hides the values of our secrets in a text, as in the log. */
  readonly mask: (text: string) => string
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number
}

/** Returns the state as one word. */
export function stateOf ({ failure, isRenewing, reason }: Pick<TokenStatus, 'failure' | 'isRenewing' | 'reason'>, isDraining: boolean): State {
  if (isDraining) return 'draining'
  if (failure === 'rejected') return 'credentials_rejected'
  if (failure === 'transient') return 'token_endpoint_down'
  if (reason === 'starting') return 'starting'
  return isRenewing || reason !== 'ok' ? 'renewing' : 'serving'
}

/**
 * Describes the proxy. Instants are ISO 8601, durations whole seconds. As the last step all texts are masked. Paths are truncated after
 * that, so that no part of a secret remains.
 *
 * @param host the `Host` of the request
 */
export function describe (inputs: StatusInputs, host: string) {
  const status = maskTexts(describeAll(inputs, host), inputs.mask)
  return { ...status, requests: status.requests.map(request => ({ ...request, path: request.path.slice(0, MAX_PATH_LENGTH) })) }
}

function describeAll (inputs: StatusInputs, host: string) {
  const { build, telemetry: { history, startedAt, tokenCallHistory }, quota, settings } = inputs
  const { reason, ...token } = inputs.tokenStatus()
  const isDraining = inputs.isDraining()
  const skewSeconds = inputs.clockSkewSeconds()
  const now = inputs.now()
  const minutes = history.lastHour
  return {
    state: stateOf({ reason, ...token }, isDraining),
    isServing: reason === 'ok' && !isDraining,
    warnings: currentWarnings(inputs),
    ...build,
    now: iso(now),
    startedAt: iso(startedAt),
    uptimeSeconds: Math.max(0, Math.floor((now - startedAt) / 1000)),
    clock: { skewSeconds: skewSeconds ?? null, isOff: isOff(skewSeconds) },
    token,
    tokenCalls: tokenCallHistory.last.map(({ endedAt, ...call }) => ({ endedAt: iso(endedAt), ...call })),
    quota: { isPolled: quota.isOn, isFailing: quota.isFailing, readAt: quota.reading === undefined ? null : iso(quota.reading.readAt), families: quota.reading?.families ?? [] },
    traffic: { inFlight: inputs.inFlight(), requests: sum(minutes.map(({ requests }) => requests)), errors: sum(minutes.map(({ errors }) => errors)), minutes },
    requests: history.requests.map(describeRequest),
    settings,
    firstCall: firstCall(inputs.listenerAddress(), host),
  }
}

/** Returns what an operator should act on now. */
export function currentWarnings ({ clockSkewSeconds, telemetry, quota, tokenStatus }: StatusInputs): Warning[] {
  return warningsOf({ token: tokenStatus(), lastRequest: telemetry.history.last, quota: quota.reading, clockSkewSeconds: clockSkewSeconds() })
}

/** The status as {@link describe} returns it. */
export type Status = ReturnType<typeof describe>

/** Returns a shell command that reads the quota from AMSU, free of charge. `host` has passed the guard, so it needs no quoting. */
export function firstCall ({ isTls, needsCaller, port, socketPath }: ListenerAddress, host: string): string {
  const credentials = needsCaller ? '-u NAME:SECRET ' : ''
  const path = '/amsu-analysis/v2/available-times'
  if (socketPath !== undefined) return `curl ${credentials}--unix-socket '${socketPath.replaceAll("'", "'\\''")}' http://localhost${path}`
  const authority = port === undefined ? host : `${host.replace(/:\d+$/, '')}:${port}`
  return `curl ${credentials}${isTls ? 'https' : 'http'}://${authority}${path}`
}

function describeRequest ({ caller, durationMs, endedAt, errorCode, ...request }: PastRequest) {
  return { endedAt: iso(endedAt), ...request, caller: caller ?? null, errorCode: errorCode === undefined ? null : `PROXY.${errorCode}`, durationMs: Math.round(durationMs * 1000) / 1000 }
}

/** Copies a value with all texts masked. Field names are ours and stay. */
function maskTexts<T> (value: T, mask: (text: string) => string): T {
  if (typeof value === 'string') return mask(value) as T
  if (Array.isArray(value)) return value.map(item => maskTexts<unknown>(item, mask)) as T
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, maskTexts<unknown>(item, mask)])) as T
}

function iso (instant: number): string {
  return new Date(instant).toISOString()
}

function sum (numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
