/**
 * When a token is renewed, how, and how long to wait after a failure: pure functions of numbers, proved by tables.
 */
import { REFRESH_LIFE_MS, REFRESH_MARGIN_MS, type TokenCall, type TokenCallFailureKind } from '../amsu/token-call.ts'

/** What may be done with a token: serve it; serve it and renew it behind; wait for a new one. */
export type TokenState = 'fresh' | 'stale' | 'expired'

/** Why an attempt, of one call or several, brought no token. `rejected` stays so until somebody acts; `transient` may pass. */
export type FailureKind = 'rejected' | 'transient'

/** Renewal at about this share of a token's life. */
const RENEW_AT_SHARE = 0.8

/** Replicas that started together drift apart by up to this share of a token's life, either way. */
const JITTER_SHARE = 0.05

/** Renewal at the latest this long before the end, so that a long upload still starts with a good token. */
const LATEST_AHEAD_MS = 60_000

/** Lives below this are for tests and mistakes; they are renewed at half. */
const SHORT_LIFE_MS = 90_000

/** A token is not sent in the last moments of its life: it must still be good when it arrives. At most this long, or a tenth of its life. */
const MAX_MARGIN_MS = 10_000

/** First and longest wait after trouble. */
const MIN_RETRY_MS = 1_000
const MAX_RETRY_MS = 30_000

/** Wait after AMSU has refused our credentials: only a person can mend it. */
const REJECTED_RETRY_MS = 60_000

/** `Retry-After` is honoured up to this; a front end that asks for a day has made a mistake. */
const MAX_RETRY_AFTER_MS = 15 * 60_000

/** After a PUT was refused, POST goes first for this long. */
const METHOD_MEMORY_MS = 6 * 3_600_000

/**
 * The age at which a token is renewed, in milliseconds.
 *
 * @param lifeMs its whole life
 * @param random a number in [0, 1) that spreads replicas
 */
export function renewAtAgeMs (lifeMs: number, random: number): number {
  const jitterMs = (random * 2 - 1) * JITTER_SHARE * lifeMs
  if (lifeMs < SHORT_LIFE_MS) return lifeMs / 2 + jitterMs
  return Math.min(lifeMs * RENEW_AT_SHARE + jitterMs, lifeMs - LATEST_AHEAD_MS)
}

/** How long before its end a token is no longer sent, in milliseconds. */
export function expiryMarginMs (lifeMs: number): number {
  return Math.min(MAX_MARGIN_MS, lifeMs / 10)
}

/** What may be done with a token of this age; `renewAtMs` is what {@link renewAtAgeMs} said when it was born. */
export function tokenState (ageMs: number, lifeMs: number, renewAtMs: number): TokenState {
  if (ageMs >= lifeMs - expiryMarginMs(lifeMs)) return 'expired'
  return ageMs >= renewAtMs ? 'stale' : 'fresh'
}

/** What is left of the life of a refresh token of this age, in milliseconds. */
export function refreshTokenLeftMs (ageMs: number): number {
  return REFRESH_LIFE_MS - ageMs
}

/** Whether a refresh token of this age is still worth a call. */
export function isRefreshable (ageMs: number): boolean {
  return refreshTokenLeftMs(ageMs) > REFRESH_MARGIN_MS
}

/**
 * The wait before the next attempt, in milliseconds: exponential with full jitter, so that a fleet does not come back at once.
 *
 * @param failures failed attempts in a row, at least 1
 * @param random a number in [0, 1)
 * @param retryAfterMs what the answer asked for, if it did
 */
export function retryDelayMs (kind: FailureKind, failures: number, random: number, retryAfterMs = 0): number {
  const ceilingMs = Math.min(MAX_RETRY_MS, MIN_RETRY_MS * 2 ** Math.min(failures, 16))
  const backoffMs = kind === 'rejected' ? REJECTED_RETRY_MS : MIN_RETRY_MS + random * (ceilingMs - MIN_RETRY_MS)
  return Math.max(backoffMs, Math.min(retryAfterMs, MAX_RETRY_AFTER_MS))
}

/** What a plan for renewal depends on. Ages are in milliseconds; undefined means there is none. */
export interface RenewalSituation {
  readonly refreshTokenAgeMs: number | undefined
  readonly putBlockedAgeMs: number | undefined
  readonly isTokenUsable: boolean
  /** Whether the attempt before this one failed. */
  readonly hasFailed: boolean
}

/** The calls to try, in order. The secret crosses the wire last; but once no token is left, a refresh that has failed is not tried first again. */
export function renewalPlan ({ refreshTokenAgeMs, putBlockedAgeMs, isTokenUsable, hasFailed }: RenewalSituation): TokenCall[] {
  if (refreshTokenAgeMs === undefined || !isRefreshable(refreshTokenAgeMs) || (hasFailed && !isTokenUsable)) return ['credentials']
  const isPutBlocked = putBlockedAgeMs !== undefined && putBlockedAgeMs < METHOD_MEMORY_MS
  return isPutBlocked ? ['refresh_post', 'credentials'] : ['refresh_put', 'refresh_post', 'credentials']
}

/** Whether the call `next` of a plan may succeed where the one before it failed. */
export function isWorthTrying (next: TokenCall, failure: TokenCallFailureKind, isTokenUsable: boolean): boolean {
  if (failure === 'transient') return false
  if (next === 'refresh_post') return failure !== 'rejected'
  // While the old token serves, a broken connection is waited out before the secret is sent.
  return failure !== 'connection_lost' || !isTokenUsable
}
