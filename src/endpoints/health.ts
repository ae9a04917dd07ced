/**
 * Health checks: readiness and warnings, as pure functions of the proxy's state. Neither makes a call, because a readiness that depends
 * on an upstream takes all replicas out of service at once.
 */
import { emptyFamilies } from '../amsu/available-times.ts'
import { isOff } from '../amsu/clock-skew.ts'
import type { PastRequest } from '../telemetry/history.ts'
import type { QuotaReading } from '../telemetry/quota-poll.ts'
import type { TokenStatus } from '../token/token-status.ts'

/** The response of `/readyz`. */
export interface Readiness {
  readonly ready: boolean
  readonly reason: TokenStatus['reason'] | 'draining'
  readonly tokenExpiresInSeconds: number | null
  /** Omitted if there are none, so that the response of a healthy proxy stays the same. */
  readonly warnings?: readonly Warning[]
}

/** What an operator should act on, whether the proxy is ready or not; the text after the colon names the subject. */
export type Warning = 'amsu_unreachable' | 'clock_off' | 'credentials_rejected' | 'new_credentials_rejected' | `quota_empty:${string}` | `token_call_failed:${string}`

/** The inputs of the warnings. */
export interface HealthInputs {
  readonly token: Pick<TokenStatus, 'reason' | 'failure' | 'failureCode' | 'failureStatus' | 'areNewCredentialsRejected'>
  /** The request that ended last. */
  readonly lastRequest: Pick<PastRequest, 'endedAt' | 'errorCode'> | undefined
  readonly quota: QuotaReading | undefined
  /** See `ClockSkew.seconds`. */
  readonly clockSkewSeconds: number | undefined
}

/** The proxy is ready while it has a valid token and is not shutting down, regardless of warnings. */
export function readiness ({ reason, tokenExpiresInSeconds }: Pick<TokenStatus, 'reason' | 'tokenExpiresInSeconds'>, isDraining: boolean, warnings: readonly Warning[]): Readiness {
  const optional = warnings.length > 0 ? { warnings } : {}
  if (isDraining) return { ready: false, reason: 'draining', tokenExpiresInSeconds, ...optional }
  return { ready: reason === 'ok', reason, tokenExpiresInSeconds, ...optional }
}

/** Returns the warnings, without what the reason already says. */
export function warningsOf ({ token: { areNewCredentialsRejected, failure, failureCode, failureStatus, reason }, lastRequest, quota, clockSkewSeconds }: HealthInputs): Warning[] {
  const warnings: Warning[] = []
  if (failure === 'transient') warnings.push(`token_call_failed:${failureCode ?? String(failureStatus)}`)
  if (failure === 'rejected' && reason !== 'credentials_rejected') warnings.push('credentials_rejected')
  if (areNewCredentialsRejected) warnings.push('new_credentials_rejected')
  // A quota reading after the failed request shows that AMSU can be reached again.
  if (lastRequest?.errorCode === 'UPSTREAM_UNREACHABLE' && lastRequest.endedAt > (quota?.readAt ?? 0)) warnings.push('amsu_unreachable')
  warnings.push(...emptyFamilies(quota?.families ?? []).map(family => `quota_empty:${family}` as const))
  if (isOff(clockSkewSeconds)) warnings.push('clock_off')
  return warnings
}
