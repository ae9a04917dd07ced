/**
 * What the health endpoints say: pure functions of what is known here. Neither makes a call: a readiness that follows a
 * dependency takes whole fleets out of service.
 */
import { emptyFamilies } from '../amsu/available-times.ts'
import { isOff } from '../amsu/clock-skew.ts'
import type { PastRequest } from '../telemetry/history.ts'
import type { QuotaReading } from '../telemetry/quota-poll.ts'
import type { TokenStatus } from '../token/token-status.ts'

/** The answer of `/readyz`. */
export interface Readiness {
  readonly ready: boolean
  readonly reason: TokenStatus['reason'] | 'draining'
  readonly tokenExpiresInSeconds: number | null
  /** Left out when there is nothing to tell: whoever compares the answer of every day as a whole may go on to do so. */
  readonly warnings?: readonly Warning[]
}

/** What an operator should act on, whether the proxy is ready or not; behind the colon stands what it is about. */
export type Warning = 'amsu_unreachable' | 'clock_off' | 'credentials_rejected' | 'new_credentials_rejected' | `quota_empty:${string}` | `token_call_failed:${string}`

/** What warnings are made of. */
export interface HealthInputs {
  readonly token: Pick<TokenStatus, 'reason' | 'failure' | 'failureCode' | 'failureStatus' | 'areNewCredentialsRejected'>
  /** The request that ended last. */
  readonly lastRequest: Pick<PastRequest, 'endedAt' | 'errorCode'> | undefined
  readonly quota: QuotaReading | undefined
  /** See `ClockSkew.seconds`. */
  readonly clockSkewSeconds: number | undefined
}

/** Ready while a usable token is held and the proxy is not shutting down, whatever it is warned of. */
export function readiness ({ reason, tokenExpiresInSeconds }: Pick<TokenStatus, 'reason' | 'tokenExpiresInSeconds'>, isDraining: boolean, warnings: readonly Warning[]): Readiness {
  const told = warnings.length > 0 ? { warnings } : {}
  if (isDraining) return { ready: false, reason: 'draining', tokenExpiresInSeconds, ...told }
  return { ready: reason === 'ok', reason, tokenExpiresInSeconds, ...told }
}

/** Finds what is wrong and not in the reason already. */
export function warningsOf ({ token: { areNewCredentialsRejected, failure, failureCode, failureStatus, reason }, lastRequest, quota, clockSkewSeconds }: HealthInputs): Warning[] {
  const warnings: Warning[] = []
  if (failure === 'transient') warnings.push(`token_call_failed:${failureCode ?? String(failureStatus)}`)
  if (failure === 'rejected' && reason !== 'credentials_rejected') warnings.push('credentials_rejected')
  if (areNewCredentialsRejected) warnings.push('new_credentials_rejected')
  // An answer to the question for the quota is later news than a request that found no connection.
  if (lastRequest?.errorCode === 'UPSTREAM_UNREACHABLE' && lastRequest.endedAt > (quota?.readAt ?? 0)) warnings.push('amsu_unreachable')
  warnings.push(...emptyFamilies(quota?.families ?? []).map(family => `quota_empty:${family}` as const))
  if (isOff(clockSkewSeconds)) warnings.push('clock_off')
  return warnings
}
