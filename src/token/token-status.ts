/**
 * What is told of the token to people and probes: a pure function of what is known.
 */
import type { TokenCallError } from '../amsu/token-api.ts'
import { type Clock, elapsedMs, type Instant } from '../clock.ts'
import type { AccessToken } from './access-token.ts'
import { refreshTokenLeftMs, type FailureKind } from './refresh-policy.ts'

/** What is known of the token; holds neither the token nor its refresh token. Times are whole seconds. */
export interface TokenStatus {
  readonly reason: 'ok' | 'starting' | 'token_expired' | 'credentials_rejected'
  /** Until the token's end, or null when none is usable. */
  readonly tokenExpiresInSeconds: number | null
  /** The whole life of the usable token. */
  readonly tokenLifeSeconds: number | null
  /** Until the usable token is renewed; 0 when that is due. */
  readonly tokenRenewsInSeconds: number | null
  /** Until the end of the refresh token, or null when there is none. */
  readonly refreshTokenExpiresInSeconds: number | null
  /** Whether a token call is under way. */
  readonly isRenewing: boolean
  /** Why the last attempt to get a token failed, or null if it did not. */
  readonly failure: FailureKind | null
  /** What its last call failed with, e.g. `ECONNREFUSED` (see `TokenCallError.code`); null when a status says it, or nothing failed. */
  readonly failureCode: string | null
  /** HTTP status with which its last call was answered; null when no answer came, or nothing failed. */
  readonly failureStatus: number | null
  /** Whether AMSU has refused the credentials that were to follow those in use. */
  readonly areNewCredentialsRejected: boolean
  /** Failed attempts in a row. */
  readonly consecutiveFailures: number
  /** Until the next attempt, while attempts fail. */
  readonly nextAttemptInSeconds: number | null
}

/** What the status is made of. */
export interface TokenStatusInputs {
  /** The usable token. */
  readonly token: Pick<AccessToken, 'issuedAt' | 'lifeMs'> | undefined
  /** Age at which a token is renewed, in milliseconds; 0 as long as there never was one. */
  readonly renewAtMs: number
  readonly refreshIssuedAt: Instant | undefined
  readonly backoff: { readonly failure: FailureKind | undefined, readonly failures: number, readonly leftMs: () => number }
  /** The last call of the last attempt that failed. */
  readonly lastFailure: Pick<TokenCallError, 'code' | 'status'> | undefined
  readonly isCalling: boolean
  readonly areNewCredentialsRejected: boolean
}

/** Tells the state of the token. */
export function tokenStatus ({ token, renewAtMs, refreshIssuedAt, backoff, lastFailure, isCalling, areNewCredentialsRejected }: TokenStatusInputs, clock: Clock): TokenStatus {
  const ageMs = token === undefined ? 0 : elapsedMs(token.issuedAt, clock)
  const failure = backoff.failure === undefined ? undefined : lastFailure
  return {
    reason: reasonOf(token !== undefined, renewAtMs > 0, backoff.failure),
    tokenExpiresInSeconds: token === undefined ? null : Math.floor((token.lifeMs - ageMs) / 1000),
    tokenLifeSeconds: token === undefined ? null : Math.floor(token.lifeMs / 1000),
    tokenRenewsInSeconds: token === undefined ? null : secondsUntil(renewAtMs - ageMs),
    refreshTokenExpiresInSeconds: refreshIssuedAt === undefined ? null : secondsUntil(refreshTokenLeftMs(elapsedMs(refreshIssuedAt, clock))),
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

/** Whole seconds, rounded up: nobody is told that what is still to come is now. */
function secondsUntil (ms: number): number {
  return Math.max(0, Math.ceil(ms / 1000))
}
