/**
 * Token status for `/status`, readiness and metrics: a pure function.
 */
import type { TokenCallError } from '../amsu/token-api.ts'
import { type Clock, elapsedMs, type Instant } from '../clock.ts'
import type { AccessToken } from './access-token.ts'
import { refreshTokenLeftMs, type FailureKind } from './renewal-policy.ts'

/** The status of the token, without the token and refresh token themselves. Times are whole seconds. */
export interface TokenStatus {
  readonly reason: 'ok' | 'starting' | 'token_expired' | 'credentials_rejected'
  /** Until the token expires, or null if none is usable. */
  readonly tokenExpiresInSeconds: number | null
  /** Lifetime of the usable token. */
  readonly tokenLifeSeconds: number | null
  /** Until the usable token is renewed; 0 if that is due. */
  readonly tokenRenewsInSeconds: number | null
  /** Until the refresh token expires, or null without one. */
  readonly refreshTokenExpiresInSeconds: number | null
  /** Whether a token call is in flight. */
  readonly isRenewing: boolean
  /** Why the last attempt to get a token failed, or null if it succeeded. */
  readonly failure: FailureKind | null
  /** The code of its last call, e.g. `ECONNREFUSED` (see `TokenCallError.code`); null if there is a status, or nothing failed. */
  readonly failureCode: string | null
  /** HTTP status of its last call's response; null if there was none, or nothing failed. */
  readonly failureStatus: number | null
  /** Whether AMSU rejected the new credentials of a rotation. */
  readonly areNewCredentialsRejected: boolean
  /** Failed attempts in a row. */
  readonly consecutiveFailures: number
  /** Until the next attempt, if the last one failed. */
  readonly nextAttemptInSeconds: number | null
}

/** Inputs of {@link tokenStatus}. */
export interface TokenStatusInputs {
  /** The usable token. */
  readonly token: Pick<AccessToken, 'issuedAt' | 'lifeMs'> | undefined
  /** Age at which the token is renewed, in milliseconds; 0 before the first token. */
  readonly renewAtMs: number
  readonly refreshTokenIssuedAt: Instant | undefined
  readonly backoff: { readonly failure: FailureKind | undefined, readonly failures: number, readonly leftMs: () => number }
  /** The last call of the last attempt that failed. */
  readonly lastFailure: Pick<TokenCallError, 'code' | 'status'> | undefined
  readonly isCalling: boolean
  readonly areNewCredentialsRejected: boolean
}

/** Builds the status. */
export function tokenStatus ({ token, renewAtMs, refreshTokenIssuedAt, backoff, lastFailure, isCalling, areNewCredentialsRejected }: TokenStatusInputs, clock: Clock): TokenStatus {
  const ageMs = token === undefined ? 0 : elapsedMs(token.issuedAt, clock)
  const failure = backoff.failure === undefined ? undefined : lastFailure
  return {
    reason: reasonOf(token !== undefined, renewAtMs > 0, backoff.failure),
    tokenExpiresInSeconds: token === undefined ? null : Math.floor((token.lifeMs - ageMs) / 1000),
    tokenLifeSeconds: token === undefined ? null : Math.floor(token.lifeMs / 1000),
    tokenRenewsInSeconds: token === undefined ? null : secondsUntil(renewAtMs - ageMs),
    refreshTokenExpiresInSeconds: refreshTokenIssuedAt === undefined ? null : secondsUntil(refreshTokenLeftMs(elapsedMs(refreshTokenIssuedAt, clock))),
    isRenewing: isCalling,
    failure: backoff.failure ?? null,
    failureCode: failure?.code ?? null,
    failureStatus: failure?.status ?? null,
    areNewCredentialsRejected,
    consecutiveFailures: backoff.failures,
    nextAttemptInSeconds: backoff.failure === undefined || isCalling ? null : secondsUntil(backoff.leftMs()),
  }
}

function reasonOf (isUsable: boolean, hadToken: boolean, failure: FailureKind | undefined): TokenStatus['reason'] {
  if (isUsable) return 'ok'
  if (failure === 'rejected') return 'credentials_rejected'
  return hadToken ? 'token_expired' : 'starting'
}

/** Whole seconds, rounded up, so that a time in the future is never shown as now. */
function secondsUntil (ms: number): number {
  return Math.max(0, Math.ceil(ms / 1000))
}
